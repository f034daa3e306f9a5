"""limits: how much a client may send at once, with the messages that its users know."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from loopline.faces.mlflow.errors import invalid
from loopline.ledger.metrics import LEAST, MOST

KEY: Final = 250
PARAM: Final = 6_000
TAG: Final = 8_000
"""Characters of a tag of a run or a trace."""
LABEL: Final = 5_000
"""Characters of a tag of an experiment."""
EXPERIMENT: Final = 500
RUN: Final = 500
"""Characters of the name of a run."""
METRICS: Final = 1_000
PARAMS: Final = 100
TAGS: Final = 100
ENTITIES: Final = 1_000
RESULTS: Final = 50_000
_NAME: Final = re.compile(r"[/\w.\- :]*\Z")


@lru_cache(maxsize=4096)
def key_fits(name: str, what: str = "key", place: str = "") -> None:
    """Raise Fault 400 for what no param, metric or tag can be called."""
    where = place or what
    if len(name) > KEY:
        raise invalid(f"'{where}' exceeds the maximum length of {KEY} characters: it has {len(name)}.")
    if not name or not _NAME.match(name):
        raise invalid(
            f"Invalid value {name[:KEY]!r} for parameter '{where}' supplied: Names may only contain alphanumerics,"
            " underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    norm = posixpath.normpath(name)
    if norm != name or norm == "." or norm.startswith(("..", "/")):
        raise invalid(
            f"Invalid value {name[:KEY]!r} for parameter '{where}' supplied: Names may be treated as files in certain cases,"
            f" and must not resolve to other names when treated as such. This name would resolve to {norm!r}."
        )


def value_fits(value: str, most: int, what: str = "value") -> None:
    """Raise Fault 400 for a value of more characters."""
    if len(value) > most:
        raise invalid(f"'{what}' exceeds the maximum length of {most} characters: it has {len(value)}.")


def step_fits(step: int, what: str = "step") -> None:
    """Raise Fault 400 for a step that does not fit into the ledger."""
    if not LEAST <= step <= MOST:
        raise invalid(f"Invalid value {step} for parameter '{what}' supplied: it fits into 64 bits.")


def batch_fits(metrics: Sequence[object], params: Sequence[object], tags: Sequence[object]) -> None:
    """Raise Fault 400 for more at once than the protocol lets through."""
    for what, rows, most in (("metrics", metrics, METRICS), ("params", params, PARAMS), ("tags", tags, TAGS)):
        if len(rows) > most:
            raise invalid(f"A batch logging request can contain at most {most} {what}. Got {len(rows)} {what}.")
    total = len(metrics) + len(params) + len(tags)
    if total > ENTITIES:
        raise invalid(
            f"A batch logging request can contain at most {ENTITIES} metrics, params, and tags in total. Got {total}."
        )


def once(keys: Iterable[str]) -> None:
    """Raise Fault 400 where a param stands twice in one batch."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise invalid(
                f"Duplicate parameter keys have been submitted: {[key]}. Please ensure the request contains each once."
            )
        seen.add(key)
