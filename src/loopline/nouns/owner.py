"""owner: what has files of its own and is no asset: a run, a model that a run has logged, a trace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

OwnerKind = Literal["run", "model", "trace"]
_KEY: Final = re.compile(r"([^:]+):(run|model|trace)/([0-9A-Za-z-]+)\Z")


@dataclass(frozen=True, slots=True)
class Owner:
    """One of them. Its files are staged under its key, as those of a branch are under the key of its ref."""

    project: str
    kind: OwnerKind
    id: str
    """32 hex digits of a run; `m-` and so many of a model, `tr-` and so many of a trace."""

    @property
    def key(self) -> str:
        """Write it as the ledger does: no ref is called so, for each of those has an `@`."""
        return f"{self.project}:{self.kind}/{self.id}"

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.kind} {self.id}"


def owner_of(key: str) -> Owner | None:
    """Read an owner's key; None for that of a ref."""
    found = _KEY.match(key)
    return Owner(found[1], cast("OwnerKind", found[2]), found[3]) if found else None
