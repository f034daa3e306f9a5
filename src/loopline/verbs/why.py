"""why: from what is current back to where it came from."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.nouns.digest import is_digest_prefix, short
from loopline.nouns.lineage import Reason
from loopline.nouns.name import Named, RefName, parse_asset, parse_pointer
from loopline.nouns.ref import Ref
from loopline.nouns.run import Link, Run
from loopline.nouns.version import Version


def why(
    loop: Loop,
    what: Annotated[str, "a ref, a version, a run's id, or the digest of anything"],
    *,
    depth: Annotated[int, "how many runs to walk back"] = 10,
) -> Reason:
    """Tell why something is there: deployment, change and approvals, version, run, data, code, environment.

    Example:
        loopline why model/delay@champion
    """
    with loop.ledger.read() as tx:
        walk = _Walk(tx, loop, depth)
        if "/" in what:
            pointer = parse_pointer(what, project=loop.project)
            if isinstance(pointer.revision, Named):
                return walk.ref(tx.refs.get(RefName(pointer.asset, pointer.revision.ref)), 0)
            return walk.version(tx.versions.resolve(pointer), 0)
        if is_digest_prefix(what):
            return walk.digest(what, 0)
        return walk.run(tx.runs.resolve(loop.project, what), 0)


class _Walk:
    def __init__(self, tx: Tables, loop: Loop, depth: int) -> None:
        self._tx = tx
        self._loop = loop
        self._depth = depth
        self._told: set[str] = set()

    def ref(self, ref: Ref, level: int) -> Reason:
        because = []
        change = self._tx.changes.find(ref.change) if ref.change else None
        if change:
            because.append(_change(change))
        version = self._tx.versions.get(ref.name.asset, ref.target)
        because.append(self.version(version, level))
        facts = {"tier": ref.tier} if ref.tier else {}
        return Reason(
            "ref", str(ref.name), f"points at {version}", {**facts, "since": str(ref.moved_at)}, tuple(because)
        )

    def version(self, version: Version, level: int) -> Reason:
        key = str(version)
        facts = {"digest": short(version.artifact.digest), "by": version.author, "at": str(version.recorded_at)}
        if version.quarantined:
            facts["quarantined"] = self._tx.versions.quarantined(version.asset, version.number) or "yes"
        if self._again(key):
            return Reason("version", key, version.message, facts)
        run = self._tx.runs.find(version.run) if version.run else None
        because = [self.run(run, level + 1)] if run and level < self._depth else []
        if run is None and version.parents:
            facts["after"] = ", ".join(f"@{number}" for number in version.parents)
        return Reason("version", key, version.message, facts, tuple(because))

    def run(self, run: Run, level: int) -> Reason:
        facts = {"state": str(run.state), "by": run.actor, "at": str(run.started_at or run.recorded_at)}
        facts |= {f"param {key}": value for key, value in run.params.items()}
        facts |= {f"metric {key}": f"{value:.4g}" for key, value in run.metrics.items() if "[" not in key}
        if self._again(run.id):
            return Reason("run", run.id, run.name, facts)
        because = [self._input(link, level) for link in run.inputs]
        if run.code or run.commit:
            because.append(Reason("code", run.code or "", f"commit {run.commit}" if run.commit else "source tree"))
        if run.environment:
            packages = self._tx.lineage.packed(run.environment)
            because.append(Reason("environment", run.environment, f"{len(packages)} packages"))
        return Reason("run", run.id, run.name, facts, tuple(because))

    def digest(self, digest: str, level: int) -> Reason:
        versions = self._tx.versions.by_digest(self._loop.project, digest)
        if versions:
            return self.version(versions[-1], level)
        makers = self._tx.lineage.makers(digest)
        if not makers and level == 0:
            raise NotFound(f"nothing is known of {digest}", kind="no-artifact", hint="loopline ls", digest=digest)
        because = [self.run(self._tx.runs.get(makers[0]), level + 1)] if makers and level < self._depth else []
        return Reason("artifact", digest, "bytes", {}, tuple(because))

    def _input(self, link: Link, level: int) -> Reason:
        if link.asset and link.number:
            asset = parse_asset(link.asset, project=self._loop.project)
            version = self._tx.versions.find(asset, link.number)
            if version:
                return self.version(version, level)
        return self.digest(link.digest, level + 1)

    def _again(self, key: str) -> bool:
        if key in self._told:
            return True
        self._told.add(key)
        return False


def _change(change: Change) -> Reason:
    facts = {"by": change.author, "kind": change.kind, "at": str(change.closed_at or change.created_at)}
    yes = [f"{a.actor}{'' if a.verified else ' (unverified)'}" for a in change.approvals if a.answer == "approve"]
    if yes:
        facts["approved by"] = ", ".join(yes)
    if change.override:
        facts["overridden by"] = f"{change.override.actor}: {change.override.reason}"
    for verdict in change.verdicts:
        facts[f"check {verdict.check}"] = str(verdict.result)
    return Reason("change", change.id, change.reason, facts)
