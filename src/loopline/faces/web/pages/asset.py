"""asset: one name with its versions and refs; one version with its files, its card, and what a file holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.desk import act
from loopline.faces.forms import form_of
from loopline.faces.web.ask import ask, first_of, try_to, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.bar import histogram
from loopline.faces.web.charts.profile import profile
from loopline.faces.web.markdown import render as markdown
from loopline.faces.web.page import address, door, number_of, project_of, render, see_other, shown, taking
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.change import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.change import Moved
    from loopline.nouns.listing import Listed
    from loopline.nouns.preview import Column
    from loopline.nouns.ref import Ref
    from loopline.nouns.version import Version

PAGE: Final = 30
REFS: Final = 12
"""Refs whose history is told on an asset's page."""
FILES: Final = 200
ROWS: Final = 50
LARGE: Final = 12
"""Columns whose histograms a page shows large."""


@dataclass(frozen=True, slots=True)
class Told:
    """A ref with how it came to stand where it stands."""

    ref: Ref
    moves: tuple[Moved, ...]


@taking("after", "folder", "file")
async def page(request: Request) -> Response:
    """Show an asset, or with `@` one of its versions."""
    text = request.path_params["what"]
    return await (_version if "@" in text else _asset)(request, text)


async def _asset(request: Request, text: str) -> Response:
    after = number_of(request, "after", 0) or None
    (listed,) = await ask(request, "ls", what=text, itself=True)
    name, project = str(listed.asset), project_of(request)
    versions = await ask(request, "history", what=name, after=after, limit=PAGE + 1)
    told = [Told(ref, await ask(request, "history", what=str(ref.name), limit=10)) for ref in listed.refs[:REFS]]
    older = address(project, "assets", name, after=versions[PAGE - 1].number) if len(versions) > PAGE else ""
    return await render(
        request, "asset.html", title=name, section="assets", asked=Asked("history", {"what": name, "after": after}),
        crumbs=_crumbs(request, listed), listed=listed, name=name, versions=versions[:PAGE], told=told, older=older,
        newest=address(project, "assets", name) if after else "", points=_points(listed),
        merging=await act(request, _merging, door(request, "get", assets=(name,)), listed),
        why_not=why_not(request, "merge", assets=[name]),
        sources=sorted(listed.refs, key=lambda ref: ref.name.ref == "main"),  # into main is what one wants most often
    )  # fmt: skip


def _merging(loop: Loop, listed: Listed) -> list[str]:
    """Name the refs whose merge waits until somebody has chosen."""
    with loop.ledger.read() as tx:
        return [str(ref.name) for ref in listed.refs if tx.merges.of(ref.name)]


def _points(listed: Listed) -> dict[int, list[Ref]]:
    """Give the refs that point at each number."""
    found: dict[int, list[Ref]] = {}
    for ref in listed.refs:
        found.setdefault(ref.target, []).append(ref)
    return found


async def _version(request: Request, text: str) -> Response:
    found: Version = await ask(request, "get", pointer=text)
    name, project = str(found), project_of(request)
    tree = found.artifact.media_type in (TREE, MODEL)
    folder, path = request.query_params.get("folder", ""), request.query_params.get("file", "")
    values: dict[str, Any] = {
        "seen": None,
        "lines": (),
        "problem": None,
        "more": "",
        "marked": None,
        "drawn": [],
        "counted": [],
        "held": "",
    }
    if path or not tree:
        values |= await _look(request, name, path)
    else:
        values |= await _files(request, name, folder)
    if found.quarantined:
        values["held"] = await act(request, _held, door(request, "get", assets=(str(found.asset),)), found)
    (listed,) = await ask(request, "ls", what=str(found.asset), itself=True)
    text_of_card, _ = (
        await try_to(request, "card", pointer=name) if found.asset.kind == "model" and not path else (None, None)
    )
    asked = Asked("preview", {"version": name, "path": path}) if path or not tree else Asked("show", {"what": name})
    crumbs = [*_crumbs(request, listed), (str(found.asset), address(project, "assets", str(found.asset)))]
    if path:
        crumbs.append((f"@{found.number}", address(project, "assets", name, folder=path.rpartition("/")[0])))
    return await render(
        request, "version.html", title=path or name, section="assets", asked=asked, crumbs=crumbs, version=found, name=name,
        listed=listed, tree=tree, folder=folder, path=path, card=markdown(text_of_card) if text_of_card else None,
        refs=_points(listed).get(found.number, []), folders=_folders(folder),
        why_not={verb: why_not(request, verb, assets=[str(found.asset)]) for verb in ("propose", "delete")}, **values,
    )  # fmt: skip


def _held(loop: Loop, version: Version) -> str:
    """Tell why a version is in quarantine."""
    with loop.ledger.read() as tx:
        return tx.versions.quarantined(version.asset, version.number) or ""


async def _look(request: Request, name: str, path: str) -> dict[str, Any]:
    """Look into a file, or into the one blob that the version is."""
    seen, problem = await try_to(request, "preview", version=name, path=path, rows=ROWS)
    if seen is None:
        return {"problem": problem}
    return {
        "seen": seen,
        "marked": markdown(seen.text) if seen.form == "markdown" else None,
        "drawn": [(one, profile(one)) for one in seen.columns],
        "counted": _counted(seen.columns),
    }


def _counted(columns: Sequence[Column]) -> list[tuple[str, Markup]]:
    """Draw how often the numbers of each column occur, with axes."""
    numbers = [one for one in columns if len(one.histogram) > 1][:LARGE]
    return [
        (one.name, histogram(title=one.name, counts=[b.count for b in one.histogram], edges=_edges(one)))
        for one in numbers
    ]


def _edges(column: Column) -> list[float]:
    return [column.histogram[0].low, *(one.high for one in column.histogram)]


async def _files(request: Request, name: str, folder: str) -> dict[str, Any]:
    """List one level. Of bytes that are damaged or swept the version itself is still worth a page."""
    after = request.query_params.get("after", "")
    lines, problem = await try_to(request, "ls", what=name, folder=folder, after=after, limit=FILES + 1)
    if lines is None:
        return {"problem": problem}
    more = (
        address(project_of(request), "assets", name, folder=folder, after=lines[FILES - 1].path)
        if len(lines) > FILES
        else ""
    )
    return {"lines": lines[:FILES], "more": more}


def _folders(folder: str) -> list[tuple[str, str]]:
    """Give the folders on the way to this one: (name, path)."""
    parts = [part for part in folder.split("/") if part]
    return [(part, "/".join(parts[: at + 1]) + "/") for at, part in enumerate(parts)]


@shown
async def change(request: Request) -> Response:
    """Propose that a ref moves to this version, or mark the version as deleted."""
    form = await form_of(request)
    text, project = request.path_params["what"], project_of(request)
    asset, _, revision = text.partition("@")
    why = first_of(form, "why")
    match first_of(form, "do"):
        case "propose":
            lift = bool(first_of(form, "lift"))
            made = await ask(
                request, "propose", ref=f"{asset}@{first_of(form, 'ref')}", to=revision, why=why, lift=lift
            )
            return see_other(address(project, "changes", made.id) if isinstance(made, Change) else address(project))
        case "delete":
            await ask(request, "delete", what=text, why=why)
            return see_other(address(project, "assets", asset))
        case other:
            raise Invalid(f"a version knows no {other!r}", kind="bad-value", hint="use the buttons of its page")


def _crumbs(request: Request, listed: Listed) -> list[tuple[str, str]]:
    project = project_of(request)
    return [
        ("Assets", address(project, "assets")),
        (listed.asset.kind, address(project, "assets", kind=listed.asset.kind)),
    ]


ROUTES = (
    Route("/p/{project}/assets/{what:path}", page, methods=["GET"], name="asset"),
    Route("/p/{project}/assets/{what:path}", change, methods=["POST"], name="asset-change"),
)
