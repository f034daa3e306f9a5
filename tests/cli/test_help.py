"""help: how one command is used."""

from __future__ import annotations

import pytest

from loopline.cli.commands import commands, load
from loopline.cli.help import explain
from loopline.cli.screen import Screen
from loopline.verbs.usage import usage_of


@pytest.mark.parametrize(
    ("command", "told"),
    [("silence", "default 4h"), ("quality", "default 1d"), ("quality", "default 0s"), ("label", "--row JSON …")],
)
def test_defaults_and_flags_are_written_as_they_are_typed(command: str, told: str) -> None:
    """A length of time has its unit, and a flag that may come again its singular."""
    verb = next(one for one in commands() if one.name == command)
    assert told in "\n".join(explain(usage_of(load(verb)), Screen(environ={})))
