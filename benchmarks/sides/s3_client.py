"""Put or get objects by S3: words: put|get|putbig|getbig, address, how many. Says what that cost this process."""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

SMALL = 64 << 10
PARTS = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=16 << 20, max_concurrency=4)


def main(way: str, url: str, much: int) -> None:
    """Do it `much` times, or with so many bytes, with eight threads."""
    s3 = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="bench", aws_secret_access_key="bench", region_name="us-east-1",
        config=Config(max_pool_connections=16),
    )  # fmt: skip
    if not any(one["Name"] == "bench-objects" for one in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket="bench-objects")
    bodies = [os.urandom(SMALL) for _ in range(much)] if way == "put" else []
    big = os.urandom(much) if way == "putbig" else b""
    count = 1 if "big" in way else much
    began, before = time.perf_counter(), _cpu()
    if way == "putbig":
        s3.upload_fileobj(io.BytesIO(big), "bench-objects", "big", Config=PARTS)
    elif way == "getbig":
        s3.download_fileobj("bench-objects", "big", _Nowhere(), Config=PARTS)
    else:
        with ThreadPoolExecutor(8) as pool:
            if way == "put":
                list(
                    pool.map(
                        lambda at: s3.put_object(Bucket="bench-objects", Key=f"small/{at}", Body=bodies[at]),
                        range(much),
                    )
                )
            else:
                list(
                    pool.map(
                        lambda at: s3.get_object(Bucket="bench-objects", Key=f"small/{at}")["Body"].read(), range(much)
                    )
                )
    wall, cpu = time.perf_counter() - began, _cpu() - before
    print(json.dumps({way: [cpu * 1000, wall * 1000, count]}))


class _Nowhere(io.RawIOBase):
    """Takes what comes, wherever it belongs, and keeps nothing."""

    def seekable(self) -> bool:
        return True

    def seek(self, at: int, _whence: int = 0) -> int:
        return at

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return len(data)  # type: ignore[arg-type]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
