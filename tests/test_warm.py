"""warm: what a command that begins warm has, does and leaves is what a started one has, does and leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.warm import Command, run

ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"], "TOWN": "Oslo"}
AT_ONCE = {"PYTHONUNBUFFERED": "1"}
SAID: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def started(program: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a program as Python starts it."""
    return subprocess.run([sys.executable, "-c", program], check=False, timeout=30, **(SAID | how))


@pytest.mark.parametrize(
    "program",
    [
        "print('at the end', end='')",
        "import sys; sys.exit(7)",
        "import sys; sys.exit()",
        "import sys; print('out'); sys.exit('said why')",
        "raise SystemExit(True)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import atexit, sys; atexit.register(print, 'last'); sys.exit(3)",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.05), print('later'))).start(); print('first')",
        "import os; print('lost'); os._exit(4)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "print(sorted(name for name in globals() if not name.startswith('__')))",
    ],
)
@pytest.mark.parametrize("more", [{}, AT_ONCE], ids=["buffered", "at-once"])
def test_it_ends_and_says_as_a_started_one(program: str, more: dict[str, str]) -> None:
    """Exit code, signal, output and what is said at the very end are the same."""
    warm, cold = (run("-c", program, env=ENVIRONMENT | more), started(program, env=ENVIRONMENT | more))
    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)


@pytest.mark.parametrize(("more", "code"), [({}, 120), (AT_ONCE, 1)], ids=["buffered", "at-once"])
def test_a_full_disk_below_its_output_is_told_by_its_end(more: dict[str, str], code: int) -> None:
    """What cannot be written makes the same exit code, at once or when it ends."""
    how: dict[str, Any] = {"env": ENVIRONMENT | more}
    with Path("/dev/full").open("w") as full:
        codes = {
            one.returncode
            for one in (run("-c", "print(1)", stdout=full, **how), started("print(1)", stdout=full, **how))
        }
    assert codes == {code}


TOLD = """
import json, os, signal, sys
signals = {int(one): str(signal.getsignal(one)) for one in signal.valid_signals()}
files = sorted(os.listdir("/proc/self/fd"))
print(json.dumps([
    dict(os.environ), os.getcwd(), sys.argv, sys.path[0], sys.flags.dont_write_bytecode or sys.dont_write_bytecode, signals,
    [int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])], files, sys.stdin.read(), os.getsid(0) == os.getpid(),
    os.umask(0), __name__,
]))
"""


def test_it_has_what_a_started_one_has(tmp_path: Path) -> None:
    """Environment, folder, words, signals, open files, input and session are those that were asked for, and no others."""
    how: dict[str, Any] = {"cwd": tmp_path, "env": ENVIRONMENT, "start_new_session": True}
    cold = json.loads(started(TOLD, input="hello", **how).stdout)
    with Command("-c", "import time; time.sleep(30)") as other:  # of whom it must know nothing
        with Command("-c", TOLD, stdin=subprocess.PIPE, **SAID, **how) as command:
            out, _ = command.communicate("hello", timeout=30)
        other.kill()
    assert json.loads(out) == cold


def test_signals_reach_it() -> None:
    """It can be asked to end and does what it has to, be halted, and be killed; until then it goes on."""
    program = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        "print('up', flush=True); time.sleep(30)"
    )
    for number, code in ((signal.SIGTERM, 5), (signal.SIGKILL, -signal.SIGKILL)):
        with Command("-c", program, **SAID) as command:
            assert command.stdout is not None
            assert command.stdout.readline() == "up\n"
            command.send_signal(signal.SIGSTOP)
            assert command.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                command.wait(0.05)
            command.send_signal(number)
            command.send_signal(signal.SIGCONT)
            assert (command.wait(10), command.poll()) == (code, code)


def test_it_leaves_nothing_to_the_next_one(tmp_path: Path) -> None:
    """What a command changes in its process (folder, environment, modules, signals) is gone with it."""
    spoils = (
        "import os, signal, sys, loopline; os.environ['TOWN'] = 'Bergen'; os.chdir('/'); os.umask(0o077);"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); loopline.spoiled = True; sys.path.insert(0, '/nowhere');"
        "sys.modules['json'] = None; print('spoiled')"
    )
    looks = (
        "import os, signal, sys, loopline, json; print(os.environ.get('TOWN'), os.getcwd(), os.umask(0),"
        "signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, hasattr(loopline, 'spoiled'), '/nowhere' in sys.path)"
    )
    before = run("-c", looks, cwd=tmp_path).stdout
    assert run("-c", spoils, cwd=tmp_path).stdout == "spoiled\n"
    assert run("-c", looks, cwd=tmp_path).stdout == before


def test_a_command_of_loopline_is_the_same(tmp_path: Path) -> None:
    """Words that are a command give the answer, and words that are none the error, that the installed command gives."""
    for words in (["--version"], ["no-such-command"], ["ls", "--json"]):
        program = f"import sys; sys.argv[1:] = {words!r}; from loopline.cli.entry import main; sys.exit(main())"
        warm, cold = run(*words, cwd=tmp_path), started(program, cwd=tmp_path)
        assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_many_run_at_a_time() -> None:
    """Each ends by itself, in whatever order, and with its own answer."""
    began = time.monotonic()
    programs = [
        f"import time; time.sleep({pause}); print({pause}); raise SystemExit({n})"
        for n, pause in enumerate((0.4, 0.2, 0.0))
    ]
    commands = [Command("-c", program, **SAID) for program in programs]
    ends = [(command.communicate(timeout=30)[0], command.returncode) for command in commands]
    assert ends == [("0.4\n", 0), ("0.2\n", 1), ("0.0\n", 2)]
    assert time.monotonic() - began < 30
