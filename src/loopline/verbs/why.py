"""why: from what is current back to where it came from."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.change import Approval, Change
from loopline.nouns.digest import is_digest_prefix, short
from loopline.nouns.firing import Firing
from loopline.nouns.incident import Incident
from loopline.nouns.lineage import Reason
from loopline.nouns.name import Named, RefName, parse_asset, parse_pointer
from loopline.nouns.ref import Ref
from loopline.nouns.run import Link, Run
from loopline.nouns.version import Version
from loopline.verbs.firing import firing_behind
from loopline.verbs.observing import elsewhere
from loopline.verbs.permitting import sees
from loopline.verbs.show import any_by_id

DEEPEST = 100
"""How many runs one behind the other an answer can hold."""
MOST = 1000
"""How many runs an answer tells of."""


def why(
    loop: Loop,
    what: Annotated[
        str,
        "a ref, a version, the id of a change, a run or an incident, any digest, or data elsewhere: dataset:NAMESPACE/NAME",
    ],
    *,
    depth: Annotated[int, "how many runs to walk back"] = 10,
) -> Reason:
    """Tell why something is there: deployment, change and approvals, version, run, data, code, environment.

    What a trigger did is told with what it met: an alert and the change that was in force, or a change, which may be another
    trigger's effect, and so back to whoever or whatever began it.

    Where a rollback has brought a ref back, below it is the change that had moved it there before, with its evidence.

    Of what lies in a project that the asker may not look into, or beyond what their token covers, only a digest or an id is told.

    Example:
        loopline why model/delay@champion
    """
    if not 0 <= depth <= DEEPEST:
        raise Invalid(f"a depth of {depth}", kind="bad-depth", hint=f"give a depth of 0 to {DEEPEST}", depth=depth)
    with loop.ledger.read() as tx:
        walk = _Walk(tx, loop, depth)
        if what.startswith("dataset:"):
            return walk.artifact(elsewhere(tx, loop, what)[0], 0, loop.project)
        if "/" in what:
            pointer = parse_pointer(what, project=loop.project)
            if isinstance(pointer.revision, Named):
                return walk.ref(tx.refs.get(RefName(pointer.asset, pointer.revision.ref)), 0)
            return walk.version(tx.versions.resolve(pointer), 0)
        if is_digest_prefix(what):
            return walk.named(what)
        found = any_by_id(tx, loop, what)
        if isinstance(found, Incident):
            return walk.incident(found)
        return walk.run(found, 0) if isinstance(found, Run) else walk.change(found, 0)


class _Walk:
    def __init__(self, tx: Tables, loop: Loop, depth: int) -> None:
        self._tx = tx
        self._loop = loop
        self._depth = depth
        self._told: set[str] = set()
        self._runs = 0
        self._seen: dict[tuple[str, str], bool] = {}

    def ref(self, ref: Ref, level: int) -> Reason:
        """Tell where a ref points and which change moved it there."""
        because = []
        change = self._tx.changes.find(ref.change) if ref.change else None
        if change:
            before = self._brought(ref) if change.kind == "rollback" else None
            because.append(self._moved(change, () if before is None else (self._moved(before),)))
        version = self._tx.versions.get(ref.name.asset, ref.target)
        because.append(self.version(version, level))
        facts = {"tier": ref.tier} if ref.tier else {}
        return Reason(
            "ref", str(ref.name), f"points at {version}", {**facts, "since": str(ref.moved_at)}, tuple(because)
        )

    def change(self, change: Change, level: int) -> Reason:
        """Tell what a change moved, who answered, and what its versions came from."""
        there = [(one.ref.asset, one.new) for one in change.moves if one.new is not None]
        found = [
            self.version(self._tx.versions.get(*one), level) for one in there if self._may(one[0].project, str(one[0]))
        ]
        return self._moved(change, tuple(found))

    def version(self, version: Version, level: int) -> Reason:
        """Tell what a version is, and of the run that made it."""
        here = version.asset.project == self._loop.project
        key = str(version) if here else f"{version.asset.key}@{version.number}"
        facts = {"digest": short(version.artifact.digest), "by": version.author, "at": str(version.recorded_at)}
        if version.quarantined:
            facts["quarantined"] = self._tx.versions.quarantined(version.asset, version.number) or "yes"
        if version.parents and not version.run:
            facts["after"] = ", ".join(f"@{number}" for number in version.parents)
        return Reason("version", key, version.message, facts, self._made_by(version.run, key, level, facts))

    def run(self, run: Run, level: int) -> Reason:
        """Tell what a run was given and what it read."""
        self._told.add(run.id)
        self._runs += 1
        facts = {"state": str(run.state), "by": run.actor, "at": str(run.started_at or run.recorded_at)}
        facts |= {f"param {key}": value for key, value in run.params.items()}
        facts |= {f"metric {key}": f"{value:.4g}" for key, value in run.metrics.items() if "[" not in key}
        because = [*self._fired(self._tx.firings.of_task(run.tags.get("task", "")), run.project)]
        because += [self._input(link, level, run.project) for link in run.inputs]
        if run.code or run.commit:
            because.append(Reason("code", run.code or "", f"commit {run.commit}" if run.commit else "source tree"))
        if run.environment:
            packages = self._tx.lineage.packed(run.environment)
            because.append(Reason("environment", run.environment, f"{len(packages)} packages"))
        return Reason("run", run.id, run.name, facts, tuple(because))

    def incident(self, incident: Incident) -> Reason:
        """Tell which trigger opened an incident and why, or else which changes are said to have caused it."""
        facts = {"severity": incident.severity, "by": incident.opened_by, "at": str(incident.opened_at)}
        because = self._fired(self._tx.firings.of_incident(incident.id), incident.project)
        if not because:
            blamed = [self._tx.changes.find(one.change) for one in incident.blames if one.relation == "caused_by"]
            because = tuple(self._moved(one) for one in blamed if one is not None)
        return Reason("incident", incident.id, incident.title, facts, because)

    def named(self, prefix: str) -> Reason:
        """Tell of the newest version with this digest, or of what a run made or read. Raise NotFound."""
        known = self._tx.lineage.known(self._loop.project, prefix, limit=2)
        if not known:
            raise NotFound(f"nothing is known of {prefix}", kind="no-artifact", hint="loopline ls", digest=prefix)
        if len(known) > 1:
            raise Conflict(
                f"several digests begin with {prefix}", kind="ambiguous-digest", hint="write more digits", prefix=prefix
            )
        versions = self._tx.versions.by_digest(self._loop.project, known[0])
        return self.version(versions[0], 0) if versions else self.artifact(known[0], 0, self._loop.project)

    def artifact(self, digest: str, level: int, home: str) -> Reason:
        """Tell of bytes of a project that are no version, or of the first version that they became."""
        versions = self._tx.versions.by_digest(home, digest)
        if versions:
            return self.version(versions[-1], level)
        makers = self._tx.lineage.makers(home, digest)
        facts: dict[str, str] = {}
        because = self._made_by(makers[0] if makers else None, digest, level, facts)
        title = self._tx.lineage.titles(home, [digest]).get(digest, "bytes")
        return Reason("artifact", digest, title, facts, because)

    def _input(self, link: Link, level: int, home: str) -> Reason:
        if link.asset and link.number:
            asset = parse_asset(link.asset, project=home)
            if not self._may(asset.project, str(asset)):
                return Reason("artifact", link.digest, self._untold(asset.project))
            version = self._tx.versions.find(asset, link.number)
            if version:
                return self.version(version, level)
        return self.artifact(link.digest, level, home)

    def _made_by(self, maker: str | None, key: str, level: int, facts: dict[str, str]) -> tuple[Reason, ...]:
        """Go on with a run, once, as far as is allowed; what is left out says how to ask for it."""
        if maker is None or key in self._told:
            return ()
        if level >= self._depth or self._runs >= MOST:
            facts["more"] = f"loopline why {key}"
            return ()
        self._told.add(key)
        run = self._tx.runs.find(maker)
        if run is None:
            return ()
        if not self._may(run.project):
            return (Reason("run", run.id, self._untold(run.project)),)
        if run.id in self._told:
            return (Reason("run", run.id, run.name),)
        return (self.run(run, level + 1),)

    def _brought(self, ref: Ref) -> Change | None:
        """Find the change that had moved a ref to where a rollback has brought it back."""
        for moved in self._tx.changes.history(ref.name, limit=1000):
            if moved.kind != "rollback" and moved.new == ref.target:
                return self._tx.changes.find(moved.change)
        return None

    def _moved(self, change: Change, because: tuple[Reason, ...] = ()) -> Reason:
        """Tell of a change, its answers and its checks; only that it was there to whom may not look at all that it moved."""
        if not all(self._may(move.ref.asset.project, str(move.ref.asset)) for move in change.moves):
            return Reason("change", change.id, self._untold(change.project))
        facts = {"by": change.author, "kind": change.kind, "at": str(change.closed_at or change.created_at)}
        yes = [one for one in change.approvals if one.answer == "approve"]
        if yes:
            facts["approved by"] = ", ".join(f"{one.actor}{self._notes(change, one)}" for one in yes)
        if change.override:
            facts["overridden by"] = f"{change.override.actor}: {change.override.reason}"
        for verdict in change.verdicts:
            facts[f"check {verdict.check}"] = str(verdict.result)
        fired = self._fired(firing_behind(self._tx, change), change.project)
        return Reason("change", change.id, change.reason, facts, (*fired, *because))

    def _fired(self, one: Firing | None, home: str) -> tuple[Reason, ...]:
        """Tell which trigger did it, and of the alert or the change that it followed."""
        if one is None or one.project != home or not self._may(home):
            return ()
        because: tuple[Reason, ...] = ()
        kind, _, key = one.cause.partition(":")
        if kind == "alert":
            alert = self._tx.alerts.get(home, key)
            facts = {"severity": alert.severity, "at": str(alert.opened_at)}
            if alert.change:
                facts["under change"] = alert.change
            title = f"{alert.service}/{alert.monitor}: {alert.summary}"
            because = (Reason("alert", alert.id, title, facts, self._once(alert.change)),)
        elif kind == "change":
            because = self._once(key)
        chain = " → ".join(one.chain) if len(one.chain) > 1 else ""
        facts = {"at": str(one.fired_at), "chain": chain, "asked by": one.asker}
        return (Reason("trigger", one.trigger, one.why, {name: fact for name, fact in facts.items() if fact}, because),)

    def _once(self, key: str) -> tuple[Reason, ...]:
        """Go on with a change by its id, where it was not told before."""
        found = self._tx.changes.find(key) if key and key not in self._told else None
        if found is None:
            return ()
        self._told.add(key)
        return (self._moved(found),)

    def _notes(self, change: Change, answer: Approval) -> str:
        """Say of an approval whether somebody vouched for it, and why the policy of the decision did not count it."""
        from loopline.checks.document import load_document
        from loopline.checks.policy import Case, uncounted

        notes = [] if answer.verified else ["unverified"]
        data = self._tx.policies.find(change.decision.policy) if change.decision and change.decision.policy else None
        policies = load_document(data).policies if data else ()
        why_not = uncounted(policies, Case(change, self._tx.now), answer)
        if why_not or answer.stale:
            notes.append(f"not counted: {why_not or 'saw another head or other evidence'}")
        return f" ({', '.join(notes)})" if notes else ""

    def _may(self, project: str, asset: str = "*") -> bool:
        """Tell whether the asker could have asked there."""
        known = self._seen.get((project, asset))
        if known is None:
            known = self._seen[project, asset] = sees(self._loop, "why", project, asset)
        return known

    def _untold(self, project: str) -> str:
        return "beyond what your token covers" if project == self._loop.project else "in another project"
