"""Names for completion are found by their beginning."""

from __future__ import annotations

import pytest

from loopline.ledger.names import changes, names, pipelines
from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import parse_asset, parse_ref, parse_revision
from loopline.testing.loop import loop
from loopline.verbs import load


@pytest.fixture
def filled() -> Loop:
    """A ledger with a model of two versions, one ref, and a data asset with an odd name."""
    made = loop()
    for name in ("model/delay", "model/delay", "data/a%20b"):
        digest = made.blobs.put(name.encode())
        load("put")(made, parse_asset(name, project=made.project), digest=digest, message="first\nsecond")
    load("propose")(made, parse_ref("model/delay@champion", project=made.project), to=parse_revision("2"), why="good")
    return made


def found(where: Loop, prefix: str, **asked: str) -> list[str]:
    """The names without the words about them."""
    with where.ledger.read() as tx:
        return [line.partition("\t")[0] for line in names(tx.rows, prefix, **asked)]  # type: ignore[arg-type]


def test_assets_are_found_by_their_beginning(filled: Loop) -> None:
    """A beginning of kind/name gives the assets that go on so, odd names as they are written."""
    assert found(filled, "mod") == ["model/delay"]
    assert found(filled, "") == ["data/a%20b", "model/delay"]
    assert found(filled, "model/x") == []


def test_behind_an_at_come_refs_then_versions(filled: Loop) -> None:
    """Refs come first, then the newest versions."""
    assert found(filled, "model/delay@") == ["model/delay@champion", "model/delay@2", "model/delay@1"]
    assert found(filled, "model/none@") == []


def test_hex_digits_are_ids(filled: Loop) -> None:
    """The beginning of an id gives runs and changes."""
    with filled.ledger.read() as tx:
        change = next(iter(tx.changes.list(filled.project))).id
    assert change in found(filled, change[:6])


def test_other_projects_are_left_out(filled: Loop) -> None:
    """With a project, only its names are given."""
    assert found(filled, "model", project="other") == []
    assert found(filled, "model", project="flights") == ["model/delay"]


def test_a_word_about_a_name_is_one_line(filled: Loop) -> None:
    """A message of several lines does not become several candidates."""
    with filled.ledger.read() as tx:
        assert all("\n" not in line for line in names(tx.rows, "model/delay@"))


def test_pipelines_are_those_that_ran(filled: Loop) -> None:
    """Each name once, the last that ran first; other runs, and those of other projects, are none."""
    for name, kind in (("train", "pipeline"), ("judge", "pipeline"), ("train", "pipeline"), ("alone", "run")):
        load("start")(filled, name, kind=kind)
    with filled.ledger.read() as tx:
        assert list(pipelines(tx.rows, "")) == ["train\t2 runs", "judge\t1 runs"]
        assert list(pipelines(tx.rows, "ju", project=filled.project)) == ["judge\t1 runs"]
        assert list(pipelines(tx.rows, "", project="other")) == []


def test_changes_that_are_over_are_not_offered(filled: Loop) -> None:
    """Only an open change has a ref that may be approved."""
    with filled.ledger.read() as tx:
        assert list(changes(tx.rows, "")) == []


def test_a_change_is_found_however_many_are_open(filled: Loop) -> None:
    """The beginning is compared before the limit cuts: of an old change the ref, odd ones as they are written, and the id."""
    refs = ("data/a%20b@old", "model/delay@old", "model/delay@new", "model/delay@newer")
    with filled.ledger.write(filled.project, filled.actor) as tx:
        for number, ref in enumerate(refs):
            move = Move(parse_ref(ref, project=filled.project), None, 1)
            made = Change(
                str(number) * 32, filled.project, "person:ann", "why", "planned", ChangeState.PROPOSED, (move,), 0
            )
            tx.changes.propose(made)
        tx.say("change.proposed", "several")
    with filled.ledger.read() as seen:

        def offered(prefix: str) -> list[str]:
            return [line.partition("\t")[0] for line in changes(seen.rows, prefix, limit=1)]

        assert offered("model/delay@old") == ["model/delay@old"]
        assert [offered(cut) for cut in ("data/a", "data/a%", "data/a%2", "data/a%20b@")] == [["data/a%20b@old"]] * 4
        assert offered("0000") == ["0" * 16]
        assert offered("model/delay@x") == []
