"""diff: two versions of an asset side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.web.ask import ask
from loopline.faces.web.asked import Asked
from loopline.faces.web.differences import tables, texts
from loopline.faces.web.page import address, project_of, render, taking

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.comparison import Comparison


ROWS: Final = 100
"""Rows of a table on one page."""


@taking("old", "new", "rows", "table", "after")
async def page(request: Request) -> Response:
    """Compare two versions; row by row where that is asked for, or one table with its rows, a page at a time."""
    old, new = (request.query_params.get(side, "") for side in ("old", "new"))
    if not old or not new:
        raise Invalid("two versions are compared", kind="missing-parameter", hint="choose them on the page of an asset")
    rows = request.query_params.get("rows", "") == "1"
    table, after = (request.query_params.get(word, "") for word in ("table", "after"))
    words: dict[str, Any] = {"old": old, "new": new, "rows": rows, "lines": True}
    if table:
        words = {"old": old, "new": new, "table": table, "after": after, "limit": ROWS}
    found: Comparison = await ask(request, "diff", **words)
    project, asset = project_of(request), str(found.new.asset)
    crumbs = [("Assets", address(project, "assets")), (asset, address(project, "assets", asset))]
    return await render(
        request, "diff.html", title=f"{found.old} → {found.new}", section="assets", asked=Asked("diff", words), crumbs=crumbs,
        one=found, texts=texts(found.patches), tables=tables([found], begun=bool(after)), rows=rows, table=table,
    )  # fmt: skip


ROUTES = (Route("/p/{project}/diff", page, name="diff"),)
