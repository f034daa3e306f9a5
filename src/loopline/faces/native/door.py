"""door: what a request needs of `faces/admit.py`: the assets that it is about, and the bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.access.allow import allowed
from loopline.errors import LooplineError, Refused
from loopline.faces.admit import admit, caller_of
from loopline.faces.desk import act
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.store.blobs import absent
from loopline.verbs import Verb
from loopline.verbs.holding import held, within
from loopline.verbs.permitting import roles_of
from loopline.verbs.touching import homes

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk

READ: Final = Verb("blobs", "read", "data", "Read bytes by their digest.")
WRITE: Final = Verb("blobs", "write", "data", "Upload bytes.")
_UPLOADERS: Final = (
    WRITE,
    *(Verb(name, "write", "data", "") for name in ("add", "put", "log", "start", "merge")),
    *(Verb(name, "work", "runs", "") for name in ("run", "check")),
)
"""Verbs that speak of bytes that were uploaded before: whoever may ask one of them may upload."""
_DOWNLOADERS: Final = (READ, Verb("get", "read", "data", ""))


def admitted(request: Request, verb: Verb, project: str, typed: Mapping[str, Any]) -> Loop:
    """Give the loop for a verb with its typed words, held against every project and asset that they name."""
    caller = caller_of(request)
    if caller.open:
        return admit(request, verb, project=project)
    desk: Desk = request.app.state.desk
    here = replace(desk.loop, project=project)
    *others, (own, assets) = homes(here, verb.name, typed, narrowed=caller.narrowed)
    for home, about in others:
        admit(request, verb, project=home, assets=about)
    return admit(request, verb, project=own, assets=assets)


def uploading(request: Request, project: str) -> Loop:
    """Give the loop for somebody who brings bytes: who may ask a verb that needs them, of whatever assets."""
    patterns = ["*", *(scope.assets for scope in caller_of(request).scopes)]
    return _any(request, project, _UPLOADERS, patterns)


def downloading(request: Request, project: str, digests: Iterable[Digest]) -> Loop:
    """Give the loop for somebody who wants these bytes: what the project holds; and who is kept to some assets, what is theirs.

    Raise NotFound blob-missing, which does not tell whether anybody else has them.
    """
    wanted = set(digests)
    caller = caller_of(request)
    patterns = ["*", *(scope.assets for scope in caller.scopes)]
    loop = _any(request, project, _DOWNLOADERS, patterns)
    lacking = wanted - held(loop, wanted)
    if not lacking and not caller.open and caller.narrowed:
        mine = [pattern for pattern in patterns if _may(request, project, _DOWNLOADERS, pattern)]
        if "*" not in mine:
            lacking = wanted - within(loop, mine, wanted)
    if lacking:
        raise absent(min(lacking))
    return loop


def _any(request: Request, project: str, verbs: Iterable[Verb], patterns: Iterable[str]) -> Loop:
    refusal: Refused | None = None
    for verb in verbs:
        for pattern in dict.fromkeys(patterns):
            try:
                return admit(request, verb, project=project, assets=(pattern,))
            except Refused as error:
                refusal = refusal or error
    raise refusal or AssertionError


def _may(request: Request, project: str, verbs: Iterable[Verb], pattern: str) -> bool:
    try:
        _any(request, project, verbs, (pattern,))
    except Refused:
        return False
    return True


class Welcome:
    """Whether somebody who listens for long is still let in. Asked at every message; looked up every few seconds, once for all.

    A token that was revoked, a role that was taken away, somebody who was shut out: the stream ends.
    """

    FRESH_S: Final = 5.0

    def __init__(self, request: Request, verb: Verb, project: str) -> None:
        self._request, self._verb, self._project = request, verb, project
        self._caller = caller_of(request)
        self._looked = time.monotonic()

    async def still(self) -> bool:
        """Tell whether the caller may go on."""
        if time.monotonic() - self._looked < self.FRESH_S:
            return True
        self._looked = time.monotonic()
        state = self._request.app.state
        if not hasattr(state, "welcomes"):
            state.welcomes = {}
        looks: dict[Any, asyncio.Future[bool]] = state.welcomes
        key = (str(self._caller.actor), self._caller.token, self._caller.open, self._verb.name, self._project)
        found = looks.get(key)
        if found is None:
            found = looks[key] = asyncio.ensure_future(act(self._request, self._may))
            found.add_done_callback(lambda _: looks.pop(key, None))
        return await asyncio.shield(found)

    def _may(self) -> bool:
        desk: Desk = self._request.app.state.desk
        caller = self._caller
        with desk.loop.ledger.read() as tx:
            if caller.open:
                return not tx.tokens.any_of(tx.teams.holders("*", "role/admin"))
            try:
                if caller.token and not tx.tokens.lives(tx.tokens.get(caller.token)):
                    return False
                now = replace(caller, roles=roles_of(tx, str(caller.actor)))
                allowed(now, self._verb, project=self._project, assets=("*",))
            except LooplineError:
                return False
        return True
