"""What a front writes down: columns that are redacted never reach the disk, and what is not sampled is only counted."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from loopline.errors import Unavailable
from loopline.faces.status import status_of
from loopline.nouns.quality import Labelled
from loopline.nouns.service import Recording
from loopline.nouns.signature import Column, Signature
from loopline.serving.desired import Desired
from loopline.serving.split import sampled
from loopline.signals.labelling import take
from loopline.signals.labels import Label
from loopline.signals.queries import Filter, find
from loopline.signals.sealing import seal
from tests.mounting import mounted
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


def test_a_full_disk_costs_records_and_no_request(tmp_path: Path) -> None:
    """Every request is answered in time, what is lost is counted and told, labels are refused, and with room all goes on."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=1m", "loopline-test"):
        desired = replace(naughty(tmp_path / "models", 0), signals=str(home / "signals"))
        with fronted(desired) as front:
            first = front.predict(1.0).json()["id"]
            until(home / "signals", 1)
            ballast = fill(home)
            records = [{"x": 1.0, "pad": "x" * (2 << 20)}]
            took = []
            for _ in range(20):
                began = time.perf_counter()
                assert front.post("/predict", {"records": records}).status == 200
                took.append(time.perf_counter() - began)
            assert max(took) < 5
            said = front.until(lambda one: one.dropped > 0 and os.strerror(errno.ENOSPC) in one.message)
            assert said.ready
            told = front.pool.request("GET", "/metrics").data.decode()
            assert (
                float(re.findall(r"^loopline_service_records_dropped_total.* (.+)$", told, re.MULTILINE)[0])
                >= said.dropped
            )
            with pytest.raises(Unavailable) as refused:
                take(home / "signals", [Label(1.0, n, 0, id=f"{first}:{n}") for n in range(500)])
            assert (refused.value.kind, status_of(refused.value)) == ("disk-full", 507)
            ballast.unlink()
            subprocess.run(["mount", "-o", "remount,size=80m", str(home)], check=True)
            front.until(lambda one: os.strerror(errno.ENOSPC) not in one.message)
            last = front.predict(2.0).json()["id"]
            until(home / "signals", 3)
            assert take(home / "signals", [Label(1.0, 1, 0, id=f"{last}:0")]) == Labelled(1)
            assert front.until(lambda one: f"{one.dropped} records" in one.message).pids == said.pids
            kept = {one.id: one.label for one in find(home / "signals", "s", Filter(), limit=100)}
            assert (kept[f"{first}:0"], kept[f"{last}:0"]) == (None, 1.0)


def fill(home: Path) -> Path:
    """Take all the room."""
    ballast = home / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return ballast


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
