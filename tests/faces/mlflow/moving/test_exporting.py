"""A project becomes a folder of MLflow, and the same again from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.faces.mlflow.moving import writing, writing_models
from loopline.faces.mlflow.moving.exporting import Exporting
from loopline.faces.mlflow.moving.files import write_meta
from loopline.faces.mlflow.moving.folder import FolderStore
from loopline.faces.mlflow.moving.ours import OurStore
from loopline.faces.mlflow.moving.places import Places
from loopline.faces.mlflow.moving.summing import differences, summed
from loopline.faces.mlflow.moving.sums import KINDS
from loopline.nouns.run import Point
from loopline.testing.loop import loop
from loopline.verbs.log import log
from loopline.verbs.put import put
from loopline.verbs.start import start

from . import made
from .test_adopting import DELAY, adopt, of_database


def test_a_round_trip_gives_the_same(tmp_path: Path) -> None:
    """Adopted, exported and adopted by another ledger, nothing is otherwise; and another export is the same to the byte."""
    first, second = loop(), loop()
    adopt(first, of_database(tmp_path))
    done = Exporting(first, tmp_path / "out").run()
    assert (done.state, done.left, done.differing) == ("exported", (), ())
    assert {one.what: one.here for one in done.tallies}["runs"] == 5
    assert adopt(second, str(tmp_path / "out")).state == "adopted"
    one, other = summed(OurStore(first)), summed(OurStore(second))
    assert one.counts == other.counts
    assert {kind for kind in KINDS if one.digest(kind) != other.digest(kind)} <= {"runs"}  # of one run the id was none
    Exporting(second, tmp_path / "again").run()
    read = [FolderStore(at, Places([str(at)])) for at in (tmp_path / "out", tmp_path / "again")]
    assert list(differences(*read)) == []


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    """What was adopted from a folder is exported as an equal one, under the same ids."""
    here = loop()
    at = made.folder(tmp_path / "mlruns")
    adopt(here, str(at))
    Exporting(here, tmp_path / "out").run()
    before, after = (FolderStore(root, Places([str(root)])) for root in (at, tmp_path / "out"))
    assert [group.id for group in after.groups()] == [group.id for group in before.groups()] == ["0", "3", "5"]
    assert list(differences(before, after)) == []


def test_what_was_made_here_is_exported(tmp_path: Path) -> None:
    """Runs and versions that MLflow never saw; a key that none of its files can be called is left out and said."""
    here = loop()
    run = start(here, "train", params={"a": "1", "a/b": "2", "../x": "3"}).id
    log(here, run, points=(Point("loss", 0.5, 1, 5_000_000),), tags={"note": "ä\n"})
    put(here, DELAY, digest=here.blobs.put(b"model"), run=run)
    done = Exporting(here, tmp_path / "out").run()
    assert done.state == "differs"
    assert [(one.what, one.count) for one in done.left] == [("keys", 1), ("keys", 1)]
    store = FolderStore(tmp_path / "out", Places([]))
    [[told]] = [batch for group in store.groups() for batch in store.runs(group)]
    assert (told.params, told.tags, told.name) == ({"a": "1"}, {"note": "ä\n"}, "train")
    [version] = next(store.registered()).versions
    assert Path(version.location, "data").read_bytes() == b"model"
    assert not (tmp_path / "x").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """Nothing of somebody's is written over; an export that was cut short goes on."""
    here = loop()
    adopt(here, of_database(tmp_path / "db"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(Invalid) as refused:
        Exporting(here, tmp_path / "full").run()
    assert (refused.value.kind, [one.name for one in (tmp_path / "full").iterdir()]) == ("target-not-empty", ["mine"])


@pytest.mark.parametrize("cut", range(0, 12, 3))
def test_an_export_that_was_killed_goes_on(cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it was, the next one makes the same of it, and leaves nothing behind."""
    here = loop()
    adopt(here, of_database(tmp_path))
    own, left = write_meta, [cut]

    def mortal(at: Path, said: dict[str, object]) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        own(at, said)

    for module in (writing, writing_models):
        monkeypatch.setattr(module, "write_meta", mortal)
    with pytest.raises(KeyboardInterrupt):
        Exporting(here, tmp_path / "out").run()
    monkeypatch.undo()
    assert Exporting(here, tmp_path / "out").run().state == "exported"
    assert list((tmp_path / "out").rglob(".loopline*")) == []


def test_a_rehearsal_writes_no_folder(tmp_path: Path) -> None:
    """It counts what would be written."""
    here = loop()
    adopt(here, of_database(tmp_path))
    done = Exporting(here, tmp_path / "out").run(dry=True)
    assert (done.state, {one.what: one.here for one in done.tallies}["points"]) == ("planned", len(made.POINTS) + 1)
    assert not (tmp_path / "out").exists()
