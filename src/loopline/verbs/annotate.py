"""annotate: say more about what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, Refused
from loopline.loop import Loop
from loopline.nouns.name import AssetName, RefName, parse_asset, parse_pointer
from loopline.verbs.moving import at_home, guarded
from loopline.verbs.noting import TEXT
from loopline.verbs.start import NOTHING, unreserved

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said about something."""

    tags: Mapping[str, str]
    untag: tuple[str, ...]
    text: str | None
    rename: str


def annotate(
    loop: Loop,
    what: Annotated[str, "a run's first digits, an asset (model/delay) or a version (model/delay@3)"],
    *,
    tags: Annotated[Mapping[str, str], "labels; the newest value stays"] = NOTHING,
    untag: Annotated[tuple[str, ...], "labels that go"] = (),
    text: Annotated[str | None, "what it is, in a few words, of an asset or a version"] = None,
    rename: Annotated[str, "another name for it, of a run or an asset"] = "",
) -> str:
    """Tag, describe or rename a run, an asset or a version.

    Gives its whole name. What it is made of never changes.

    Example:
        loopline annotate model/delay@3 --tag reviewed=yes --text "trained with the July data"
    """
    if not all(key.strip() for key in (*tags, *untag)):
        raise Invalid("a tag needs a name", kind="bad-name", hint="write KEY=VALUE")
    said = _Said(tags, untag, text, rename)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if "/" not in what:
            name = _run(tx, loop, what, said)
        elif "@" in what:
            name = _version(tx, loop, what, said)
        else:
            name = _asset(tx, loop, what, said)
        payload = {"tags": dict(tags), "untag": list(untag), "text": text, "was": what if rename else ""}
        tx.say("annotated", name, **{key: value for key, value in payload.items() if value not in ({}, [], None, "")})
    return name


def _run(tx: Writing, loop: Loop, what: str, said: _Said) -> str:
    unreserved(said.tags)
    unreserved(dict.fromkeys(said.untag, ""))
    if said.text is not None:
        raise Invalid("a run has no text", kind="not-for-these", hint="give it a tag: --tag note=…", what=what)
    run = tx.runs.resolve(loop.project, what, deleted=True).id
    tx.runs.untag(run, said.untag)
    tx.runs.annotate(run, tags=said.tags)
    if said.rename:
        tx.runs.rename(run, said.rename)
    return run


def _version(tx: Writing, loop: Loop, what: str, said: _Said) -> str:
    if said.rename:
        raise Invalid("a version has no name of its own", kind="not-for-these", hint="rename its asset", what=what)
    version = tx.versions.resolve(parse_pointer(what, project=loop.project))
    at_home(loop, version.asset)
    subject = tx.versions.subject(version)
    tx.taggings.drop(subject, said.untag)
    tx.taggings.set(subject, said.tags if said.text is None else {**said.tags, TEXT: said.text})
    return str(version)


def _asset(tx: Writing, loop: Loop, what: str, said: _Said) -> str:
    asset = tx.assets.get(at_home(loop, parse_asset(what, project=loop.project)))
    tx.taggings.drop(asset.subject, said.untag)
    tx.taggings.set(asset.subject, said.tags)
    if said.text is not None:
        tx.assets.tell(asset.name, said.text)
    if not said.rename:
        return str(asset.name)
    name = said.rename if "/" in said.rename else f"{asset.name.kind}/{said.rename}"
    other = at_home(loop, parse_asset(name, project=loop.project))
    _may_move(tx, asset.name, other)
    tx.assets.rename(asset.name, other)
    return str(other)


def _may_move(tx: Writing, asset: AssetName, other: AssetName) -> None:
    """Raise Refused where a rename would pass by a policy, which speaks of refs by their names, or would be one itself."""
    refs = [RefName(name, ref.name.ref) for ref in tx.refs.of(asset) for name in (asset, other)]
    found = guarded(tx, asset.project, refs)
    if found is not None or "policy" in (asset.kind, other.kind):
        raise Refused(
            f"{found or asset} is guarded by a policy, which a rename would pass by", kind="policy",
            hint="take the ref away by a change, rename, and propose it anew", ref=str(found or asset),
        )  # fmt: skip
