"""The real DVC: our S3 door as its remote, its repositories adopted here, and versions of ours given back to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.sdk.dvcmade import Made

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
                "PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "DVC_NO_ANALYTICS": "1",
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


def loopline(*words: str) -> Any:
    """Run a command of ours in this folder and give its result."""
    main = "import sys; from loopline.cli.entry import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", main, *words, "--json"], check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout, object_hook=lambda said: SimpleNamespace(**said)).result


def test_what_dvc_keeps_is_adopted_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What DVC has made becomes versions here, commit by commit; given to another repository, they have DVC's own hashes."""
    one, other = Project.new(tmp_path / "one"), Project.new(tmp_path / "other")
    one.write("data", ODD | {"run.sh": b"#!/bin/sh\n"})
    (one.folder / "data" / "run.sh").chmod(0o755)
    one.write(".", {"model.bin": os.urandom(1000), "on": b"a name\r\n"})
    one.dvc("add", "-q", "data", "model.bin", "on")
    one.commit("January")
    one.dvc("stage", "add", "-q", "-n", "count", "-o", "out", "mkdir out; ls data > out/list")
    one.dvc("repro", "-q")
    one.write("data", {"a.csv": b"id,delay\n1,3\n"})
    one.dvc("commit", "-q", "-f", "data.dvc")
    one.commit("February")
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(ours)
    told = {each.path: (each.state, each.versions) for each in loopline("adopt", "../one", "--history")}
    assert told == {path: ("adopted", 1 + (path == "data")) for path in ("data", "model.bin", "on", "out")}
    assert {each.state for each in loopline("adopt", "../one")} == {"unchanged"}
    for path in told:
        done = loopline("export", "dvc", f"data/{path}", f"../other/{path}")
        file = "dvc.lock" if path == "out" else f"{path}.dvc"
        assert done.value in (one.folder / file).read_text(encoding="utf-8")
    other.commit("from ours")
    other.dvc("checkout", "-q")
    for path in ("data", "out"):
        assert other.read(path) == one.read(path)
    assert "up to date" in other.dvc("status")
    other.dvc("remote", "add", "-q", "-d", "far", str(tmp_path / "far"))
    assert "11 files pushed" in other.dvc("push")
    assert {each.state for each in loopline("adopt", "../other", "--branch", "back")} == {"adopted"}
    for path in told:
        there, back = (loopline("get", f"data/{path}@{branch}").artifact.digest for branch in ("main", "back"))
        assert there == back


def test_a_repository_of_dvc_2_is_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC finds nothing wrong with one that was made by hand in its old layout, and neither do we."""
    made = Made(tmp_path / "old")
    (made.root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    text = {path: data for path, data in ODD.items() if len(data) < 1 << 20}
    made.add("raw", text, legacy=True)
    made.add("a.csv", b"1\r\n2\r\n", legacy=True)
    old = Project(made.root)
    old.dvc("checkout", "-q")
    assert "up to date" in old.dvc("status")
    assert old.read("raw") == text
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(tmp_path)
    assert {each.path: each.state for each in loopline("adopt", "old")} == {"raw": "adopted", "a.csv": "adopted"}
    shutil.rmtree(made.cache)
    assert {each.state for each in loopline("adopt", "old", "--branch", "work", "--home", "elsewhere")} == {"adopted"}
