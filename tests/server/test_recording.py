"""What a front writes down: columns that are redacted never reach the disk, and what is not sampled is only counted."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from loopline.nouns.service import Recording
from loopline.nouns.signature import Column, Signature
from loopline.serving.desired import Desired
from loopline.serving.split import sampled
from loopline.signals.queries import Filter, find
from loopline.signals.sealing import seal
from tests.server.fronting import fronted, naughty
from tests.server.naughty import RAISE

SECRET = 98765.4321
INFER = "/v2/models/n/infer"


def recorded(root: Path, recording: Recording, **of_service: Any) -> Desired:
    """A service of two columns that keeps records under `root`."""
    desired = naughty(root / "models", 0, recording=recording, **of_service)
    signature = Signature((Column("x", "FP64"), Column("secret", "FP64")), (Column("predict", "FP64"),))
    arms = tuple(replace(arm, signature=signature) for arm in desired.service.arms)
    return replace(desired, service=replace(desired.service, arms=arms), signals=str(root / "signals"))


def asked(x: float, *, matrix: str = "") -> tuple[bytes, dict[str, str]]:
    """A request, with one raw matrix in place of two columns where that has a name."""
    if not matrix:
        return json.dumps({"records": [{"x": x, "secret": SECRET}]}).encode(), {}
    raw = struct.pack("<dd", x, SECRET)
    tensor = {"name": matrix, "shape": [1, 2], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + raw, {"Inference_Header_Content_Length": str(len(head))}


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Everything that lies there."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def until(folder: Path, count: int) -> None:
    """Wait until so many predictions are written."""
    end = time.monotonic() + 10
    while len(find(folder, "s", Filter(), limit=100)) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_redacted_column_never_reaches_the_disk(tmp_path: Path) -> None:
    """Neither as a column, in a matrix, under a name that nobody knows, nor in the words of an error; its unit is hashed."""
    forms = (struct.pack(">d", SECRET), struct.pack("<d", SECRET), str(SECRET).encode(), b"98765")
    desired = recorded(tmp_path, Recording(redact=("secret",)), unit=("secret",))
    folder = Path(desired.signals)
    with fronted(desired) as front:
        for x, matrix in ((1.0, ""), (2.0, "input-0"), (3.0, "x"), (RAISE, "")):
            body, headers = asked(x, matrix=matrix)
            said = front.post(INFER if matrix else "/predict", body, **headers)
            assert said.status == (500 if x == RAISE else 200), said.data
        assert front.post("/predict", {"records": [{"x": 5.0, "Secret": SECRET}]}).status == 400
        assert front.post("/predict", {"records": [{"x": 6.0, "secret": f"{SECRET} hush"}]}).status == 400
        until(folder, 6)
        segments = [data for path, data in written(folder) if "segments" in path.parts]
        assert segments
        assert not [form for data in segments for form in forms if form in data]
    assert seal(folder).rows == 6
    assert not [path for path, data in written(folder) for form in forms if form in data]
    (part,) = folder.rglob("*.parquet")
    table = pq.ParquetFile(part).read()
    assert sorted(one for one in table.column_names if one[:3] == "in.") == ["in.x"]
    assert SECRET not in [value for row in table.to_pylist() for value in row.values()]
    assert sorted(one for one in table["in.x"].to_pylist() if one is not None) == [1.0, 2.0, 3.0, 5.0, 6.0, RAISE]
    assert {"model-raised", "input-missing"} < set(table["error"].to_pylist())
    assert len({unit for unit in table["unit"].to_pylist() if unit}) == 2


def test_what_is_not_sampled_is_counted_and_not_kept(tmp_path: Path) -> None:
    """The hash of its id chooses a request; /metrics counts each."""
    desired = recorded(tmp_path, Recording(sample=0.5))
    folder = Path(desired.signals)
    with fronted(desired) as front:
        ids = [front.post("/predict", asked(1.0)[0]).json()["id"] for _ in range(40)]
        chosen = sorted(f"{one}:0" for one in ids if sampled(one, 0.5))
        until(folder, len(chosen))
        told = front.pool.request("GET", "/metrics").data.decode()
    assert 'status="200",version="model/n@1"} 40.0' in told
    assert 'loopline_service_records_dropped_total{project="p",ref="service/n@prod"} 0.0' in told
    assert sorted(one.id for one in find(folder, "s", Filter(), limit=100)) == chosen
    assert 0 < len(chosen) < 40
