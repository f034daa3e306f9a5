"""expect: a version held against what is expected of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from loopline.errors import NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.check import Check
from loopline.nouns.expectation import Expected
from loopline.nouns.name import AssetName, Named, Pointer, RefName
from loopline.nouns.version import Version
from loopline.verbs.declaring import in_force, speaks_of
from loopline.verbs.expecting import observations, subject_of

PATIENCE: Final = 60.0
"""Seconds for which a server looks at one set of files while somebody waits."""


def expect(
    loop: Loop,
    version: Annotated[Pointer, "what is looked at: data/flights@main"],
    *,
    base: Annotated[
        Pointer | None, "what its rows and columns are compared with; what it was made from when left out"
    ] = None,
    only: Annotated[tuple[str, ...], "names of checks; all that speak of these data when left out"] = (),
) -> Expected:
    """Hold the tables of a version against what is expected of them, without a change: nothing is written down.

    These are the expectations of the checks that speak of the ref; where none does, or a number is given, of those that speak of
    any ref of the data: what they would say of it. The exit code is 1 where one does not hold.

    Example:
        loopline expect data/flights@main
    """
    with loop.ledger.read() as tx:
        found = tx.versions.resolve(version)
        before = tx.versions.resolve(base) if base else _before(tx, found)
        checks = checks_of(tx, loop, version, only=only)
        subject = subject_of(tx, loop, found, before, checks)
    told = [one for check in checks for one in observations(loop, subject, check, patience=PATIENCE)]
    return Expected(str(found), str(before) if before else "", tuple(told))


def checks_of(tx: Tables, loop: Loop, pointer: Pointer, *, only: Sequence[str] = ()) -> tuple[Check, ...]:
    """Give the checks of expectations that speak of data. Raise NotFound kind="no-check"."""
    known = in_force(tx, loop)
    every = [RefName(pointer.asset, "main"), *(one.name for one in tx.refs.of(pointer.asset))]
    named = [RefName(pointer.asset, pointer.revision.ref)] if isinstance(pointer.revision, Named) else every
    found = tuple(one for one in speaking(known, named) or speaking(known, every) if not only or one.name in only)
    lost = sorted(set(only) - {one.name for one in found})
    if lost or not found:
        raise none_of(pointer.asset, lost[0] if lost else "")
    return found


def speaking(checks: Iterable[Check], refs: Sequence[RefName]) -> tuple[Check, ...]:
    """Leave the checks of expectations that speak of one of these refs."""
    return tuple(one for one in checks if one.expect and any(speaks_of(one, ref) for ref in refs))


def none_of(asset: AssetName, name: str = "") -> NotFound:
    """Say that nothing is expected of data, or that no check of that name speaks of them."""
    return NotFound(
        f"no check {name} speaks of {asset}" if name else f"nothing is expected of {asset}", kind="no-check",
        hint=f'add [checks."NAME"] with refs = ["{asset}@*"] and expect to loopline.toml', asset=str(asset),
    )  # fmt: skip


def _before(tx: Tables, version: Version) -> Version | None:
    return tx.versions.find(version.asset, version.line[0]) if version.line else None
