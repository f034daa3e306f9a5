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

from loopline.errors import Invalid, Unavailable
from loopline.faces.status import status_of
from loopline.nouns.datatype import pack
from loopline.nouns.digest import digest_of
from loopline.nouns.quality import Labelled
from loopline.nouns.service import Arm, Recording, Service
from loopline.nouns.signature import Column, Signature
from loopline.server.recording import Records
from loopline.server.serving import Asking, Outcome
from loopline.serving.desired import Desired, Place
from loopline.serving.question import Given, Question
from loopline.serving.split import sampled
from loopline.signals.labelling import take
from loopline.signals.labels import Label
from loopline.signals.queries import Filter, find
from loopline.signals.rows import read
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


class Kept:
    """Records that are kept without a front: what was asked, and what lies on the disk then."""

    def __init__(self, root: Path, recording: Recording, *names: str, **of_service: Any) -> None:
        self.folder = root / "signals"
        self._records = Records(str(self.folder), lambda: 1_372_636_800_000_000)
        self._recording, self._of_service = recording, of_service
        self.arm("m", *names)

    def arm(self, name: str, *names: str, recording: Recording | None = None) -> None:
        """Let another arm answer, or one of a new version, with inputs of its own."""
        self._recording = recording or self._recording
        signature = Signature(tuple(Column(one, "FP64") for one in names), ())
        self._arm = Arm(name, "model/n@1", digest_of(b"n"), signature=signature)
        service = Service("service/n", (self._arm,), recording=self._recording, **self._of_service)
        self._desired = Desired("p", "service/n@prod", 1, "c", service, (Place("m"),), str(self.folder))

    def keep(self, name: str, rows: int, *columns: Given, units: tuple[str, ...] = (), error: Any = None) -> None:
        """Keep one question of this arm."""
        outputs = (
            []
            if error
            else [["predict", "FP64", [], pack("FP64", [0.5] * rows)], ["why", "BYTES", [], ["hush"] * rows]]
        )
        outcome = Outcome(self._arm, outputs, error, 0.001, 1, "c")
        self._records.keep(self._desired, Asking(Question(name, rows, columns), units, 0.0), outcome, 200)

    def read(self) -> tuple[bytes, dict[str, dict[str, Any]]]:
        """Give what was written: its bytes, and of each prediction what is there."""
        self._records.close()
        assert self._records.dropped == 0
        (data,) = [path.read_bytes() for path in self.folder.rglob("*.ready")]
        damaged: list[bytes] = []
        found = read(data, damaged).to_pylist()
        assert damaged == []
        return data, {
            row["id"]: {name: value for name, value in row.items() if value is not None and name[:3] in ("in.", "out")}
            for row in found
        }


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


def test_questions_of_all_shapes_are_kept_in_one_batch(tmp_path: Path) -> None:
    """A matrix as a list or as bytes, columns, several rows, no rows of a known width, an error: each is read as its own."""
    kept = Kept(tmp_path, Recording(), "x", "y")
    kept.keep("a", 1, Given("input", "FP64", 2, [1.5, 2.5]))
    kept.keep("b", 2, Given("input", "FP64", 2, pack("FP64", [1, 2, 3, 4])))
    kept.keep("c", 1, Given("y", "", 1, [7]), Given("x", "", 1, ["text"]))
    kept.keep("d", 1, Given("input", "FP64", 3, [1, 2, 3]))
    kept.keep("e", 1, Given("input", "BYTES", 2, ["u", "v"]), error=Invalid("no", kind="bad-type", hint="ask"))
    kept.arm("n", "z")
    kept.keep("f", 1, Given("input", "FP64", 1, [9.5]))
    made = {"out.predict": 0.5, "out.why": "hush"}
    assert kept.read()[1] == {
        "a:0": {"in.x": "1.5", "in.y": "2.5", **made},
        "b:0": {"in.x": "1.0", "in.y": "2.0", **made},
        "b:1": {"in.x": "3.0", "in.y": "4.0", **made},
        "c:0": {"in.x": "text", "in.y": "7", **made},
        "d:0": {"in.input[0]": 1, "in.input[1]": 2, "in.input[2]": 3, **made},
        "e:0": {"in.x": "u", "in.y": "v"},
        "f:0": {"in.z": 9.5, **made},
    }


def test_the_names_of_inputs_are_written_once_a_batch(tmp_path: Path) -> None:
    """A matrix goes in as it came: what a model calls its columns is no cost of each request."""
    names = [f"input_{at:02}" for at in range(20)]
    kept = Kept(tmp_path, Recording(), *names)
    for number in range(32):
        kept.keep(f"q{number}", 1, Given("input", "FP64", 20, [number + at / 4 for at in range(20)]))
    data, found = kept.read()
    assert [data.count(name.encode()) for name in names] == [2] * 20
    assert (len(found), found["q31:0"]["in.input_19"]) == (32, 35.75)


@pytest.mark.parametrize(
    "names", [("x", "secret"), ("secret", "x", "y"), ("x", "secret", "other"), ("secret", "other"), ()]
)
def test_nothing_redacted_is_in_a_batch(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Of a matrix in whatever form the rest is kept by its names; what a model does not know is left out with it."""
    hidden, width = {"secret", "other", "why"}, len(names)
    kept = Kept(tmp_path, Recording(redact=tuple(hidden)), *names, unit=("secret",))
    row = [SECRET if name in hidden else float(at) for at, name in enumerate(names)] or [SECRET] * 2
    rest = {f"in.{name}": value for name, value in zip(names, row, strict=False) if name not in hidden}
    many = len(row)
    kept.keep("a", 1, Given("input", "FP64", many, row), units=(str(SECRET),))
    kept.keep("b", 2, Given("x", "FP64", many, pack("FP64", row + row)))
    kept.keep("c", 1, Given("input", "FP64", many + 1, [*row, SECRET]))
    kept.keep("d", 1, *(Given(name, "", 1, [value]) for name, value in zip(names, row, strict=False)))
    kept.keep(
        "e", 1, Given("secret", "FP64", 1, [SECRET]), error=Invalid(f"{SECRET} is wrong", kind="bad-type", hint="")
    )
    kept.keep("f", 1, Given("input", "BYTES", many, b"\xff"), error=Invalid("cut", kind="bad-tensor", hint=""))
    if width:
        kept.keep("g", 1, Given("", "FP64", 1, [SECRET]), Given("Secret", "", 1, [SECRET]))
    data, found = kept.read()
    forms = (struct.pack(">d", SECRET), struct.pack("<d", SECRET), str(SECRET).encode(), b"hush", b"is wrong")
    assert [form for form in forms if form in data] == []
    told = {one: {name: value for name, value in row.items() if name[:3] == "in."} for one, row in found.items()}
    assert (told["a:0"], told["b:0"], told["b:1"], told["c:0"], told["d:0"]) == (rest, rest, rest, {}, rest)
    assert (told["e:0"], told["f:0"], told.get("g:0", {})) == ({}, {}, {})
    assert found["a:0"]["out.predict"] == 0.5


def test_a_new_version_is_kept_by_its_own_words(tmp_path: Path) -> None:
    """Its arm may have the name of one before, other inputs, and more that is redacted."""
    kept = Kept(tmp_path, Recording(), "x", "secret")
    kept.keep("a", 1, Given("input", "FP64", 2, [1.0, 2.0]))
    kept.arm("m", "y", "x")
    kept.keep("b", 1, Given("input", "FP64", 2, [3.0, 4.0]))
    kept.arm("m", "x", "secret", recording=Recording(redact=("secret", "predict", "why")))
    kept.keep("c", 1, Given("input", "FP64", 2, [5.0, SECRET]))
    data, found = kept.read()
    made = {"out.predict": 0.5, "out.why": "hush"}
    assert found == {
        "a:0": {"in.x": 1.0, "in.secret": 2.0, **made},
        "b:0": {"in.y": 3.0, "in.x": 4.0, **made},
        "c:0": {"in.x": 5.0},
    }
    assert struct.pack(">d", SECRET) not in data


def test_a_lone_column_is_not_renamed_where_another_is_redacted(tmp_path: Path) -> None:
    """What is left of two inputs says nothing about a column that is neither."""
    kept = Kept(tmp_path, Recording(redact=("secret",)), "x", "secret", unit=("tail",))
    kept.keep("a", 1, Given("tail", "FP64", 1, [4.5]))
    kept.arm("m", "x")
    kept.keep("b", 1, Given("input", "", 1, [5.5]))
    kept.keep("c", 1, Given("input", "FP64", 1, [6.5]))
    found = kept.read()[1]
    assert [(found[one].get("in.tail"), found[one].get("in.x")) for one in ("a:0", "b:0", "c:0")] == [
        (4.5, None), (None, None), (None, 6.5)
    ]  # fmt: skip


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
