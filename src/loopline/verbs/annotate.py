"""annotate: say more about what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, Refused
from loopline.loop import Loop
from loopline.nouns.name import AssetName, RefName, parse_asset, parse_pointer
from loopline.verbs.moving import at_home, guarded
from loopline.verbs.noting import TEXT
from loopline.verbs.start import NOTHING, unreserved

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing


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
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if "/" not in what:
            name = _run(tx, loop, what, tags=tags, untag=untag, text=text, rename=rename)
        elif "@" in what:
            name = _version(tx, loop, what, tags=tags, untag=untag, text=text, rename=rename)
        else:
            name = _asset(tx, loop, what, tags=tags, untag=untag, text=text, rename=rename)
        said = {"tags": dict(tags), "untag": list(untag), "text": text, "was": what if rename else ""}
        tx.say("annotated", name, **{key: value for key, value in said.items() if value not in ({}, [], None, "")})
    return name


def _run(
    tx: Writing,
    loop: Loop,
    what: str,
    *,
    tags: Mapping[str, str],
    untag: tuple[str, ...],
    text: str | None,
    rename: str,
) -> str:
    unreserved(tags)
    unreserved(dict.fromkeys(untag, ""))
    if text is not None:
        raise Invalid("a run has no text", kind="not-for-these", hint="give it a tag: --tag note=…", what=what)
    run = tx.runs.resolve(loop.project, what, deleted=True).id
    tx.runs.untag(run, untag)
    tx.runs.annotate(run, tags=tags)
    if rename:
        tx.runs.rename(run, rename)
    return run


def _version(
    tx: Writing,
    loop: Loop,
    what: str,
    *,
    tags: Mapping[str, str],
    untag: tuple[str, ...],
    text: str | None,
    rename: str,
) -> str:
    if rename:
        raise Invalid("a version has no name of its own", kind="not-for-these", hint="rename its asset", what=what)
    version = tx.versions.resolve(parse_pointer(what, project=loop.project))
    at_home(loop, version.asset)
    subject = tx.versions.subject(version)
    tx.taggings.drop(subject, untag)
    tx.taggings.set(subject, tags if text is None else {**tags, TEXT: text})
    return str(version)


def _asset(
    tx: Writing,
    loop: Loop,
    what: str,
    *,
    tags: Mapping[str, str],
    untag: tuple[str, ...],
    text: str | None,
    rename: str,
) -> str:
    asset = tx.assets.get(at_home(loop, parse_asset(what, project=loop.project)))
    tx.taggings.drop(asset.subject, untag)
    tx.taggings.set(asset.subject, tags)
    if text is not None:
        tx.assets.tell(asset.name, text)
    if not rename:
        return str(asset.name)
    other = at_home(loop, parse_asset(rename if "/" in rename else f"{asset.name.kind}/{rename}", project=loop.project))
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
