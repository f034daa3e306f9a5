"""jobs: functions that the executors' suite runs as jobs. Each takes the payload and gives bytes, or misbehaves."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class StubbornError(Exception):
    """Cannot be pickled, and its text cannot be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.held = lambda: None

    def __str__(self) -> str:
        """Raise."""
        msg = "no text"
        raise RuntimeError(msg)


def echo(payload: bytes) -> bytes:
    """Give the payload back."""
    return payload


def pid(_: bytes) -> bytes:
    """Give the number of the process."""
    return str(os.getpid()).encode()


def raises(payload: bytes) -> bytes:
    """Raise ValueError."""
    raise ValueError(payload.decode())


def raises_stubborn(_: bytes) -> bytes:
    """Raise what can neither be pickled nor printed."""
    raise StubbornError


def raises_deep(_: bytes) -> bytes:
    """Recurse without end."""
    return raises_deep(_)


def leaves(payload: bytes) -> bytes:
    """Call sys.exit."""
    sys.exit(payload.decode())


def gives_text(_: bytes) -> bytes:
    """Give a value of the wrong type."""
    return "text"  # type: ignore[return-value]  # that is the point


def where(_: bytes) -> bytes:
    """Leave a file in the current folder and name the folder, and how many files it held before."""
    count = len(list(Path().iterdir()))
    Path("left-behind").write_text("x", encoding="utf-8")
    return f"{count} {Path.cwd()}".encode()


def variable(payload: bytes) -> bytes:
    """Give an environment variable and set another."""
    found = os.environ.get(payload.decode(), "unset")
    os.environ["LEAKED"] = "yes"
    return found.encode()


def prints(payload: bytes) -> bytes:
    """Print to both streams."""
    print(payload.decode())  # noqa: T201 - the suite looks for it
    print("to stderr", file=sys.stderr)  # noqa: T201 - as above
    return b""


def prints_below(_: bytes) -> bytes:
    """Print from a child process, from the C library and straight to the descriptor."""
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    ctypes.CDLL(None).puts(b"from C")
    os.write(2, b"from a descriptor\n")
    return b""


def closes_streams(_: bytes) -> bytes:
    """Close both streams, and the descriptors behind them."""
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    os.close(2)
    return b"closed"


def floods(payload: bytes) -> bytes:
    """Print that many mebibytes."""
    block = (b"x" * 1023 + b"\n") * 1024
    print("the beginning", flush=True)  # noqa: T201 - the suite looks for it
    for _ in range(int(payload)):
        os.write(1, block)
    print("the end", flush=True)  # noqa: T201 - as above
    return b"done"


def kills_itself(payload: bytes) -> bytes:
    """Send itself a signal."""
    print("last words")  # noqa: T201 - the suite looks for it
    os.kill(os.getpid(), int(payload))
    time.sleep(30)
    return b""


def segfaults(_: bytes) -> bytes:
    """Read from address 0."""
    ctypes.string_at(0)
    return b""


def exits(payload: bytes) -> bytes:
    """Leave without any ceremony."""
    os._exit(int(payload))


def forks(_: bytes) -> bytes:
    """Fork, and come back in both processes."""
    os.fork()
    return b"parent or child"


def sleeps(payload: bytes) -> bytes:
    """Tell the file named by the payload who it is, then hang; tell it again when it is asked to stop."""
    note = Path(payload.decode())
    try:
        note.write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(60)
    finally:
        note.with_suffix(".tidied").write_text("yes", encoding="utf-8")
    return b""


def ignores_everything(payload: bytes) -> bytes:
    """Hang with children, one of them in a session of its own, all deaf to polite signals; write down who they are."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
    time.sleep(0.2)
    everyone = " ".join(str(number) for number in (os.getpid(), *(child.pid for child in children)))
    Path(payload.decode()).write_text(everyone, encoding="utf-8")
    while True:
        time.sleep(1)


def meets(payload: bytes) -> bytes:
    """Wait until as many jobs as the payload's last word says are in its folder at the same time."""
    folder, mine, count = payload.decode().split("|")
    (Path(folder) / mine).touch()
    end = time.monotonic() + 20
    while len(list(Path(folder).iterdir())) < int(count):
        if time.monotonic() > end:
            return b"alone"
        time.sleep(0.005)
    return b"met"
