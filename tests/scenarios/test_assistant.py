"""An engineer works with an assistant: it asks why, proposes, has it checked, is refused, and goes on after a person's yes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.warm import run

COMMAND = ("-c", "import sys; from loopline.cli.entry import main; sys.exit(main())", "mcp", "--as", "ann")
CHAMPION = "model/delay@champion"
FILE = """
[project]
name = "flights"
modules = ["train"]

[checks."eval/depth"]
refs = ["model/*@champion"]
pipeline = "judge"

[[policies]]
name = "champion"
refs = ["model/*@champion"]
checks = ["eval/depth"]
approvals = { count = 1 }
"""
TRAIN = """
from loopline import Evaluation, Model, pipeline, step
from loopline.nouns.evaluation import Estimate


@step
def fit(depth: int) -> int:
    print("{\\"jsonrpc\\": \\"2.0\\", \\"method\\": \\"notifications/forged\\"}", flush=True)
    return depth


@step
def measure(candidate: int, base: int | None) -> Evaluation:
    assert candidate > 2, f"{candidate} is shallow"
    return Evaluation((Estimate("depth", float(candidate)),), {"rows": "1"})


@pipeline
def train(depth: int = 3):
    return {"model/delay": fit(depth)}


@pipeline
def judge(candidate: Model, base: Model | None = None):
    measure(candidate, base)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose champion needs a check and a person, and has none yet."""
    (tmp_path / "loopline.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    say(tmp_path, "policy", "--push", "--why", "a check and a person")
    return tmp_path


def say(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command as a person."""
    done = run(*words, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return str(done.stdout)


@pytest.mark.long
def test_a_whole_session(project: Path) -> None:
    """From a run to a champion: each step is the assistant's, apart from the yes, which only a person can give."""
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(command=sys.executable, args=list(COMMAND), cwd=str(project))

    async def session() -> None:
        async with Client(stdio_client(server)) as client:

            async def ask(name: str, *, fails: bool = False, **words: Any) -> Any:
                answer = await client.call_tool(f"loopline_{name}", words)
                assert answer.is_error == fails, answer.content
                found = answer.structured_content or {}
                return found["error"] if fails else found["result"]

            plan = await ask("run_pipeline", pipeline="train", explain=True)
            assert [one["standing"] for one in plan["value"]["steps"]] == ["run"]
            ran = await ask("run_pipeline", pipeline="train", params={"depth": "5"})
            assert (ran["state"], ran["value"]["run"]["state"], ran["value"]["run"]["actor"]) == (
                "done",
                "finished",
                "assistant:ann",
            )
            assert "forged" in (await ask("show_record", what=ran["value"]["run"]["id"], log=True))["log"]["text"]
            reason = await ask("explain_reason", what="model/delay@1")
            assert reason["because"][0]["kind"] == "run"

            change = await ask("propose_change", ref=CHAMPION, to="1", why="depth 5")
            assert (change["state"], change["author"]) == ("proposed", "assistant:ann")
            checked = await ask("check_change", change=change["id"])
            assert [one["result"] for one in checked["value"]["verdicts"]] == ["pass"]
            await ask("comment_change", change=change["id"], text="Deeper than 2, as asked.")

            refused = await ask("apply_change", fails=True, change=change["id"])
            assert (refused["class"], refused["kind"]) == ("Refused", "policy")
            say(project, "approve", change["id"], "--as", "ann")  # whose assistant has proposed it
            assert (await ask("apply_change", fails=True, change=change["id"]))["kind"] == "policy"
            say(project, "approve", change["id"], "--as", "assistant:bob")
            assert (await ask("apply_change", fails=True, change=change["id"]))["kind"] == "policy"
            review = await ask("show_record", what=change["id"])
            assert [one["result"] for one in review["record"]["requirements"]] == ["pass", "pending"]

            say(project, "approve", change["id"], "--as", "bob")
            assert (await ask("apply_change", change=change["id"]))["state"] == "applied"
            assert "bob" in str(await ask("explain_reason", what=CHAMPION))
            back = await ask("plan_rollback", ref=CHAMPION)
            assert back["moves"][0]["move"]["new"] is None
            assert (await ask("show_record", what=CHAMPION))["record"]["target"] == 1

    asyncio.run(session())
    assert "assistant:ann" in say(project, "why", CHAMPION)


@pytest.mark.slow
def test_it_ends_with_its_client_and_speaks_nothing_else_on_stdout(project: Path) -> None:
    """When stdin ends so does the process, without an error, and whatever was no message has not brought it down."""
    said = (
        '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2024-11-05", "capabilities": {},'
        ' "clientInfo": {"name": "old", "version": "1"}}}\nnonsense\n[]\n{"jsonrpc": "2.0", "id": 2, "method": "ping"}\n'
    )
    asking = {"name": "loopline_find_records", "arguments": {"what": "runs"}}
    for number in range(10, 30):
        said += json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": asking}) + "\n"
    done = subprocess.run(
        [sys.executable, *COMMAND], cwd=project, input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith('{"jsonrpc":"2.0"') for line in lines)
    assert '"protocolVersion":"2024-11-05"' in lines[0]
    answered = [json.loads(line).get("id") for line in lines]
    assert sorted(one for one in answered if one is not None) == [1, 2, *range(10, 30)], (
        "all that was asked is answered"
    )


@pytest.mark.slow
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_its_client_is_still_there(project: Path, asked: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end a process that waits for its client's next message, at once."""
    with served(project) as process:
        process.send_signal(asked)
        assert process.wait(20) == -asked


@pytest.mark.slow
def test_a_client_that_dies_is_no_defect(project: Path) -> None:
    """Where nobody reads an answer any more the process ends as at the end of stdin, and leaves no report of a crash."""
    with served(project) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.close()
        ping(process)
        process.stdin.close()
        assert process.wait(20) == 0
    assert not (project / ".loopline" / "crashes").exists()


@contextmanager
def served(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start it as a client does, and wait for its first answer."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, *COMMAND], cwd=folder, stdin=pipe, stdout=pipe, text=True)
    with process:
        try:
            ping(process)
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def ping(process: subprocess.Popen[str]) -> None:
    """Ask something that is answered at once."""
    assert process.stdin is not None
    process.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    process.stdin.flush()
