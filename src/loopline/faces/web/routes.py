"""routes: every page of the web face, and what pages load."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final

from starlette.routing import Route

from loopline.faces.web.page import home, nowhere
from loopline.faces.web.static import static

PAGES: Final = (
    "overview",
    "runs",
    "compare",
    "run",
    "traces",
    "assets",
    "asset",
    "changes",
    "change",
    "rollback",
    "merge",
    "diff",
    "services",
    "predictions",
    "service",
    "monitors",
    "incidents",
    "incident",
    "insights",
    "lineage",
    "feed",
    "search",
    "settings",
    "elsewhere",
)
"""Modules of `pages/`, each with its `ROUTES`; the first that fits an address answers."""


def routes() -> list[Route]:
    """Give the pages, the files that they load, and a page for every address under `/p/` that is none."""
    return [
        Route("/", home, name="home"),
        Route("/static/{version}/{name}", static, name="static"),
        *_pages(),
        Route("/p/{project}/{rest:path}", nowhere, name="nowhere"),
    ]


def _pages() -> Iterator[Route]:
    for name in PAGES:
        yield from import_module(f"loopline.faces.web.pages.{name}").ROUTES
