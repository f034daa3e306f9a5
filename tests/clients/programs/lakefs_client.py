"""Work with a repository as lakeFS's own SDKs do. Words: the API's address, a key, its secret. Prints JSON."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

import lakefs
import lakefs_sdk
from lakefs.client import Client
from lakefs.exceptions import (
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    ObjectExistsException,
)

address, key, secret = sys.argv[1:]
client = Client(host=address, username=key, password=secret)
said: dict[str, Any] = {"version": client.version, "presign": client.storage_config.pre_sign_support}


def refused(kind: type[Exception], call: Any, *args: Any, **asked: Any) -> str:
    """Give the words of a refusal that must come."""
    try:
        call(*args, **asked)
    except kind as error:
        return str(getattr(error, "body", {}).get("message", "")) or kind.__name__
    return "not refused"


repo = lakefs.Repository("flights", client=client).create(storage_namespace="s3://any/flights")
said["again"] = repo.create(storage_namespace="s3://any/flights", exist_ok=True).properties.id
main = repo.branch("main")

# objects: text, ranges, metadata, exclusive writes, 10,000 of them in pages
main.object("raw/big.bin").upload(
    bytes(range(256)) * 20_000, content_type="application/x-big", metadata={"source": "export"}
)
stat = main.object("raw/big.bin").stat()
said["stat"] = [stat.size_bytes, stat.content_type, stat.metadata]
with main.object("raw/big.bin").reader(mode="rb") as reader:
    reader.seek(1000)
    said["range"] = list(reader.read(4))
    reader.seek(5_120_000 + 5)
    said["behind"] = list(reader.read(4))
with main.object("raw/a.csv").writer(mode="w") as writer:
    writer.write("id,delay\n1,7\n")
said["lines"] = [line.strip() for line in main.object("raw/a.csv").reader(mode="r")]
said["exclusive"] = refused(ObjectExistsException, main.object("raw/a.csv").upload, b"x", mode="xb")
said["missing"] = refused(NotFoundException, main.object("never").stat)
api = client.sdk_client.objects_api
form = api.upload_object("flights", "main", "raw/form.txt", content=b"by a form")
said["form"] = [form.size_bytes, api.get_object("flights", "main", "raw/form.txt", range="bytes=3-3").decode()]
said["signed"] = (
    main.object("raw/signed").upload(b"by an address", pre_sign=True, metadata={"k": "v"}).stat().size_bytes
)
with main.object("raw/signed").reader(pre_sign=True) as reader:
    said["presigned"] = reader.read().decode()
said["head"] = api.head_object_with_http_info("flights", "main", "raw/a.csv").headers["Content-Length"]
for number in range(30):
    main.object(f"many/{number:02}").upload(b"x")
first = main.commit("first", metadata={"month": "july"})
said["uncommitted"] = [one.path for one in main.uncommitted()]
said["pages"] = [len(list(main.objects(prefix="many/", max_amount=7))), len(list(main.objects(prefix="many/")))]
said["level"] = [one.path for one in main.objects(delimiter="/")]
page = api.list_objects("flights", "main", amount=5, prefix="many/")
said["page"] = [page.pagination.has_more, page.pagination.next_offset, len(page.results)]

lots = lakefs.Repository("lots", client=client).branch("main")
names = [one.path for one in lots.objects()]
said["lots"] = [len(names), names == sorted(set(names)), len(list(lots.objects(after=names[8999])))]
said["by"] = [len(list(lots.objects(delimiter="/"))), len(list(lots.objects(prefix="d07/", delimiter="/")))]

# branches, commits, merges
commit = first.get_commit()
said["commit"] = [commit.message, commit.metadata, len(commit.id), len(commit.parents)]
dev = repo.branch("dev").create("main")
said["exists"] = refused(ConflictException, repo.branch("dev").create, "main")
dev.object("raw/a.csv").upload("id,delay\n1,8\n")
dev.object("raw/new.csv").upload("new")
dev.object("raw/form.txt").delete()
said["changes"] = [[one.type, one.path] for one in dev.uncommitted()]
second = dev.commit("second")
said["diff"] = [[one.type, one.path] for one in main.diff(dev)]
merged = dev.merge_into(main, message="bring dev")
said["log"] = [one.message for one in main.log()]
said["parents"] = list(main.get_commit().parents) == [first.id, second.id]
said["nothing"] = refused(BadRequestException, dev.merge_into, main)
main.object("raw/a.csv").upload("main")
main.commit("main says")
dev.object("raw/a.csv").upload("dev")
dev.commit("dev says")
said["conflict"] = refused(ConflictException, dev.merge_into, main)
said["seen"] = [[one.type, one.path] for one in main.diff(dev)]
dev.merge_into(main, strategy="source-wins")
said["source"] = main.object("raw/a.csv").reader(mode="r").read()
reverted = main.revert("main", parent_number=1)
said["reverted"] = [main.object("raw/a.csv").reader(mode="r").read(), reverted.id == main.get_commit().id]
dev.object("raw/only.csv").upload("only")
dev.commit("only this")
said["picked"] = main.cherry_pick("dev").message
said["ids"] = [repo.ref(merged[:16]).get_commit().id == merged, repo.ref("main~1").get_commit().id == reverted.id]
said["objects"] = [one.message for one in main.log(objects=["raw/only.csv"])]

# tags, resets, copies, deletions, transactions
tag = repo.tag("v1").create(main)
said["tag"] = [
    tag.get_commit().id == main.get_commit().id,
    [one.id for one in repo.tags()],
    [one.id for one in repo.branches()],
]
main.object("raw/reset").upload("x")
main.reset_changes("object", "raw/reset")
said["reset"] = [one.path for one in main.uncommitted()]
main.object("raw/big.bin").copy("main", "copy.bin")
said["copy"] = main.object("copy.bin").stat().metadata
main.delete_objects(["copy.bin", "raw/new.csv"])
said["deleted"] = [[one.type, one.path] for one in main.uncommitted()]
main.reset_changes()
with main.transact(commit_message="all or nothing", tag="done") as tx:
    tx.object("tx.csv").upload("1")
said["transaction"] = [main.object("tx.csv").exists(), [one.id for one in repo.branches()]]
said["moved"] = [one.message for one in repo.ref("done").log(max_amount=2)]

# an import of another repository's files
manager = main.import_data(commit_message="import lots", metadata={"from": "lots"})
manager.prefix("lakefs://lots/main/d07/", "in/").object("s3://lots/main/d08/00800", "one.txt")
imported = manager.run(timedelta(milliseconds=50))
said["imported"] = [imported.completed, imported.ingested_objects, imported.commit.message, imported.commit.metadata]
said["files"] = [len(list(main.objects(prefix="in/"))), main.object("one.txt").reader(mode="r").read()]
said["foreign"] = refused(ForbiddenException, main.import_data("x").object("s3://elsewhere/a", "a").start)

# the session of a login, and what else clients ask
session = client.sdk_client.auth_api.login(lakefs_sdk.LoginInformation(access_key_id=key, secret_access_key=secret))
said["session"] = Client(host=address, access_token=session.token).version
said["repositories"] = [one.id for one in lakefs.repositories(client=client)]
said["metadata"] = repo.metadata
tag.delete()
dev.delete()
repo.delete()
said["gone"] = refused(NotFoundException, repo.branch("main").get_commit)
print(json.dumps(said))
