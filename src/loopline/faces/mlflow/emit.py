"""emit: what events of the feed mean to who listens to a registry of MLflow's, by entity and action, signed as MLflow signs.

An event may mean several (a change that moves two aliases) or none. Whether a model is a prompt is said by its tags, as they are
now.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from uuid import UUID

from loopline.faces.mlflow.registry import KIND, PROMPT, PROMPT_TEXT, STAGE, is_prompt, versions_told
from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.event import Event

SOURCES: Final = (
    "model.opened", "version.published", "run.published", "annotated", "change.applied", "change.proposed", "deleted",
)  # fmt: skip
"""Kinds of events that may mean something here."""
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "registered_model": ("created",), "model_version": ("created",), "model_version_tag": ("set", "deleted"),
    "model_version_alias": ("created", "deleted"), "prompt": ("created",), "prompt_version": ("created",),
    "prompt_tag": ("set", "deleted"), "prompt_version_tag": ("set", "deleted"), "prompt_alias": ("created", "deleted"),
}  # fmt: skip
"""What is told, by entity."""
_TYPE: Final = "_mlflow_prompt_type"
_OWN: Final = (PROMPT, PROMPT_TEXT, _TYPE)
_PREFIX: Final = f"{KIND}/"


@dataclass(frozen=True, slots=True)
class Told:
    """One event of MLflow's."""

    entity: str
    action: str
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Give its name: `model_version.created`."""
        return f"{self.entity}.{self.action}"


def concerns(event: Event) -> bool:
    """Tell whether an event may mean something, without looking anything up: most events are of runs and data."""
    if event.kind not in SOURCES:
        return False
    said = event.payload or {}
    moves = (str(move.get("ref") or "") for move in said.get("moves") or ())
    named = (event.subject, str(said.get("version") or ""), *(said.get("versions") or ()), *moves)
    return any(one.startswith(_PREFIX) for one in named)


def tell(tx: Tables, event: Event, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Give the bodies that somebody is sent for an event who wants some kinds (globs)."""
    return [
        body(one, event.project, event.recorded_at)
        for one in emit(tx, event)
        if any(fnmatchcase(one.kind, glob) for glob in kinds)
    ]


def body(one: Told, project: str, time: int) -> dict[str, Any]:
    """Write an event as MLflow does; `time` is in microseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    return {
        "entity": one.entity, "action": one.action, "timestamp": moment.isoformat(), "data": dict(one.data),
        "workspace": project,
    }  # fmt: skip


def delivery(event: Event, index: int) -> str:
    """Give the id of a delivery: the same for every try, so that a receiver can tell what it has seen."""
    return str(UUID(bytes=sha256(f"{event.hash}/{index}".encode()).digest()[:16], version=4))


def signed(keys: Sequence[bytes], number: str, now: int, content: bytes) -> dict[str, str]:
    """Give the headers of a delivery. Without a secret it is not signed."""
    found = {"X-MLflow-Delivery-Id": number, "X-MLflow-Timestamp": str(now)}
    for key in keys[:1]:
        tag = hmac.digest(key, f"{number}.{now}.".encode() + content, "sha256")
        found["X-MLflow-Signature"] = f"v1,{b64encode(tag).decode()}"
    return found


def emit(tx: Tables, event: Event) -> Iterator[Told]:
    """Give what an event of the feed means."""
    if not concerns(event):
        return
    said = event.payload or {}  # erased: nothing is known of it any more
    match event.kind:
        case "model.opened":
            yield _opened(tx, event, said)
        case "annotated":
            yield from _annotated(tx, event, said)
        case "version.published":
            yield from _published(tx, event, event.subject, said)
        case "run.published":
            for one in said.get("versions") or ():
                yield from _published(tx, event, one, said)
        case "change.applied" | "change.proposed" | "deleted":
            yield from _published(tx, event, str(said.get("version") or ""), said)
            if event.kind != "change.proposed":
                for move in said.get("moves") or ():
                    yield from _moved(tx, event.project, move)


def _opened(tx: Tables, event: Event, said: Mapping[str, Any]) -> Told:
    tags, name = said.get("tags") or {}, _name(event.subject)
    prompt = is_prompt(tags) or _prompt(tx, event.project, name)
    return _made(name, prompt=prompt, tags=tags, text=said.get("text") or None)


def _made(name: str, *, prompt: bool, tags: Mapping[str, str], text: str | None) -> Told:
    data = {"name": name, "tags": _shown(tags) if prompt else dict(tags), "description": text}
    return Told("prompt" if prompt else "registered_model", "created", data)


def _published(tx: Tables, event: Event, version: str, said: Mapping[str, Any]) -> Iterator[Told]:
    asset, _, number = version.rpartition("@")
    if not asset.startswith(_PREFIX):
        return
    name = _name(asset)
    prompt = _prompt(tx, event.project, name)
    if number == "1" and not tx.feed.list(event.project, subject=asset, limit=1):
        yield _made(name, prompt=prompt, tags={}, text=None)  # nobody has opened it: it came with its first version
    tags = said.get("tags") or {}
    data: dict[str, Any] = {"name": name, "version": number}
    if prompt:
        data |= {"template": tags.get(PROMPT_TEXT), "tags": _shown(tags)}
    else:
        data |= {**_where(tx, event.project, name, number), "tags": dict(tags)}
    data["description"] = said.get("text") or None
    yield Told("prompt_version" if prompt else "model_version", "created", data)


def _where(tx: Tables, project: str, name: str, number: str) -> dict[str, Any]:
    """Tell where a version came from, as its own document does; of one that is gone, nothing is known."""
    model = tx.assets.find(AssetName(project, KIND, name), deleted=True)
    found = tx.registry.version(model.id, int(number)) if model and number.isdigit() else None
    told = versions_told(tx, project, [found])[0] if found else {}
    return {"source": told.get("source", ""), "run_id": told.get("run_id")}


def _annotated(tx: Tables, event: Event, said: Mapping[str, Any]) -> Iterator[Told]:
    if not event.subject.startswith(_PREFIX):
        return
    asset, at, number = event.subject.partition("@")
    name = _name(asset)
    prompt = _prompt(tx, event.project, name)
    if not at and not prompt:
        return  # of tags of models nothing is told
    entity = ("prompt_version_tag" if at else "prompt_tag") if prompt else "model_version_tag"
    about = {"name": name, **({"version": number} if at else {})}
    for key, value in (said.get("tags") or {}).items():
        if key != STAGE:
            yield Told(entity, "set", {**about, "key": key, "value": value})
    for key in said.get("untag") or ():
        yield Told(entity, "deleted", {**about, "key": key})


def _moved(tx: Tables, project: str, move: Mapping[str, Any]) -> Iterator[Told]:
    asset, _, alias = str(move.get("ref") or "").rpartition("@")
    if not asset.startswith(_PREFIX):
        return
    name = _name(asset)
    entity = "prompt_alias" if _prompt(tx, project, name) else "model_version_alias"
    about = {"name": name, "alias": unquote(alias)}
    if move.get("new") is None:
        yield Told(entity, "deleted", about)
    else:
        yield Told(entity, "created", {**about, "version": str(move["new"])})


def _name(asset: str) -> str:
    """Give the name of a model as it is: in the feed it is encoded."""
    return unquote(asset.removeprefix(_PREFIX))


def _prompt(tx: Tables, project: str, name: str) -> bool:
    found = tx.assets.find(AssetName(project, KIND, name), deleted=True)
    return found is not None and is_prompt(tx.taggings.of(found.subject))


def _shown(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in _OWN}
