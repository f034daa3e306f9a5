"""transfer: large files to a server and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import OURS, Case, Measured, Sample, command, one
from benchmarks.peers import environment
from benchmarks.serving import SCALE, Server, loopline

TITLE = "One large file to a server, and back"
CPU = "CPU, both sides"
ROUNDS = 5
SIZE_BYTES = max(1 << 20, int((1 << 30) * SCALE))
ABOUT = f"""
A file of {SIZE_BYTES / 2**20:,.0f} MiB of random bytes. Upload: the client hashes it, asks whether the project holds
it, and sends it; the server verifies, syncs and keeps it. Download: the client fetches it, verifies it and syncs it
to its folder of copies. Beside each what nobody can avoid who keeps a verified copy: `cp`, `sync` of the copy and
`sha256sum`, on the same disk. CPU is that of client and server together.
"""


def cases(place: Path) -> list[Case]:
    """The same bytes, another file each time, so that nobody has them yet."""
    env = environment(place / "home")
    (place / "client").mkdir()
    server = loopline(place / "ours", env, "--no-worker")
    server.ready()
    source = place / "source.bin"

    def fresh() -> None:
        with source.open("wb") as file:
            for _ in range(SIZE_BYTES // (1 << 20)):
                file.write(os.urandom(1 << 20))
            file.flush()
            os.fsync(file.fileno())

    def upload() -> Sample:
        fresh()
        return _both(
            server, lambda: one(OURS, "loopline_transfer", "up", server.url, source, cwd=place / "client", env=env)
        )

    def download() -> Sample:
        return _both(
            server, lambda: one(OURS, "loopline_transfer", "down", server.url, source, cwd=place / "client", env=env)
        )

    def copy() -> Sample:
        words = f"cp {source} {place}/copy.bin && sync {place}/copy.bin && sha256sum {place}/copy.bin"
        try:
            return command("sh", "-c", words, cwd=place, env=env)
        finally:
            (place / "copy.bin").unlink(missing_ok=True)

    return [
        Case("upload", "loopline", upload),
        Case("upload", "cp", copy, "`cp`, `sync`, `sha256sum`"),
        Case("download", "loopline", download),
        Case("download", "cp", copy, "`cp`, `sync`, `sha256sum`"),
    ]


def _both(server: Server, run: Callable[[], Sample]) -> Sample:
    before = server.cpu()
    sample = run()
    return Sample(sample.cpu + server.cpu() - before, sample.wall)


def notes(measured: list[Measured]) -> str:
    """Say it in bytes a second."""
    said = [
        f"{one.what}, {one.who}: {SIZE_BYTES / one.median('wall') / 1000:,.0f} MB/s" for one in measured if one.median("wall")
    ]  # fmt: skip
    return "; ".join(said) + "."
