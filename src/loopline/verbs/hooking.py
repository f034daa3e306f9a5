"""hooking: subscriptions as registries know them: with a description, a secret that a client gives, switched on and off, changed.

A *hook* is a subscription of the format `mlflow`. The secret is kept sealed with the server's key, as a tag beside it: neither
rows of subscriptions nor events hold it, and nobody is told it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.access.sealing import seal, unseal
from loopline.errors import NotFound, Unavailable
from loopline.verbs.subscribe import SEALED, host_of, named, subscribe

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.subscription import Subscription

OFF: Final = "switched off"
"""Why a hook is paused that somebody has switched off: what happens meanwhile it is never told."""
_DESCRIPTION, _SECRET, _CHANGED = "description", "secret", "changed_at"


@dataclass(frozen=True, slots=True)
class Hook:
    """A subscription, and what is kept beside it."""

    subscription: Subscription
    description: str = ""
    changed_at: int = 0

    @property
    def on(self) -> bool:
        """Whether it is told anything."""
        return self.subscription.paused_at is None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a hook shall be; None is as it is."""

    url: str | None = None
    name: str | None = None
    kinds: Sequence[str] | None = None
    description: str | None = None
    secret: str | None = None
    on: bool | None = None


def hook(loop: Loop, wanted: Wanted) -> Hook:
    """Tell somebody what happens from now on. Raise Conflict where the project has a subscription of that name."""
    with loop.ledger.telemetry() as tx:
        secret = SEALED if wanted.secret else ""
        made = subscribe(
            loop,
            wanted.url or "",
            name=wanted.name or "",
            kinds=tuple(wanted.kinds or ()),
            format="mlflow",
            secret=secret,
        )
        _note(loop, tx, made, wanted)
        if wanted.on is False:
            _switch(loop, made, on=False)
        return _hook(tx, made.id)


def rehook(loop: Loop, number: str, wanted: Wanted) -> Hook:
    """Change a hook. Raise NotFound. One that is switched on again is told what happens from then on."""
    with loop.ledger.telemetry() as tx:
        one = _hook(tx, number, loop.project).subscription
        if wanted.url is not None:
            host_of(wanted.url)
        if wanted.name not in (None, one.name):
            named(wanted.name or "")
        secret = one.secret if wanted.secret is None else SEALED if wanted.secret else ""
        with loop.ledger.write(loop.project, loop.actor) as writing:
            one = writing.subscriptions.change(
                one,
                name=wanted.name or one.name,
                url=wanted.url or one.url,
                kinds=wanted.kinds or one.kinds,
                secret=secret,
            )
            writing.say("subscription.changed", one.name, url=one.url, format=one.format, kinds=list(one.kinds))
        _note(loop, tx, one, wanted)
        if wanted.on is not None and wanted.on is not (one.paused_at is None):
            _switch(loop, one, on=wanted.on)
        return _hook(tx, number)


def unhook(loop: Loop, number: str) -> None:
    """Tell somebody nothing more, and forget the secret. Raise NotFound."""
    from loopline.verbs.unsubscribe import unsubscribe

    with loop.ledger.telemetry() as tx:
        unsubscribe(loop, _hook(tx, number, loop.project).subscription.name)
        tx.taggings.clear(_subject(number))


def hook_of(loop: Loop, number: str) -> Hook:
    """Give a hook of the project. Raise NotFound."""
    with loop.ledger.read() as tx:
        return _hook(tx, number, loop.project)


def hooks(loop: Loop, *, limit: int, after: str = "") -> tuple[Hook, ...]:
    """Give the hooks of the project, newest first."""
    with loop.ledger.read() as tx:
        found = tx.subscriptions.list(loop.project, limit=limit, after=after, form="mlflow")
        notes = tx.taggings.of_all(_subject(one.id) for one in found)
    return tuple(_with_notes(one, notes.get(_subject(one.id), {})) for one in found)


def secret_of(loop: Loop, tx: Tables, one: Subscription) -> str:
    """Give the secret that is kept beside a subscription. Raise Unavailable kind="no-signing-secret"."""
    sealed = tx.taggings.of(_subject(one.id)).get(_SECRET, "")
    if not sealed or loop.key is None:
        raise Unavailable("the signing secret is gone", kind="no-signing-secret", hint="give the secret anew")
    return unseal(loop.key(), one.id, sealed)


def _note(loop: Loop, tx: Tables, one: Subscription, wanted: Wanted) -> None:
    notes = {_CHANGED: str(tx.now)}
    if wanted.description is not None:
        notes[_DESCRIPTION] = wanted.description
    if wanted.secret:
        if loop.key is None:
            raise Unavailable(
                "there is no key to keep a secret with here", kind="secret-missing", hint="ask the server for it"
            )
        notes[_SECRET] = seal(loop.key(), loop.ids.chance(16), one.id, wanted.secret)
    elif wanted.secret is not None:
        tx.taggings.drop(_subject(one.id), (_SECRET,))
    tx.taggings.set(_subject(one.id), notes)


def _switch(loop: Loop, one: Subscription, *, on: bool) -> None:
    with loop.ledger.write(loop.project, loop.actor) as writing:
        if on:
            if one.error == OFF:
                one = writing.subscriptions.advance(one, writing.seq)
            writing.subscriptions.resume(one)
        else:
            writing.subscriptions.pause(one, OFF)
        writing.say("subscription.resumed" if on else "subscription.paused", one.name, why="" if on else OFF)


def _hook(tx: Tables, number: str, project: str = "") -> Hook:
    found = tx.subscriptions.by_id(number)
    if found is None or found.format != "mlflow" or (project and found.project != project):
        raise NotFound(f"there is no webhook {number[:100]}", kind="no-subscription", hint="list them", id=number[:100])
    return _with_notes(found, tx.taggings.of(_subject(number)))


def _with_notes(one: Subscription, notes: dict[str, str]) -> Hook:
    return Hook(one, notes.get(_DESCRIPTION, ""), int(notes.get(_CHANGED, one.created_at)))


def _subject(number: str) -> str:
    return f"subscription/{number}"
