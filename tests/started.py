"""A server as a user starts one: `loopline up` in a folder of its own, on a free port, ended with its test."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.warm import Command

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    url: str
    folder: Path
    process: Command
    log: Path

    @property
    def blobs(self) -> Path:
        """Where its blobs are."""
        return self.folder / ".loopline" / "blobs" / "sha256"


@contextmanager
def serving(folder: Path, *flags: str, port: int = 0, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run `loopline up` for a block. The folder becomes a project called flights, unless it is one already."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "loopline.toml"
    if not file.exists():
        file.write_text('[project]\nname = "flights"\n', encoding="utf-8")
    log = folder / "up.log"
    given = {name: value for name, value in os.environ.items() if not name.startswith("LOOPLINE_")}
    with log.open("ab") as out:
        begin = out.tell()
        process = Command(
            "up", "--port", str(port), *flags, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            env={**given, "LOOPLINE_ACTOR": "server", **(environ or {})},
        )  # fmt: skip
    try:
        yield Served(_url(process, log, begin), folder, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(process: Command, log: Path, begin: int) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        said = log.read_text(errors="replace")[begin:]
        found = said.partition("listens on ")[2].partition("\n")
        if found[1]:
            return found[0].strip()
        assert process.poll() is None, f"the server ended:\n{said}"
        time.sleep(0.02)
    raise AssertionError(f"the server does not start:\n{log.read_text(errors='replace')}")
