"""verbs: what a person or a program can ask of the loop, one function a file.

A *verb* has one name everywhere: `verbs/promote.py`, `loop.do(promote, …)`, `loopline promote`. Its typed signature is its
usage (`usage.py`), its results are nouns (`plain.py` turns them into JSON values and back). VERBS lists them in the order of
the loop. The four classes: *read* changes nothing, *write* is one transaction, *work* may take long and reports progress,
*local* needs the terminal's own machine. Never here: terminals, sockets, a protocol's words.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Verb(NamedTuple):
    """One line of the table: enough to list, group and describe a verb without importing it."""

    name: str
    """As in Python; the command line writes `-` for `_`."""
    cls: Literal["read", "write", "work", "local"]
    group: str
    """Heading under which help lists it."""
    summary: str
    """The first line of the verb's docstring."""


VERBS: tuple[Verb, ...] = ()


def load(name: str) -> Callable[..., Any]:
    """Import one verb and give its function."""
    function: Callable[..., Any] = getattr(import_module(f"loopline.verbs.{name}"), name)
    return function
