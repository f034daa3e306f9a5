"""foreigntrash: what a reclaim does with blobs whose bytes lie elsewhere: it forgets where, after the time of the trash.

Until then a list beside the sidecar says what is condemned; whoever asks for one of them takes it off the list. No source is
ever changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from loopline.store.sidecars import Sidecars
    from loopline.store.trash import Trash


class ForeignTrash:
    """Keeps Trash's promises: of bytes by `inner`, of where others lie by lists."""

    def __init__(self, inner: Trash, sidecars: Sidecars) -> None:
        self._inner, self._sidecars = inner, sidecars

    def alone(self) -> AbstractContextManager[None]:
        """Ask the store."""
        return self._inner.alone()

    def take(self, number: int, digests: Iterable[Digest]) -> tuple[int, int]:
        """Condemn what lies elsewhere, which gives back no room, and move the rest."""
        asked = list(digests)
        condemned = self._sidecars.condemn(number, {_ident(one) for one in asked})
        objects, size = self._inner.take(number, asked)
        return max(objects, len(condemned)), size

    def numbers(self) -> list[int]:
        """Give the reclaims that have moved or condemned something."""
        return sorted({*self._inner.numbers(), *self._sidecars.numbers()})

    def iter(self, number: int) -> Iterator[Digest]:
        """Give what one reclaim has moved or condemned. Some may come twice."""
        yield from self._inner.iter(number)
        for ident in self._sidecars.condemned(number):
            yield Digest("sha256:" + ident.hex())

    def size(self, digest: Digest) -> int:
        """Give how many bytes of a blob are in the trash."""
        return self._inner.size(digest)

    def revive(self, digests: Iterable[Digest]) -> set[Digest]:
        """Take back what was moved or condemned."""
        asked = list(digests)
        known = self._sidecars.find_all([_ident(one) for one in asked])
        return self._inner.revive(asked) | {rows[0].digest for rows in known.values()}

    def empty(self, number: int) -> None:
        """Forget for good."""
        self._sidecars.forget(number)
        self._inner.empty(number)


def _ident(digest: Digest) -> bytes:
    return bytes.fromhex(digest[7:])
