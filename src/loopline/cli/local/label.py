"""label: truths from the command line or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import RefName
from loopline.nouns.quality import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.place import Place

_AT_ONCE = 20_000


def label(
    where: Place,
    ref: Annotated[RefName, "service/delay@prod"],
    *,
    rows: Annotated[
        tuple[Mapping[str, Any], ...],
        'truths as JSON: {"id": "…", "label": 1}, or with the join columns instead of the id',
    ] = (),
    file: Annotated[Path | None, "truths as a table with these columns: .csv (a header first) or .jsonl"] = None,
) -> Labelled:
    """Attach the truth to predictions, by their ids or by the columns that the service declares. Durable when it answers.

    A file is handed in by pieces; when it stops half-way, hand it in again: what is known is only counted.

    Example:
        loopline label service/delay@prod --file labels.csv
    """
    from loopline.verbs.label import label as attach

    if (file is None) == (not rows):
        raise Invalid(
            "label takes rows or a file", kind="missing-parameter", hint=f"loopline label {ref} --file labels.csv"
        )
    told = Labelled(0)
    for piece in _pieces(file) if file else [rows]:
        one = where.client.do(attach, ref, rows=tuple(piece))
        told = Labelled(
            told.taken + one.taken, told.repeated + one.repeated, told.contradicting + one.contradicting,
            told.unmatched + one.unmatched,
        )  # fmt: skip
    return told


def _pieces(file: Path) -> Iterator[list[Mapping[str, Any]]]:
    piece: list[Mapping[str, Any]] = []
    for row in _rows(file):
        piece.append(row)
        if len(piece) == _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    import csv
    import json

    if not file.is_file():
        raise NotFound(f"there is no file {file}", kind="file-missing", hint="check the path", path=str(file))
    table = file.suffix.lower()
    if table not in (".csv", ".jsonl", ".ndjson"):
        raise Invalid(
            f"{file} is no table of labels", kind="not-a-table", hint="give a .csv or a .jsonl", path=str(file)
        )
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if table == ".csv":
            for n, row in enumerate(csv.DictReader(lines), 2):
                if None in row or None in row.values():
                    raise Invalid(
                        f"{file}:{n} has another number of cells than the header", kind="ragged-rows", hint="mend the line",
                        path=str(file), line=n,
                    )  # fmt: skip
                yield row
            return
        for n, line in enumerate(lines, 1):
            if line.strip():
                try:
                    told = json.loads(line)
                except ValueError:
                    told = None
                if not isinstance(told, dict):
                    raise Invalid(
                        f"{file}:{n} is no JSON object",
                        kind="bad-table",
                        hint="write one object a line",
                        path=str(file),
                        line=n,
                    )
                yield told
