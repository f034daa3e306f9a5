"""messages: events of the feed as their receivers read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from loopline.nouns.event import Event
from loopline.nouns.subscription import Subscription
from loopline.server.signing import signature

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


class Message(NamedTuple):
    """One request."""

    id: str
    """The same for every try, so that a receiver can tell what it has seen. It holds no dot."""
    body: bytes


def messages(tx: Tables, one: Subscription, event: Event) -> list[Message]:
    """Give what a subscription is sent for an event: one message, or as many as the event means in its format, or none.

    Nobody is sent an alert that is silenced.
    """
    if silent(event):
        return []
    number = "evt_" + event.hash.removeprefix("sha256:")[:32]
    if one.format == "webhook":
        return [Message(number, _encoded(_webhook(event)))]
    if one.format == "mlflow":
        from loopline.faces.mlflow.emit import delivery, tell

        return [
            Message(delivery(event, index), _encoded(said)) for index, said in enumerate(tell(tx, event, one.kinds))
        ]
    from loopline.faces.openlineage.emit import emit

    return [Message(f"{number}_{index}", _encoded(said)) for index, said in enumerate(emit(tx, event))]


def wanted(one: Subscription, event: Event) -> bool:
    """Tell whether a subscription may be about an event. What its format makes of one may still be nothing that it wants."""
    if one.format == "mlflow":
        from loopline.faces.mlflow.emit import concerns

        return concerns(event)
    return any(fnmatchcase(event.kind, glob) for glob in one.kinds)


def headers(one: Subscription, letter: Message, now: int, keys: tuple[bytes, ...]) -> dict[str, str]:
    """Give the headers of a request: which event it tells, when, and signatures, as its format has them."""
    found = {"Content-Type": "application/json", "User-Agent": "loopline"}
    if one.format == "mlflow":
        from loopline.faces.mlflow.emit import signed

        return found | signed(keys, letter.id, now, letter.body)
    found |= {"webhook-id": letter.id, "webhook-timestamp": str(now)}
    return found | ({"webhook-signature": signature(keys, letter.id, now, letter.body)} if keys else {})


def silent(event: Event) -> bool:
    """Tell whether nobody is to be notified of an event: it is of an alert that is silenced."""
    return event.kind.startswith("alert.") and event.payload is not None and bool(event.payload.get("silenced"))


def _webhook(event: Event) -> dict[str, Any]:
    """Write an event as Standard Webhooks recommends: `type`, `timestamp`, and everything else as `data`."""
    return {
        "type": event.kind,
        "timestamp": stamp(event.recorded_at),
        "data": {
            "project": event.project, "seq": event.seq, "subject": event.subject, "actor": event.actor,
            "event_time": stamp(event.event_time) if event.event_time is not None else None, "schema": event.schema,
            "payload": event.payload, "payload_digest": event.payload_digest, "previous": event.previous, "hash": event.hash,
        },
    }  # fmt: skip


def stamp(time: int) -> str:
    """Write microseconds since the epoch as RFC 3339 in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
