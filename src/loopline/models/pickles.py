"""pickles: what a pickle would import, read off its opcodes without running any."""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass
from typing import Final

_CALLING: Final = frozenset({"REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})
_IMPORTING: Final = frozenset({"GLOBAL", "STACK_GLOBAL", "INST"})
_REMEMBERING: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_RECALLING: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})


@dataclass(frozen=True, slots=True)
class Stream:
    """What the streams of opcodes in a file hold."""

    names: tuple[str, ...]
    """What it imports, `module.name`, sorted; `?` where the name is computed."""
    whole: bool
    """Whether one ran to STOP: joblib puts raw arrays in between, and damage ends it too."""
    marked: bool
    """Whether it starts as protocol 2 or newer does."""
    calls: bool
    """Whether it calls or builds anything."""

    @property
    def pickle(self) -> bool:
        """Whether an unpickler would do something with it. Text that happens to parse is not a pickle."""
        return bool(self.names) or self.calls or (self.marked and self.whole)


def names_in(data: bytes) -> Stream:
    """Go through a stream, and those that stand behind it in the same file."""
    names: set[str] = set()
    whole = calls = False
    stream = io.BytesIO(data)
    try:
        while stream.tell() < len(data):
            calls = _go_through(stream, names) or calls
            whole = True
    except Exception:  # noqa: BLE001, S110 (genops raises whatever a damaged argument makes its readers raise)
        pass
    return Stream(tuple(sorted(names)), whole, data[:1] == b"\x80" and data[1:2] <= b"\x05", calls)


def _go_through(stream: io.BytesIO, names: set[str]) -> bool:
    """Follow one stream to its STOP, add what it imports, and tell whether it calls anything."""
    memo: dict[int, object] = {}
    recent: list[object] = []
    calls = False
    for opcode, argument, _ in pickletools.genops(stream):
        word = opcode.name
        if word in ("GLOBAL", "INST"):
            names.add(str(argument).replace(" ", ".", 1))
        elif word == "STACK_GLOBAL":
            names.add(_joined(recent))
        elif word.startswith("EXT"):
            names.add("?")
        calls = calls or word in _CALLING
        _follow(word, argument, memo, recent)
    return calls


def _joined(recent: list[object]) -> str:
    if len(recent) >= 2 and all(isinstance(one, str) for one in recent[-2:]):
        return f"{recent[-2]}.{recent[-1]}"
    return "?"


def _follow(word: str, argument: object, memo: dict[int, object], recent: list[object]) -> None:
    """Keep the last values pushed and what was remembered: enough to know a name that is put together on the stack."""
    if word == "MEMOIZE":
        memo[len(memo)] = recent[-1] if recent else None
    elif word in _REMEMBERING:
        memo[int(str(argument))] = recent[-1] if recent else None
    elif word in _RECALLING:
        recent.append(memo.get(int(str(argument))))
    elif word in _IMPORTING:
        recent.append(None)
    elif word not in ("FRAME", "PROTO", "MARK"):
        recent.append(argument)
    del recent[:-8]
