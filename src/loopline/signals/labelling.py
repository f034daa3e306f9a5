"""labelling: taking labels in: what is new is kept, what is known is only counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loopline.nouns.quality import Labelled
from loopline.signals.labels import BY, Label, append, keys_of, table_of, unkept, writing
from loopline.signals.matching import same
from loopline.signals.naming import shown
from loopline.signals.opening import Opened, name, opened, seal_much
from loopline.signals.rows import arrow
from loopline.signals.sealing import keep

Value = float | str
MANY: Final = 1_000
"""New labels that are a part of their own at once: in a segment every later call would read them one by one."""


def take(folder: Path, given: Sequence[Label], *, dry: bool = False) -> Labelled:
    """Keep labels, durably, and tell what became of them. Twice the same is kept once; of a contradiction the newest counts.

    With `dry` nothing is kept. Raise Unavailable where they cannot be kept: then none is.
    """
    table = table_of(given)
    if dry:
        return _take(folder, given, table)[0]
    try:
        seal_much(folder)  # not below: it waits for whoever writes
        with writing(folder):
            told, fresh = _take(folder, given, table)
            if fresh and (len(fresh) < MANY or not keep(folder, table.take(fresh))):
                append(folder, [given[n] for n in fresh])
    except OSError as error:
        raise unkept(error, folder) from error
    return told


def _take(folder: Path, given: Sequence[Label], table: Any) -> tuple[Labelled, list[int]]:
    """Tell what becomes of labels, and the places of those that are new."""
    pa = arrow()
    with opened(folder, tidy=False) as here:
        places = pa.array(range(len(given)), pa.int64())
        here.db.register("given", table.set_column(table.column_names.index("seq"), "seq", places))
        known = _known(here)
        homeless = _homeless(here, sorted({tuple(sorted(one.by)) for one in given if one.by}))
    fresh: list[int] = []
    told: dict[Any, Value] = {}
    repeated = contradicting = 0
    for n, one in enumerate(given):
        subject = one.id or tuple(sorted(one.by.items()))
        before = told.get(subject, known.get(n))
        told[subject] = one.value
        if before == one.value:
            repeated += 1
            continue
        contradicting += before is not None
        fresh.append(n)
    return Labelled(len(given), repeated, contradicting, homeless), fresh


def _known(here: Opened) -> dict[int, Value]:
    """Give what counts so far, by the place of what is given."""
    order = "l.recorded_at::HUGEINT * 4294967296 + l.seq"
    value = (
        f"SELECT g.seq, arg_max(coalesce(l.text, ''), {order}), arg_max(coalesce(l.number, 'nan'::DOUBLE), {order}),"
    )
    value += f" arg_max(l.text IS NULL, {order}) FROM given g JOIN labels l"
    rows = here.rows(f"{value} ON l.id = g.id WHERE g.keys = '' AND l.keys = '' GROUP BY g.seq")
    for keys in here.keys:
        columns = [name(BY + key) for key in keys]
        have = {shown(row[0]) for row in here.rows("SELECT column_name FROM (DESCRIBE given)")}
        if all(BY + key in have for key in keys):
            on = " AND ".join(f"l.{column} = g.{column}" for column in columns)
            written = keys_of(dict.fromkeys(keys, ""))
            rows += here.rows(f"{value} ON {on} WHERE g.keys = ? AND l.keys = g.keys GROUP BY g.seq", [written])
    return {seq: number if is_number else words for seq, words, number, is_number in rows}


def _homeless(here: Opened, sets: Sequence[tuple[str, ...]]) -> int:
    """Count what is given for no prediction."""
    ((count,),) = here.rows("SELECT count(*) FROM given l WHERE keys = '' AND id NOT IN (SELECT id FROM predictions)")
    for keys in sets:
        on = same(here, keys)
        there = f" AND NOT EXISTS (SELECT 1 FROM predictions p WHERE {on})" if on else ""
        ((more,),) = here.rows(
            f"SELECT count(*) FROM given l WHERE l.keys = ?{there}", [keys_of(dict.fromkeys(keys, ""))]
        )
        count += more
    return int(count)
