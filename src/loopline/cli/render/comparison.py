"""comparison: what differs between two versions, and the review of a change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.cli.render.change import change
from loopline.cli.render.evaluation import estimates
from loopline.cli.render.words import name
from loopline.cli.text import aligned, clean, number, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.change import Change
    from loopline.nouns.comparison import Comparison, Delta, Review, Rows, Shift
    from loopline.nouns.entry import Difference
    from loopline.nouns.patch import Patch

_SIGNS = {"added": ("more", "+"), "removed": ("less", "-"), "changed": ("wait", "~")}
_FILES = 20
_NONE = "–"


def review(value: Review, screen: Screen) -> Iterator[str]:
    """Draw the page of a reviewer: the change, then what differs for each of its moves and for their data."""
    yield from change(_as_of_now(value), screen)
    told = {one.key for verdict in value.change.verdicts for one in verdict.estimates}
    rest = [one for one in value.estimates if one.key not in told]
    if rest:
        yield ""
        yield from estimates(rest, screen)
    for one in (*value.comparisons, *value.data):
        yield ""
        yield from comparison(one, screen)
    if value.comments:
        from loopline.cli.render.discussion import list_of_comment

        yield ""
        yield screen.paint("head", "discussion")
        yield from list_of_comment(value.comments, screen)
    for note in value.notes:
        yield ""
        yield screen.paint("dim", clean(note))


def _as_of_now(value: Review) -> Change:
    """Give the change as the policy judges it now: what was written down last may be older than its evidence."""
    decision = value.change.decision
    if decision is None or not value.requirements:
        return value.change
    return replace(value.change, decision=replace(decision, results=value.requirements))


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
        list(_patches(value.patches, screen)),
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


def _rows(rows: Sequence[Rows], screen: Screen) -> Iterator[str]:
    if rows:
        yield f"  {screen.paint('dim', 'rows')}"
    for one in rows:
        yield f"    {screen.paint('name', clean(one.table))}  {_count(one.old)} → {_count(one.new)} rows{_where(one)}"
        if one.notes and not (one.old or one.new):  # nothing of it could be read
            yield from (f"      {screen.paint('wait', clean(note))}" for note in one.notes)
            continue
        words = (("added", one.added), ("removed", one.removed), ("changed", one.changed), ("same", one.same))
        told = ", ".join(f"{_count(count)} {word}" for word, count in words)
        found = " (inferred: never empty, and unique on both sides)" if one.why == "inferred" else ""
        key = f"by {', '.join(one.key)}{found}" if one.key else "as wholes: no columns name each row once"
        yield f"      {told}  {screen.paint('dim', clean(key))}"
        if one.schema:
            yield f"      columns  {clean(', '.join(f'{c.name} {c.old or _NONE} → {c.new or _NONE}' for c in one.schema))}"
        if one.renamed:
            yield f"      renamed  {clean(', '.join(f'{c.old} → {c.new}' for c in one.renamed))}"
        if one.columns:
            most = sorted(one.columns.items(), key=lambda pair: -pair[1])[:5]
            yield f"      changed in {clean(', '.join(f'{column} ({_count(count)})' for column, count in most))}"
        yield from _cells(one, screen)
        yield from (f"      {screen.paint('wait', clean(note))}" for note in one.notes)


def _cells(one: Rows, screen: Screen) -> Iterator[str]:
    """Draw a page of rows; of a table that was only compared, the first few that changed."""
    if not one.page:
        for sample in [one for one in one.samples if one.word == "changed"][:3]:
            cells = "; ".join(f"{cell.name} {cell.old} → {cell.new}" for cell in sample.cells[:3])
            yield f"      {screen.paint('dim', clean(sample.key))}  {clean(cells)}"
        return
    for sample in one.samples:
        tone, sign = _SIGNS[sample.word]
        if sample.word == "changed":
            cells = "; ".join(f"{cell.name} {cell.old or _NONE} → {cell.new or _NONE}" for cell in sample.cells)
        else:
            cells = "; ".join(f"{cell.name} {cell.new or cell.old or _NONE}" for cell in sample.cells)
        yield f"      {screen.paint(tone, sign)} {clean(sample.key)}  {clean(cells)}"
    if one.next:
        yield f"      {screen.paint('dim', f'more: --after {clean(one.next)}')}"


def _where(one: Rows) -> str:
    return f" in the {plural(one.files, 'file')} that differ{'s' if one.files == 1 else ''}" if one.files else ""


def _patches(patches: Sequence[Patch], screen: Screen) -> Iterator[str]:
    if patches:
        yield f"  {screen.paint('dim', 'lines')}"
    for one in patches:
        tone, sign = _SIGNS[one.word]
        told = one.note or f"+{one.added} -{one.removed}"
        yield f"    {screen.paint(tone, f'{sign} {one.word}')}  {clean(one.path)}  {screen.paint('dim', clean(told))}"
        for line in one.text.split("\n") if one.text else ():
            tone = {"+": "more", "-": "less", "@": "dim"}.get(line[:1], "")
            yield f"      {screen.paint(tone, clean(line)) if tone else clean(line)}"


def _count(number_: int) -> str:
    return f"{number_:,}".replace(",", " ")
