"""Words of a command line find their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pytest

from loopline.cli.argv import Options, read_words, take_options, usage_line
from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.name import AssetName
from loopline.verbs.usage import usage_of


def copy_all(
    loop: Loop,
    asset: AssetName,
    sources: tuple[str, ...] = (),
    *,
    to: Annotated[str, "where", "-t"],
    tags: Mapping[str, str] | None = None,
    depth: int = 1,
    quick: bool = False,
    careful: bool = True,
) -> str:
    """Copy."""
    raise NotImplementedError


def ordered(loop: Loop, first: str, middle: tuple[str, ...], last: str) -> str:
    """Take a list between two words."""
    raise NotImplementedError


def words(*given: str, function: Any = copy_all, options: Options | None = None) -> dict[str, Any]:
    """Read words for a function."""
    return read_words(list(given), usage_of(function), options or Options())


def test_words_and_flags_mix_in_any_order() -> None:
    """Flags may stand before, between and behind words."""
    expected = {"asset": "data/x", "sources": ["a", "b"], "to": "there", "depth": "2"}
    assert words("--to", "there", "data/x", "a", "--depth=2", "b") == expected
    assert words("data/x", "a", "b", "-tthere", "--depth", "2") == expected
    assert words("data/x", "a", "b", "-t", "there", "--depth", "2") == expected


def test_repeatable_flags_collect() -> None:
    """A flag of a mapping may be given many times, with or without its plural."""
    assert words("data/x", "-t", "y", "--tag", "a=1", "--tags", "b=2")["tags"] == ["a=1", "b=2"]


def test_two_dashes_end_the_flags() -> None:
    """Behind `--` everything is a word."""
    assert words("-t", "y", "data/x", "--", "--quick", "-q")["sources"] == ["--quick", "-q"]


def test_a_number_below_zero_is_a_word() -> None:
    """`-4` is a value, not a flag."""
    assert words("data/x", "-4", "-t", "y", "--depth", "-1") == {
        "asset": "data/x",
        "sources": ["-4"],
        "to": "y",
        "depth": "-1",
    }


def test_a_switch_can_be_turned_both_ways() -> None:
    """`--quick` turns on, `--no-careful` turns off."""
    assert words("data/x", "-t", "y", "--quick", "--no-careful") == {
        "asset": "data/x", "to": "y", "quick": "true", "careful": "false",
    }  # fmt: skip


def test_a_list_leaves_the_words_that_others_need() -> None:
    """A list in the middle takes all but what is required behind it."""
    assert words("a", "b", "c", "d", function=ordered) == {"first": "a", "middle": ["b", "c"], "last": "d"}


def test_flags_of_every_command_are_found_anywhere() -> None:
    """`--json` and the like work in front of the command and behind it."""
    options = Options()
    assert take_options(["--project", "p", "-qv", "copy", "x"], options) == ["copy", "x"]
    words("data/x", "-t", "y", "--json", "--as=bob", "-v", options=options)
    assert (options.project, options.quiet, options.verbose, options.json, options.actor) == ("p", True, 2, True, "bob")


@pytest.mark.parametrize(
    ("given", "kind", "hint"),
    [
        (["data/x", "--two", "y"], "unknown-flag", "--to"),
        (["data/x", "--jsn", "-t", "y"], "unknown-flag", "--json"),
        (["data/x", "--to"], "missing-value", "--to TEXT"),
        (["data/x", "--to", "--quick"], "missing-value", "--to TEXT"),
        (["data/x", "--to", "a", "--to", "b"], "given-twice", "once"),
        (["data/x"], "missing-parameter", "--to TEXT"),
        (["data/x", "--no-depth", "-t", "y"], "unknown-flag", ""),
        (["data/x", "-z", "-t", "y"], "unknown-flag", ""),
        (["data/x", "-t", "y", "--color", "green"], "bad-value", "never"),
    ],
)
def test_what_makes_no_sense_is_told_with_a_way_out(given: list[str], kind: str, hint: str) -> None:
    """Each mistake on the command line has its kind and names what to write."""
    with pytest.raises(Invalid) as raised:
        words(*given)
    assert raised.value.kind == kind
    assert hint in raised.value.hint


def test_a_word_too_many_is_refused() -> None:
    """A word that no parameter takes is not dropped."""

    def one(loop: Loop, name: str) -> str:
        """Take one word."""
        raise NotImplementedError

    with pytest.raises(Invalid) as raised:
        words("a", "b", function=one)
    assert (raised.value.kind, raised.value.facts["word"]) == ("extra-word", "b")


def test_the_usage_line_says_what_must_be_given() -> None:
    """Required flags stand in the line, optional ones are summed up."""
    assert usage_line(usage_of(copy_all)) == "loopline copy-all ASSET [SOURCES …] --to TEXT [OPTIONS]"
