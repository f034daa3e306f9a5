"""Words name a folder, a part of one, or an asset, and a name wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.nouns.name import AssetName
from loopline.sdk.client import Local
from loopline.sdk.finding import Meant, meant
from loopline.sdk.session import session
from loopline.sdk.workspace import Workspace

FLIGHTS = AssetName("flights", "data", "flights")
TRIPS = AssetName("flights", "data", "trips")


@pytest.fixture
def work(client: Local, project: Path) -> Workspace:
    """A workspace with `data/flights` in the folder of its name, and `data/trips` in `raw`."""
    for file in ("data/flights/2026/jan.csv", "data/flights/feb.csv", "raw/a", "raw/b"):
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        (project / file).write_text(file)
    made = Workspace(client, session().settings)
    made.add(FLIGHTS)
    made.add(TRIPS, Path("raw"))
    return made


def found(
    work: Workspace, client: Local, word: AssetName | Path, *paths: str
) -> tuple[AssetName, str, tuple[str, ...]]:
    one = meant(work, client, word, [Path(path) for path in paths])
    return one.asset, one.folder.name if one.folder else "", one.parts.paths


def test_a_path_finds_its_asset(work: Workspace, client: Local, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders lie in the innermost folder that is known, from wherever they are named, by links to it as well."""
    assert found(work, client, Path("raw")) == (TRIPS, "raw", ())
    assert found(work, client, Path("raw/a"), "raw/b") == (TRIPS, "raw", ("a", "b"))
    assert found(work, client, Path("raw/gone")) == (TRIPS, "raw", ("gone",))
    (project / "way").symlink_to("raw")
    assert found(work, client, Path("way/a")) == (TRIPS, "raw", ("a",))
    (project / "raw" / "link").symlink_to("a")
    assert found(work, client, Path("raw/link")) == (TRIPS, "raw", ("link",))
    monkeypatch.chdir("data/flights/2026")
    assert found(work, client, Path("jan.csv")) == (FLIGHTS, "flights", ("2026/jan.csv",))


def test_a_name_wins_over_a_path(work: Workspace, client: Local, project: Path) -> None:
    """What reads like both is the asset where there is one, which is said where it matters, and the path where there is none."""
    assert meant(work, client, FLIGHTS, []).said == ""
    inside = AssetName("flights", "data", "flights/feb.csv")
    assert found(work, client, inside) == (FLIGHTS, "flights", ("feb.csv",))
    work.add(inside, Path("raw"))
    one = meant(work, client, inside, [])
    assert (one.asset, one.folder, "./data/flights/feb.csv" in one.said) == (inside, None, True)
    assert found(work, client, Path("./data/flights/feb.csv")) == (FLIGHTS, "flights", ("feb.csv",))


def test_a_name_with_paths(work: Workspace, client: Local, project: Path, tmp_path: Path) -> None:
    """Behind a name stands another folder for it, or parts of one that it has."""
    assert found(work, client, FLIGHTS, "data/flights/2026") == (FLIGHTS, "flights", ("2026",))
    assert found(work, client, FLIGHTS, "data/flights") == (FLIGHTS, "flights", ())
    other = Path(tmp_path / "other")
    other.mkdir()
    assert meant(work, client, FLIGHTS, [other]) == Meant(FLIGHTS, other, meant(work, client, FLIGHTS, []).parts)


def test_paths_of_nobody_are_told(work: Workspace, client: Local, project: Path) -> None:
    """A path in no folder, paths in two folders, and a name that was written wrong are refused with the next step."""
    (project / "loose.csv").write_text("")
    for word, paths, kind in (
        (Path("loose.csv"), (), "which-asset"),
        (Path("raw/a"), ("data/flights/feb.csv",), "several-folders"),
        (FLIGHTS, ("data/flights/feb.csv", "raw/a"), "several-folders"),
        (Path("dta/flights"), (), "bad-kind"),
    ):
        with pytest.raises(Invalid) as caught:
            found(work, client, word, *paths)
        assert caught.value.kind == kind
