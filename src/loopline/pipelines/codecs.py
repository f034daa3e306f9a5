"""codecs: how values become files and back. Equal values give equal bytes.

Each class keeps `values.Codec`'s promises, and comes in through the entry points `loopline.codecs` like anybody's.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from loopline.errors import Invalid
from loopline.nouns.artifact import BYTES, EVALUATION, JSON, TREE
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.nouns.expectation import read_observation

VALUE: Final = "value"
"""The file that a codec writes when its artifact is one blob."""

FRAME: Final = "application/vnd.loopline.frame.v1+parquet"
ARRAY: Final = "application/vnd.loopline.array.v1+npy"
TABLE: Final = "application/vnd.apache.parquet"

BUILT_IN: Final = {
    "json": "loopline.pipelines.codecs:JsonCodec",
    "text": "loopline.pipelines.codecs:TextCodec",
    "bytes": "loopline.pipelines.codecs:BytesCodec",
    "evaluation": "loopline.pipelines.codecs:EvaluationCodec",
    "file": "loopline.pipelines.codecs:FileCodec",
    "folder": "loopline.pipelines.codecs:FolderCodec",
    "frame": "loopline.pipelines.codecs:FrameCodec",
    "array": "loopline.pipelines.codecs:ArrayCodec",
    "table": "loopline.pipelines.codecs:TableCodec",
}


class _Text(ABC):
    """A codec whose artifact is made in memory."""

    def dump(self, value: Any, folder: Path) -> None:
        """Write the file."""
        (folder / VALUE).write_bytes(self.to_bytes(value))

    def load(self, folder: Path) -> Any:
        """Read the file."""
        return self.from_bytes((folder / VALUE).read_bytes())

    @abstractmethod
    def to_bytes(self, value: Any) -> bytes:
        """Make the bytes."""

    @abstractmethod
    def from_bytes(self, data: bytes) -> Any:
        """Make the value."""


class JsonCodec(_Text):
    """None, truth values, numbers, texts, and lists and dictionaries (with texts as keys) of them.

    Tuples are not among them, because they would come back as lists. Not-a-number and infinity are written as Python's
    json module writes them.
    """

    name = "json"
    media_type = JSON

    def matches(self, value: object) -> bool:
        """Look at every member."""
        if value is None or type(value) in (bool, int, float):
            return True
        return type(value) in (list, dict) and _is_json(value)

    def to_bytes(self, value: Any) -> bytes:
        """Write it with sorted keys: equal dictionaries give equal bytes, so their order is not kept."""
        return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

    def from_bytes(self, data: bytes) -> Any:
        """Read it."""
        return json.loads(data)


class TextCodec(_Text):
    """A text."""

    name = "text"
    media_type = "text/plain; charset=utf-8"

    def matches(self, value: object) -> bool:
        """Only a text itself: a subclass would lose its class."""
        return type(value) is str

    def to_bytes(self, value: str) -> bytes:
        """Encode it as UTF-8, lone surrogates included."""
        return value.encode("utf-8", "surrogatepass")

    def from_bytes(self, data: bytes) -> str:
        """Decode it."""
        return data.decode("utf-8", "surrogatepass")


class BytesCodec(_Text):
    """Bytes."""

    name = "bytes"
    media_type = BYTES

    def matches(self, value: object) -> bool:
        """Only bytes themselves."""
        return type(value) is bytes

    def to_bytes(self, value: bytes) -> bytes:
        """Take them."""
        return value

    def from_bytes(self, data: bytes) -> bytes:
        """Give them."""
        return data


class EvaluationCodec(_Text):
    """An Evaluation, as JSON without fields that have their default."""

    name = "evaluation"
    media_type = EVALUATION

    def matches(self, value: object) -> bool:
        """Take the noun."""
        return isinstance(value, Evaluation)

    def to_bytes(self, value: Evaluation) -> bytes:
        """Write it with sorted keys."""
        facts = {str(key): str(fact) for key, fact in value.facts.items()}
        written: dict[str, Any] = {"estimates": [_fields(one) for one in value.estimates], "facts": facts}
        if value.observations:
            written["observations"] = [asdict(one) for one in value.observations]
        return json.dumps(written, separators=(",", ":"), sort_keys=True).encode()

    def from_bytes(self, data: bytes) -> Evaluation:
        """Read it. Raise Invalid for what is none."""
        try:
            read = json.loads(data)
            observations = tuple(map(read_observation, read.get("observations", ())))
            return Evaluation(tuple(Estimate(**one) for one in read["estimates"]), dict(read["facts"]), observations)
        except (ValueError, TypeError, KeyError) as error:
            raise Invalid("this is no evaluation", kind="bad-evaluation", hint="run the evaluation again") from error


class FileCodec:
    """A path of a file. It keeps its name: the next step gets a path that ends like it."""

    name = "file"
    media_type = "application/vnd.loopline.file.v1+tree"

    def matches(self, value: object) -> bool:
        """Take what is not a folder: a path that names nothing is refused with a reason."""
        return isinstance(value, Path) and not value.is_dir()

    def dump(self, value: Path, folder: Path) -> None:
        """Copy it."""
        if not value.is_file():
            raise Invalid(
                f"the step returned {value}, which is no file",
                kind="file-missing",
                hint="write the file before the step returns its path",
                path=str(value),
            )
        _share(str(value), str(folder / value.name))

    def load(self, folder: Path) -> Path:
        """Name it in its folder."""
        return next(iter(sorted(folder.iterdir())))


class FolderCodec:
    """A path of a folder: what is in it, as a tree that can be published as data."""

    name = "folder"
    media_type = TREE

    def matches(self, value: object) -> bool:
        """Take folders."""
        return isinstance(value, Path) and value.is_dir()

    def dump(self, value: Path, folder: Path) -> None:
        """Copy it; links are followed."""
        shutil.copytree(value, folder, dirs_exist_ok=True, copy_function=_share)

    def load(self, folder: Path) -> Path:
        """Name it."""
        return folder


class FrameCodec:
    """A pandas DataFrame, as Parquet."""

    name = "frame"
    media_type = FRAME

    def matches(self, value: object) -> bool:
        """Take frames without importing pandas: where it is not loaded there are none."""
        pandas = sys.modules.get("pandas")
        return pandas is not None and type(value) is pandas.DataFrame

    def dump(self, value: Any, folder: Path) -> None:
        """Write it with its index and dtypes."""
        import pyarrow as pa

        try:
            value.to_parquet(folder / VALUE, engine="pyarrow", compression="zstd")
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise _unwritable("DataFrame", error) from error

    def load(self, folder: Path) -> Any:
        """Read it."""
        import pandas as pd

        return pd.read_parquet(folder / VALUE, engine="pyarrow")


class ArrayCodec:
    """A numpy array, as npy in C order and without pickles."""

    name = "array"
    media_type = ARRAY

    def matches(self, value: object) -> bool:
        """Take arrays without importing numpy: where it is not loaded there are none."""
        numpy = sys.modules.get("numpy")
        return numpy is not None and type(value) in (numpy.ndarray, numpy.memmap)

    def dump(self, value: Any, folder: Path) -> None:
        """Write it."""
        import numpy as np

        try:
            with Path(folder / VALUE).open("wb") as file:
                np.save(file, np.asarray(value, order="C"), allow_pickle=False)
        except ValueError as error:
            raise _unwritable("array of objects", error) from error

    def load(self, folder: Path) -> Any:
        """Read it."""
        import numpy as np

        return np.load(folder / VALUE, allow_pickle=False)


class TableCodec:
    """A pyarrow Table, as Parquet."""

    name = "table"
    media_type = TABLE

    def matches(self, value: object) -> bool:
        """Take tables without importing pyarrow: where it is not loaded there are none."""
        pyarrow = sys.modules.get("pyarrow")
        return pyarrow is not None and type(value) is pyarrow.Table

    def dump(self, value: Any, folder: Path) -> None:
        """Write it, however it is cut into chunks."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            pq.write_table(value.combine_chunks(), folder / VALUE, compression="zstd")
        except pa.ArrowException as error:
            raise _unwritable("Table", error) from error

    def load(self, folder: Path) -> Any:
        """Read it."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(folder / VALUE).read()


def _is_json(value: Any) -> bool:
    if value is None or type(value) in (bool, int, float, str):
        return True
    if type(value) is list:
        return all(_is_json(one) for one in value)
    return type(value) is dict and all(type(key) is str and _is_json(one) for key, one in value.items())


def _fields(one: Estimate) -> dict[str, Any]:
    blank = Estimate("", 0.0)
    kept = ("metric", "value")
    names = [name for name in Estimate.__slots__ if name in kept or getattr(one, name) != getattr(blank, name)]
    return {name: _number(getattr(one, name)) for name in names}


def _share(source: str, target: str) -> str:
    """Copy a file without its bytes where the file system can. Both are only read from here on."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    return target


def _number(value: Any) -> Any:
    """Make a number of a library's own a plain one: an evaluation outlives the library."""
    if value is None or isinstance(value, (bool, str)):
        return value
    return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else value.item()


def _unwritable(what: str, error: Exception) -> Invalid:
    return Invalid(
        f"this {what} cannot be written: {error}",
        kind="not-storable",
        hint="give every column one plain type before the step returns it",
    )
