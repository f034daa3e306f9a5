"""Local commands know this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.cli.local import COMMANDS, load
from loopline.verbs.usage import usage_of
from tests.cli.conftest import Said

Run = Callable[..., Said]


@pytest.mark.parametrize("command", [one.name for one in COMMANDS])
def test_every_local_command_has_a_usage(command: str) -> None:
    """Each has help for what it takes and an example, as a verb has."""
    usage = usage_of(load(command))
    assert usage.summary
    assert usage.example
    assert [one.name for one in usage.params if not one.help] == []


def test_config_says_where_a_value_comes_from(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag, a variable, a file with its line and the default are told apart."""
    monkeypatch.setenv("LOOPLINE_EXPERIMENT", "delay")
    said = {one["name"]: one for one in run("config", "--show-origin", "--json", "--as", "bob").result}
    assert said["project.name"]["origin"].endswith("loopline.toml:2")
    assert said["project.experiment"] == {
        "name": "project.experiment",
        "value": "delay",
        "origin": "LOOPLINE_EXPERIMENT",
    }
    assert said["user.actor"]["origin"] == "flag"
    assert said["run.workers"]["origin"] == "default"


def test_config_gives_one_value(run: Run) -> None:
    """One setting is one bare word, for scripts; a misspelled one is guessed."""
    assert run("config", "project.name").out == "flights\n"
    said = run("config", "project.nam")
    assert said.code == 1
    assert "project.name" in said.err


def test_a_misspelled_variable_is_warned_about(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is nearly a setting is no silent no-op."""
    monkeypatch.setenv("LOOPLINE_PROJEKT", "x")
    said = run("config", "project.name")
    assert said.code == 0
    assert "LOOPLINE_PROJECT" in said.err


def test_doctor_makes_no_ledger(run: Run, tmp_path: Path) -> None:
    """A look at the machine leaves no ledger behind, and says that there is none yet."""
    said = run("doctor", "--json")
    assert {one["name"]: one["state"] for one in said.result}["ledger"] == "ok"
    assert not (tmp_path / ".loopline" / "ledger.db").exists()


def test_doctor_survives_broken_settings(run: Run, tmp_path: Path) -> None:
    """A project file that cannot be read is a finding, the rest is looked at all the same."""
    (tmp_path / "loopline.toml").write_text("[project\n", encoding="utf-8")
    said = run("doctor")
    assert said.code == 1
    assert "✗ fail  settings" in said.out
    assert "python" in said.out


def test_completion_prints_a_script(run: Run, tmp_path: Path) -> None:
    """The script is printed even where the project's file is broken."""
    (tmp_path / "loopline.toml").write_text("[project\n", encoding="utf-8")
    said = run("completion", "bash")
    assert said.code == 0
    assert "complete -o default -F _loopline loopline" in said.out
