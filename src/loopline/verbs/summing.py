"""summing: what other algorithms call the bytes that are kept here, so that nobody has to read them again for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from loopline.loop import Loop


def named(loop: Loop, algorithm: str, values: Iterable[str]) -> dict[str, Digest]:
    """Give the digests of what another algorithm calls so, as far as the store has the bytes."""
    with loop.ledger.read() as tx:
        found = tx.assets.by_aliases(algorithm, values)
    lost = loop.blobs.missing(set(found.values()))
    return {value: digest for value, digest in found.items() if digest not in lost}


def summed(loop: Loop, algorithm: str, digests: Iterable[Digest]) -> dict[str, str]:
    """Give the sums of bytes by digest; of which nobody knows it, is left out."""
    with loop.ledger.read() as tx:
        return tx.sums.all(algorithm, digests)


def remember(loop: Loop, algorithm: str, sums: Mapping[str, Digest]) -> None:
    """Write down what an algorithm calls bytes whose caller has hashed them. It is no event: the bytes say so themselves."""
    with loop.ledger.telemetry() as tx:
        tx.assets.aliases(algorithm, sums)
        tx.sums.add_all(algorithm, {digest: value for value, digest in sums.items()})
