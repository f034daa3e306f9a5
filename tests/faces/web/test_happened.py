from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Final

import loopline
from loopline.faces.web.happened import WORDS, told
from loopline.loop import Loop
from loopline.nouns.event import Event
from loopline.testing.loop import loop
from loopline.verbs.comment import comment
from loopline.verbs.feed import feed
from loopline.verbs.finish import finish
from loopline.verbs.grant import grant
from loopline.verbs.incident import incident
from loopline.verbs.log import log
from loopline.verbs.resolve import resolve
from loopline.verbs.start import start

KIND: Final = re.compile(r"[a-z]+\.[a-z-]+|annotated|deleted|restored")


def lines(here: Loop, events: tuple[Event, ...]) -> list[Any]:
    """Tell events of a loop."""
    with here.ledger.read() as tx:
        return told(tx, here.project, events)


def test_a_run_is_told_by_its_name_and_what_it_logged_in_one_line() -> None:
    """Who reads the feed sees what was done to what, not kinds and digits."""
    here = loop()
    run = start(here, "train")
    for number in range(5):
        log(here, run.id, params={f"p{number}": "1"})
    finish(here, run.id)
    found = lines(here, feed(here))
    assert [(one.words, one.name, one.times) for one in found] == [
        ("finished run", "train", 1), ("logged to run", "train", 5), ("started run", "train", 1),
    ]  # fmt: skip
    assert {one.thing for one in found} == {"run"}


def test_an_incident_is_told_by_its_title() -> None:
    """So is what was said about it, which leads to it and not to a change."""
    here = loop()
    made = incident(here, "Delays in seconds")
    comment(here, made.id, "who looks at it?")
    resolve(here, made.id, why="over")
    assert [(one.words, one.thing, one.name, one.said) for one in lines(here, feed(here))] == [
        ("resolved incident", "incident", "Delays in seconds", "over"),
        ("commented on", "incident", "Delays in seconds", ""),
        ("opened incident", "incident", "Delays in seconds", ""),
    ]


def test_names_of_another_project_are_not_told() -> None:
    """A subject that is the id of a run elsewhere has no name here."""
    here = loop()
    run = start(here, "secret")
    with here.ledger.write("other", here.actor) as tx:
        tx.projects.ensure("other")
        tx.say("run.logged", run.id)
    with here.ledger.read() as tx:
        (one,) = told(tx, "other", tx.feed.list("other"))
    assert one.name == ""


def test_every_kind_that_is_said_has_words() -> None:
    """A kind that the source says somewhere is told in words, and no words are there for what nobody says."""
    said = set[str]()
    for path in Path(loopline.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value):
                said |= {node.value} if "web/happened.py" not in path.as_posix() else set()
    called = {kind for kind in said if kind.partition(".")[0] in {word.partition(".")[0] for word in WORDS}}
    for path in (Path(loopline.__file__).parent / "verbs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.say":
                words = {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
                assert {word for word in words if KIND.fullmatch(str(word))} - set(WORDS) == set(), path
    assert set(WORDS) - said == set()
    assert len(called) > 30


def test_a_team_is_no_asset_and_a_grant_says_of_what() -> None:
    """What holds a slash and is of no kind leads nowhere; who was given something is told what."""
    here = loop()
    grant(here, "team/ml-leads", "role/approver")
    (one,) = [one for one in lines(here, feed(here)) if one.event.kind == "grant.given"]
    assert (one.thing, one.said) == ("", "role/approver")
