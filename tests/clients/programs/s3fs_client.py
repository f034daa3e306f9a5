"""What a program does with s3fs: writes small and large files, lists, reads ranges, copies, moves, removes."""

from __future__ import annotations

import json
import os
import sys

address, pem, bucket = sys.argv[1:]
os.environ["AWS_CA_BUNDLE"] = pem

import s3fs  # noqa: E402 (after what it reads of the environment)

fs = s3fs.S3FileSystem(key="any", secret="any", endpoint_url=address, client_kwargs={"region_name": "eu-west-3"})
fs.mkdir(bucket)
fs.pipe(f"{bucket}/jan/a b.csv", b"hello")
big = os.urandom(11 << 20)
with fs.open(f"{bucket}/big", "wb", block_size=5 << 20) as file:
    file.write(big)
fs.copy(f"{bucket}/jan/a b.csv", f"{bucket}/feb/a.csv")
fs.mv(f"{bucket}/feb/a.csv", f"{bucket}/mar/a.csv")
fs.touch(f"{bucket}/empty")
fs.invalidate_cache()
with fs.open(f"{bucket}/big", "rb") as file:
    file.seek(6 << 20)
    piece = file.read(100)
said = {
    "ls": sorted(name.partition("/")[2] for name in fs.ls(bucket, detail=False)),
    "find": sorted(name.partition("/")[2] for name in fs.find(bucket)),
    "glob": sorted(name.partition("/")[2] for name in fs.glob(f"{bucket}/*/*.csv")),
    "same": fs.cat(f"{bucket}/big") == big,
    "range": piece == big[6 << 20 : (6 << 20) + 100],
    "text": fs.cat(f"{bucket}/mar/a.csv").decode(),
    "size": fs.info(f"{bucket}/big")["size"],
    "is": [fs.exists(f"{bucket}/feb/a.csv"), fs.isdir(f"{bucket}/jan"), fs.isfile(f"{bucket}/empty")],
}
try:
    with fs.open(f"{bucket}/empty", "xb") as file:
        file.write(b"x")
except FileExistsError:
    said["exclusive"] = "refused"
fs.rm(bucket, recursive=True)
said["gone"] = not fs.exists(bucket)
print(json.dumps(said))
