"""rollback: what will move and why, before it does; and the button that moves just that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid, LooplineError
from loopline.faces.forms import form_of
from loopline.faces.problem import expected
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, try_to, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, taking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.change import Moved
    from loopline.nouns.wayback import WayBack

WORDS: Final = ("ref", "to", "change", "also", "leave", "unmarked", "abort")
OFFERED: Final = 20
"""Versions that are offered to go back to."""
BARRED: Final = frozenset({"not-signed-in", "not-allowed"})


@taking(*WORDS)
async def page(request: Request) -> Response:
    """Show what a rollback would move."""
    query = request.query_params
    return await _page(request, {name: query.getlist(name) for name in WORDS})


@taking()
async def answer(request: Request) -> Response:
    """Do what the page has shown, and nothing else; what goes wrong is told on the page, with the reason that was typed."""
    form = await form_of(request)
    why = first_of(form, "why")
    try:
        if not why:
            raise Invalid("say what went wrong", kind="missing-parameter", hint="it is the quarantine's reason, too")
        done = await ask(request, "rollback", **_words(form), why=why, expect=first_of(form, "expect"))
    except LooplineError as error:
        if error.kind in BARRED:
            raise
        return await _page(request, form, problem=expected(error, about="a form"), why=why)
    return see_other(address(project_of(request), "changes", done.id))


def _words(given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Give what was asked for in the words of the verb."""
    one = {name: next((text.strip() for text in given.get(name, ()) if text.strip()), "") for name in WORDS}
    many = {name: list(dict.fromkeys(text for text in given.get(name, ()) if text)) for name in ("also", "leave")}
    words: dict[str, Any] = {name: one[name] for name in ("ref", "to", "change") if one[name]}
    words |= {name: refs for name, refs in many.items() if refs}
    if one["unmarked"]:
        words["quarantine"] = False
    if one["abort"]:
        words["abort"] = True
    return words


async def _page(
    request: Request, given: Mapping[str, Sequence[str]], *, problem: LooplineError | None = None, why: str = ""
) -> Response:
    words, project = _words(given), project_of(request)
    ref = words.get("ref", "")
    if not ref:
        raise Invalid(
            "which ref shall go back?", kind="missing-parameter", hint="begin at the page of a service or of a change"
        )
    found, trouble = await try_to(request, "retrace", **words)
    if trouble is not None and trouble.kind in BARRED:
        raise trouble
    moves, _ = await try_to(request, "history", what=ref, limit=OFFERED)
    way: WayBack | None = found
    told = problem or trouble
    service = ref.startswith("service/")
    return await render(
        request, "rollback.html", title=f"Roll back {ref}", section="services" if service else "changes",
        asked=Asked("retrace", words), status=status_of(told) if told else 200,
        crumbs=[("Services", address(project, "services")), (ref, address(project, "services", ref))] if service
        else [("Changes", address(project, "changes", all=1))],
        ref=ref, way=way, problem=told, words=words, why=why, offered=_offered(moves or ()),
        hidden=_pairs(words), elsewhere=_elsewhere(project, words, way),
        why_not=why_not(request, "rollback", assets=[ref.partition("@")[0]]),
    )  # fmt: skip


def _pairs(words: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the words as an address or a form has them."""
    found = [(name, words[name]) for name in ("ref", "to", "change") if name in words]
    found += [(name, one) for name in ("also", "leave") for one in words.get(name, ())]
    found += [("unmarked", "1")] if words.get("quarantine") is False else []
    return found + ([("abort", "1")] if words.get("abort") else [])


def _elsewhere(project: str, words: Mapping[str, Any], way: WayBack | None) -> dict[str, str]:
    """Give the addresses of other ways back: with a ref left or taken along, without marks, with what rolls ended first."""

    def led(**changed: Any) -> str:
        query: dict[str, Any] = {}
        for name, value in _pairs({**words, **changed}):
            query.setdefault(name, []).append(value)
        return address(project, "rollback", **query)

    also, leave = list(words.get("also", ())), list(words.get("leave", ()))
    found = {"mark": led(quarantine=words.get("quarantine") is False), "abort": led(abort=not words.get("abort"))}
    for one in way.moves[1:] if way else ():
        name = str(one.move.ref)
        found[name] = led(leave=[*leave, name], also=[other for other in also if other != name])
    for stays in way.stays if way else ():
        name = str(stays.ref)
        if stays.kind == "left":
            found[name] = led(leave=[other for other in leave if other != name])
        elif stays.kind == "moved-on":
            found[name] = led(also=[*also, name])
    return found


def _offered(moves: Sequence[Moved]) -> list[tuple[str, str]]:
    """Give versions where the ref stood, newest first, each with why it came there."""
    here = moves[0].new if moves else None
    return list({str(one.new): one.reason[:60] for one in moves if one.new is not None and one.new != here}.items())


ROUTES = (
    Route("/p/{project}/rollback", page, methods=["GET"], name="rollback"),
    Route("/p/{project}/rollback", answer, methods=["POST"], name="rollback-answer"),
)
