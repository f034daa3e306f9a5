"""delete: mark something as gone."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.name import parse_asset, parse_pointer
from loopline.verbs.moving import at_home


def delete(
    loop: Loop,
    what: Annotated[str, "an asset (report/old), a version (model/delay@3) or a run's first digits"],
    *,
    why: Annotated[str, "the reason"] = "",
) -> str:
    """Mark an asset, a version or a run as deleted. Its history stays; what a ref points at cannot be deleted.

    Example:
        loopline delete model/delay@3 --why "trained by mistake"
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if "/" not in what:
            gone = tx.runs.resolve(loop.project, what).id
            tx.runs.delete(gone)
        elif "@" in what:
            version = tx.versions.resolve(parse_pointer(what, project=loop.project))
            at_home(loop, version.asset)
            tx.versions.delete(version.asset, version.number)
            gone = str(version)
        else:
            asset = at_home(loop, parse_asset(what, project=loop.project))
            held = tx.refs.of(tx.assets.get(asset).name)
            if held:
                raise Invalid(
                    f"{asset} has refs", kind="asset-in-use", hint=f"loopline propose {held[0].name} --delete --why …",
                    asset=str(asset), refs=[str(ref.name) for ref in held],
                )  # fmt: skip
            tx.assets.delete(asset)
            gone = str(asset)
        tx.say("deleted", gone, why=why)
    return gone
