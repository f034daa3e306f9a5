"""help: what there is, and how one command is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.argv import SWITCHES, VALUES, said, usage_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.verbs import Verb
    from loopline.verbs.usage import Param, Usage


def overview(every: Sequence[Verb], screen: Screen) -> Iterator[str]:
    """List every command under the heading of its group. Imports no verb."""
    import loopline

    yield f"loopline {loopline.__version__}: one ledger for the whole loop of machine-learning software"
    yield ""
    yield f"{screen.paint('head', 'usage')}  loopline COMMAND …"
    wide = max((len(one.name) for one in every), default=0)
    group = ""
    for one in every:
        if one.group != group:
            group = one.group
            yield ""
            yield screen.paint("head", group)
        name = one.name.replace("_", "-")
        yield f"  {screen.paint('name', name)}{' ' * (wide - len(name))}  {one.summary}"
    yield ""
    yield screen.paint("head", "flags of every command")
    yield from _columns(list(_globals()), screen)
    yield ""
    yield "loopline COMMAND --help explains one command and shows an example."


def explain(usage: Usage, screen: Screen) -> Iterator[str]:
    """Explain one command: its usage line, what it does, its words and flags, an example."""
    yield screen.paint("head", usage_line(usage))
    yield ""
    yield usage.summary
    if usage.text:
        yield ""
        yield from usage.text.split("\n")
    words = [(said(one), _help(one)) for one in usage.params if one.positional]
    if words:
        yield ""
        yield screen.paint("head", "words")
        yield from _columns(words, screen)
    flags = [(_flag(one), _help(one)) for one in usage.params if not one.positional]
    if flags:
        yield ""
        yield screen.paint("head", "flags")
        yield from _columns(flags, screen)
    if usage.example:
        yield ""
        yield screen.paint("head", "example")
        for line in usage.example.split("\n"):
            yield f"  {line}"
    yield ""
    yield screen.paint("dim", "Flags of every command (--json, --project, --as, --dry-run, …): loopline --help")


def _globals() -> Iterator[tuple[str, str]]:
    for name, (_, short, text) in SWITCHES.items():
        yield (f"{short}, --{name}" if short else f"    --{name}"), text
    for name, (_, word, text) in VALUES.items():
        yield f"    --{name} {word}", text


def _columns(rows: Sequence[tuple[str, str]], screen: Screen) -> Iterator[str]:
    from textwrap import wrap

    wide = min(max(len(left) for left, _ in rows), 34)
    room = max(min(screen.width, 120) - wide - 4, 30)
    for left, text in rows:
        lines = wrap(text, room) or [""]
        if len(left) > wide:
            yield f"  {screen.paint('name', left)}"
        else:
            yield f"  {screen.paint('name', left)}{' ' * (wide - len(left))}  {lines.pop(0)}".rstrip()
        for line in lines:
            yield f"  {' ' * wide}  {line}"


def _flag(param: Param) -> str:
    front = f"{param.short}, " if param.short else "    "
    if param.shape == "switch":
        return f"{front}--{'no-' if param.default is True else ''}{param.written}"
    name = param.written.removesuffix("s") if param.shape in {"many", "pairs"} else param.written
    return f"{front}--{name} {param.word}{' …' if param.shape in {'many', 'pairs'} else ''}"


def _help(param: Param) -> str:
    if param.shape == "switch" and param.default is True:
        return f"do not: {param.help}" if param.help else ""
    notes = []
    if param.required and not param.positional:
        notes.append("required")
    default = _default(param)
    if default:
        notes.append(f"default {default}")
    return f"{param.help} ({', '.join(notes)})".strip() if notes else param.help


def _default(param: Param) -> str:
    """Write the default where there is one worth telling."""
    from datetime import timedelta

    from loopline.verbs.plain import plain

    if param.required or param.shape != "one" or param.default is None or param.default == "":
        return ""
    if isinstance(param.default, timedelta):
        seconds = param.default.total_seconds()
        sizes = {"d": 86400, "h": 3600, "m": 60} if seconds else {}
        unit, size = next(((unit, size) for unit, size in sizes.items() if seconds % size == 0), ("s", 1))
        return f"{seconds / size:g}{unit}"
    return str(plain(param.default))
