"""`--dry-run`, on every command that there is."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from loopline.cli.commands import commands
from loopline.cli.main import main
from loopline.sdk.credentials import Credential, save
from tests.sdk.dvcmade import Made

FILE = """
    [project]
    name = "tiny"
    modules = ["tiny"]

    [data."data/tiny"]
    folder = "data"

    [[policies]]
    name = "champion"
    refs = ["model/*@champion"]
    approvals = { count = 1 }
"""
TINY = """
    from loopline import Data, pipeline, step

    @step
    def total(data: Data) -> int:
        return sum(int(word) for path in data.files() for word in path.read_text().split())

    @pipeline
    def train(data: Data = Data("data/tiny")):
        return {"model/total": total(data)}
"""
CHANGE, RUN, SERVER = "model/total@champion", "RUN", "http://127.0.0.1:9"
WORDS: dict[str, list[str]] = {
    "abort": ["service/total@prod", "--why", "no"],
    "about": [],
    "add": ["data/tiny", "data"],
    "adopt": ["../dvc"],
    "apply": [CHANGE],
    "approve": [CHANGE],
    "backup": ["../backup"],
    "blame": ["INCIDENT", "data/tiny@best", "--why", "it came with it"],
    "branch": ["data/tiny", "other"],
    "bucket": ["raw-tiny", "data/tiny@main"],
    "cancel": ["ffff"],
    "card": ["model/total@1"],
    "cat": ["data/tiny@1", "a.txt"],
    "check": [CHANGE],
    "checkout": ["data/tiny@1", "elsewhere"],
    "cherry_pick": ["data/tiny@1", "data/tiny@best"],
    "commit": ["data/tiny@main"],
    "comment": [CHANGE, "why?"],
    "compare": [RUN, "STARTED"],
    "acknowledge": ["0190"],
    "alerts": [],
    "assess": ["fairness", "no"],
    "insights": [],
    "respond": ["delivery", "4"],
    "completion": ["bash"],
    "config": [],
    "delete": ["report/notes@1"],
    "demo": ["../story"],
    "drift": ["service/total@prod"],
    "monitoring": ["service/total@prod"],
    "monitors": [],
    "traffic": ["service/total@prod"],
    "label": ["service/total@prod", "--row", '{"id": "q:0", "label": 1}'],
    "postmortem": ["OVER"],
    "predictions": ["service/total@prod"],
    "quality": ["service/total@prod"],
    "silence": ["service/*", "--why", "known"],
    "deploy": ["service/total@prod", "--model", "model/total@1"],
    "diff": ["data/tiny@1", "data/tiny@1"],
    "discard": ["data/tiny@main"],
    "doctor": [],
    "expect": ["data/tiny@1"],
    "feed": [],
    "find": ["runs"],
    "fire": ["nightly"],
    "export": ["dvc", "data/tiny@1", "../dvc/other"],
    "finish": ["STARTED"],
    "gc": ["--apply"],
    "get": ["report/notes@1", "copy.txt"],
    "grant": ["bo", "team/on-call"],
    "history": ["data/tiny"],
    "host": [],
    "impact": ["data/tiny@1"],
    "incident": ["Totals are late", "--caused-by", "data/tiny@best"],
    "init": ["../fresh"],
    "issue": ["laptop"],
    "log": ["STARTED", "--points", "loss=1", "--tags", "for=ann"],
    "login": [SERVER],
    "logout": [SERVER],
    "ls": [],
    "mcp": [],
    "merge": ["data/tiny@1", "data/tiny@best"],
    "merges": [],
    "migrate": [],
    "overview": [],
    "pause": ["service/total@prod"],
    "resume": ["service/total@prod"],
    "rollouts": [],
    "policy": ["--push", "--why", "again"],
    "preview": ["data/tiny@1", "a.txt"],
    "promote": [CHANGE, "--to", "1", "--why", "first"],
    "propose": ["model/total@best", "--to", "1", "--why", "first"],
    "put": ["report/notes", "notes.txt"],
    "redeliver": ["hook"],
    "register": ["data/other", "data"],
    "reopen": ["OVER", "--why", "late again"],
    "reproduce": [RUN],
    "resolve": ["INCIDENT", "--why", "in time again"],
    "retrace": ["data/tiny@best"],
    "restore": ["../backup"],
    "revert": ["data/tiny@1"],
    "review": [CHANGE],
    "revoke": ["TOKEN"],
    "rollback": ["data/tiny@best", "--why", "wrong"],
    "lock": [],
    "pull": ["data/tiny", "elsewhere"],
    "import_lakefs": ["flights", "--endpoint", SERVER],
    "push": ["data/tiny", "elsewhere"],
    "run": ["train", "--refresh"],
    "search": ["tiny"],
    "series": [RUN],
    "shell": [],
    "services": [],
    "show": [RUN],
    "stage": ["data/tiny@main"],
    "staged": ["data/tiny@main"],
    "start": ["train"],
    "experiment": ["delays", "--tag", "team=ops"],
    "annotate": ["data/tiny@1", "--tag", "reviewed=yes"],
    "status": [],
    "subscribe": ["https://chat.example.org/other", "--name", "other", "--secret", "env:HOOK"],
    "tag": ["v1", "data/tiny@1"],
    "tail": [RUN],
    "tick": [],
    "triggers": [],
    "undeploy": ["service/total@prod"],
    "unsubscribe": ["hook"],
    "up": [],
    "verify": [],
    "watch": ["data/tiny", "data"],
    "whoami": [],
    "why": ["model/total@1"],
    "withdraw": [CHANGE],
    "worker": [],
}
OTHERWISE = {
    "expect": "no-check",
    "import_lakefs": "source-unreachable",
    "pull": "store-missing",
    "abort": "rollout-over",
    "acknowledge": "no-alert",
    "apply": "policy",
    "cancel": "no-run",
    "deploy": "not-a-model",
    "drift": "bad-service",
    "fire": "no-trigger",
    "label": "bad-service",
    "monitoring": "bad-service",
    "pause": "rollout-over",
    "quality": "bad-service",
    "resume": "rollout-over",
}
"""How commands end that are not refused, and find nothing to do here."""


class Place:
    """A project in which there is one of everything, and a terminal in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "loopline.toml").write_text(dedent(FILE))
        (folder / "tiny.py").write_text(dedent(TINY))
        (folder / "data").mkdir()
        (folder / "data" / "a.txt").write_text("1 2 3\n")
        (folder / "notes.txt").write_text("after the July data\n")
        self.names: dict[str, str] = {}

    def fill(self) -> None:
        """Make one of everything."""
        save(SERVER, Credential("secret", "person:ann"))
        Made(self.folder.parent / "dvc").add("tiny", {"a.txt": b"1 2 3\n"})
        self.good("add", "data/tiny", "data")
        self.names["RUN"] = self.good("run", "train")["run"]["id"]
        self.names["STARTED"] = self.good("start", "by hand")["id"]
        self.names["TOKEN"] = self.good("issue", "server")["token"]["id"]
        self.good("put", "report/notes", "notes.txt")
        self.good("propose", "data/tiny@best", "--to", "1", "--why", "first")
        self.names["INCIDENT"] = self.good("incident", "Totals are late")["id"]
        self.names["OVER"] = self.good("incident", "Totals were late")["id"]
        self.good("resolve", self.names["OVER"], "--why", "in time again")
        self.good("put", "service/total", "notes.txt")
        self.good("propose", "service/total@prod", "--to", "1", "--why", "first")
        self.good("subscribe", "https://chat.example.org/hook", "--name", "hook", "--secret", "env:HOOK")
        self.good("policy", "--push", "--why", "rules")
        (self.folder / "loopline.toml").write_text(dedent(FILE) + "forbid_pickle = true\n")
        self.good("propose", CHANGE, "--to", "1", "--why", "first")

    def type(self, *words: str) -> tuple[int, str, str]:
        """Run one command here."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([self.names.get(word, word) for word in words])
        return code, out.getvalue(), err.getvalue()

    def good(self, *words: str) -> Any:
        """Run one that must work, and give its result."""
        code, out, err = self.type(*words, "--json")
        assert code in (0, 8), err
        return json.loads(out)["result"]

    def state(self) -> dict[str, object]:
        """Give every file around the project with its bytes, and every row of the ledger.

        Not what no row names: the cache, and bytes in the store, which a plan has to read from there.
        """
        files = {
            str(path.relative_to(self.folder.parent)): path.read_bytes() if path.is_file() else b""
            for path in self.folder.parent.rglob("*")
            if not path.name.startswith("ledger.db")
            and not path.is_relative_to(self.folder / ".loopline" / "cache")
            and not path.is_relative_to(self.folder / ".loopline" / "blobs")
        }
        with closing(sqlite3.connect(f"file:{self.folder}/.loopline/ledger.db?mode=ro", uri=True)) as rows:
            return {**files, **dict.fromkeys(rows.iterdump(), True)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project in which there is one of everything."""
    folder = tmp_path_factory.mktemp("place") / "tiny"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("USER", "ann")
        patch.setenv("XDG_CONFIG_HOME", str(folder.parent / "xdg"))
        patch.setattr(sys, "dont_write_bytecode", True)
        place = Place(folder)
        place.fill()
        yield place


def test_every_command_is_rehearsed_here() -> None:
    """Whoever adds a command says here how it is rehearsed."""
    assert {one.name for one in commands()} == {*WORDS}


@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_rehearsal_changes_nothing(place: Place, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--dry-run` a command works and leaves folder, ledger and logins as they are, or says that it cannot be rehearsed."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    before = place.state()
    code, out, err = place.type(name, *WORDS[name], "--dry-run", "--json")
    after = place.state()
    assert [one for one in {**before, **after} if before.get(one) != after.get(one)] == []
    if code == 0 or out:
        assert out or name == "logout"
    else:
        assert json.loads(err.splitlines()[-1])["error"]["kind"] == OTHERWISE.get(name, "no-dry-run")
