"""serving_webhooks: operations on webhooks, which are subscriptions: told from the feed, in order, at least once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Protocol

from loopline.errors import Conflict, LooplineError, NotFound
from loopline.faces.mlflow import limits
from loopline.faces.mlflow import wire_team as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, lacking, sync
from loopline.faces.mlflow.emit import EVENTS, Told, body, signed
from loopline.faces.mlflow.errors import exists, invalid, missing
from loopline.faces.mlflow.translate import ms
from loopline.faces.problem import encoded
from loopline.verbs.hooking import Hook, Wanted, hook, hook_of, hooks, rehook, secret_of, unhook
from loopline.verbs.subscribe import SEALED

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.loop import Loop

URL: Final = 2_000
DESCRIPTION: Final = 1_000
SECRET: Final = 1_000
PAGE: Final = 100
MOST: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_ENTITIES: Final = (
    "registered_model", "model_version", "model_version_tag", "model_version_alias", "prompt", "prompt_version", "prompt_tag",
    "prompt_version_tag", "prompt_alias", "budget_policy",
)  # fmt: skip
"""By their numbers in protobuf, from 1."""
_ACTIONS: Final = ("created", "updated", "deleted", "set", "exceeded")
_STATUSES: Final = ("ACTIVE", "DISABLED")


class Tried(Protocol):
    """What came of a request."""

    @property
    def status(self) -> int:
        """Give the status; 0 where nobody answered."""

    @property
    def error(self) -> str:
        """Give what went wrong; empty: it arrived."""


class Trial(Protocol):
    """Looks at receivers, as the server lets it."""

    def check(self, url: str) -> None:
        """Raise where a receiver may not be called."""

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Tried:
        """Send one request."""


def create(ask: Ask) -> Response:
    """CreateWebhook."""
    said: wire.CreateWebhook = ask.body
    loop = ask.loop("subscribe")
    if not said.events:
        raise lacking("events")
    return answer({"webhook": _told(_kept(lambda: hook(loop, _wanted(ask, said)), said))})


def list_all(ask: Ask) -> Response:
    """ListWebhooks, newest first."""
    said: wire.ListWebhooks = ask.body
    loop = ask.loop("find")
    most = PAGE if said.max_results is None else said.max_results
    if not 1 <= most <= MOST:
        raise invalid(
            f"Invalid value {most} for parameter 'max_results' supplied: It must be a value from 1 to {MOST}."
        )
    found = hooks(loop, limit=most + 1, after=said.page_token[:100])
    more = {"next_page_token": found[most - 1].subscription.id} if len(found) > most else {}
    return answer({"webhooks": [_told(one) for one in found[:most]], **more})


def get(ask: Ask) -> Response:
    """GetWebhook."""
    return answer({"webhook": _told(_find(ask, ask.loop("find")))})


def update(ask: Ask) -> Response:
    """UpdateWebhook."""
    said: wire.Webhook = ask.body
    loop = ask.loop("subscribe")
    one = _find(ask, loop)
    wanted = _wanted(ask, said)
    return answer({"webhook": _told(_kept(lambda: rehook(loop, one.subscription.id, wanted), said))})


def remove(ask: Ask) -> Response:
    """DeleteWebhook."""
    loop = ask.loop("unsubscribe")
    unhook(loop, _find(ask, loop).subscription.id)
    return answer()


def test(ask: Ask) -> Response:
    """TestWebhook: send an example. What the receiver answers is told by its status alone: not everybody here may read it."""
    said: wire.TestWebhook = ask.body
    loop = ask.loop("subscribe")
    one = _find(ask, loop).subscription
    kind = _kinds([said.event])[0] if said.event else next(iter(_told_of(one.kinds)), "registered_model.created")
    entity, _, action = kind.partition(".")
    content = encoded(body(Told(entity, action, _EXAMPLES[kind]), one.project, loop.clock.now()))
    keys: tuple[bytes, ...] = ()
    if one.secret == SEALED:
        with loop.ledger.read() as tx:
            keys = (secret_of(loop, tx, one).encode(),)
    trial: Trial = ask.request.app.state.trial
    headers = {"Content-Type": "application/json", "User-Agent": "loopline"}
    tried = trial.post(one.url, content, headers | signed(keys, _uuid(loop), int(time.time()), content))
    result: dict[str, Any] = {"success": not tried.error}
    result |= {"response_status": tried.status} if tried.status else {}
    result |= {"error_message": tried.error} if tried.error else {}
    return answer({"result": result})


def _uuid(loop: Loop) -> str:
    text = loop.ids.new()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _find(ask: Ask, loop: Loop) -> Hook:
    try:
        return hook_of(loop, ask.names[0])
    except NotFound:
        raise missing(f"Webhook with ID {ask.names[0][:100]} not found.") from None


def _kept(do: Callable[[], Hook], said: wire.Webhook) -> Hook:
    try:
        return do()
    except Conflict as taken:
        if taken.kind != "subscription-exists":
            raise
        raise exists(
            f"Webhook with name '{said.name}' already exists: names of subscriptions are told apart here."
        ) from None


def _wanted(ask: Ask, said: wire.Webhook) -> Wanted:
    """Take what a webhook shall be. Raise Fault 400 for what none is, and for a receiver that this server may not call."""
    if said.name is not None and not _NAME.match(said.name):
        raise invalid(
            f"Webhook name {said.name[:100]!r} is invalid. It must start and end with a letter or digit, have at most 63 signs,"
            " and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    for what, text, most in (
        ("url", said.url, URL),
        ("description", said.description, DESCRIPTION),
        ("secret", said.secret, SECRET),
    ):
        limits.value_fits(text or "", most, what)
    if said.url:
        _may_be_called(ask, said.url)
    return Wanted(
        url=said.url or None, name=said.name or None, kinds=_kinds(said.events) or None, description=said.description,
        secret=said.secret, on=_on(said.status),
    )  # fmt: skip


def _may_be_called(ask: Ask, url: str) -> None:
    from loopline.verbs.subscribe import host_of

    try:
        host_of(url)
        trial: Trial = ask.request.app.state.trial
        trial.check(url)
    except LooplineError as error:
        raise invalid(f"Invalid webhook URL: {error.message} ({error.hint}).") from None


def _kinds(events: Sequence[wire.WebhookEvent]) -> list[str]:
    found = []
    for one in events:
        entity, action = _named(one.entity, _ENTITIES, "entity"), _named(one.action, _ACTIONS, "action")
        if entity not in EVENTS:
            raise invalid(f"Invalid entity '{entity}': Loopline has no budgets, and tells of {tuple(EVENTS)}.")
        if action not in EVENTS[entity]:
            raise invalid(f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {list(EVENTS[entity])}")
        found.append(f"{entity}.{action}")
    return list(dict.fromkeys(found))


def _named(said: str | int | None, names: Sequence[str], what: str) -> str:
    """Read an enumeration: by name, or by number as protobuf's JSON may have it."""
    if isinstance(said, int) and 1 <= said <= len(names):
        return names[said - 1]
    if isinstance(said, str) and said.lower() in names:
        return said.lower()
    raise invalid(
        f"Invalid value {str(said)[:50]!r} for parameter 'events.{what}' supplied: it is one of {tuple(names)}."
    )


def _on(status: str | int | None) -> bool | None:
    if status is None or status in ("", 0):
        return None
    if isinstance(status, int) and 1 <= status <= len(_STATUSES):
        return status == 1
    if status in _STATUSES:
        return status == _STATUSES[0]
    raise invalid(f"Invalid value {str(status)[:50]!r} for parameter 'status' supplied: it is one of {_STATUSES}.")


def _told_of(kinds: Sequence[str]) -> list[str]:
    """Give the events that globs over them mean."""
    every = [f"{entity}.{action}" for entity, actions in EVENTS.items() for action in actions]
    return [one for one in every if any(fnmatchcase(one, glob) for glob in kinds)]


def _told(one: Hook) -> dict[str, Any]:
    here = one.subscription
    return {
        "webhook_id": here.id,
        "name": here.name,
        "url": here.url,
        "events": [
            {"entity": entity.upper(), "action": action.upper()}
            for entity, _, action in (kind.partition(".") for kind in _told_of(here.kinds))
        ],
        "status": _STATUSES[0 if one.on else 1],
        "creation_timestamp": ms(here.created_at),
        "last_updated_timestamp": ms(one.changed_at),
        **({"description": one.description} if one.description else {}),
    }


_MODEL: Final = {"name": "example_model", "version": "1"}
_PROMPT: Final = {"name": "example_prompt", "version": "1"}
_TAG: Final = {"key": "example_key", "value": "example_value"}
_MADE: Final = {"tags": {"example_key": "example_value"}, "description": "An example"}
_ALIAS: Final = {"alias": "example_alias"}
_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "registered_model.created": {"name": _MODEL["name"], **_MADE},
    "model_version.created": {**_MODEL, "source": "models:/m-0", "run_id": "0" * 32, **_MADE},
    "model_version_tag.set": {**_MODEL, **_TAG},
    "model_version_tag.deleted": {**_MODEL, "key": _TAG["key"]},
    "model_version_alias.created": {**_MODEL, **_ALIAS},
    "model_version_alias.deleted": {"name": _MODEL["name"], **_ALIAS},
    "prompt.created": {"name": _PROMPT["name"], **_MADE},
    "prompt_version.created": {**_PROMPT, "template": "Hello {{name}}!", **_MADE},
    "prompt_tag.set": {"name": _PROMPT["name"], **_TAG},
    "prompt_tag.deleted": {"name": _PROMPT["name"], "key": _TAG["key"]},
    "prompt_version_tag.set": {**_PROMPT, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT, "key": _TAG["key"]},
    "prompt_alias.created": {**_PROMPT, **_ALIAS},
    "prompt_alias.deleted": {"name": _PROMPT["name"], **_ALIAS},
}
"""What a receiver is tried with."""
_P: Final = "/api/2.0/mlflow/webhooks"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", _P): sync(create, wire.CreateWebhook),
    ("GET", _P): sync(list_all, wire.ListWebhooks),
    ("GET", f"{_P}/{{}}"): sync(get),
    ("PATCH", f"{_P}/{{}}"): sync(update, wire.Webhook),
    ("DELETE", f"{_P}/{{}}"): sync(remove),
    ("POST", f"{_P}/{{}}/test"): sync(test, wire.TestWebhook),
}
