from __future__ import annotations

from typing import Any

from loopline.faces.web.happened import WORDS, told
from loopline.loop import Loop
from loopline.nouns.event import Event
from loopline.testing.loop import loop
from loopline.verbs.feed import feed
from loopline.verbs.finish import finish
from loopline.verbs.log import log
from loopline.verbs.start import start


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


def test_the_beginning_of_an_id_is_enough() -> None:
    """The feed about a run is found by the digits that pages show; digits that nobody has find nothing."""
    here = loop()
    run = start(here, "train")
    assert {one.subject for one in feed(here, subject=run.id[:31])} == {run.id}
    assert feed(here, subject="f" * 12) == ()


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
    """A kind that the source says somewhere is told in words."""
    import re
    from pathlib import Path

    import loopline

    texts = [path.read_text(encoding="utf-8") for path in Path(loopline.__file__).parent.rglob("*.py")]
    said = {kind for text in texts for kind in re.findall(r'tx\.say\(\s*"([a-z]+\.[a-z-]+)"', text)}
    assert len(said) > 20
    assert said - set(WORDS) == set()
