"""complete: what could come next on a command line, fast enough for every press of Tab.

The scripts of `loopline completion` call `loopline --complete INDEX WORD…` (the words behind `loopline`, and which of them
is being written). Names are read straight from the ledger's file, or asked of the server that the settings name; nothing is
opened for writing, and no error is shown.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.verbs import Verb

LIMIT = 200
"""Candidates are for a person's eyes."""

_VALUED = ("--project", "--as", "--home", "--color")


def answer(words: Sequence[str]) -> int:
    """Print candidates, one a line, each with a tab and its explanation where there is one. Never fails aloud."""
    try:
        index, rest = int(words[0]), list(words[1:])
    except (IndexError, ValueError):
        return 2
    current = rest[index] if index < len(rest) else ""
    try:
        lines = [line for line in candidates(rest[:index], current) if line.startswith(current)][:LIMIT]
    except Exception:  # noqa: BLE001 (a traceback in the middle of a command line helps nobody)
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def candidates(before: Sequence[str], current: str) -> Iterator[str]:
    """Give what may stand for `current` behind the words `before`."""
    if before and before[-1] == "--color":
        yield from ("auto", "always", "never")
        return
    command = _command(before)
    if command is None:
        if current.startswith("-"):
            yield from _globals()
        else:
            yield from _commands()
    elif command.name == "completion":
        yield from ("bash", "zsh", "fish")
    elif current.startswith("-"):
        yield from _flags(command)
        yield from _globals()
    else:
        yield from names(current, home=_value(before, "--home"), project=_value(before, "--project"))


def names(prefix: str, *, home: str = "", project: str = "") -> Iterator[str]:
    """Give what the server or the ledger at hand has that begins so: assets, refs and versions, ids of runs and changes."""
    from loopline.cli import naming

    server = naming.named_server(home, project)
    if server is not None:
        yield from naming.names(server, prefix, limit=LIMIT)
        return
    path = _ledger(home)
    if path is None:
        return
    from loopline.ledger.names import names as named
    from loopline.wiring import open_database

    database = open_database(f"sqlite:///{path}")
    try:
        with database.read() as rows:
            yield from named(rows, prefix, project=project, limit=LIMIT)
    finally:
        database.close()


def _command(before: Sequence[str]) -> Verb | None:
    from loopline.cli.commands import commands

    skip = False
    for word in before:
        if skip:
            skip = False
        elif word in _VALUED:
            skip = True
        elif not word.startswith("-"):
            wanted = word.replace("-", "_")
            return next((one for one in commands() if one.name == wanted), None)
    return None


def _value(before: Sequence[str], flag: str) -> str:
    return next((before[index + 1] for index, word in enumerate(before[:-1]) if word == flag), "")


def _commands() -> Iterator[str]:
    from loopline.cli.commands import commands

    for one in commands():
        yield f"{one.name.replace('_', '-')}\t{one.summary}"


def _globals() -> Iterator[str]:
    from loopline.cli.argv import SWITCHES, VALUES

    for name, (_, _, text) in (*SWITCHES.items(), *VALUES.items()):
        yield f"--{name}\t{text}"


def _flags(command: Verb) -> Iterator[str]:
    from loopline.cli.commands import load
    from loopline.verbs.usage import usage_of

    for param in usage_of(load(command)).params:
        if not param.positional:
            no = "no-" if param.shape == "switch" and param.default is True else ""
            yield f"--{no}{param.written}\t{param.help}"


def _ledger(home: str) -> str | None:
    """Find the embedded ledger without reading settings: a flag, the variable, or the nearest `.loopline` upward."""
    import os

    home = home or os.environ.get("LOOPLINE_HOME", "")
    folder = os.getcwd()  # noqa: PTH109 (pathlib costs a tenth of the time that there is)
    while not home:
        here = f"{folder}/.loopline"
        if os.path.exists(f"{here}/ledger.db"):  # noqa: PTH110 (as above)
            home = here
        parent = folder.rpartition("/")[0]
        if not folder or parent == folder:
            break
        folder = parent
    path = f"{home}/ledger.db"
    return path if home and os.path.exists(path) else None  # noqa: PTH110 (as above)
