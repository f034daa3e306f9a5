from __future__ import annotations

from pathlib import Path

import pytest

from loopline.checks.document import Document, diff_documents, dump_document, load_document
from loopline.errors import Invalid
from loopline.nouns.check import Check
from loopline.nouns.expectation import Expectation
from loopline.settings import load_settings

WHOLE = """
[checks."flights/rows"]
refs = ["data/flights@main"]
missing = ["NA"]
expect = [
  { columns = ["day", "flight"], unique = true, nulls = 0 },
  { column = "delay", type = "whole", min = -180, max = 1800, allow = 0.001, files = "2026/*.csv" },
  { column = "at", min = 2026-01-01, max = 2026-12-31T23:00:00Z, within = "40d", of = "version" },
  { column = "origin", one_of = ["EWR", "JFK"], matches = "[A-Z]{3}", refers = "data/airports@main", to = ["faa"] },
  { rows = { min = 1, max = 10 }, change = { min = -0.1 }, schema = ["day", "flight"] },
  { schema = "base" },
]
"""


def checks(folder: Path, text: str) -> tuple[Check, ...]:
    """Read a project file."""
    (folder / "loopline.toml").write_text(text)
    return load_settings(folder, environ={}).checks


def test_expectations_are_read_as_they_are_written(tmp_path: Path) -> None:
    """Each entry is one expectation, with days and times as text, and lengths of time as microseconds."""
    (one,) = checks(tmp_path, WHOLE)
    assert (one.pipeline, one.missing) == ("", ("NA",))
    assert one.expect == (
        Expectation(("day", "flight"), unique=True, nulls=0.0),
        Expectation(("delay",), "2026/*.csv", type="whole", min=-180, max=1800, allow=0.001),
        Expectation(
            ("at",), min="2026-01-01", max="2026-12-31T23:00:00+00:00", within=40 * 86_400_000_000, of="version"
        ),
        Expectation(("origin",), one_of=("EWR", "JFK"), matches="[A-Z]{3}", refers="data/airports@main", to=("faa",)),
        Expectation(rows_min=1, rows_max=10, change_min=-0.1, schema=("day", "flight")),
        Expectation(like_base=True),
    )


def test_a_policy_document_keeps_expectations(tmp_path: Path) -> None:
    """What was pushed is what is read, its differences are told in words, and a document without them is what it was."""
    found = Document(checks=checks(tmp_path, WHOLE))
    assert load_document(dump_document(found)) == found
    plain = Document(checks=(Check("eval/x", ("model/*@best",), "judge"),))
    assert b"expect" not in dump_document(plain)
    (_, *said) = diff_documents(Document(), found)
    assert any("delay is a whole number" in line for line in said)
    for good, bad in (
        (b'"whole"', b'"wholly"'), (b'["EWR","JFK"]', b'[["EWR"]]'), (b"1800", b'{"a":1}'), (b'"nulls":0.0', b'"nulls":"x"'),
    ):  # fmt: skip
        with pytest.raises(Invalid) as raised:
            load_document(dump_document(found).replace(good, bad))
        assert raised.value.kind == "bad-policy"


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("{ type = 'whole' }", "missing-key"),
        ("{ column = 'x' }", "missing-key"),
        ("{ column = 'x', type = 'int' }", "bad-value"),
        ("{ column = 'x', columns = ['y'], type = 'text' }", "two-ways"),
        ("{ column = 'x', min = 'soon' }", "bad-value"),
        ("{ column = 'x', min = 1, max = 2026-01-01 }", "wrong-type"),
        ("{ column = 'x', min = true }", "wrong-type"),
        ("{ column = 'x', min = nan }", "bad-value"),
        ("{ column = 'x', nulls = 2 }", "bad-value"),
        ("{ column = 'x', one_of = [] }", "bad-value"),
        ("{ column = 'x', one_of = [1, 'a'] }", "wrong-type"),
        ("{ column = 'x', matches = '(' }", "bad-pattern"),
        ("{ column = 'x', refers = 'model/x@main' }", "bad-kind"),
        ("{ column = 'x', refers = 'data/x', to = ['a', 'b'] }", "bad-value"),
        ("{ column = 'x', type = 'text', to = ['a'] }", "missing-key"),
        ("{ rows = {} }", "missing-key"),
        ("{ rows = { least = 3 } }", "unknown-key"),
        ("{ column = 'x', typ = 'text' }", "unknown-key"),
        ("{ schema = 'main' }", "bad-value"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, entry: str, kind: str) -> None:
    """A typing mistake in a rule must not become a rule that lets everything through."""
    with pytest.raises(Invalid) as raised:
        checks(tmp_path, f'[checks.x]\nrefs = ["data/x@main"]\nexpect = [{entry}]\n')
    assert (raised.value.kind, raised.value.facts["line"]) == (kind, 3)


def test_a_check_does_one_thing(tmp_path: Path) -> None:
    """It runs a pipeline or holds tables against expectations."""
    with pytest.raises(Invalid) as raised:
        checks(tmp_path, '[checks.x]\nrefs = ["data/x@main"]\npipeline = "judge"\nexpect = [{ rows = { min = 1 } }]\n')
    assert raised.value.kind == "two-ways"
    with pytest.raises(Invalid) as raised:
        checks(tmp_path, '[checks.x]\nrefs = ["data/x@main"]\n')
    assert raised.value.kind == "missing-key"
