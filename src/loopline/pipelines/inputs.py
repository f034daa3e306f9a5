"""inputs: what a pipeline reads from the ledger, as a parameter and, inside a step, as something to read.

`Data` and `Model` are written twice: as the annotation of a parameter, and as its default, with a pointer:
`def train(data: Data = Data("data/flights"), days: int = 30)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

from loopline.errors import Invalid, NotFound

H = TypeVar("H", bound="_Handle")


class _Handle:
    """A pointer, and what it led to. Equal handles name the same bytes; nothing about one ever changes."""

    __slots__ = ("_held", "_reach", "digest", "name", "number", "pointer")

    pointer: str
    """`data/flights`, `model/delay@champion`: as the parameter says it; empty for what another step made."""
    name: str
    """The pipeline's parameter that it stands for."""
    digest: str
    """What the pointer led to when the run was planned; empty in the body of a pipeline."""
    number: int | None
    """Number of that version. For messages: it is no part of a step's cache key, the digest is."""

    _reach: Callable[[], Any] | None
    _held: tuple[Any, ...]

    word = "asset"

    def __init__(self, pointer: str = "") -> None:
        if not isinstance(pointer, str):
            raise Invalid(
                f"{pointer!r} points at no {self.word}",
                kind="bad-pointer",
                hint=f'write a text, as in {type(self).__name__}("{self.word}/flights")',
            )
        self._fill(pointer)

    def _fill(
        self, pointer: str, *, name: str = "", digest: str = "", number: int | None = None, reach: Any = None
    ) -> None:
        for slot, value in (("pointer", pointer), ("name", name), ("digest", digest), ("number", number)):
            object.__setattr__(self, slot, value)
        object.__setattr__(self, "_reach", reach)
        object.__setattr__(self, "_held", ())

    def _get(self) -> Any:
        """Fetch what it names, once."""
        if not self._held:
            if self._reach is None:
                raise Invalid(
                    f"{self!r} is only a pointer: a pipeline's body cannot read it",
                    kind="asset-read-in-pipeline",
                    hint=f"give it to a step and read it there, or write {type(self).__name__}.of(…) in a test",
                    pointer=self.pointer,
                )
            object.__setattr__(self, "_held", (self._reach(),))
        return self._held[0]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Handle) or type(other) is not type(self):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.pointer, self.name, self.digest, self.number, id(self._reach) if not self.digest else 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pointer or self.digest[:19]!r})"


class Data(_Handle):
    """A data asset. In a step: a folder of files, checked out once per machine and read-only."""

    __slots__ = ()
    word = "data"

    @classmethod
    def of(cls, folder: str | Path) -> Data:
        """Read a folder as if it had been checked out: for tests and notebooks that call a step themselves."""
        return given(cls("data/local"), reach=lambda: Path(folder))

    @property
    def path(self) -> Path:
        """The folder. The first reader on this machine waits until it is checked out; it must not be written."""
        folder: Path = self._get()
        return folder

    @property
    def version(self) -> str:
        """How the version is called that this run reads: `data/flights@3`. Raise Invalid for what no version holds."""
        asset = self.pointer.partition("@")[0]
        if not self.digest or not asset:
            raise Invalid(
                f"{self!r} is no version of an asset",
                kind="not-a-version",
                hint="read its files here: .path, .files(), .open()",
                pointer=self.pointer,
            )
        return f"{asset}@{self.number or self.digest}"

    def files(self) -> list[Path]:
        """Name every file, sorted by its path."""
        root = self.path
        found = (path for path in root.rglob("*") if path.is_file())
        return sorted(found, key=lambda path: path.relative_to(root).parts)

    def open(self, name: str) -> BinaryIO:
        """Open one file by its path inside the data, to read bytes. Raise NotFound, and Invalid for `..`."""
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\x00" in name:
            raise Invalid(
                f"{name!r} leads out of {self!r}", kind="bad-path", hint="name a file inside the data", path=name
            )
        try:
            return Path(self.path.joinpath(*parts)).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            found = [path.relative_to(self.path).as_posix() for path in self.files()]
            raise NotFound(
                f"{self!r} has no file {name!r}",
                kind="file-missing",
                hint=f"it has {len(found)} files: {', '.join(found[:5])}{' …' if len(found) > 5 else ''}",
                path=name,
            ) from None


class Model(_Handle):
    """A model asset. A step whose parameter is annotated `Model` gets this; any other gets the loaded model itself."""

    __slots__ = ()
    word = "model"

    @classmethod
    def of(cls, value: object) -> Model:
        """Hold a model that is in memory: for tests and notebooks that call a step themselves."""
        return given(cls("model/local"), reach=lambda: value)

    @property
    def value(self) -> Any:
        """The model, loaded when it is first asked for."""
        return self._get()


def named(handle: H, name: str) -> H:
    """Give the same pointer as the value of a pipeline's parameter."""
    return _made(handle, name=name)


def given(handle: H, *, digest: str = "", number: int | None = None, reach: Callable[[], Any]) -> H:
    """Give the same pointer with what it led to. `reach` fetches it; it is called at most once."""
    return _made(handle, name=handle.name, digest=digest, number=number, reach=reach)


def _made(handle: H, **facts: Any) -> H:
    made = object.__new__(type(handle))
    made._fill(handle.pointer, **facts)
    return made
