"""left: what was not taken over, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.nouns.adoption import LeftOut

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.store import Store

SHOWN: Final = 5
"""Names that are told of each reason."""


class Left:
    """Collects it, by kind and reason."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, bool], tuple[int, list[str]]] = {}

    def out(self, what: str, why: str, name: str = "", *, count: int = 1, lost: bool = True) -> None:
        """Say that something was not taken. `lost`: what is here is less than what is there by it."""
        number, names = self._found.get((what, why, lost), (0, []))
        if name and name not in names and len(names) < SHOWN:
            names.append(name)
        self._found[what, why, lost] = (number + count, names)

    def unread(self, store: Store) -> None:
        """Say of what a store has that nothing here reads."""
        for what, count in store.unread().items():
            self.out(what, "this is not taken over yet", count=count, lost=False)

    def all(self) -> tuple[LeftOut, ...]:
        """Give it, in the order in which it was met."""
        return tuple(
            LeftOut(what, count, why, tuple(names), lost) for (what, why, lost), (count, names) in self._found.items()
        )
