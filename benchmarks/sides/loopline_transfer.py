"""Send a file to a server, or fetch it from there: words: up|down, address, file. Says what that cost this process."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys
import time
from pathlib import Path

from loopline.nouns.digest import Digest
from loopline.sdk.remote import Remote


def main(way: str, url: str, path: str) -> None:
    state = hashlib.sha256()
    if way == "down":
        with Path(path).open("rb") as file:
            while chunk := file.read(1 << 20):
                state.update(chunk)
    shutil.rmtree("work", ignore_errors=True)
    remote = Remote(url, project="bench", work=Path("work").absolute())
    began, before = time.perf_counter(), _cpu()
    if way == "up":
        remote.blobs.put_file(Path(path))
    else:
        for _ in remote.blobs.get(Digest("sha256:" + state.hexdigest())):
            pass
    wall, cpu = time.perf_counter() - began, _cpu() - before
    shutil.rmtree("work", ignore_errors=True)
    print(json.dumps({way: [cpu * 1000, wall * 1000, 1]}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
