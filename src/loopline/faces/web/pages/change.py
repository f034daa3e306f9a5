"""change: the page of a reviewer: what would move, what was measured, what differs, what people say, what one may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.errors import Invalid, LooplineError
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, queue, try_to, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.differences import Own, against_base, own, tables, texts
from loopline.faces.web.page import address, pressed, project_of, render, shown, taking
from loopline.faces.web.rolled import Rolled, rolled
from loopline.faces.web.standing import standing
from loopline.faces.web.words import metrics_in
from loopline.nouns.change import ChangeState
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.change import Change
    from loopline.nouns.comment import Comment
    from loopline.nouns.comparison import Comparison, Review
    from loopline.nouns.task import Task

EVENTS: Final = 100
VERBS: Final = ("approve", "check", "apply", "withdraw", "comment", "rollback", "pause", "resume", "abort", "incident")
DEEP: Final = 6


@dataclass(frozen=True, slots=True)
class Said:
    """A comment with its place in the discussion."""

    comment: Comment
    level: int
    own: bool


@taking("rows")
async def page(request: Request) -> Response:
    """Show everything about a change."""
    return await _page(request)


@shown
async def answer(request: Request) -> Response:
    """Do what a button of the page says; what goes wrong is told on the page, with what was typed."""
    return await pressed(request, _do, _page, gone="no-change")


async def _do(request: Request, form: Mapping[str, list[str]]) -> str:
    """Do it, and give the address to go on at."""
    change, project = request.path_params["change"], project_of(request)
    here = address(project, "changes", change)
    text = first_of(form, "text")
    match first_of(form, "do"):
        case "approve" | "reject" as word:
            await ask(request, "approve", change=change, comment=text, reject=word == "reject")
        case "apply" | "withdraw" as word:
            await ask(request, word, change=change)
        case "pause" | "resume" | "abort" as word:
            await ask(request, word, change=change, why=text)
            return f"{here}#rollout"
        case "override":
            await ask(request, "apply", change=change, override=text)
        case "check":
            whole = (await ask(request, "review", change=change)).change.id
            await queue(request, "check", change=whole)
            return f"{here}#work"
        case "comment":
            words = {"change": change, "text": text, "place": first_of(form, "place")}
            said = await ask(request, "comment", **words, answers=first_of(form, "answers") or None)
            return f"{here}#c-{said.id}"
        case "edit":
            said = await ask(request, "comment", change=change, text=text, edit=first_of(form, "comment"))
            return f"{here}#c-{said.id}"
        case "delete":
            await ask(request, "comment", change=change, delete=first_of(form, "comment"))
            return f"{here}#discussion"
        case other:
            raise Invalid(f"a change knows no {other!r}", kind="bad-value", hint="use the buttons of its page")
    return here


async def _page(
    request: Request, *, problem: LooplineError | None = None, typed: Mapping[str, list[str]] | None = None
) -> Response:
    text, project = request.path_params["change"], project_of(request)
    rows = request.query_params.get("rows", "") == "1"
    review: Review = await ask(request, "review", change=text, rows=rows, lines=True)
    change = review.change
    alone = not change.verdicts and not review.checks
    measured = [one for one in [await _own(request, one) for one in review.comparisons] if one.metrics] if alone else []
    events, _ = await try_to(request, "feed", subject=change.id, limit=EVENTS)
    rolls = await _rolled(request, change)
    tasks = await _tasks(request, change)
    about, _ = await try_to(request, "about")
    me = str(request.scope["loopline.caller"].actor)
    comparisons = (*review.comparisons, *review.data)
    return await render(
        request, "change.html", title=change.reason or str(change.moves[0]), section="changes",
        asked=Asked("review", {"change": brief(change.id), "rows": rows, "lines": True}),
        crumbs=[("Changes", address(project, "changes", all=1 if change.state.over else ""))],
        status=status_of(problem) if problem else 200,
        review=review, change=change, stands=standing(review, tasks, about, me),
        problem=problem, typed=typed or {}, first_of=first_of,
        texts=texts(patch for one in comparisons for patch in one.patches), tables=tables(comparisons), rows=rows,
        drawn=against_base(review.estimates, first=metrics_in(one.text for one in review.requirements)),
        measured=measured, rolled=rolls, back=await _back(request, change), events=events or (), tasks=tasks,
        said=_threads(review.comments, me),
        has_data=any(one.new.asset.kind == "data" for one in comparisons),
        why_not={verb: why_not(request, verb, assets=[str(move.ref.asset) for move in change.moves]) for verb in VERBS},
    )  # fmt: skip


async def _rolled(request: Request, change: Change) -> Rolled | None:
    """Give how it rolls, or has rolled; None for what moves at once."""
    if change.state not in (ChangeState.ROLLING, ChangeState.APPLIED, ChangeState.STOPPED):
        return None
    if all(move.ref.asset.kind != "service" for move in change.moves):
        return None
    found, _ = await try_to(request, "rollouts", what=change.id)
    return rolled(found[0]) if found else None


async def _back(request: Request, change: Change) -> str:
    """Give the ref by which a change can be taken back, that of its service before others, where it stands as it was moved."""
    if change.state is not ChangeState.APPLIED:
        return ""
    first = min(change.moves, key=lambda move: {"service": 0, "model": 1}.get(move.ref.asset.kind, 2))
    last, _ = await try_to(request, "history", what=str(first.ref), limit=1)
    if not last or (last[0].change != change.id and (change.kind == "rollback" or last[0].new != first.new)):
        return ""
    return str(first.ref)


async def _own(request: Request, comparison: Comparison) -> Own:
    """Give what the runs behind two versions measured themselves, as far as whoever looks may see runs."""
    runs = [
        (await try_to(request, "show", what=one.run))[0] if one and one.run else None
        for one in (comparison.old, comparison.new)
    ]
    return own(comparison, *runs)


async def _tasks(request: Request, change: Change) -> list[Task]:
    """Give the work that was asked for about this change: what is under way, and the newest that is over."""
    found, _ = await try_to(request, "find", what="tasks", limit=50)
    mine = [one for one in found or () if one.words.get("change") == change.id]
    return [one for at, one in enumerate(mine) if at == 0 or not one.state.over]


def _threads(comments: Sequence[Comment], me: str) -> list[Said]:
    """Put each comment below the one that it answers; what was deleted is there only where somebody answered it."""
    below: dict[str, list[Comment]] = {}
    known = set[str]()
    for one in comments:
        below.setdefault(one.answers if one.answers in known and one.answers else "", []).append(one)
        known.add(one.id)
    found: list[Said] = []
    waiting: list[tuple[Comment, int]] = [(one, 0) for one in reversed(below.pop("", []))]
    while waiting:
        one, level = waiting.pop()
        answers = below.pop(one.id, [])
        if one.deleted_at is None or answers:
            found.append(Said(one, min(level, DEEP), one.author == me and one.deleted_at is None))
        waiting += [(reply, level + 1) for reply in reversed(answers)]
    return found


ROUTES = (
    Route("/p/{project}/changes/{change}", page, methods=["GET"], name="change"),
    Route("/p/{project}/changes/{change}", answer, methods=["POST"], name="change-answer"),
)
