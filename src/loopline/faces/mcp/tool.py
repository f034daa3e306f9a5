"""tool: one piece of work that an assistant may ask for, before anybody speaks of schemas or wires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from loopline.verbs import BY_NAME

if TYPE_CHECKING:
    from loopline.faces.mcp.asking import Asking
    from loopline.faces.mcp.fitting import Left
    from loopline.faces.native.schema import Schema, Schemas


class Found(NamedTuple):
    """What a tool has found or done."""

    value: Any
    """In plain form."""
    headline: str
    """One line about it."""
    next: str | None = None
    more: str = ""
    """What to do for what was left out."""
    left: tuple[Left, ...] = ()
    """What the tool itself has left out."""


@dataclass(frozen=True)
class Tool:
    """One tool. What it promises (`reads`, `moves`, `opens`) is held against the table of verbs by its tests."""

    name: str
    title: str
    text: str
    """When to use it, and what it does not do."""
    verbs: tuple[str, ...]
    """All that it may ask."""
    takes: Callable[[Schemas], dict[str, Schema]]
    gives: Callable[[Schemas], Schema]
    do: Callable[[Asking, Mapping[str, Any]], Found]
    needs: tuple[str, ...] = ()
    """Arguments without which it makes no sense."""
    moves: bool = False
    """Whether a ref, or traffic, may be another afterwards."""

    @property
    def reads(self) -> bool:
        """Whether nothing is changed."""
        return all(BY_NAME[one].cls == "read" for one in self.verbs)

    @property
    def opens(self) -> bool:
        """Whether it may reach what is outside of the ledger: the project's own code does what it likes."""
        return any(BY_NAME[one].runs_code for one in self.verbs)
