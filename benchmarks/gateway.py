"""gateway: objects by S3, small ones and a large one."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from benchmarks.measure import OURS, Case, Measured, Sample, command, one
from benchmarks.peers import environment
from benchmarks.serving import SCALE, Server, loopline, scaled

TITLE = "Objects by S3"
CPU = "Server's CPU"
ROUNDS = 5
MANY = 400
BIG_BYTES = max(16 << 20, int((256 << 20) * SCALE))
ABOUT = f"""
Figures per object. boto3 with eight threads puts and gets {MANY} objects of 64 KiB, and one of {BIG_BYTES / 2**20:,.0f} MiB
in parts of 16 MiB by four threads. CPU is the server's; the time that passed holds boto3's own work, on the same two
cores. Loopline makes every write durable (each blob is synced, and the row that names it), hashes by sha256 and md5,
and joins parts by copying; moto's server keeps objects in memory and syncs nothing. Beside the large object what nobody
can avoid who keeps a copy and knows its hash: `cp`, `sync` of the copy and `sha256sum`.
"""


def cases(place: Path) -> list[Case]:
    """Two servers, four things to do, and the limit of the large one."""
    env = environment(place / "home")
    ours = loopline(place / "ours", env, "--no-worker")
    moto = Server(OURS.parent / "moto_server", "-p", "{port}", cwd=place / "moto", env=env, health="/moto-api/")
    for server in (ours, moto):
        server.ready()
    addresses = {"loopline": (ours, f"{ours.url}/s3"), "moto": (moto, moto.url)}
    source = place / "source.bin"
    source.write_bytes(bytes(range(256)) * (BIG_BYTES // 256))

    def copy() -> Sample:
        words = f"cp {source} {place}/copy.bin && sync {place}/copy.bin && sha256sum {place}/copy.bin"
        return command("sh", "-c", words, cwd=place, env=env)

    def asked(way: str, much: int, who: str) -> Sample:
        server, address = addresses[who]
        before = server.cpu()
        sample = one(OURS, "s3_client", way, address, much, cwd=place, env=env)
        time.sleep(0.05)  # the kernel counts in ticks
        return Sample(server.cpu() - before, sample.wall, sample.count)

    what = (
        ("put 64 KiB", "put", scaled(MANY)), ("get 64 KiB", "get", scaled(MANY)),
        (f"put {BIG_BYTES >> 20} MiB", "putbig", BIG_BYTES), (f"get {BIG_BYTES >> 20} MiB", "getbig", BIG_BYTES),
    )  # fmt: skip
    every = [Case(name, who, partial(asked, way, much, who)) for name, way, much in what for who in addresses]
    return [*every, Case(f"put {BIG_BYTES >> 20} MiB", "cp", copy, "`cp`, `sync`, `sha256sum`")]


def notes(measured: list[Measured]) -> str:
    """Say it in objects and bytes a second."""
    small = [f"{m.what}, {m.who}: {1000 / m.median('wall'):,.0f} a second" for m in measured if "KiB" in m.what]
    big = [
        f"{m.what}, {m.who}: {BIG_BYTES / m.median('wall') / 1000:,.0f} MB/s" for m in measured if "KiB" not in m.what
    ]
    return "; ".join([*small, *big]) + "."
