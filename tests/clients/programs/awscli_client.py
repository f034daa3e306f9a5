"""What somebody types with the AWS CLI: make a bucket, copy, synchronise, list, move, remove; and what its API commands say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

address, pem, bucket = sys.argv[1:]
os.environ |= {
    "AWS_CA_BUNDLE": pem, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_ENDPOINT_URL_S3": address,
}  # fmt: skip

from awscli.clidriver import create_clidriver  # noqa: E402 (after what it reads of the environment)


def aws(*words: str) -> str:
    """Run a command, which must do."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = create_clidriver().main(list(words))
    assert code == 0, (words, code)
    return said.getvalue()


folder = Path(tempfile.mkdtemp())
(folder / "data" / "jan").mkdir(parents=True)
(folder / "data" / "jan" / "a b.csv").write_text("hello")
(folder / "data" / "big").write_bytes(big := os.urandom(9 << 20))
aws("s3", "mb", f"s3://{bucket}")
aws("s3", "sync", str(folder / "data"), f"s3://{bucket}/in", "--quiet")
said = {"again": aws("s3", "sync", str(folder / "data"), f"s3://{bucket}/in")}
aws("s3", "cp", f"s3://{bucket}/in/big", str(folder / "back"), "--quiet")
said["same"] = (folder / "back").read_bytes() == big
aws("s3", "mv", f"s3://{bucket}/in/jan/a b.csv", f"s3://{bucket}/out/a.csv", "--quiet")
said["ls"] = [line.split()[-1] for line in aws("s3", "ls", f"s3://{bucket}", "--recursive").splitlines()]
said["type"] = json.loads(aws("s3api", "head-object", "--bucket", bucket, "--key", "out/a.csv"))["ContentType"]
parts = json.loads(
    aws(
        "s3api",
        "get-object-attributes",
        "--bucket",
        bucket,
        "--key",
        "in/big",
        "--object-attributes",
        "ObjectParts",
        "ObjectSize",
    )
)
said["attributes"] = [parts["ObjectParts"]["TotalPartsCount"], parts["ObjectSize"]]
said["location"] = aws("s3api", "get-bucket-location", "--bucket", bucket)
aws("s3", "rm", f"s3://{bucket}", "--recursive", "--quiet")
aws("s3", "rb", f"s3://{bucket}")
print(json.dumps(said))
