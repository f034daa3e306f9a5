"""A tracking store becomes runs, files and models here, each once, under the ids that it has."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.checks.document import Document, dump_document
from loopline.faces.mlflow.moving.opening import open_store
from loopline.faces.mlflow.moving.takeover import take_over
from loopline.faces.mlflow.naming import find_experiment, find_run
from loopline.ledger.ledger import Ledger, Tables, Writing
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.adoption import Takeover
from loopline.nouns.change import ChangeState
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.owner import Owner
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.run import RunState
from loopline.testing.loop import loop
from loopline.verbs.experiment import experiment
from loopline.verbs.filing import view
from loopline.verbs.log import log
from loopline.verbs.policy import policy
from loopline.verbs.start import start

from . import made
from .made import FILES, GONE, MODEL, NEW, ODD, OLD, OPEN, RUN, TRASHED

FILE = "file:"
Make = Callable[[Path], str]
DELAY = AssetName("flights", "model", "delay")


def adopt(here: Loop, uri: str, *artifacts: str) -> Takeover:
    """Adopt a store."""
    store = open_store(uri, artifacts=artifacts, environ={})
    try:
        return take_over(here, store)
    finally:
        store.close()


def counts(done: Takeover) -> dict[str, int]:
    """Give what is here, by kind."""
    assert [one for one in done.tallies if not one.same or one.there != one.here] == []
    return {one.what: one.here for one in done.tallies}


def of_database(at: Path) -> str:
    """Make a database."""
    return f"sqlite:///{made.database(at)}"


def of_folder(at: Path) -> str:
    """Make a folder."""
    return str(made.folder(at / "mlruns"))


@pytest.mark.parametrize("make", [of_database, of_folder])
def test_a_store_is_adopted_whole_and_once(make: Make, tmp_path: Path) -> None:
    """All of it is here with equal digests, and adopting it again writes nothing."""
    here, uri = loop(), make(tmp_path)
    done = adopt(here, uri)
    assert (done.state, done.left, done.differing) == ("adopted", (), ())
    assert {"runs", "points", "files", "versions"} <= {kind for kind, number in counts(done).items() if number}
    with here.ledger.read() as tx:
        before = tx.feed.head("flights").seq
    again = adopt(here, uri)
    with here.ledger.read() as tx:
        assert tx.feed.head("flights").seq == before
    assert (again.state, counts(again)) == ("adopted", counts(done))


def test_a_run_is_what_it_was(tmp_path: Path) -> None:
    """Name, user, times, state, params, tags that we write ourselves, and every point, NaN and infinity among them."""
    here = loop()
    adopt(here, of_database(tmp_path))
    with here.ledger.read() as tx:
        run, gone, still = (tx.runs.get(one) for one in (RUN, GONE, OPEN))
        assert (run.name, run.state, run.started_at, run.ended_at) == ("first", RunState.FINISHED, 1_000_000, 2_000_000)
        assert (run.params["path/x"], len(run.params["long"]), run.tags["mlflow.user"]) == ("a b", 8000, "bob")
        assert (run.tags["mlflow:key"], run.tags["mlflow:task.id"]) == ("mine", "7")
        assert [(p.step, p.time, p.value) for p in tx.metrics.history(RUN, "loss")] == [
            (0, 1_000_000, 1.0), (1, 1_001_000, 0.5), (1, 1_002_000, 0.25)
        ]  # fmt: skip
        assert tx.metrics.history(RUN, "up")[0].value == math.inf
        assert math.isnan(run.metrics["odd"])
        assert (still.state, still.ended_at, still.parent, still.commit) == (RunState.RUNNING, None, RUN, "abc")
        assert (gone.state, tx.runs.deleted(GONE) is not None) == (RunState.FAILED, True)
        assert (find_run(tx, "flights", ODD).name, find_run(tx, "flights", ODD).foreign_id) == ("fourth", ODD)
        assert run.actor == "person:ann"
    files = {one.path: here.blobs.read(one.entry.digest) for one in view(here, Owner("flights", "run", RUN)).iter()}
    assert files == FILES


def test_experiments_keep_their_numbers(tmp_path: Path) -> None:
    """Where a number is taken here, or too long, clients find the experiment by it all the same."""
    here = loop()
    assert [experiment(here, name).id for name in ("own", "other", "third")] == [1, 2, 3]
    adopt(here, of_database(tmp_path))
    with here.ledger.read() as tx:
        gone = tx.experiments.get("flights", "gone", deleted=True)
        assert (gone.id, gone.deleted_at is not None, tx.runs.deleted(TRASHED) is not None) == (5, True, True)
        assert tx.experiments.get("flights", "delays").id > 5
        assert find_experiment(tx, "flights", "3").name == "third"
        assert find_experiment(tx, "flights", "0").name == "default"
    assert experiment(here, "later").id > 5
    adopt(replace(here, project="else"), of_database(tmp_path / "b"))
    with here.ledger.read() as tx:
        assert find_experiment(tx, "else", "3").name == "delays"
        assert find_run(tx, "else", RUN).id != RUN


def test_models_keep_numbers_aliases_and_stages(tmp_path: Path) -> None:
    """A version that was deleted leaves its number free, and refs move by one change, with author and reason."""
    here, uri = loop(), of_database(tmp_path)
    adopt(here, uri)
    with here.ledger.read() as tx:
        one, three = tx.versions.get(DELAY, 1), tx.versions.get(DELAY, 3)
        assert (tx.versions.find(DELAY, 2), one.run, one.message) == (None, RUN, "one")
        assert one.artifact.digest == three.artifact.digest
        champion, production = (tx.refs.get(RefName(DELAY, name)) for name in ("champion", "production"))
        assert (champion.target, production.target) == (3, 1)
        change = tx.changes.get(champion.change or "")
        assert (change.author, change.reason, change.state) == (
            "person:ann",
            f"adopted from {uri}",
            ChangeState.APPLIED,
        )
        model = tx.logged.get("flights", MODEL)
        assert (model.run, model.kind, model.params, model.tags, model.digest is not None) == (
            RUN, "agent", {"p": "1"}, {"stage": "ok"}, True
        )  # fmt: skip
        assert [(m.key, m.value, m.step) for m in model.measures] == [("auc", 0.9, 2)]
        assert tx.assets.get(AssetName("flights", "model", "empty")).last_number == 0


def test_an_old_schema_is_read(tmp_path: Path) -> None:
    """Tables and columns that a database does not have are taken for empty."""
    here = loop()
    done = adopt(here, f"sqlite:///{made.database(tmp_path, OLD)}")
    assert done.state == "adopted"
    assert (counts(done)["aliases"], counts(done)["logged models"], counts(done)["versions"]) == (0, 0, 2)


def test_what_has_come_since_is_added(tmp_path: Path) -> None:
    """New runs, points and the end of a run that went on; what was done here meanwhile stays."""
    here = loop()
    file = made.database(tmp_path)
    adopt(here, f"sqlite:///{file}")
    log(here, RUN, tags={"own": "here"}, points=())
    connection = sqlite3.connect(file)
    connection.execute("UPDATE runs SET status = 'FINISHED', end_time = 9000 WHERE run_uuid = ?", (OPEN,))
    connection.execute("INSERT INTO metrics VALUES ('late', 1.5, 9000, ?, 7, 0)", (OPEN,))
    connection.execute("INSERT INTO tags VALUES ('more', 'x', ?)", (RUN,))
    connection.commit()
    (tmp_path / "mlartifacts" / "3" / RUN / "artifacts" / "new.txt").write_text("new", encoding="utf-8")
    done = adopt(here, f"sqlite:///{file}")
    assert (done.state, counts(done)["points"]) == ("adopted", len(made.POINTS) + 2)
    with here.ledger.read() as tx:
        run, still = tx.runs.get(RUN), tx.runs.get(OPEN)
        assert (run.tags["own"], run.tags["more"]) == ("here", "x")
        assert (still.state, still.ended_at, still.metrics) == (RunState.FINISHED, 9_000_000, {"late": 1.5})


class Killed(BaseException):
    """Somebody pulls the plug."""


class Mortal(Ledger):
    """A ledger whose process dies after so many transactions."""

    left: int

    @contextmanager
    def write(self, project: str, actor: Actor) -> Iterator[Writing]:
        """Count it."""
        self._live()
        with super().write(project, actor) as tx:
            yield tx

    @contextmanager
    def telemetry(self) -> Iterator[Tables]:
        """Count it."""
        self._live()
        with super().telemetry() as tx:
            yield tx

    def _live(self) -> None:
        if not self.inside:
            self.left -= 1
        if self.left < 0:
            raise Killed


@pytest.mark.parametrize("make", [of_database, of_folder])
def test_it_goes_on_wherever_it_was_killed(make: Make, tmp_path: Path) -> None:
    """After a kill before any of its transactions, the same command makes the same of it, nothing twice."""
    uri, whole = make(tmp_path), loop()
    wanted = adopt(whole, uri)
    for cut in range(100):
        here = loop()
        mortal = Mortal(here.ledger.database, clock=here.clock)
        mortal.left = cut
        try:
            adopt(replace(here, ledger=mortal), uri)
        except Killed:
            done = adopt(here, uri)
            assert (done.state, counts(done), done.left) == ("adopted", counts(wanted), ()), cut
        else:
            assert cut > 10
            return
    pytest.fail("it never came to its end")


def test_what_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    """Files outside of every named place, a version without bytes and its alias; once they are named, they come."""
    here = loop()
    file = made.database(tmp_path / "db", scheme=str(tmp_path / "elsewhere"))
    shutil.move(tmp_path / "db" / "mlartifacts", tmp_path / "elsewhere")
    done = adopt(here, f"sqlite:///{file}")
    told = {one.what: one for one in done.left}
    assert done.state == "differs"
    assert told["folders of files"].names == (str(tmp_path / "elsewhere"),)
    assert (told["versions"].names, told["aliases"].count) == (("delay 1", "delay 3"), 2)
    then = adopt(here, f"sqlite:///{file}", str(tmp_path / "elsewhere"))
    assert (then.state, then.left) == ("adopted", ())


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    """Neither of a file nor of a folder, and no address of the store leads anywhere else."""
    here, uri = loop(), of_folder(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret", encoding="utf-8")
    at = tmp_path / "mlruns" / "3" / RUN / "artifacts"
    Path(at / "file").symlink_to(tmp_path / "secret" / "key")
    Path(at / "folder").symlink_to(tmp_path / "secret")
    adopt(here, uri)
    assert {one.path for one in view(here, Owner("flights", "run", RUN)).iter()} == set(FILES)


@pytest.mark.parametrize(
    "written",
    ["../secret", FILE + "//etc", FILE + "///etc", FILE + "//", "/etc", "file:../../etc", "s3://bucket/x", "ftp://h/x"],
)
def test_an_address_of_the_store_opens_nothing(written: str, tmp_path: Path) -> None:
    """Whoever wrote a store does not choose what is read on this machine."""
    file = made.database(tmp_path)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (written, RUN))
    connection.commit()
    here = loop()
    done = adopt(here, f"sqlite:///{file}")
    assert [(one.what, one.lost) for one in done.left if one.what == "folders of files"] == [("folders of files", True)]
    assert list(view(here, Owner("flights", "run", RUN)).iter()) == []


def test_a_policy_holds_what_is_adopted(tmp_path: Path) -> None:
    """An alias that a policy speaks of waits as a change, and that is said."""
    here, uri = loop(), of_database(tmp_path)
    rule = Policy("careful", ("model/*@champion",), approvals=Approvals(1))
    policy(here, document=dump_document(Document((rule,), ())).decode(), why="test")
    done = adopt(here, uri)
    assert done.state == "differs"
    assert [one.why.partition(" waits")[1] for one in done.left if one.what == "aliases"] == [" waits"]
    with here.ledger.read() as tx:
        assert tx.refs.find(RefName(DELAY, "champion")) is None


def test_a_rehearsal_writes_nothing_and_counts(tmp_path: Path) -> None:
    """It says what there is, and what of it is here."""
    here, uri = loop(), of_database(tmp_path)
    dry = replace(here, ledger=Ledger(here.ledger.database, clock=here.clock, dry=True))
    first = adopt(dry, uri)
    assert (first.state, {one.what: (one.there, one.here) for one in first.tallies}["runs"]) == ("planned", (5, 0))
    assert {one.what: one.there for one in first.tallies}["bytes"] == sum(map(len, FILES.values())) + 12
    with here.ledger.read() as tx:
        assert tx.feed.head("flights").seq == 0
    adopt(here, uri)
    assert {one.what: (one.there, one.here) for one in adopt(dry, uri).tallies}["files"] == (4, 4)


def test_a_difference_is_noticed(tmp_path: Path) -> None:
    """A param that has another value here makes it differ, and is named."""
    here, uri = loop(), of_database(tmp_path)
    start(here, "first", run=RUN, params={"depth": "9"}, experiment="delays")
    done = adopt(here, uri)
    assert (done.state, done.differing[0]) == ("differs", f"run {RUN} is not the same")
    assert [one.what for one in done.tallies if not one.same] == ["runs", "params"]


def test_a_folder_that_was_moved_is_read_where_it_is(tmp_path: Path) -> None:
    """Addresses that name the place where it was made are looked for below the folder."""
    here = loop()
    made.folder(tmp_path / "mlruns", written="/srv/somewhere/mlruns")
    assert adopt(here, str(tmp_path / "mlruns")).state == "adopted"


@pytest.mark.parametrize("uri", ["sqlite:///nowhere.db", "nowhere", "mysql://h/db", "ftp://h/x", "databricks"])
def test_what_is_no_store_is_refused(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what could be named instead."""
    from loopline.errors import LooplineError

    monkeypatch.chdir(tmp_path)
    with pytest.raises(LooplineError) as refused:
        open_store(uri, environ={})
    assert refused.value.hint


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """What it keeps may mean something else."""
    from loopline.errors import Invalid

    file = made.database(tmp_path)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.commit()
    with pytest.raises(Invalid) as refused:
        open_store(f"sqlite:///{file}", environ={})
    assert (refused.value.kind, refused.value.facts["revision"]) == ("source-too-new", "ffffffffffff")
    assert NEW not in refused.value.message
