"""pins: what the specification of a service brings back with it, and which refs it followed; for rollbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from loopline.errors import LooplineError
from loopline.nouns.digest import short
from loopline.nouns.name import Named, RefName, parse_pointer
from loopline.nouns.wayback import Pinned

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.change import Moved
    from loopline.nouns.service import Arm, Monitor, Service
    from loopline.verbs.moments import Moment


@dataclass(frozen=True, slots=True)
class Repinned:
    """What comes back with a ref: of anything but a service, nothing else."""

    seq: int
    """The last event that is not taken back."""
    follows: Mapping[RefName, str] = field(default_factory=dict)
    """Refs that go back with the service, and why."""
    brings: frozenset[str] = frozenset()
    """Models that are served again, as `model/name@number`."""
    pinned: tuple[Pinned, ...] = ()
    notes: tuple[str, ...] = ()
    loop: Loop | None = None

    def leaves(self, tx: Tables, taken: Sequence[Moved]) -> Iterator[str]:
        """Name the models of service versions that are left, which are not served again and are in no quarantine yet."""
        if self.loop is None:
            return
        for one in taken:
            if one.ref.asset.kind != "service" or one.new is None or not self.brings:
                continue
            service = _read(tx, self.loop, one.ref, one.new)
            for arm in service.arms if service else ():
                pointer = parse_pointer(arm.version, project=self.loop.project)
                mine = pointer.asset.project == self.loop.project and arm.version not in self.brings
                if mine and tx.versions.quarantined(pointer.asset, _number(arm)) is None:
                    yield arm.version


def repinned(tx: Tables, loop: Loop, ref: RefName, moment: Moment) -> Repinned:
    """Find what a service is made of at both ends, and the refs that it followed from one to the other.

    Where any moment will do at which the service was current, it is the last at which these refs stood at what it pins: who
    promotes a model first and deploys it then has moved them before the service, and wants both back.
    """
    here = tx.refs.find(ref)
    if ref.asset.kind != "service" or here is None or moment.target is None:
        return Repinned(moment.seq)
    left, back = _read(tx, loop, ref, here.target), _read(tx, loop, ref, moment.target)
    if back is None:
        return Repinned(moment.seq)
    brings = frozenset(arm.version for arm in back.arms)
    notes = [
        f"the lock of {arm.version} ({short(arm.environment)}) is not in the store: its environment cannot be restored from it"
        for arm in back.arms if arm.environment and loop.blobs.size(arm.environment) is None
    ]  # fmt: skip
    if left is None:
        return Repinned(moment.seq, brings=brings, notes=tuple(notes), loop=loop)
    follows, seq = dict[RefName, int](), moment.seq
    for followed, now, then in _followed(loop, left, back):
        last = _last_at(tx, followed, now, then, moment)
        if last is None:
            notes.append(
                f"{followed}, which it follows, stays: it does not stand at {now}, or did not stand at {then} then"
            )
            continue
        follows[followed] = then
        seq = min(seq, last) if moment.free else seq
    kept = {one: to for one, to in follows.items() if _stood(tx, one, seq) == to}
    return Repinned(
        seq, {one: f"{ref} follows it, and pins {to} again" for one, to in kept.items()}, brings,
        tuple(_differences(left, back)), tuple(notes), loop,
    )  # fmt: skip


def _read(tx: Tables, loop: Loop, ref: RefName, number: int) -> Service | None:
    from loopline.verbs.deploying import service_of

    with suppress(LooplineError):
        return service_of(loop, tx.versions.get(ref.asset, number))
    return None


def _number(arm: Arm) -> int:
    return int(arm.version.rpartition("@")[2])


def _followed(loop: Loop, left: Service, back: Service) -> Iterator[tuple[RefName, int, int]]:
    """Give each ref of this project that both follow, with the numbers that they pin, where these differ."""
    for arm in left.arms:
        other = next((one for one in back.arms if one.follows == arm.follows), None)
        if not arm.follows or other is None or _number(other) == _number(arm):
            continue
        pointer = parse_pointer(arm.follows, project=loop.project)
        if isinstance(pointer.revision, Named) and pointer.asset.project == loop.project:
            yield RefName(pointer.asset, pointer.revision.ref), _number(arm), _number(other)


def _last_at(tx: Tables, ref: RefName, now: int, then: int, moment: Moment) -> int | None:
    """Find the last event before a ref went from `then`, while the service was what it will be; None where it stays."""
    here = tx.refs.find(ref)
    if here is None or here.target != now:
        return None
    past = tx.changes.history(ref, limit=1000)
    return next((one.seq - 1 for one in past if one.old == then and one.seq > moment.since), None)


def _stood(tx: Tables, ref: RefName, seq: int) -> int | None:
    """Tell where a ref stood behind an event."""
    later = [one for one in tx.changes.history(ref, limit=1000) if one.seq > seq]
    here = tx.refs.find(ref)
    return later[-1].old if later else here.target if here else None


def _differences(left: Service, back: Service) -> Iterator[Pinned]:
    before, after = dict(_told(left)), dict(_told(back))
    for name in dict.fromkeys([*after, *before]):
        old, new = before.get(name, "–"), after.get(name, "–")
        if old != new:
            yield Pinned(name, old, new)


def _told(service: Service) -> Iterator[tuple[str, str]]:
    """Say what a specification pins and sets, a line each."""
    for arm in service.arms:
        share = " (shadow)" if arm.shadow else f", weight {arm.weight}" if len(service.arms) > 1 else ""
        yield f"model {arm.name}", arm.version + share
        yield f"environment {arm.name}", short(arm.environment) if arm.environment else "of the host"
        yield f"profile {arm.name}", short(arm.profile) if arm.profile else "–"
    for monitor in service.monitors:
        yield f"monitor {monitor.name}", _monitor(monitor)
    for one in fields(service):
        if one.name not in ("name", "arms", "monitors", "rollout"):
            yield from _settings(one.name, getattr(service, one.name))


def _monitor(monitor: Monitor) -> str:
    bounds = ", ".join(f"{name} {value:g}" for name, value in sorted(monitor.bounds.items()))
    parts = [monitor.kind, f"window {monitor.window}", f"every {monitor.every}", bounds, ", ".join(monitor.columns)]
    rest = f"{monitor.rows} rows, rise {monitor.rise}, clear {monitor.clear}, {monitor.severity}"
    return "; ".join(one for one in (*parts, rest) if one)


def _settings(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if is_dataclass(value):
        for one in fields(value):
            yield from _settings(f"{name}.{one.name}", getattr(value, one.name))
    elif isinstance(value, tuple):
        yield name, ", ".join(map(str, value)) or "–"
    else:
        yield name, str(value)
