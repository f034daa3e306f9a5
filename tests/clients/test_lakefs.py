"""lakeFS's own clients, unmodified, against our face."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients
API = "/lakefs/api/v1"


def add_many(folder: Path) -> None:
    """Publish 10,000 files as `data/lots`, beside the server that runs."""
    for number in range(10_000):
        path = folder / "data" / "lots" / f"d{number // 100:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    main = "import sys; from loopline.cli.entry import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", main, "add", "data/lots"], cwd=folder, check=True, capture_output=True)


def test_the_sdk_lives_a_whole_story(client: Client, server: str, tmp_path: Path) -> None:
    """Objects, pages, branches, commits, diffs, merges with conflicts, reverts, picks, tags, transactions, imports, sessions."""
    add_many(tmp_path)
    said = json.loads(client("lakefs", "lakefs_client.py", f"{server}{API}", "any", "thing"))
    assert (said["again"], said["presign"], said["gone"]) == ("flights", False, "repository not found")
    assert said["stat"] == [5_120_000, "application/x-big", {"source": "export"}]
    assert (said["range"], said["behind"], said["lines"]) == ([232, 233, 234, 235], [], ["id,delay", "1,7"])
    assert (said["exclusive"], said["missing"]) == ("ObjectExistsException", "NotFoundException")
    assert (said["form"], said["signed"], said["presigned"], said["head"]) == ([9, "a"], 13, "by an address", "13")
    assert (said["pages"], said["level"], said["page"]) == ([7, 30], ["many/", "raw/"], [True, "many/04", 5])
    assert (said["lots"], said["by"]) == ([10_000, True, 1000], [100, 100])
    assert said["commit"] == ["first", {"month": "july"}, 64, 1]
    changes = [["changed", "raw/a.csv"], ["removed", "raw/form.txt"], ["added", "raw/new.csv"]]
    assert (said["changes"], said["diff"], said["parents"]) == (changes, changes, True)
    assert said["log"] == ["bring dev", "second", "first", "Repository created"]
    assert (said["nothing"], "raw/a.csv" in said["conflict"]) == ("merge: no changes", True)
    assert (said["seen"], said["source"], said["reverted"]) == ([["conflict", "raw/a.csv"]], "dev", ["main", True])
    assert (said["picked"], said["ids"], said["objects"]) == ("only this", [True, True], ["only this"])
    assert said["tag"] == [True, ["v1"], ["dev", "main"]]
    assert (said["reset"], said["copy"], said["deleted"]) == ([], {"source": "export"}, [["removed", "raw/new.csv"]])
    assert (said["transaction"], said["moved"][1]) == ([True, ["dev", "main"]], "all or nothing")
    assert said["imported"] == [True, 101, "import lots", {"from": "lots"}]
    assert (said["files"], "server.register_from" in said["foreign"]) == ([100, "800"], True)
    assert (said["session"], said["repositories"]) == (said["version"], ["flights", "lots"])


def test_a_filesystem_lives_on_it(client: Client, server: str) -> None:
    """Files and folders are what they are for fsspec, and a transaction of it is a branch, a commit and a merge."""
    said = json.loads(client("lakefs", "lakefs_spec_client.py", f"{server}{API}", "any", "thing"))
    assert said["find"] == ["flights/main/in/big", "flights/main/in/jan/a b.csv"]
    assert (said["ls"], said["info"]) == (["flights/main/in/big", "flights/main/in/jan/"], [5_000_000, "directory"])
    assert said["checksum"] == md5(b"0123456789" * 500_000).hexdigest()
    assert said["exists"] == [True, True, False, True, False]
    assert (said["range"], said["tail"], said["text"], said["empty"]) == ("5678", "789", "written", 0)
    assert (said["transaction"], said["reverted"]) == ([True, True, ["main"]], True)
    assert said["log"][2:] == ["wrong", "all or nothing"]
    assert said["left"] == [f"flights/main/{name}" for name in ("copy.txt", "empty", "out.txt", "tx.txt")]
    assert (said["branches"], said["back"], said["missing"]) == (["fresh", "main"], "in", True)


READ = {
    "models": {
        "Commit": ["id", "parents", "committer", "message", "creation_date", "metadata", "generation"],
        "ObjectStats": ["path", "physical_address", "checksum", "size_bytes", "metadata", "content_type"],
        "Diff": ["type", "path", "size_bytes"],
        "DiffList": ["results", "pagination"],
        "Ref": ["id", "commit_id"],
        "Pagination": ["has_more", "next_offset"],
        "Error": ["message"],
    },
    "operations": {
        "RefsApi.log_commits": ["ref", "after", "amount"],
        "RefsApi.diff_refs": ["left_ref", "right_ref", "type", "after", "amount"],
        "ObjectsApi.list_objects": ["ref", "user_metadata", "after", "amount"],
        "ObjectsApi.stat_object": ["ref", "path", "user_metadata"],
        "ObjectsApi.get_object": ["ref", "path"],
        "BranchesApi.diff_branch": ["branch", "amount"],
        "BranchesApi.list_branches": ["after", "amount"],
        "TagsApi.list_tags": ["after", "amount"],
    },
}
"""What an import of a repository reads (`sdk/lakefs_import.py`), and how it asks."""


def test_an_import_reads_what_lakefs_says(client: Client) -> None:
    """Each field that is read and each word of a question is one of the API's own models and operations."""
    assert json.loads(client("lakefs", "lakefs_models.py", given=json.dumps(READ))) == []
