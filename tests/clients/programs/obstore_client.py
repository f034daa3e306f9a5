"""What a program does with obstore: puts, creates, gets ranges, lists with delimiters, copies, deletes."""

from __future__ import annotations

import json
import os
import sys

import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError
from obstore.store import S3Store

address, bucket = sys.argv[1:]
store = S3Store(
    bucket, endpoint=address, access_key_id="any", secret_access_key="any", region="eu-west-3",
    virtual_hosted_style_request=False, client_options={"allow_http": True},
)  # fmt: skip
said = {}
put = obstore.put(store, "jan/a b.csv", b"hello", attributes={"Content-Type": "text/csv"})
said["etag"] = put["e_tag"]
try:
    obstore.put(store, "jan/a b.csv", b"again", mode="create")
except AlreadyExistsError:
    said["create"] = "refused"
try:
    obstore.put(store, "jan/a b.csv", b"again", mode={"e_tag": '"other"'})
except PreconditionError:
    said["update"] = "refused"
obstore.put(store, "jan/a b.csv", b"again", mode={"e_tag": put["e_tag"]})
big = os.urandom(12 << 20)
obstore.put(store, "big", big, chunk_size=5 << 20)
obstore.copy(store, "jan/a b.csv", "feb/a.csv")
obstore.rename(store, "feb/a.csv", "mar/a.csv")
got = obstore.get(store, "jan/a b.csv")
said["attributes"] = dict(got.attributes)
said["text"] = bytes(got.bytes()).decode()
said["same"] = bytes(obstore.get(store, "big").bytes()) == big
said["ranges"] = [bytes(one) for one in obstore.get_ranges(store, "big", starts=[5, 900_000], lengths=[4, 3])] == [
    big[5:9], big[900_000:900_003],
]  # fmt: skip
said["list"] = [one["path"] for page in obstore.list(store) for one in page]
level = obstore.list_with_delimiter(store)
said["level"] = [sorted(level["common_prefixes"]), [one["path"] for one in level["objects"]]]
said["after"] = [one["path"] for page in obstore.list(store, offset="jan") for one in page]
obstore.delete(store, ["big", "jan/a b.csv"])
try:
    obstore.head(store, "big")
except (NotFoundError, FileNotFoundError):
    said["gone"] = True
print(json.dumps(said))
