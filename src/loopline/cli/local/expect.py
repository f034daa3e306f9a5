"""expect: a folder, or a version, held against what is expected of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import Named, Pointer, RefName, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loopline.cli.place import Place
    from loopline.nouns.caller import Caller
    from loopline.nouns.entry import Entry
    from loopline.nouns.expectation import Expected, Observation
    from loopline.nouns.progress import Progress
    from loopline.nouns.version import Version
    from loopline.sdk.client import Client
    from loopline.store.blobs import Blobs


def expect(
    where: Place,
    version: Annotated[str, "data/flights: its folder here; data/flights@main: that version"],
    *,
    folder: Annotated[Path | None, "the folder, where it is not the declared one"] = None,
    base: Annotated[
        Pointer | None, "what rows and columns are compared with; what it was made from when left out"
    ] = None,
    only: Annotated[tuple[str, ...], "names of checks; all that speak of these data when left out"] = (),
) -> Expected:
    """Hold the tables of a folder or of a version against what is expected of them; exit code 1 where one does not hold.

    A folder is held against what loopline.toml says now, and compared with where its branch stands; a version against the
    checks in force. Nothing is stored.

    Example:
        loopline expect data/flights
        loopline expect data/flights@main
    """
    from loopline.sdk.workspace import Workspace
    from loopline.verbs.expect import expect as ask

    working = Workspace(where.client, where.settings, dry=True, report=where.report)
    pointer = parse_pointer(version, project=where.client.project)
    if folder is None and "@" not in version:
        known = working.folder_of(pointer.asset)
        folder = known if known.is_dir() else None
    if folder is None:
        return where.client.do(ask, pointer, base=base, only=only)
    stand = working.stand(folder)
    return _folder(
        where, folder, RefName(pointer.asset, stand.branch if stand and stand.branch else "main"), base, only
    )


@dataclass(frozen=True, slots=True)
class _Here:
    """This machine, as somewhere to open tables."""

    blobs: Blobs
    work: Path
    report: Callable[[Progress], None]
    caller: Caller | None = None


def _folder(where: Place, folder: Path, ref: RefName, base: Pointer | None, only: Sequence[str]) -> Expected:
    """Hold the tables of a folder against the checks of the project's file that speak of its branch."""
    from loopline.datasets.expectations import Asked
    from loopline.nouns.expectation import Expected
    from loopline.verbs.expect import none_of, speaking
    from loopline.verbs.expecting import PATIENCE, look_into, tables_of, unique_in

    known = where.settings.checks
    checks = speaking(known, [ref]) or speaking(known, [RefName(ref.asset, "main")])
    checks = tuple(one for one in checks if not only or one.name in only)
    lost = sorted(set(only) - {one.name for one in checks})
    if lost or not checks:
        raise none_of(ref.asset, lost[0] if lost else "")
    client = where.client
    here = _Here(client.blobs, client.work, client.report)
    files = _files(folder)
    before = _found(client, base or Pointer(ref.asset, Named(ref.ref)), needed=base is not None)
    pointers = {one.refers for check in checks for one in check.expect if one.refers}
    others = {pointer: tables_of(here, _version(client, pointer)) for pointer in sorted(pointers)}
    key = next((one.key for one in where.settings.data if one.asset == str(ref.asset)), ())
    now = _now()
    told: list[Observation] = []
    for check in checks:
        asked = Asked(missing=check.missing, key=key or unique_in(check), now=now, version=now)
        compared: Sequence[Entry] | None = tables_of(here, before) if before else None
        told += look_into(here, check, files, base=compared, others=others, asked=asked, patience=PATIENCE)
    return Expected(_shown(where, folder), str(before) if before else "", tuple(told))


def _shown(where: Place, folder: Path) -> str:
    """Write a folder as below the project's root, where it is there."""
    root = where.settings.root.absolute()
    whole = folder.absolute()
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(folder)


def _files(folder: Path) -> dict[str, Path]:
    """Name the tables below a folder, without what it ignores."""
    import tempfile

    from loopline.datasets.index import Index
    from loopline.datasets.scan import scan
    from loopline.datasets.tables import ending_of

    with tempfile.TemporaryDirectory() as scratch:  # an index of its own: the folder's is for what was added
        paths = sorted(one.path for one in scan(folder, Index(Path(scratch) / "index")))
    return {path: folder / path for path in paths if ending_of(path)}


def _found(client: Client, pointer: Pointer, *, needed: bool) -> Version | None:
    from loopline.errors import NotFound

    try:
        return _version(client, pointer)
    except NotFound:
        if needed:
            raise
        return None


def _version(client: Client, pointer: Pointer | str) -> Version:
    found: Version = client.do("get", pointer)
    return found


def _now() -> int:
    from loopline.store.system import SystemClock

    return SystemClock().now()
