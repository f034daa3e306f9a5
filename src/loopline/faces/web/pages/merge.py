"""merge: what clashes in a merge, path by path, with a button for each side; and the form that begins one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from starlette.routing import Route

from loopline.errors import Invalid, LooplineError
from loopline.faces.forms import form_of
from loopline.faces.problem import expected
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, see_other, taking
from loopline.nouns.entry import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.merge import Clash, Merge

PAGE: Final = 100
OFFERED: Final = 12
"""Folders that are offered to be taken whole."""
SIDES: Final = ("ours", "theirs", "base")
BARRED: Final = frozenset({"not-signed-in", "not-allowed"})


@taking("ref", "after", "left")
async def page(request: Request) -> Response:
    """Show what clashes in the merge of a ref."""
    query = request.query_params
    return await _page(request, query.get("ref", ""), after=query.get("after", ""), left=query.get("left", "") == "1")


@taking()
async def answer(request: Request) -> Response:
    """Begin a merge, take a side for some paths, go on, or give it up; what goes wrong is told where the form stood."""
    form = await form_of(request)
    ref, after, left = first_of(form, "ref"), unquote(first_of(form, "after")), first_of(form, "left")
    project = project_of(request)
    try:
        done: Merge = await ask(request, "merge", **_words(first_of(form, "do"), form, ref))
    except LooplineError as error:
        if error.kind in BARRED or first_of(form, "do") == "merge":
            raise
        return await _page(request, ref, after=after, left=bool(left), problem=expected(error, about="a form"))
    if done.state == "clashing":
        place = {"after": after, "left": left} if first_of(form, "do") in SIDES else {}
        return see_other(address(project, "merge", ref=str(done.ref), **{k: v for k, v in place.items() if v}))
    if done.change is not None:
        return see_other(address(project, "changes", done.change.id))
    return see_other(address(project, "assets", str(done.ref.asset)))


def _words(do: str, form: dict[str, list[str]], ref: str) -> dict[str, Any]:
    """Give what a button means in the words of the verb."""
    match do:
        case "merge":
            return {"source": first_of(form, "source"), "into": ref, "message": first_of(form, "message")}
        case "ours" | "theirs" | "base":
            # A field keeps neither the line breaks of a name nor the spaces around it: a path comes percent-encoded.
            path = unquote(first_of(form, "one")) or first_of(form, "like")
            return {"into": ref, "take": do, "paths": [path]}
        case "continue" | "abandon":
            return {"into": ref, do: True}
        case other:
            raise Invalid(f"a merge knows no {other!r}", kind="bad-value", hint="use the buttons of its page")


async def _page(
    request: Request, ref: str, *, after: str, left: bool, problem: LooplineError | None = None
) -> Response:
    project = project_of(request)
    if not ref:
        raise Invalid("the merge of which ref?", kind="missing-parameter", hint="begin at the page of an asset")
    (merge,) = await ask(request, "merges", ref=ref, itself=True)
    words: dict[str, Any] = {"ref": ref, "left": left, "after": after, "limit": PAGE + 1}
    found: tuple[Clash, ...] = await ask(request, "merges", **words)
    clashes, asset = found[:PAGE], str(merge.ref.asset)
    query: dict[str, Any] = {"ref": ref, **({"left": 1} if left else {})}
    return await render(
        request, "merge.html", title=f"Merge into {ref}", section="assets", status=status_of(problem) if problem else 200,
        asked=Asked("merges", {"ref": ref, "left": left, "after": after}),
        crumbs=[("Assets", address(project, "assets")), (asset, address(project, "assets", asset))],
        merge=merge, clashes=clashes, ref=ref, after=after, left=left, problem=problem, asset=asset, folders=_folders(clashes),
        first=address(project, "merge", **query) if after else "",
        more=address(project, "merge", **query, after=clashes[-1].path) if len(found) > PAGE else "",
        tabs=[("All", address(project, "merge", ref=ref), not left, merge.clashes),
              ("Left to choose", address(project, "merge", ref=ref, left=1), left, merge.left)],
        is_folder=lambda one: isinstance(one, Folder), why_not=why_not(request, "merge", assets=[asset]),
    )  # fmt: skip


def _folders(clashes: Sequence[Clash]) -> list[str]:
    """Give the folders that most of the paths lie in, to be taken whole."""
    counts: dict[str, int] = {}
    for one in clashes:
        folder = one.path.rpartition("/")[0]
        while folder:
            counts[f"{folder}/"] = counts.get(f"{folder}/", 0) + 1
            folder = folder.rpartition("/")[0]
    return sorted(sorted(counts, key=lambda folder: (-counts[folder], folder))[:OFFERED])


ROUTES = (
    Route("/p/{project}/merge", page, methods=["GET"], name="merge"),
    Route("/p/{project}/merge", answer, methods=["POST"], name="merge-answer"),
)
