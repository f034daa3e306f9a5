"""The real DVC: our S3 door as its remote, its repositories adopted here, and versions of ours given back to it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from .conftest import installed

pytestmark = pytest.mark.clients

ODD = {
    "a.csv": b"id,delay\n1,2\n",
    "empty": b"",
    "jan/a b.csv": b"same\r\nlines\r\n",
    "jan/\u00fcber/\u6587.txt": b"\xff\xfe\x00binary",
    "jan/quote'\" #&+%.bin": os.urandom(3 << 20),
}


class Project:
    """A folder under Git and DVC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def new(cls, folder: Path) -> Project:
        """Make an empty one."""
        folder.mkdir()
        project = cls(folder)
        project.git("init", "-q", "-b", "main")
        project.dvc("init", "-q")
        project.commit("begin")
        return project

    def run(self, *words: str) -> str:
        """Run a program in it and give what it printed."""
        done = subprocess.run(
            words, check=False, cwd=self.folder, capture_output=True, text=True, timeout=100,
            env={
                "PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "DVC_NO_ANALYTICS": "1", "DVC_GLOBAL_CONFIG_DIR": "/none",
                "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-west-3",
                "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site"),
            },
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout

    def git(self, *words: str) -> str:
        """Ask git."""
        return self.run("git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *words)

    def dvc(self, *words: str) -> str:
        """Ask DVC."""
        return self.run(str(installed("dvc").parent / "dvc"), *words)

    def commit(self, message: str) -> None:
        """Commit all that Git sees."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def write(self, folder: str, files: dict[str, bytes]) -> None:
        """Write files below a folder."""
        for path, data in files.items():
            file = self.folder / folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def read(self, folder: str) -> dict[str, bytes]:
        """Read all files below a folder."""
        top = self.folder / folder
        return {str(file.relative_to(top)): file.read_bytes() for file in top.rglob("*") if file.is_file()}


def objects(server: str) -> int:
    """Count what the bucket holds."""
    with urlopen(f"{server}/s3/dvc-flights?list-type=2", timeout=30) as answer:
        return int(answer.read().count(b"<Contents>"))


def test_our_door_is_a_remote_of_dvc(server: str, tmp_path: Path) -> None:
    """A project is pushed into a bucket that is a branch, another clone gets it from there, and what nobody needs is removed."""
    with urlopen(Request(f"{server}/s3/dvc-flights", method="PUT"), timeout=30) as answer:
        assert answer.status == 200
    one = Project.new(tmp_path / "one")
    one.dvc("remote", "add", "-q", "-d", "door", "s3://dvc-flights/dvc")
    one.dvc("remote", "modify", "-q", "door", "endpointurl", f"{server}/s3")
    one.write("data", ODD)
    one.dvc("add", "-q", "data")
    one.commit("January")
    assert "new" in one.dvc("status", "-c")
    assert "6 files pushed" in one.dvc("push")
    assert "in sync" in one.dvc("status", "-c")
    assert "Everything is up to date" in one.dvc("push")
    other = Project(tmp_path / "other")
    one.git("clone", "-q", str(one.folder), str(other.folder))
    assert "6 files fetched" in other.dvc("fetch")
    other.dvc("checkout", "-q")
    assert other.read("data") == ODD
    before = objects(server)
    other.write("data", {"a.csv": b"id,delay\n1,3\n"})
    other.dvc("add", "-q", "data")
    other.dvc("push", "-q")
    assert objects(server) == before + 2
    other.dvc("gc", "-q", "-w", "-c", "-f")
    assert objects(server) == before
    assert "in sync" in other.dvc("status", "-c")
