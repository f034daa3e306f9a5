"""quality: how good predictions were, a line for each window, arm and member of a slice."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from loopline.cli.text import aligned, clean, moment, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.quality import Quality


def quality(value: Quality, screen: Screen) -> Iterator[str]:
    """Draw the cells, each with its coverage, and what is odd about the labels."""
    metrics = list(dict.fromkeys(one.metric for cell in value.cells for one in cell.estimates))
    heads = ["  since", "arm", "version", "slice", "rows", "labelled", *map(clean, metrics), ""]
    rows = [[screen.paint("dim", word) if word else "" for word in heads]]
    for cell in value.cells:
        found = {one.metric: number(one.value) for one in cell.estimates}
        rows.append(
            [
                f"  {moment(cell.start, UTC)}", clean(cell.arm), clean(cell.version),
                clean(f"{cell.slice}={cell.member}") if cell.slice else "", number(cell.predictions),
                f"{cell.labelled / max(cell.predictions, 1):.0%}", *(found.get(one, "") for one in metrics),
                screen.paint("dim", clean(cell.note)) if cell.note else "",
            ]
        )  # fmt: skip
    if not value.cells:
        screen.say("no predictions in this time")
        return
    yield from aligned(rows, right=set(range(4, 6 + len(metrics))))
    if value.said:
        yield f"  {clean(value.said)}"
    for count, words in ((value.contradicted, "given different labels; the newest counts"), (value.unmatched, "")):
        if count:
            yield (
                f"  {plural(count, 'prediction')} {words}"
                if words
                else f"  {plural(count, 'label')} for no prediction yet"
            )
