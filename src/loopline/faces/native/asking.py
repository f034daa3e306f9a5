"""asking: one address for every verb, /api/v1/<verb>."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Invalid, LooplineError, Unavailable
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.native.answers import json
from loopline.faces.native.door import admitted
from loopline.faces.problem import encoded, problem_of, refuse_method
from loopline.faces.status import status_of
from loopline.ledger.ledger import Ledger
from loopline.ledger.replies import Reply
from loopline.nouns.digest import digest_of
from loopline.verbs.holding import claimed
from loopline.verbs.lacking import telling
from loopline.verbs.paging import PAGED, next_of
from loopline.verbs.plain import plain
from loopline.verbs.usage import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.desk import Desk
    from loopline.loop import Loop
    from loopline.verbs import Verb

SECRET: Final = frozenset({"issue"})
"""Verbs whose answer holds a secret: nobody keeps it, not even for a retry."""


async def asked(request: Request) -> Response:
    """Answer what a verb was asked: a read by GET, anything else by POST."""
    verb = wire.verb_of(request.path_params["verb"])
    allowed = ("GET", "HEAD") if verb.cls == "read" else ("POST",)
    if request.method not in allowed:
        raise refuse_method(request.method, allowed)
    pairs = wire.query_of(request)
    project = wire.project_of(request, pairs)
    if verb.cls == "read":
        words = wire.read_words(wire.usage_for(verb.name), pairs)
        return await act(request, _read, request, verb, project, words)
    wire.only(pairs, "project", *(("queue",) if verb.cls == "work" else ()))
    raw = await wire.raw_of(request, limit=wire.LARGEST_LOG if verb.name == "log" else wire.LARGEST)
    answering = _work if verb.cls == "work" else _write
    response = await act(request, answering, request, verb, project, raw)
    desk: Desk = request.app.state.desk
    desk.bell.ring()
    return response


def _read(request: Request, verb: Verb, project: str, words: dict[str, Any]) -> Response:
    usage = wire.usage_for(verb.name)
    typed = read(usage, words, project=project)
    loop = admitted(request, verb, project, typed)
    claimed(loop, typed)
    with telling(loop):
        result = usage.function(loop, **typed)
    body = {"result": plain(result, project=project)}
    if verb.name in PAGED:
        body["next"] = next_of(verb.name, typed, result)
    return json(encoded(body))


def _write(request: Request, verb: Verb, project: str, raw: bytes) -> Response:
    usage = wire.usage_for(verb.name)
    typed = read(usage, wire.object_of(raw), project=project)
    loop = admitted(request, verb, project, typed)
    claimed(loop, typed)

    def carry_out(loop: Loop) -> Reply:
        result = plain(usage.function(loop, **typed), project=project)
        return Reply(200, encoded({"result": result}).decode())

    key, dry = wire.key_of(request), wire.dry_of(request)
    keeping = _SHOWN_ONCE if verb.name in SECRET else None
    with _weighing(loop, verb.name, carry_out if key and not dry else None):
        return _answered(*once(loop, carry_out, key=key, asked=(verb.name, raw), dry=dry, keeping=keeping))


@contextmanager
def _weighing(loop: Loop, name: str, carry_out: Callable[[Loop], Reply] | None) -> Iterator[None]:
    """Rehearse a merge before the transaction that keeps its reply: it may take seconds, in which nobody could write."""
    from loopline.verbs.merging import WEIGHING, weighed_once

    if carry_out is None or name not in WEIGHING:
        yield
        return
    with weighed_once():
        with suppress(LooplineError):  # it is told of what is carried out
            carry_out(_rehearsing(loop))
        yield


def _rehearsing(loop: Loop) -> Loop:
    """Give a loop that writes nothing down."""
    return replace(loop, ledger=Ledger(loop.ledger.database, clock=loop.clock, dry=True))


def _work(request: Request, verb: Verb, project: str, raw: bytes) -> Response:
    from loopline.faces.native.tasks import queued
    from loopline.verbs.asking import DEFAULT

    usage = wire.usage_for(verb.name)
    typed = read(usage, wire.object_of(raw), project=project)
    loop = admitted(request, verb, project, typed)
    claimed(loop, typed)
    key = wire.key_of(request)
    if wire.dry_of(request):
        raise Invalid(
            f"{verb.name} runs on a worker, which cannot rehearse it", kind="no-rehearsal",
            hint="leave Loopline-Dry-Run out; `plan` tells what a run would do", verb=verb.name,
        )  # fmt: skip
    queue = dict(wire.query_of(request)).get("queue", DEFAULT)
    asked = (f"{verb.name} in {queue}", raw)
    return _answered(*once(loop, lambda here: queued(here, verb, typed, queue=queue), key=key, asked=asked, dry=False))


def once(
    loop: Loop,
    carry_out: Callable[[Loop], Reply],
    *,
    key: str,
    asked: tuple[str, bytes],
    dry: bool,
    keeping: Reply | None = None,
) -> tuple[Reply, bool]:
    """Carry a write out and keep its reply under `key`, both in one transaction, or give the reply that was kept before.

    An error of ours is an answer like any other, kept with whatever the verb wrote down before it; only Unavailable undoes
    everything and may be tried again. A rehearsal (`dry`) keeps nothing; where `keeping` is given, that is kept in place of what
    worked. Also tells whether the reply is an old one.
    """
    if dry:
        return carry_out(_rehearsing(loop)), False
    if not key:
        return carry_out(loop), False
    name, raw = asked
    actor = str(loop.actor)
    with loop.ledger.telemetry() as tables:
        request = digest_of(name.encode() + b"\0" + raw)
        kept = tables.replies.claim(loop.project, actor, key, request=request)
        if kept is not None:
            return kept, True
        try:
            reply = carry_out(loop)
            kept = keeping or reply
        except Unavailable:
            raise
        except LooplineError as error:
            kept = reply = _refusal(error)
        tables.replies.keep(loop.project, actor, key, kept)
    return reply, False


def _refusal(error: LooplineError) -> Reply:
    return Reply(status_of(error), encoded(problem_of(error)).decode())


_SHOWN_ONCE: Final = _refusal(
    Conflict(
        "this was done, and its secret is shown once", kind="shown-once",
        hint="if it did not arrive: loopline revoke what was made, and ask again under a new key",
    )
)  # fmt: skip


def _answered(reply: Reply, again: bool) -> Response:  # noqa: FBT001 (the other half of what `once` gives)
    headers = {"Idempotency-Replayed": "true"} if again else {}
    body = reply.body.encode()
    if reply.status == 202:
        import msgspec

        headers["Location"] = f"/api/v1/tasks/{msgspec.json.decode(body)['task']['id']}"
    response = json(body, reply.status, headers)
    if reply.status >= 400:
        response.headers["content-type"] = "application/problem+json"
    return response
