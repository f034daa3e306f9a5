"""deployed: what should be served and what is, put together; shared by the verbs that show it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.nouns.deployment import Deployment
from loopline.verbs.deploying import behind

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.ref import Ref

SILENT: Final = 30_000_000
"""Microseconds after which nobody believes what a host said last."""


def deployment(tx: Tables, loop: Loop, ref: Ref) -> Deployment:
    """Give what a ref wants to be served and how that goes."""
    said = tx.deployments.find(ref.name.asset.project, str(ref.name)) or Deployment(str(ref.name), None)
    version = tx.versions.find(ref.name.asset, ref.target)
    found = replace(
        said, number=ref.target, change=ref.change or "", since=ref.moved_at, behind=behind(tx, loop, version)
    )
    return _believed(tx, found)


def leftovers(tx: Tables, project: str, refs: set[str]) -> list[Deployment]:
    """Give deployments whose ref is gone and whose processes are not, yet."""
    gone = [one for one in tx.deployments.list(project) if one.ref not in refs]
    return [one for one in gone if one.state not in ("stopped", "waiting") and not _is_silent(tx, one)]


def _believed(tx: Tables, one: Deployment) -> Deployment:
    """Say of a deployment whose host has fallen silent, or has none, that it waits for one."""
    if one.seen_at is None:
        return replace(one, message=one.message or "no host has taken it: loopline up, or loopline host, starts one")
    if one.state == "stopped":
        return replace(one, state="waiting", message="", serving=None, pids=())
    if _is_silent(tx, one):
        why = f"{one.host} has not been heard of" if one.host else "no host has taken it: loopline up starts one"
        return replace(one, state="waiting", message=why, serving=None, pids=())
    return one


def _is_silent(tx: Tables, one: Deployment) -> bool:
    return one.seen_at is None or tx.now - one.seen_at > SILENT
