"""complete: what could come next on a command line, fast enough for every press of Tab.

The scripts of `loopline completion` call `loopline --complete INDEX WORD…` (the words behind `loopline`, and which of them
is being written). Names are read straight from the ledger's file, or asked of the server that the settings name; nothing is
opened for writing, and no error is shown.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as of typing: what is imported here is paid for at every press of Tab
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 200
"""Candidates are for a person's eyes."""

_FIRST = {
    "run": "pipelines",
    **dict.fromkeys(("apply", "approve", "check", "comment", "review", "withdraw"), "changes"),
}
"""Commands whose first word is none of the names that anything may have → what it is."""
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
    command, behind = _command(before)
    if command is None:
        if current.startswith("-"):
            yield from _globals()
        else:
            yield from _commands()
    elif command == "completion":
        yield from ("bash", "zsh", "fish")
    elif current.startswith("-"):
        yield from _flags(command)
        yield from _globals()
    else:
        what = "names" if behind else _FIRST.get(command, "names")
        yield from names(current, what=what, home=_value(before, "--home"), project=_value(before, "--project"))


def names(prefix: str, *, what: str = "names", home: str = "", project: str = "") -> Iterator[str]:
    """Give what the server or the ledger at hand has that begins so.

    `names`: assets, refs and versions, ids of runs and changes. `pipelines`: those that ran, and those that are declared here.
    `changes`: open ones, by their refs and ids.
    """
    from loopline.cli import naming

    if what == "pipelines":
        yield from declared()
    server = naming.named_server(home, project)
    if server is not None:
        yield from getattr(naming, what)(server, prefix, limit=LIMIT)
        return
    path = _ledger(home)
    if path is None:
        return
    from loopline.ledger import names as named
    from loopline.wiring import open_database

    database = open_database(f"sqlite:///{path}")
    try:
        with database.read() as rows:
            yield from getattr(named, what)(rows, prefix, project=project, limit=LIMIT)
    finally:
        database.close()


def declared() -> Iterator[str]:
    """Give the pipelines of the project's own files, read as text: importing them may take seconds."""
    import os

    folder = os.getcwd().rstrip("/")  # noqa: PTH109 (pathlib costs a tenth of the time that there is)
    while not _is_project(folder):
        if not folder:
            return
        folder = folder.rpartition("/")[0]
    for file in sorted(one for one in os.listdir(folder or "/") if one.endswith(".py"))[:50]:  # noqa: PTH208 (as above)
        with open(f"{folder}/{file}", encoding="utf-8", errors="replace") as text:  # noqa: PTH123 (as above)
            marked = False
            for line in text:
                if marked and line.startswith("def "):
                    yield f"{line[4:].partition('(')[0].strip()}\tin {file}"
                marked = line.startswith(("@pipeline", "@loopline.pipeline")) or (
                    marked and line.startswith(("@", " ", ")"))
                )


def _is_project(folder: str) -> bool:
    """Tell whether a folder has settings, as `settings/files.py` looks for them."""
    from loopline.cli.naming import FILES

    for name in FILES:
        try:
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 (as above)
                if not name.startswith("pyproject") or "[tool.loopline" in file.read():
                    return True
        except OSError:
            continue
    return False


def _command(before: Sequence[str]) -> tuple[str | None, int]:
    """Give the command that is written, and how many words are behind it that are no flags."""
    loose = [word for flag, word in zip(("", *before), before, strict=False) if flag not in _VALUED and word[:1] != "-"]
    return (loose[0].replace("-", "_"), len(loose) - 1) if loose else (None, 0)


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


def _flags(command: str) -> Iterator[str]:
    from loopline.cli.commands import find, load
    from loopline.verbs.usage import usage_of

    for param in usage_of(load(find(command))).params:
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
