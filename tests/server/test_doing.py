"""One task in a process of its own, with verbs that do not behave."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.access.scopes import parse_scope
from loopline.errors import Conflict
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.task import Task, TaskState
from loopline.server.doing import GIVEN_BACK, run_of, said
from loopline.settings import load_settings
from loopline.verbs.asking import ask
from loopline.verbs.cancel import cancel
from loopline.verbs.grant import grant
from loopline.verbs.permitting import roles_of
from loopline.verbs.start import start
from loopline.wiring import open_loop

from .running import project, variables

LASTING = 5_000_000
PROGRAM = """
import sys, time, loopline.verbs as verbs, loopline.server.doing as doing
doing.GRACE_S = 1.0
def verify(loop, *, deep: bool = False) -> str:
    '''Do as a test says.'''
{body}
verbs.load = lambda name: verify
sys.exit(doing.main())
"""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Give the loop of a project's folder."""
    project(tmp_path)
    made = open_loop(load_settings(tmp_path, environ={"USER": "ann"}))
    yield made
    made.ledger.close()


def doing(loop: Loop, folder: Path, body: str) -> tuple[Task, subprocess.Popen[str]]:
    """Ask for a task, take it, and start the process that does it with a verb of a test."""
    ask(loop, "verify", {})
    with loop.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "w", lasting=LASTING)
    assert task is not None
    words = json.dumps({
        "home": str(folder / ".loopline"), "project": "flights", "actor": "ann", "task": task.id, "fence": task.fence,
        "lasting": LASTING,
    })  # fmt: skip
    program = PROGRAM.format(body="\n".join(f"    {line}" for line in body.splitlines()))
    process = subprocess.Popen(
        [sys.executable, "-c", program, words], cwd=folder, env=variables(), stderr=subprocess.PIPE, text=True
    )
    return task, process


def found(loop: Loop, task: Task) -> Task:
    """Read a task."""
    with loop.ledger.read() as tx:
        return tx.tasks.get(task.id)


def test_a_verb_that_does_not_stop_is_left(loop: Loop, tmp_path: Path) -> None:
    """Cancelled, it has its grace; then its process ends all the same, and the task is over as cancelled."""
    stubborn = "while True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        pass"
    task, process = doing(loop, tmp_path, stubborn)
    time.sleep(1.5)
    cancel(loop, task.id)
    began = time.monotonic()
    assert process.wait(15) == GIVEN_BACK
    assert time.monotonic() - began < 6
    assert found(loop, task).state is TaskState.CANCELLED
    process.communicate()


def test_a_defect_ends_the_task_and_is_logged(loop: Loop, tmp_path: Path) -> None:
    """What nobody expected is a defect of the task with its class, and the traceback is in the log alone."""
    task, process = doing(loop, tmp_path, "raise ZeroDivisionError('by nothing')")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    failed = found(loop, task)
    assert failed.state is TaskState.FAILED
    assert failed.error is not None
    assert failed.error["kind"] == "defect"
    assert "Traceback" in errors
    assert "Traceback" not in json.dumps(failed.error)


def test_the_lease_is_held_for_as_long_as_it_takes(loop: Loop, tmp_path: Path) -> None:
    """Work that lasts longer than the lease keeps it by beating, and ends well."""
    task, process = doing(loop, tmp_path, "time.sleep(8)\nreturn 'done at last'")
    assert process.wait(30) == 0
    process.communicate()
    assert (found(loop, task).state, found(loop, task).result) == (TaskState.DONE, "done at last")


def test_a_task_that_is_not_ours_is_not_begun(loop: Loop, tmp_path: Path) -> None:
    """With an older fence the process ends before the verb is asked."""
    task, process = doing(loop, tmp_path, f"open({str(tmp_path / 'began')!r}, 'w')")
    with loop.ledger.telemetry() as tables:
        tables.tasks.give_back(task.id, task.fence)
    assert process.wait(20) != 0
    process.communicate()
    assert not (tmp_path / "began").exists()
    assert found(loop, task).state is TaskState.QUEUED


def test_an_error_is_written_down_to_be_raised_again() -> None:
    """Class, kind, message and hint are kept; facts in plain form, what has none as text."""
    fault = Conflict("moved", kind="ref-moved", hint="read again", found=3, odd=object)
    assert said(fault) == {
        "class": "Conflict", "kind": "ref-moved", "message": "moved", "hint": "read again",
        "facts": {"found": 3, "odd": str(object)},
    }  # fmt: skip


KIM = Actor("person", "kim", verified=True)


def asked_by_kim(loop: Loop, role: str, *scopes: str) -> Loop:
    """Give the loop as the door gives it to somebody with a role and a token."""
    grant(loop, "kim", f"role/{role}")
    with loop.ledger.read() as tx:
        roles = roles_of(tx, str(KIM))
    caller = Caller(KIM, roles, tuple(map(parse_scope, scopes or ("*",))), token="t")
    return replace(loop, actor=KIM, caller=caller)


def test_a_task_is_done_with_the_rights_of_who_asked(loop: Loop, tmp_path: Path) -> None:
    """The verb gets the asker's roles as of now and what their token covered, and no more."""
    asker = asked_by_kim(loop, "maintainer", "verify:flights")
    grant(loop, "kim", "role/viewer", everywhere=True)
    body = "c = loop.caller\nreturn str((str(c.actor), dict(c.roles), [one.verbs for one in c.scopes], c.open))"
    task, process = doing(asker, tmp_path, body)
    assert process.wait(20) == 0
    process.communicate()
    assert found(loop, task).result == str((
        "person:kim",
        {"*": "viewer", "flights": "maintainer"},
        [("verify",)],
        False,
    ))


@pytest.mark.parametrize("how", ["shut out", "shut out, no token", "role taken", "token for something else"])
def test_nothing_is_done_for_who_may_not_any_more(loop: Loop, tmp_path: Path, how: str) -> None:
    """Whoever lost the right after they had asked: the task fails as not-allowed, and the verb never began."""
    began = tmp_path / "began"
    asker = asked_by_kim(loop, "maintainer", "verify:trains" if how == "token for something else" else "*")
    if how == "shut out, no token":  # as asked of a server that was open then
        asker = replace(asker, caller=None)
    if how.startswith("shut out"):
        with loop.ledger.telemetry() as tables:  # as where a worker took it just before `revoke` could cancel it
            tables.people.disable("person:kim")
    if how == "role taken":
        grant(loop, "kim", "role/maintainer", revoke=True)
    task, process = doing(asker, tmp_path, f"open({str(began)!r}, 'w')")
    assert process.wait(20) == 0
    process.communicate()
    failed = found(loop, task)
    assert failed.error is not None
    assert (failed.state, failed.error["class"], failed.error["kind"]) == (TaskState.FAILED, "Refused", "not-allowed")
    assert not began.exists()


def test_the_run_that_was_promised_is_the_one_that_begins(loop: Loop) -> None:
    """The id is kept while no run has it; once an attempt has begun it, the next has its own, which the task tells."""
    task = ask(loop, "reproduce", {"run": "0123"})
    with loop.ledger.telemetry() as tables:
        taken = tables.tasks.claim("default", "w", lasting=LASTING)
    assert taken is not None
    assert run_of(loop, taken) == task.run
    start(loop, "train", run=task.run)
    second = run_of(loop, taken)
    assert second not in ("", task.run)
    assert found(loop, task).run == second
    assert run_of(loop, replace(taken, run=None)) == ""
