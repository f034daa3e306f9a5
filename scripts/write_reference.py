"""Write what can be read off the code.

docs/verbs/*.md from signatures, docs/reference/errors.md from every raise, the whole schema from the migrations.
`python scripts/write_reference.py` writes; with `--check` it only tells what is not as it should be. In a page of a verb
everything below the line `## Notes` is written by people and kept.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from loopline.cli.argv import said, usage_line
from loopline.cli.commands import commands, is_local, load
from loopline.ledger import schema
from loopline.store.sqlite import SqliteDatabase
from loopline.verbs import Verb
from loopline.verbs.usage import Param, usage_of

ROOT = Path(__file__).resolve().parents[1]
NOTES = "\n## Notes\n"
CLASSES = {
    "Invalid": "fix the request, then send it again",
    "NotFound": "check the name",
    "Conflict": "read again, then retry",
    "Refused": "ask someone, or fix the change",
    "Unavailable": "wait, mend it, retry",
}
INTRODUCTION = """
Five classes, by what the caller does next, and in each a stable `kind` that programs may rely on: kinds are only ever added.
`…` stands for a value that is in the error's facts as well. Next step is the hint of one of the places that raise it.
""".strip()
ASKING = """
A command asks only where bytes would be lost that nothing else holds: `checkout --force` over files that were changed and never
added, and `get --force` over a file or folder that is there. On a terminal it shows what would be lost, and no answer is a no;
without a terminal it stops (`needs-yes`) unless `--yes` is there. Everything else is an event that a further event takes back:
`delete`, `rollback` and their like do not ask, and print the command that undoes them.
""".strip()
KINDS = {
    "read": "It reads, and changes nothing.",
    "write": "It writes: one transaction and one event, or nothing.",
    "work": "It may take long and tells how far it is.",
    "local": "It is a command of the terminal alone: it works with files of this machine.",
}


def main() -> int:
    """Write, or check, every page; give the exit code."""
    wanted = {ROOT / "docs" / "verbs" / f"{one.name}.md": verb_page(one) for one in commands() if loadable(one)}
    wanted[ROOT / "docs" / "reference" / "errors.md"] = errors_page()
    wanted[ROOT / "docs" / "verbs" / "README.md"] = index_page()
    wanted[schema.WHOLE] = whole_schema()
    stale = []
    for path, text in wanted.items():
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        head, line, notes = there.partition(NOTES)
        if head.rstrip() != text.rstrip():
            stale.append(path.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.rstrip() + "\n" + line + notes, encoding="utf-8")
    print("\n".join(stale) or "everything is as it should be")
    return int(bool(stale) and "--check" in sys.argv)


def loadable(command: Verb) -> bool:
    """Whether the command's module is there."""
    try:
        load(command)
    except ModuleNotFoundError:
        return False
    return True


def verb_page(command: Verb) -> str:
    """Give the page of one command."""
    usage = usage_of(load(command))
    written = command.name.replace("_", "-")
    rows = [row(param) for param in usage.params]
    example = usage.example.strip() or f"loopline {written}"
    parts = [f"# loopline {written}", f"`{usage_line(usage)}`", usage.summary, usage.text, f"```sh\n{example}\n```"]
    if rows:
        parts.append("| Word or flag | Meaning |\n| --- | --- |\n" + "\n".join(rows))
    parts.append(KINDS["local" if is_local(command) else command.cls])
    parts.append("[All commands](README.md) · [flags that every command takes](README.md#flags)")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def row(param: Param) -> str:
    """Give one line of the table of a command's parameters."""
    if param.positional:
        name = f"`{said(param)}`"
    elif param.shape == "switch":
        name = f"`--{'no-' if param.default is True else ''}{param.written}`"
    else:
        many = param.shape in ("many", "pairs")  # said one by one, as in the help: --row … --row …
        name = f"`--{param.written.removesuffix('s') if many else param.written} {param.word}`"
    notes = [f"one of {', '.join(param.choices)}" if param.choices else "", "required" if param.required else ""]
    if param.shape in ("many", "pairs"):
        notes.append("may be repeated")
    extra = "; ".join(note for note in notes if note)
    help_text = (f"not: {param.help}" if name.startswith("`--no-") else param.help).replace("|", "\\|")
    return f"| {name} | {help_text}{f' ({extra})' if extra else ''} |"


def index_page() -> str:
    """Give the list of all commands, by group."""
    parts = ["# Commands", "Every command has `--help`, `--json` and an exit code that says how it went."]
    for group in dict.fromkeys(one.group for one in commands()):
        lines = ["| | |", "| --- | --- |"]
        for one in commands():
            if one.group == group:
                written = one.name.replace("_", "-")
                lines.append(f"| [{written}]({one.name}.md) | {one.summary} |")
        parts += [f"## {group.capitalize()}", "\n".join(lines)]
    flags = [
        "| `--json` | write the result as JSON |",
        "| `-q`, `-v` | say less, say more |",
        "| `-y` | do not ask before `--force` overwrites what nothing else holds |",
        "| `--dry-run` | show what would happen and write nothing, or say that it cannot be rehearsed |",
        "| `--project NAME`, `--as ACTOR`, `--home FOLDER` | where, who, and where the state is |",
        "| `--color auto\\|always\\|never` | when to use colour |",
        "| `--debug` | show where an error came from |",
    ]
    parts += ["## Flags", "\n".join(["| | |", "| --- | --- |", *flags])]
    parts += ["## What asks", ASKING]
    return "\n\n".join(parts) + "\n"


def errors_page() -> str:
    """Give the page of every kind of error, by class."""
    found = sorted(set(raised()))
    parts = [
        "# Errors",
        INTRODUCTION,
    ]
    for cls, remedy in CLASSES.items():
        lines = ["| Kind | What happened | Next step |", "| --- | --- | --- |"]
        kinds: dict[str, tuple[str, str]] = {}
        for owner, kind, message, hint in found:
            if owner == cls and not (kind in kinds and kinds[kind][0]):
                kinds[kind] = (message, hint)
        lines += [f"| `{kind}` | {message} | {hint} |" for kind, (message, hint) in sorted(kinds.items())]
        parts += [f"## {cls}: {remedy}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def raised() -> Iterator[tuple[str, str, str, str]]:
    """Give class, kind, message and hint of every error that the source makes with a literal kind."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = {word.arg: word.value for word in node.keywords}
            kind = given.get("kind")
            if name in CLASSES and isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                yield name, kind.value, spoken(node.args[0]) if node.args else "", spoken(given.get("hint"))


def whole_schema() -> str:
    """Give what the migrations make of an empty database."""
    database = SqliteDatabase(None)
    database.migrate(schema.upgrade)
    try:
        return schema.written(database)
    finally:
        database.close()


def spoken(node: ast.expr | None) -> str:
    """Write a literal, with `…` for what is filled in."""
    if isinstance(node, ast.Constant):
        text = str(node.value)
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    else:
        text = ""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
