"""A registry of OCI images for tests: Debian's `docker-registry`, on a port of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import cannot

USER, PASSWORD = "ann", "very-secret"
_HASH = "$2b$04$Mw2qzRZijxZSND2hapk.HuGCs7/OzBevjRTigxEdv7HChgGPWdga2"
"""Of PASSWORD, by bcrypt."""


@contextmanager
def registry(folder: Path, *, signed: bool = False, certificate: Path | None = None) -> Iterator[str]:
    """Run one that keeps its files in `folder`; give its host and port."""
    program = shutil.which("docker-registry")
    if program is None:
        cannot("there is no registry (Debian: apt-get install docker-registry)")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(f"{USER}:{_HASH}\n", encoding="utf-8")
    text = "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
    text += f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}, delete: {{enabled: true}}}}\n"
    tls = f", tls: {{certificate: {certificate}, key: {certificate.with_suffix('.key')}}}" if certificate else ""
    text += f"http: {{addr: '{host}', secret: tests{tls}}}\n"
    text += f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n" if signed else ""
    (folder / "config.yml").write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), 1).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        break
                    time.sleep(0.05)
            else:
                cannot("the registry does not start")
            yield host
        finally:
            process.terminate()
            process.wait(30)
