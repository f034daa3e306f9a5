"""Every mutation names what takes it back."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.cli.undo import undo_of
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.incident import Incident
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.token import Granted
from tests.cli.conftest import Said

Run = Callable[..., Said]

REF = RefName(AssetName("flights", "model", "delay"), "champion")


def change(old: int | None, new: int | None, state: ChangeState = ChangeState.APPLIED, **rest: Any) -> Change:
    """Make a change of one ref."""
    return Change(
        "01a2" * 8, "flights", "ann", "why", rest.pop("kind", "planned"), state, (Move(REF, old, new),), 0, **rest
    )


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (change(1, 2), "loopline rollback model/delay@champion --why …"),
        (change(None, 2), "loopline propose model/delay@champion --delete --why …"),
        (change(2, None), "loopline propose model/delay@champion --to 2 --why …"),
        (
            change(2, 1, kind="rollback"),
            "loopline rollback model/delay@champion --change 01a201a201a201a2 --why …",
        ),
        (change(1, 2, ChangeState.PROPOSED), "loopline withdraw 01a201a201a201a2"),
        (change(1, 2, ChangeState.WITHDRAWN), None),
    ],
)
def test_a_change_is_undone_by_a_change(result: Change, command: str | None) -> None:
    """What moved moves back, what waits is withdrawn, what is over stays."""
    assert undo_of("promote", result, {}) == command


def test_a_fixed_ref_is_taken_away_and_comes_back_fixed() -> None:
    """By its own word: a proposal would bring back a ref that moves."""
    assert undo_of("tag", change(None, 2), {}) == "loopline tag champion model/delay --delete"
    assert undo_of("tag", change(2, None), {}) == "loopline tag champion model/delay@2"
    assert undo_of("tag", change(None, 2, ChangeState.PROPOSED), {}) == "loopline withdraw 01a201a201a201a2"


def test_a_first_deployment_is_taken_back_by_its_own_word() -> None:
    """A service that was not there before is undeployed."""
    prod = RefName(AssetName("flights", "service", "delay"), "prod")
    made = replace(change(None, 1), moves=(Move(prod, None, 1),))
    assert undo_of("deploy", made, {}) == "loopline undeploy service/delay@prod --why …"


def test_a_policy_is_taken_back_by_a_proposal() -> None:
    """A guarded policy refuses a rollback, so the command that is named is one that always works."""
    rules = RefName(AssetName("flights", "policy", "flights"), "main")
    moved = replace(change(1, 2), moves=(Move(rules, 1, 2),))
    assert undo_of("policy", moved, {}) == "loopline propose policy/flights@main --to 1 --why …"


def test_a_rollback_is_taken_back_by_its_change() -> None:
    """All of its refs go forward again at once, named by the one that people would name; also one that it had removed."""
    data = RefName(AssetName("flights", "data", "flights"), "main")
    for moves in ((Move(data, 5, 4), Move(REF, 2, 1)), (Move(data, None, 4), Move(REF, 2, None))):
        both = replace(change(2, 1, kind="rollback"), moves=moves)
        line = "loopline rollback model/delay@champion --change 01a201a201a201a2 --why …"
        assert undo_of("rollback", both, {}) == line


def test_an_answer_is_undone_by_the_other_answer() -> None:
    """A yes is replaced by a no, and a no by a yes."""
    waits = change(1, 2, ChangeState.PROPOSED)
    assert undo_of("approve", waits, {}) == "loopline approve 01a201a201a201a2 --reject"
    assert undo_of("approve", waits, {"reject": True}) == "loopline approve 01a201a201a201a2"


def test_a_silence_is_ended_by_one_of_no_time() -> None:
    """What is quiet is heard of again; that a silence ended is not taken back by another one."""
    quiet = {"match": "service/delay@prod/*"}
    assert undo_of("silence", (), quiet) == "loopline silence 'service/delay@prod/*' --lasting 0s --why …"
    assert undo_of("silence", (), {**quiet, "lasting": timedelta()}) is None


def test_an_incident_is_resolved_and_opened_again() -> None:
    """What was opened can be ended, what was ended opened; what was said of one is said anew, by its own words."""
    made = Incident("01a2" * 8, "flights", "late", "low", "person:ann", 1)
    assert undo_of("incident", made, {"title": "late"}) == "loopline resolve 01a201a201a201a2 --why …"
    assert undo_of("reopen", made, {}) == undo_of("incident", made, {})
    assert undo_of("resolve", made, {}) == "loopline reopen 01a201a201a201a2 --why …"
    assert undo_of("incident", made, {"edit": "01a2"}) is undo_of("blame", made, {"change": "x"}) is None


def test_a_grant_is_revoked() -> None:
    """Who was put into a team can be taken out, and the other way round, in the place where it holds."""
    new, old = Granted({}, changed=True), Granted({}, changed=False)
    assert undo_of("grant", new, {"who": "ann", "role": "team/x"}) == "loopline grant ann team/x --revoke"
    assert undo_of("grant", new, {"who": "ann", "role": "team/x", "revoke": True}) == "loopline grant ann team/x"
    everywhere = {"who": "ann", "role": "role/admin", "everywhere": True}
    assert undo_of("grant", new, everywhere) == "loopline grant ann role/admin --everywhere --revoke"
    assert undo_of("grant", old, {"who": "ann", "role": "team/x"}) is None


def test_what_somebody_had_is_not_taken_from_them(place: Run) -> None:
    """A grant that is repeated says that nothing is new, and prints no undo."""
    assert "undo: loopline grant bo team/x --revoke" in place("grant", "bo", "team/x").err
    again = place("grant", "bo", "team/x")
    assert ("undo:" in again.err, "nothing is new" in again.err) == (False, True)
    assert "team/x" in again.out


def test_a_role_that_came_with_a_token_is_left(place: Run) -> None:
    """Whoever gets a token with a role may have had the role before: the token alone is taken back."""
    assert place("grant", "bo", "role/viewer").code == 0
    before = state(place)
    undo(place, place("issue", "laptop", "--actor", "bo", "--role", "viewer"))
    assert state(place) == before


def test_what_moved_nothing_has_no_undo() -> None:
    """What was said, measured, or ended for good is not taken back."""
    for command in ("comment", "log", "finish", "withdraw", "unsubscribe"):
        assert undo_of(command, "x", {}) is None
    assert undo_of("revoke", "x", {"token": "4fzq7k2mxa3c"}) is None
    assert undo_of("start", "x", {"run": "0" * 32}) is None


RULES = """
[[policies]]
name = "champion"
refs = ["model/*@champion"]
approvals = { count = 2 }
"""
TINY = """
from loopline import pipeline, step

@step
def total(size: int) -> int:
    return size

@pipeline
def train(size: int = 3):
    return {"report/total": total(size), "report/same": total(7)}
"""


KNOWN: dict[Path, dict[str, Any]] = {}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each project of this file stands: what is known of a folder is known by its path."""
    return tmp_path_factory.mktemp("home") / "flights"


@pytest.fixture
def place(run: Run, tmp_path: Path, home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A project with a bit of everything, made once and copied for each test."""
    kept = home.with_name("kept")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(kept if kept.exists() else tmp_path, home)
    monkeypatch.chdir(home)
    if not kept.exists():
        fill(request.getfixturevalue("models"), home)
        shutil.copytree(home, kept)
    return run


@pytest.fixture
def before(place: Run, home: Path) -> dict[str, Any]:
    """What is current in it, and there: read once, since every test begins there."""
    if home not in KNOWN:
        KNOWN[home] = state(place)
    return KNOWN[home]


def fill(models: Run, folder: Path) -> None:
    """Type what makes it."""
    with (folder / "loopline.toml").open("a") as file:
        file.write(f'modules = ["tiny"]\n{RULES}')
    (folder / "tiny.py").write_text(TINY)
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("1 2 3")
    (folder / "notes.txt").write_text("after the July data")
    for words in (
        ["add", "data/tiny", "data"],
        ["run", "train"],
        ["policy", "--push", "--why", "rules"],
        ["put", "report/notes", "notes.txt"],
        ["propose", "model/delay@best", "--to", "1", "--also", "report/notes@best=1", "--why", "first"],
        ["put", "report/notes", "loopline.toml"],
        ["propose", "model/delay@best", "--to", "2", "--also", "report/notes@best=2", "--why", "second"],
    ):
        assert models(*words).code == 0, words


def state(run: Run) -> dict[str, Any]:
    """Give what is current and what is there; not what happened, which is only added to."""
    assets = run("ls", "--json").result
    tokens = [one["id"] for one in run("find", "tokens", "--json").result if not one["revoked_at"]]
    about = run("about", "--json").result
    return {
        "refs": {one["asset"]: {ref["name"]: ref["target"] for ref in one["refs"]} for one in assets},
        "versions": {one["asset"]: numbers(run, one["asset"]) for one in assets},
        "runs": {one["id"] for one in run("find", "runs", "kind = run", "--json").result},
        "open": {one["id"] for one in run("find", "changes", "--json").result if one["state"] == "proposed"},
        "tokens": tokens,
        "subscriptions": [one["name"] for one in run("find", "subscriptions", "--json").result],
        "teams": [about["teams"], about["everywhere"]],
    }


def numbers(run: Run, asset: str) -> list[tuple[int, bool]]:
    """Give the versions of an asset that are there, and whether they are in quarantine."""
    return [(one["number"], bool(one["quarantined"])) for one in run("history", asset, "--json").result]


@pytest.mark.parametrize(
    "words",
    [
        ["put", "report/notes", "notes.txt"],
        ["put", "report/new", "notes.txt"],
        ["delete", "model/delay@1"],
        ["delete", "report/total"],
        ["run", "train", "-p", "size=4"],
        ["start", "by hand"],
        ["issue", "laptop"],
        ["grant", "bo", "team/on-call"],
        ["grant", "bo", "role/viewer", "--everywhere"],
        ["subscribe", "https://chat.example.org/hook", "--secret", "env:HOOK", "--name", "hook"],
        ["branch", "data/tiny", "other"],
        ["propose", "model/delay@new", "--to", "1", "--why", "x"],
        ["propose", "model/delay@champion", "--to", "1", "--why", "x"],
        ["promote", "model/delay@new", "--to", "1", "--why", "x"],
        ["propose", "model/delay@best", "--delete", "--why", "x"],
        ["rollback", "model/delay@best", "--why", "x"],
    ],
    ids=" ".join,
)
def test_the_printed_undo_undoes(place: Run, before: dict[str, Any], words: list[str]) -> None:
    """Whatever is printed behind a command brings back what was current before it."""
    said = place(*words)
    assert said.code in (0, 8), said.err
    changed = state(place)
    assert changed != before
    undo(place, said)
    assert state(place) == before


def undo(run: Run, said: Said) -> None:
    """Type what was printed."""
    (line,) = [line for line in said.err.splitlines() if line.startswith("undo: ")]
    for command in line.removeprefix("undo: ").split(" && "):
        program, *words = shlex.split(command)
        assert program == "loopline"
        done = run(*["back again" if word == "…" else word for word in words])
        assert done.code == 0, (command, done.err)


def test_an_answer_is_taken_back_by_what_is_printed(place: Run) -> None:
    """Yes, the printed no, and the yes that is printed behind that: the last one counts."""
    change = place("propose", "model/delay@champion", "--to", "1", "--why", "x", "--json").result["id"]
    said = place("approve", change, "--as", "bo")
    for answer in ("reject", "approve"):
        (line,) = [line for line in said.err.splitlines() if line.startswith("undo: ")]
        said = place(*shlex.split(line)[2:])
        given = place("show", change, "--json").result["change"]["approvals"]
        assert [one["answer"] for one in given if one["actor"] == "person:bo"][-1] == answer
