"""One command from its words to its exit code."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.verbs import VERBS
from tests.cli.conftest import Said

Run = Callable[..., Said]


def test_help_lists_every_command_under_its_group(run: Run) -> None:
    """The overview names each verb with its summary, in the order of the loop."""
    said = run("--help")
    assert said.code == 0
    places = [said.out.index(f"  {verb.name.replace('_', '-')} ") for verb in VERBS]
    assert places == sorted(places)


def test_help_of_a_command_has_its_example(run: Run) -> None:
    """`VERB --help`, `help VERB` and `-h` explain, even where words are missing."""
    for words in (("propose", "--help"), ("help", "propose"), ("propose", "-h")):
        said = run(*words)
        assert said.code == 0
        assert "--why TEXT" in said.out
        assert 'loopline propose model/delay@champion --to 2 --why "trained with the July data"' in said.out


def test_no_words_is_help(run: Run) -> None:
    """`loopline` alone shows what there is."""
    assert "loopline COMMAND" in run().out


def test_version(run: Run) -> None:
    """`--version` is one line on stdout."""
    assert run("--version").out.startswith("loopline 0.")


def test_a_typo_is_guessed(run: Run) -> None:
    """A misspelled command is an error of use that names the nearest one."""
    said = run("promtoe")
    assert said.code == 2
    assert said.out == ""
    assert "loopline promote" in said.err


def test_data_goes_to_stdout_and_the_rest_to_stderr(models: Run) -> None:
    """The undo command is no data."""
    said = models("propose", "model/delay@champion", "--to", "1", "--why", "first")
    assert said.code == 0
    assert "model/delay@champion" in said.out
    assert "undo" not in said.out
    assert "loopline propose model/delay@champion --delete" in said.err


def test_quiet_leaves_only_the_result(models: Run) -> None:
    """With -q there is nothing on stderr."""
    assert models("-q", "propose", "model/delay@champion", "--to", "1", "--why", "first").err == ""


def test_json_has_a_schema_and_names_without_their_project(models: Run) -> None:
    """`--json` gives one object with schema, command and the plain result."""
    body = json.loads(models("get", "model/delay", "--json").out)
    assert body["schema"] == 1
    assert body["command"] == "get"
    assert (body["result"]["asset"], body["result"]["number"]) == ("model/delay", 2)


def test_json_errors_are_json(models: Run) -> None:
    """With `--json` an error is one object on stderr, with class, kind, facts and hint."""
    said = models("get", "model/delay@9", "--json")
    assert (said.code, said.out) == (1, "")
    assert (said.fault["class"], said.fault["kind"], said.fault["facts"]["number"]) == ("NotFound", "no-version", 9)


def test_a_dry_run_writes_nothing(models: Run) -> None:
    """`--dry-run` shows what would happen and says that it did not, in every line of stdout, and with --json in a field."""
    said = models("propose", "model/delay@champion", "--to", "1", "--why", "first", "--dry-run")
    assert said.code == 0
    assert "applied" in said.out
    assert all(line.startswith("dry run │ ") for line in said.out.splitlines())
    assert "nothing was written" in said.err
    told = json.loads(models("init", "fresh", "--dry-run", "--json").out)
    assert told["dry_run"] is True
    assert "dry_run" not in json.loads(models("ls", "--json").out)
    assert models("show", "model/delay@champion").code == 1


def test_another_actor_and_project_can_be_named(models: Run) -> None:
    """`--as` and `--project` win over what is configured."""
    assert (
        models("propose", "model/delay@champion", "--to", "1", "--why", "x", "--as", "bob", "--json").result["author"]
        == "person:bob"
    )
    assert models("ls", "--project", "other", "--json").result == []


def test_a_name_with_a_space_around_it_is_nobody_else(models: Run) -> None:
    """` ann` would count as another person than `ann` where a policy wants two."""
    said = models("find", "runs", "--as", " ann", "--json")
    assert (said.code, said.fault["kind"]) == (2, "bad-actor")


def test_a_missing_word_is_named_as_the_usage_names_it(run: Run) -> None:
    """The error and the line to write use one word."""
    said = run("show")
    assert "show needs WHAT" in said.err
    assert "loopline show WHAT" in said.err


def test_an_answer_is_taken_back_by_who_gave_it(models: Run) -> None:
    """The undo of a yes names the actor: another one's no would be a second answer."""
    rules = '[project]\nname = "flights"\n[[policies]]\nname = "p"\nrefs = ["model/*@champion"]\napprovals = { count = 2 }\n'
    Path("loopline.toml").write_text(rules, encoding="utf-8")
    models("policy", "--push", "--why", "rules")
    models("propose", "model/delay@champion", "--to", "1", "--why", "x", "--as", "ann")
    said = models("approve", "model/delay@champion", "--as", "bob")
    assert "--reject --as bob" in said.err


def test_an_empty_answer_is_no_data(run: Run) -> None:
    """Nothing found is said on stderr and is no error."""
    said = run("find", "runs")
    assert (said.code, said.out) == (0, "")
    assert said.err != ""


def test_a_broken_project_file_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    """An unknown key of the project's file is an error of configuration with file and line, told once."""
    (tmp_path / "loopline.toml").write_text('[project]\nnmae = "x"\n', encoding="utf-8")
    said = run("ls")
    assert said.code == 2
    assert said.err.count("loopline.toml:2") == 1
    assert "name" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Invalid("x", kind="k"), 2),
        (NotFound("x", kind="k"), 1),
        (Refused("x", kind="k"), 1),
        (Refused("x", kind="k", pending=True), 8),
        (Refused("x", kind="auth-missing"), 4),
        (Conflict("x", kind="k"), 5),
        (Unavailable("x", kind="k"), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("boom"), 70),
        (BrokenPipeError(), 141),
    ],
)
def test_each_error_has_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, tmp_path: Path
) -> None:
    """What a script can do next is told by the exit code, and no traceback is shown."""
    import loopline.verbs.ls

    def fail(loop: object, what: str = "") -> None:
        """Fail."""
        raise error

    monkeypatch.setattr(loopline.verbs.ls, "ls", fail)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("loopline.cli.faults.hush", lambda: 141)
    said = run("ls")
    assert said.code == code
    assert "Traceback" not in said.err
    if isinstance(error, LooplineError):
        assert "Traceback" in run("ls", "--debug").err


def test_an_interrupt_while_a_class_is_made_is_an_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 makes a RuntimeError of whatever ends a `__set_name__`: Ctrl-C there is still Ctrl-C."""
    import loopline.verbs.ls

    class Late:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    def stop(loop: object, what: str = "") -> None:
        """Stop."""
        type("Way", (), {"tags": Late()})

    monkeypatch.setattr(loopline.verbs.ls, "ls", stop)
    said = run("ls")
    assert said.code == 130
    assert "interrupted" in said.err


def test_a_defect_leaves_a_report(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A crash writes a file with the traceback into the loop's home and prints its path."""
    import loopline.verbs.ls

    def fail(loop: object, what: str = "") -> None:
        """Fail."""
        raise ZeroDivisionError("boom")

    run("ls")
    monkeypatch.setattr(loopline.verbs.ls, "ls", fail)
    said = run("ls")
    (report,) = (tmp_path / ".loopline" / "crashes").iterdir()
    assert str(report.name) in said.err
    assert "ZeroDivisionError: boom" in report.read_text(encoding="utf-8")


def test_a_ledger_of_a_newer_loopline_is_3(models: Run, tmp_path: Path) -> None:
    """Tables that this code does not know are no answer to the question: it could not run."""
    with closing(sqlite3.connect(tmp_path / ".loopline" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    said = models("ls", "--json")
    assert (said.code, said.fault["kind"], said.fault["hint"]) == (3, "newer-schema", "pip install -U loopline")


def test_a_closed_pipe_is_quiet(run: Run) -> None:
    """`loopline … | head` prints no error when head goes away."""
    source = "import sys; from loopline.cli.entry import main; sys.exit(main())"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", source, "--help"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.slow
def test_ctrl_c_is_130(run: Run, tmp_path: Path) -> None:
    """An interrupted command ends with 130 and one word, no traceback."""
    source = (
        "import sys, time, loopline.verbs.ls as m\n"
        "def ls(loop, what: str = ''):\n    '''Wait.'''\n    print('ready', flush=True); time.sleep(30)\n"
        "m.ls = ls\nfrom loopline.cli.entry import main\nsys.exit(main())"
    )
    child = subprocess.Popen([sys.executable, "-c", source, "ls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert b"Traceback" not in err
