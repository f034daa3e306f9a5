"""Every column that names bytes is asked for them before any are reclaimed."""

from __future__ import annotations

import re

from loopline.ledger.roots import BYTELESS, QUERIES
from loopline.ledger.schema import WHOLE

LOOKS = re.compile(
    r"digest|hash|root|code$|environment$|head$|^base$|^ours$|^theirs$|notes|tree|blob|cache_key|previous|payload|metadata"
    r"|^value$|words|body|result$|evidence|inputs|^policy$|^cause$|secret|folded"
)
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*)\)\s*$", re.DOTALL)
_COLUMN = re.compile(r'(?:^|[,\n])\s*"?(\w+)"? (?:TEXT|BLOB|VARCHAR)')


def columns() -> set[str]:
    """List the columns of text and bytes that a new ledger has, as `table.column`."""
    found = set()
    for statement in WHOLE.read_text(encoding="utf-8").split(";\n\n"):
        if match := _TABLE.match(statement):
            found |= {f"{match[1]}.{name}" for name in _COLUMN.findall(match[2])}
    return found


def test_each_column_that_may_name_bytes_is_asked_or_said_to_name_none() -> None:
    """A column of digests that no query of roots reads would have its bytes reclaimed."""
    asked = {column for query in QUERIES for column in query.columns}
    looks = {one for one in columns() if LOOKS.search(one.partition(".")[2])}
    assert looks - asked - set(BYTELESS) == set()


def test_nothing_is_said_of_columns_that_are_not_there() -> None:
    """Both lists speak of columns of the newest schema, and of none twice."""
    asked = {column for query in QUERIES for column in query.columns}
    assert asked & set(BYTELESS) == set()
    assert {one for one in (*asked, *BYTELESS) if one not in columns()} == set()
