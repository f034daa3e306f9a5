"""What tests of pipelines share: a project on disk, and a place where its steps run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopline.nouns.digest import Digest
from loopline.pipelines.codecs import BUILT_IN
from loopline.pipelines.perform import Opening, Place
from loopline.store.local import LocalBlobs

PROJECT = '''
"""A project of a few steps."""
from __future__ import annotations
from typing import TYPE_CHECKING
import os
from loopline import step, pipeline
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.pipelines.inputs import Data, Model

if TYPE_CHECKING:
    from pathlib import Path

@step
def count(data: Data) -> int:
    return sum(len(path.read_text().splitlines()) for path in data.files())

@step(outputs=("low", "high"))
def split(n: int, by: int = 2) -> tuple[int, int]:
    return n // by, n - n // by

@step
def add(numbers: list[int], *, bonus: float = 0.0) -> float:
    return sum(numbers) + bonus

@step
def judge(total: float) -> Evaluation:
    return Evaluation((Estimate("total", total, n=1),))

@step
def wrong() -> int:
    return "text"

@step
def odd():
    return object()

@step
def boom(x=0):
    raise ValueError("broken on purpose")

@step(retries=2)
def flaky(path: str) -> str:
    with open(path, "a") as file:
        file.write("x")
    if os.path.getsize(path) < 3:
        raise OSError("not yet")
    return "done"

@step(timeout=0.2)
def slow() -> int:
    import time
    try:
        time.sleep(30)
    except Exception:
        return 1

@step
def where(data) -> list[str]:
    return [data.digest, str(data.number), type(data).__name__]

@step
def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

@step
def report() -> Path:
    from pathlib import Path
    Path("report.html").write_text("<p>hello</p>")
    return Path("report.html")

@step
def read(page) -> list[str]:
    return [page.name, page.read_text()]

@step
def lazy_import() -> int:
    import beside
    return beside.VALUE

@step
def none_or(model: Model | None) -> str:
    return "none" if model is None else str(model.value)

@pipeline
def total(data: Data = Data("data/numbers"), by: int = 2):
    low, high = split(count(data), by=by)
    sum_ = add([low, high], bonus=0.5)
    judge(sum_)
    return {"report/total": sum_}
'''


class JsonFolders:
    """Keeps a folder as one JSON blob: enough of `values.Folders` for these tests."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self.blobs = blobs
        self.fetched = 0

    def store(self, folder: Path) -> Digest:
        """Keep texts."""
        names = sorted(path for path in folder.rglob("*") if path.is_file())
        return self.blobs.put(
            json.dumps({str(one.relative_to(folder)): one.read_bytes().decode("latin-1") for one in names}).encode()
        )

    def fetch(self, digest: Digest, folder: Path) -> None:
        """Write texts."""
        self.fetched += 1
        for name, text in json.loads(self.blobs.read(digest)).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode("latin-1"))


def open_blobs(folder: str) -> LocalBlobs:
    """Open them as a worker does."""
    return LocalBlobs(Path(folder))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write the project."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "flow.py").write_text(PROJECT)
    (folder / "beside.py").write_text("VALUE = 5\n")
    return folder


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """Open a store."""
    return LocalBlobs(tmp_path / "store")


@pytest.fixture
def folders(blobs: LocalBlobs) -> JsonFolders:
    """Open it for folders."""
    return JsonFolders(blobs)


@pytest.fixture
def place(project: Path, tmp_path: Path) -> Place:
    """Say where workers find things."""
    home = "tests.pipelines.conftest"
    blobs = Opening(f"{home}:open_blobs", (str(tmp_path / "store"),))
    return Place(str(project), str(tmp_path / "cache"), blobs, Opening(f"{home}:JsonFolders"), tuple(BUILT_IN.items()))
