"""naming: columns as they are stored. DuckDB takes `Carrier` and `carrier` for one column, models do not.

A name with capitals (or with `#`) is stored with a mark behind it that says which letters they are: `in.Carrier#8`.
"""

from __future__ import annotations


def stored(column: str) -> str:
    """Give the name under which a column is stored; no two columns have names that differ only by case."""
    capitals = sum(1 << at for at, letter in enumerate(column) if "A" <= letter <= "Z")
    return f"{column}#{capitals:x}" if capitals or "#" in column else column


def shown(name: str) -> str:
    """Give the column that is stored under a name."""
    column, mark, _ = name.rpartition("#")
    return column if mark else name
