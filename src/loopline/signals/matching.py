"""matching: which label is about which prediction, and which of several counts."""

from __future__ import annotations

from typing import Final

from loopline.nouns.service import EVENT_TIME, UNIT
from loopline.signals.labels import BY
from loopline.signals.opening import Opened, equals, name

_ORDER: Final = "recorded_at::HUGEINT * 4294967296 + seq"
"""A later label counts more; of those that came together, the one that stands behind."""


def latest(here: Opened, table: str, *, maturity: int = 0) -> str:
    """Write the rows (k, number, text, recorded_at, contradicted) of a table's predictions that have a label.

    The table has `k` beside the columns of predictions by which labels name them. With a maturity only labels count that
    were known within so many microseconds of the event. Temporary tables `pairs`, one row for each prediction and label of it,
    and `several`, the predictions with more than one, are made for it: nearly all have one, and only the others are put together.
    """
    here.db.execute(f"CREATE OR REPLACE TEMP TABLE pairs AS {_matched(here, table, maturity)}")
    here.db.execute("CREATE OR REPLACE TEMP TABLE several AS SELECT k FROM pairs GROUP BY k HAVING count(*) > 1")
    return f"""
        SELECT k, number, text, recorded_at, number IS NOT NULL AND text IS NOT NULL AS contradicted
        FROM pairs ANTI JOIN several USING (k)
        UNION ALL
        SELECT k, arg_max(number, {_ORDER}) AS number, arg_max(text, {_ORDER}) AS text, max(recorded_at) AS recorded_at,
            (min(number) IS DISTINCT FROM max(number) OR min(text) IS DISTINCT FROM max(text)
             OR count(number) > 0 AND count(text) > 0) AS contradicted
        FROM pairs SEMI JOIN several USING (k) GROUP BY k
    """


def _matched(here: Opened, table: str, maturity: int) -> str:
    bound = f" AND l.known_at <= p.event_time + {int(maturity)}" if maturity else ""
    chosen = f"SELECT p.k, l.number, l.text, l.recorded_at, l.seq FROM {table} p JOIN labels l"
    pairs = [f"{chosen} ON l.id = p.id{bound}"]
    for keys in here.keys:
        on = same(here, keys)
        if on:
            pairs.append(f"{chosen} ON l.keys = {_keys(keys)} AND {on}{bound}")
    return " UNION ALL ".join(pairs)


def same(here: Opened, keys: tuple[str, ...]) -> str:
    """Write that a prediction `p` has the values by which a label `l` names it; empty where a column was never recorded."""
    found = []
    for key in keys:
        column = column_of(here, key)
        if column is None:
            return ""
        found.append(equals(f"p.{name(column)}", here.columns[column], f"l.{name(BY + key)}"))
    return " AND ".join(found)


def column_of(here: Opened, key: str) -> str | None:
    """Find the column of predictions that a join column means."""
    column = key if key in (UNIT, EVENT_TIME) else f"in.{key}"
    return column if column in here.columns else None


def joining(here: Opened) -> tuple[str, ...]:
    """Give the columns of predictions by which labels name them."""
    found = [column_of(here, key) for keys in here.keys for key in keys]
    return tuple(dict.fromkeys(one for one in found if one))


def _keys(keys: tuple[str, ...]) -> str:
    import json

    from loopline.signals.opening import text

    return text(json.dumps(list(keys), ensure_ascii=False, separators=(",", ":")))
