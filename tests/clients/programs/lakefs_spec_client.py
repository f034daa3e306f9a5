"""Work with a repository as files, as lakeFS's filesystem for fsspec does. Words: the API's address, key, secret. Prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import lakefs
from lakefs_spec import LakeFSFileSystem

address, key, secret = sys.argv[1:]
host = {"host": address, "username": key, "password": secret}
fs = LakeFSFileSystem(**host, use_listings_cache=False)
repo = lakefs.Repository("flights", client=fs.client).create(storage_namespace="local://flights")
said: dict[str, Any] = {}
folder = Path(tempfile.mkdtemp())
(folder / "in" / "jan").mkdir(parents=True)
(folder / "in" / "jan" / "a b.csv").write_text("hello")
(folder / "in" / "big").write_bytes(b"0123456789" * 500_000)

fs.put(str(folder / "in") + "/", "lakefs://flights/main/in/", recursive=True)
said["find"] = fs.find("lakefs://flights/main/")
said["ls"] = sorted(one["name"] for one in fs.ls("flights/main/in/", detail=True))
said["info"] = [fs.info("flights/main/in/big")["size"], fs.info("flights/main/in/jan")["type"]]
said["checksum"] = fs.checksum("flights/main/in/big")
said["exists"] = [fs.exists(f"flights/{path}") for path in ("main/in/big", "main/in", "main/no", "main/", "never/")]
with fs.open("lakefs://flights/main/in/big", "rb") as file:
    file.seek(3_000_005)
    said["range"] = file.read(4).decode()
said["tail"] = fs.tail("lakefs://flights/main/in/big", 3).decode()
with fs.open("lakefs://flights/main/out.txt", "w", metadata={"k": "v"}) as file:
    file.write("written")
said["text"] = fs.read_text("lakefs://flights/main/out.txt")
fs.cp_file("lakefs://flights/main/out.txt", "lakefs://flights/main/copy.txt")
fs.touch("lakefs://flights/main/empty")
said["empty"] = fs.info("lakefs://flights/main/empty")["size"]
with fs.transaction("flights", "main") as tx:
    fs.write_text(f"lakefs://flights/{tx.branch.id}/tx.txt", "in")
    tx.tag(tx.commit(message="all or nothing"), "v1")
    fs.write_text(f"lakefs://flights/{tx.branch.id}/wrong.txt", "out")
    said["reverted"] = tx.revert(tx.branch, tx.commit(message="wrong")).message.startswith("Revert")
said["log"] = [one.message for one in repo.branch("main").log(max_amount=4)]
said["transaction"] = [
    fs.exists("flights/main/tx.txt"),
    fs.exists("flights/v1/tx.txt"),
    [one.id for one in repo.branches()],
]
fs.rm("lakefs://flights/main/in/", recursive=True)
said["left"] = fs.find("lakefs://flights/main/")
fs.write_text("lakefs://flights/fresh/a.txt", "on a branch that is made")
said["branches"] = [one.id for one in repo.branches()]
fs.get("lakefs://flights/v1/tx.txt", str(folder / "back.txt"))
said["back"] = (folder / "back.txt").read_text()
try:
    fs.read_text("lakefs://flights/main/never")
except FileNotFoundError:
    said["missing"] = True
print(json.dumps(said))
