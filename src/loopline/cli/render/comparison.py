"""comparison: what differs between two versions, and the review of a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loopline.cli.render.change import change
from loopline.cli.render.evaluation import estimates
from loopline.cli.render.plainly import cell
from loopline.cli.render.words import name
from loopline.cli.text import aligned, clean, facts, number, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.comparison import Comparison, Delta, Review, Shift
    from loopline.nouns.entry import Difference

_SIGNS = {"added": ("more", "+"), "removed": ("less", "-"), "changed": ("wait", "~")}
_FILES = 20


def review(value: Review, screen: Screen) -> Iterator[str]:
    """Draw the page of a reviewer: the change, then what differs for each of its moves and for their data."""
    yield from change(value.change, screen)
    told = {one.key for verdict in value.change.verdicts for one in verdict.estimates}
    rest = [one for one in value.estimates if one.key not in told]
    if rest:
        yield ""
        yield from estimates(rest, screen)
    for one in (*value.comparisons, *value.data):
        yield ""
        yield from comparison(one, screen)
    for note in value.notes:
        yield ""
        yield screen.paint("dim", clean(note))


def comparison(value: Comparison, screen: Screen) -> Iterator[str]:
    """Draw only what differs, one part after the other."""
    yield screen.paint("head", _title(value, screen))
    parts = [
        list(_deltas("data", value.data, screen)),
        list(_deltas("params", value.params, screen)),
        list(_deltas("metrics", value.metrics, screen)),
        list(_files("files", value.files, value.more_files, screen)),
        list(_rows(value.rows, screen)),
        list(_files("code", value.code, 0, screen)),
        list(_deltas("environment", value.environment, screen)),
    ]
    parts = [part for part in parts if part]
    if not parts:
        yield "  nothing differs"
    for part in parts:
        yield from part


def list_of_difference(values: Sequence[Difference], screen: Screen) -> Iterator[str]:
    """Draw one line a path."""
    yield from aligned([_difference(one, screen) for one in values], width=screen.width)


def _title(value: Comparison, screen: Screen) -> str:
    sides = [f"{name(one.asset, screen)}@{one.number}" for one in (value.old, value.new) if one is not None]
    return " → ".join(sides if value.old is not None else ["–", *sides])


def _deltas(title: str, deltas: Sequence[Delta | Shift], screen: Screen) -> Iterator[str]:
    if not deltas:
        return
    shown = [one for one in deltas if screen.verbose or "[" not in one.name] or list(deltas)
    yield f"  {screen.paint('dim', title)}"
    rows = [[f"    {clean(one.name)}", _side(one.old), "→", _side(one.new), _change(one)] for one in shown]
    yield from aligned(rows, width=screen.width)
    if len(shown) < len(deltas):
        yield screen.paint("dim", f"    {plural(len(deltas) - len(shown), 'slice')} more with -v")


def _side(value: str | float | None) -> str:
    if value is None:
        return "–"
    return clean(value) if isinstance(value, str) else number(value)


def _change(one: Delta | Shift) -> str:
    if isinstance(one.old, str) or isinstance(one.new, str) or one.old is None or one.new is None:
        return ""
    return f"{one.new - one.old:+.4f}"


def _files(title: str, files: Sequence[Difference], more: int, screen: Screen) -> Iterator[str]:
    if not files:
        return
    shown = files if screen.verbose else files[:_FILES]
    yield f"  {screen.paint('dim', title)}  {plural(len(files) + more, 'path')}"
    yield from aligned([["   ", *_difference(one, screen)] for one in shown], width=screen.width)
    if len(shown) < len(files) + more:
        yield screen.paint("dim", f"    {len(files) + more - len(shown)} more")


def _difference(one: Difference, screen: Screen) -> list[str]:
    tone, sign = _SIGNS[one.word]
    sizes = [size(side.size) for side in (one.old, one.new) if side is not None]
    return [screen.paint(tone, f"{sign} {one.word}"), clean(one.path), " → ".join(sizes)]


def _rows(rows: Mapping[str, Any] | None, screen: Screen) -> Iterator[str]:
    if not rows:
        return
    yield f"  {screen.paint('dim', 'rows')}"
    for table, answer in rows.items():
        counts = answer["rows"]
        yield f"    {screen.paint('name', clean(str(table)))}  {counts['old']:,} → {counts['new']:,} rows".replace(
            ",", " "
        )
        key = f"by {', '.join(answer['key'])}" if answer["key"] else "as wholes: no key is declared"
        told = ", ".join(
            f"{answer[word]:,} {word}".replace(",", " ") for word in ("added", "removed", "changed", "same")
        )
        yield f"      {told}  {screen.paint('dim', clean(key))}"
        for word, columns in answer["schema"].items():
            if columns:
                yield f"      columns {word}: {clean(', '.join(column['name'] for column in columns))}"
        if answer["columns"]:
            most = sorted(answer["columns"].items(), key=lambda pair: -pair[1])[:5]
            yield f"      changed in {clean(', '.join(f'{column} ({count:,})'.replace(',', ' ') for column, count in most))}"
        for sample in answer["samples"]["changed"][:3]:
            cells = "; ".join(
                f"{column} {cell(old, screen)} → {cell(new, screen)}"
                for column, (old, new) in list(sample["cells"].items())[:3]
            )
            names = " ".join(str(value) for value in sample["key"].values())
            yield f"      {screen.paint('dim', clean(names))}  {clean(cells)}"
        yield from (f"      {screen.paint('wait', clean(note))}" for note in answer["notes"])


def _some(value: Any, screen: Screen) -> str:
    """Write a value of any shape: a list of rows one a line, five at most."""
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], (Mapping, tuple, list)):
        lines = [cell(one, screen) for one in value[:5]]
        return "\n".join([*lines, *([f"{len(value) - 5} more"] if len(value) > 5 else [])])
    return cell(value, screen)
