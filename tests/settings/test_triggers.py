from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from loopline.checks.document import Document, diff_documents, dump_document, load_document
from loopline.errors import Invalid
from loopline.nouns.trigger import AtMost, Do, OnAlert, OnMissing, OnMoved, OnTime, Trigger
from loopline.settings import load_settings
from loopline.triggers.sound import USUAL

DAY = timedelta(days=1)


def read(folder: Path, text: str) -> tuple[Trigger, ...]:
    """Read a project's file."""
    (folder / "loopline.toml").write_text(dedent(text), encoding="utf-8")
    return load_settings(folder, environ={}).triggers


def test_a_file_says_what_follows_what(tmp_path: Path) -> None:
    """Alerts, moves, times and what has not come; a run, a proposal, an incident; bounds, and the project's zone."""
    found = read(
        tmp_path,
        """
        [project]
        name = "flights"
        timezone = "Europe/Berlin"

        [triggers.retrain]
        on = { alert = "service/delay@prod/*", severity = "medium" }
        do = { run = "train", params = { holdout = 7, data = "data/flights" }, queue = "gpu", propose = "model/delay@champion" }
        at_most = "1/day"

        [triggers.stage]
        on = { moved = "model/delay@champion" }
        do = { propose = "model/delay@staging", to = "champion" }

        [triggers.nightly]
        on = { schedule = "0  3 * * *" }
        do = { run = "train" }

        [triggers.fresh]
        on = { expect = "data/flights@main", by = "0 6 * * *", timezone = "UTC", within = "36h" }
        do = { incident = "No flights today", severity = "high" }
        at_most = "2/6h"
        """,
    )
    assert found == (
        Trigger(
            "fresh", OnMissing("data/flights@main", "0 6 * * *", "UTC", timedelta(hours=36)),
            Do(incident="No flights today", severity="high"), AtMost(2, timedelta(hours=6)),
        ),
        Trigger("nightly", OnTime("0 3 * * *", "Europe/Berlin"), Do("train")),
        Trigger(
            "retrain", OnAlert("service/delay@prod/*", "medium"),
            Do("train", (("data", "data/flights"), ("holdout", "7")), "gpu", "model/delay@champion"), AtMost(1, DAY),
        ),
        Trigger("stage", OnMoved("model/delay@champion"), Do(propose="model/delay@staging", to="champion"), USUAL),
    )  # fmt: skip
    document = Document((), (), found)
    assert load_document(dump_document(document)) == document
    assert b"triggers" not in dump_document(Document())
    assert "trigger 'fresh' goes away" in diff_documents(document, Document((), (), found[1:]))
    assert diff_documents(
        Document((), (), found[1:2]), Document((), (), (Trigger("nightly", found[1].on, Do("test")),))
    )


@pytest.mark.parametrize(
    ("line", "kind", "at", "hint"),
    [
        ('on = { alrt = "service/*" }', "bad-trigger", 2, "did you mean alert?"),
        ('on = { alert = "service/*", severty = "low" }', "unknown-key", 2, "did you mean severity?"),
        (
            'on = { alert = "service/*", schedule = "0 6 * * *" }',
            "bad-trigger",
            2,
            "several causes are several triggers",
        ),
        ('on = { alert = "servic/delay" }', "bad-glob", 2, "did you mean service?"),
        ('on = { alert = "service/*", severity = "hgh" }', "bad-value", 2, "did you mean high?"),
        ('on = { moved = "datas/x@main" }', "bad-glob", 2, "did you mean data?"),
        ('on = { moved = "model/m@champion" }', "bad-trigger", 3, "propose another ref"),
        ('on = { schedule = "0 25 * * *" }', "bad-schedule", 2, "every day at 06:00"),
        ('on = { schedule = "0 6 * * *", timezone = "Europe/Berlni" }', "bad-timezone", 2, "Europe/Berlin"),
        ('on = { schedule = "0 6 * * *", within = "1h" }', "unknown-key", 2, "timezone"),
        ('on = { expect = "data/flights@main" }', "missing-key", 2, "by"),
        ('on = { expect = "Run Finished", by = "0 6 * * *" }', "bad-glob", 2, "run.finished"),
        ('on = { expect = "run.finished", by = "0 6 * * *", within = "0s" }', "bad-duration", 2, "24h"),
    ],
)
def test_a_cause_that_cannot_be_is_told_with_its_line(tmp_path: Path, line: str, kind: str, at: int, hint: str) -> None:
    """A word that is nearly right is told by the right one, with file and line."""
    with pytest.raises(Invalid) as caught:
        read(tmp_path, f'[triggers.one]\n{line}\ndo = {{ run = "train", propose = "model/m@champion" }}\n')
    assert (caught.value.kind, caught.value.facts["line"]) == (kind, at)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("lines", "kind", "hint"),
    [
        ('do = { rn = "train" }', "unknown-key", "did you mean run?"),
        ("do = {}", "bad-trigger", "run, propose or incident"),
        ('do = { propose = "model/m@champion" }', "bad-trigger", 'to = "latest"'),
        ('do = { propose = "model/m" , to = "1" }', "not-a-ref", ""),
        (
            'do = { run = "train", propose = "secret:model/m@best" }',
            "bad-trigger",
            "write model/m@best, or declare it there",
        ),
        ('do = { run = "train", propose = "model/m@champion", to = "3" }', "bad-trigger", "remove to"),
        ('do = { incident = "x", params = { a = 1 } }', "bad-trigger", "remove params"),
        ('do = { incident = "x", queue = "gpu" }', "bad-trigger", "remove queue"),
        ('do = { run = "train", queue = "GPU!" }', "bad-queue", "small letters"),
        ('do = { run = "train", severity = "low" }', "bad-trigger", "remove severity"),
        ('do = { run = "train", params = { a = [1] } }', "wrong-type", "a number"),
        ('do = { incident = "x\\ny" }', "bad-trigger", "a line"),
        ('do = { run = "train" }\nat_most = "1/dy"', "bad-value", "did you mean day?"),
        ('do = { run = "train" }\nat_most = "0/day"', "bad-value", "1/day"),
        ('do = { run = "train" }\nat_mos = "1/day"', "unknown-key", "did you mean at_most?"),
    ],
)
def test_an_effect_that_cannot_be_is_told_with_its_line(tmp_path: Path, lines: str, kind: str, hint: str) -> None:
    """Nothing is to be done, or something that says nothing here."""
    with pytest.raises(Invalid) as caught:
        read(tmp_path, f'[triggers.one]\non = {{ schedule = "0 6 * * *" }}\n{lines}\n')
    assert caught.value.kind == kind
    assert caught.value.facts["line"] in (3, 4)
    assert hint in (caught.value.hint or "")


def test_a_trigger_has_a_name_a_cause_and_an_effect(tmp_path: Path) -> None:
    """None of them can be left out."""
    for text in ("[triggers.one]\n", '[triggers.one]\non = { moved = "data/x@main" }\n', '[triggers."A B"]\n'):
        with pytest.raises(Invalid) as caught:
            read(tmp_path, text)
        assert caught.value.kind in ("missing-key", "bad-trigger")
