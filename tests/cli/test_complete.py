"""Completion answers fast, and never with an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.cli import naming
from loopline.cli.complete import answer, candidates, declared
from loopline.cli.local.completion import SCRIPTS
from loopline.settings.files import user_file as settings_file
from tests.cli.conftest import Said
from tests.conftest import cannot

Run = Callable[..., Said]


def words(*before: str, current: str = "") -> list[str]:
    """Give the candidates without their explanations."""
    return [line.partition("\t")[0] for line in candidates(before, current)]


def test_first_come_the_commands(run: Run) -> None:
    """An empty line offers every command, flags in front of it do not matter."""
    assert {"propose", "doctor", "ls"} <= set(words())
    assert "propose" in words("--project", "x", "-q")


def test_behind_a_command_come_names(models: Run) -> None:
    """Names are those of the ledger, also in a folder below."""
    assert words("show", current="model/") == ["model/delay"]
    assert words("show", current="model/delay@") == ["model/delay@2", "model/delay@1"]
    assert words("show", "--project", "other", current="model/") == []


def test_flags_of_the_command_come_before_those_of_all(run: Run) -> None:
    """A dash offers the command's own flags first."""
    flags = words("propose", current="--")
    assert flags.index("--why") < flags.index("--json")


def test_closed_choices_are_offered(run: Run) -> None:
    """Shells and colours are closed lists."""
    assert words("completion") == ["bash", "zsh", "fish"]
    assert words("ls", "--color") == ["auto", "always", "never"]


def test_behind_run_come_pipelines(models: Run, tmp_path: Path) -> None:
    """Pipelines that are declared in the project's files are offered first, then those that ran; assets are not."""
    assert words("run") == []
    for name in ("train", "train", "judge"):
        assert models("start", name, "--kind", "pipeline").code == 0
    assert words("run") == ["judge", "train"]
    (tmp_path / "flights.py").write_text(
        "from loopline import pipeline\n\n@pipeline\ndef score(a=1):\n    return a\n\ndef other(): ...\n"
    )
    assert words("run") == ["score", "judge", "train"]
    assert words("run", "train")[:1] == ["model/delay"], "only its first word is a pipeline"


@pytest.mark.parametrize("command", ["apply", "approve", "check", "comment", "review", "withdraw"])
def test_behind_commands_about_changes_come_open_changes(models: Run, tmp_path: Path, command: str) -> None:
    """An open change is offered by its refs, then by its id; what was applied is not."""
    assert models("propose", "model/delay@best", "--to", "1", "--why", "done").code == 0
    rules = '[[policies]]\nname = "champion"\nrefs = ["model/*@champion"]\napprovals = { count = 1 }\n'
    with (tmp_path / "loopline.toml").open("a") as file:
        file.write(rules)
    assert models("policy", "--push", "--why", "rules").code == 0
    change = models("propose", "model/delay@champion", "--to", "2", "--why", "better", "--json").result["id"]
    assert list(candidates([command], "")) == ["model/delay@champion\tbetter", f"{change[:16]}\tbetter"]
    assert words(command, current="model/x") == []


def test_the_users_file_is_where_the_settings_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion finds the user's file without the settings, at the same place."""
    for base in ("/x/config", "relative", ""):
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
        assert naming.user_file() == str(settings_file(os.environ))


def test_nothing_is_written_and_nothing_fails(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a ledger, with a broken one, or with nonsense, completion is silent and makes no file."""
    assert answer(["1", "show", ""]) == 0
    assert not (tmp_path / ".loopline").exists()
    (tmp_path / ".loopline").mkdir()
    (tmp_path / ".loopline" / "ledger.db").write_bytes(b"no database" * 1000)
    assert answer(["1", "show", ""]) == 0
    assert answer(["7", "nonsense"]) == 0
    assert answer([]) == 2
    assert capsys.readouterr().err == ""


def test_an_answer_begins_with_what_was_written(models: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what goes on from the written word is printed, one a line."""
    assert answer(["0", "pro"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()
    assert all(line.startswith("pro") for line in out.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_is_valid(shell: str) -> None:
    """The shell, where it is there, can read its script."""
    program = shutil.which(shell)
    if program is None:
        cannot(f"{shell} is not here: apt-get install {shell}")
    done = subprocess.run([program, "-n"], input=SCRIPTS[shell].encode(), capture_output=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("loopline prop", ["propose"]),
        ("loopline show model/delay@", ["2", "1"]),
        ("loopline show model/d", ["model/delay"]),
    ],
)
def test_bash_completes(models: Run, line: str, replies: list[str]) -> None:
    """In bash, which cuts words at `@`, only what goes behind it is inserted."""
    import sys

    script = f"""
    loopline() {{ {sys.executable} -c 'import sys; from loopline.cli.entry import main; sys.exit(main())' "$@"; }}
    {SCRIPTS["bash"]}
    COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}; _loopline; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout.split("\n")[:-1] == replies


def test_pipelines_are_declared_in_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the package as well, in a project whose settings are in pyproject.toml, seen from a folder below."""
    (tmp_path / "pyproject.toml").write_text("[tool.loopline]\n")
    (tmp_path / "flights.py").write_text("import loopline\n\n@loopline.pipeline(cache=False)\ndef score(): ...\n")
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "src" / "pyproject.toml").write_text("[project]\n")
    monkeypatch.chdir(below)
    assert list(declared()) == ["score\tin flights.py"]
    (tmp_path / "pyproject.toml").unlink()
    assert list(declared()) == []


def test_a_project_may_be_the_root_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose work folder is `/`."""
    monkeypatch.setattr(os, "getcwd", lambda: "/")
    monkeypatch.setattr("loopline.cli.complete._is_project", lambda _: True)
    assert not [one for one in declared() if not one]
