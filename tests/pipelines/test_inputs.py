"""Data and models as parameters, and inside a step."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound
from loopline.pipelines.inputs import Data, Model, given, named


def test_a_pointer_cannot_be_read_in_a_pipeline() -> None:
    """Reading data before the plan has looked it up says that it belongs into a step."""
    for read in (lambda: Data("data/x").path, lambda: Data("data/x").files(), lambda: Model("model/x").value):
        with pytest.raises(Invalid) as caught:
            read()
        assert caught.value.kind == "asset-read-in-pipeline"


def test_data_gives_its_files(tmp_path: Path) -> None:
    """A step finds the folder, the sorted files and their bytes."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.csv").write_text("2")
    (tmp_path / "a.csv").write_text("1")
    data = Data.of(tmp_path)
    assert data.path == tmp_path
    assert [path.name for path in data.files()] == ["a.csv", "two.csv"]
    with data.open("b/two.csv") as file:
        assert file.read() == b"2"


def test_a_missing_file_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    """Asking for a file that is not there names some that are."""
    (tmp_path / "a.csv").write_text("1")
    with pytest.raises(NotFound) as caught:
        Data.of(tmp_path).open("b.csv")
    assert caught.value.kind == "file-missing"
    assert "a.csv" in caught.value.hint


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\x00"])
def test_paths_do_not_lead_out(tmp_path: Path, name: str) -> None:
    """A name that leaves the folder is refused before the disk is asked."""
    with pytest.raises(Invalid) as caught:
        Data.of(tmp_path).open(name)
    assert caught.value.kind == "bad-path"


def test_reaching_happens_once_and_late() -> None:
    """What a handle names is fetched when it is first read, and not again."""
    calls: list[int] = []

    def reach() -> str:
        calls.append(1)
        return "loaded"

    model = given(Model("model/x"), digest="sha256:1", number=3, reach=reach)
    assert (calls, model.digest, model.number, model.pointer) == ([], "sha256:1", 3, "model/x")
    assert (model.value, model.value, calls) == ("loaded", "loaded", [1])


def test_handles_are_values() -> None:
    """Equal handles are equal, and nothing about one changes."""
    assert Data("data/x") == Data("data/x") != Data("data/y")
    assert Data("data/x") != Model("data/x")
    assert named(Data("data/x"), "data").name == "data"
    assert len({Data("data/x"), Data("data/x")}) == 1
    with pytest.raises(AttributeError):
        Data("data/x").pointer = "data/y"
    with pytest.raises(Invalid):
        Data(3)  # type: ignore[arg-type]
