"""measuring: the history of a project as the column `insights` wants it: deployments, what each brought, what went wrong with it.

Which refs production lives on: those of the tier production; of models also what a service of that tier follows; of data also the
main branch of what those models were trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final

from loopline.insights.dora import Brought, Deployment, Key, LaneName, Record, Trouble, failures
from loopline.insights.learning import Bad, Retrained, Serving, Used
from loopline.insights.reach import NEVER, Span, Track
from loopline.ledger.delivery import Delivery, Moving
from loopline.verbs.bringing import Carrying, Line, Versions, carrying, together

if TYPE_CHECKING:
    from loopline.insights.calendar import Window
    from loopline.nouns.postmortem import Failure
    from loopline.store.database import Row

PRODUCTION: Final = ("production", "prod")
TRUNK: Final = "main"
LANES: Final[tuple[LaneName, ...]] = ("code", "data", "model")
SILENT: Final = ("drift", "quality", "data", "fairness")
"""Kinds of alerts that tell of failing without an error."""
Where = tuple[int, str]
"""A ref: its asset, its name."""
Step = tuple[int | None, int | None, str | None]
"""What a move did: from, to, the tier that it set."""


class History:
    """What one project has delivered. Each part is read once, when it is first asked for.

    What happened before the window is read as columns: it says where refs stood and what was deployed already, and no more.
    """

    def __init__(self, delivery: Delivery, window: Window) -> None:
        self.delivery = delivery
        self._window = window

    @cached_property
    def assets(self) -> Mapping[int, tuple[str, str]]:
        """Kind and name of every asset."""
        return self.delivery.assets()

    @cached_property
    def _versions(self) -> Versions:
        return Versions(self.delivery, self.assets)

    @cached_property
    def _begins(self) -> int:
        return self.delivery.begins(self._window.since)

    @cached_property
    def moves(self) -> Sequence[Moving]:
        """Every move from the first of the window on, in order."""
        return self.delivery.moves(self._begins)

    @cached_property
    def by_ref(self) -> Mapping[Where, tuple[Sequence[Row], Sequence[Moving]]]:
        """The moves of each ref: those before the window, and the others."""
        found: dict[Where, tuple[list[Row], list[Moving]]] = defaultdict(lambda: ([], []))
        for row in self.delivery.before(self._begins):
            found[row[0], row[1]][0].append(row)
        for move in self.moves:
            found[move.asset, move.ref][1].append(move)
        return found

    @cached_property
    def deployed(self) -> Mapping[LaneName, Mapping[Where, Line]]:
        """The deployments of each ref that production lives on, by lane."""
        found: dict[LaneName, dict[Where, Line]] = {lane: {} for lane in LANES}
        for where in self.by_ref:
            some = self._line(where, _at_production)
            if some.before or some.moves:
                found[_lane(self.assets[where[0]][0])][where] = some
        live = {where[0] for where in found["code"]}
        followed = {pointer for service, pointer in self.delivery.followed() if service in live}
        for where in self.by_ref:
            if self.assets[where[0]][0] == "model" and self._whole(where) in followed:
                found["model"][where] = self._line(where, _real)
        models = {asset for asset, _ in found["model"]}
        consumed = {data for model in models for _, data, _ in self._closure(model)}
        for where in self.by_ref:
            if where[0] in consumed and where[1] == TRUNK:
                found["data"][where] = self._line(where, _real)
        return found

    def _whole(self, where: Where) -> str:
        return f"{'/'.join(self.assets[where[0]])}@{where[1]}"

    def _line(self, where: Where, which: Callable[[Iterable[Step]], list[bool]]) -> Line:
        before, moves = self.by_ref.get(where, ((), ()))
        kept = which([*map(itemgetter(2, 3, 4), before), *map(attrgetter("old", "new", "tier"), moves)])
        return Line(self._whole(where), list(compress(before, kept)), list(compress(moves, kept[len(before) :])))

    def record(self, lane: LaneName) -> Record:
        """Give all that the five keys of a lane are computed from."""
        refs = self.deployed[lane]
        before = {line.ref: line.before[-1][5] for line in refs.values() if line.before}
        return Record(self._deployments(lane), self._troubles(lane), self._units(refs), self._linked, before)

    def failures(self, changes: Collection[str]) -> tuple[Failure, ...]:
        """Give the deployments of every lane that these changes are and that failed, in order."""
        found: list[Failure] = []
        for lane in LANES:
            record = Record(self._deployments(lane), self._troubles(lane), {}, self._linked)
            found += failures(record, [one for one in record.deployments if one.change in changes])
        return tuple(sorted(found, key=lambda one: one.finished))

    def _deployments(self, lane: LaneName) -> tuple[Deployment, ...]:
        refs = self.deployed[lane]
        deployments = [
            (move.seq, Deployment(move.change, line.ref, lane, move.at, move.why, move.undoes, first=not (at or line.before)))
            for line in refs.values()
            for at, move in enumerate(line.moves)
        ]  # fmt: skip
        deployments.sort(key=itemgetter(0))
        return tuple(one for _, one in deployments)

    def refs(self, lane: LaneName) -> list[str]:
        """Give the refs of a lane that were ever deployed, in the order in which they first were."""
        lines = [line for line in self.deployed[lane].values() if line.before or line.moves]
        return [line.ref for line in sorted(lines, key=lambda line: line.begun)]

    @cached_property
    def lanes_of(self) -> Mapping[str, set[str]]:
        """The lanes of every change of the window that is a deployment."""
        found: dict[str, set[str]] = defaultdict(set)
        for lane, refs in self.deployed.items():
            for line in refs.values():
                for move in line.moves:
                    found[move.change].add(lane)
        return found

    def rollbacks(self) -> dict[str, tuple[int, int]]:
        """Give the time of each rollback of the window, and how many refs it moved."""
        found: dict[str, tuple[int, int]] = {}
        for move in self.moves:
            if move.why == "rollback" and move.at in self._window:
                found[move.change] = (move.at, found.get(move.change, (0, 0))[1] + 1)
        return found

    @cached_property
    def verdicts(self) -> list[Row]:
        """What checks said of the changes of the window."""
        return self.delivery.verdicts(self._window.since, self._window.until)

    @cached_property
    def answers(self) -> list[Row]:
        """What people answered to the changes of the window."""
        return self.delivery.answers(self._window.since, self._window.until)

    @cached_property
    def rolling(self) -> list[Row]:
        """When the traffic of each change of the window began to shift."""
        return self.delivery.rolling(self._window.since, self._window.until)

    @cached_property
    def forward(self) -> list[tuple[str, int]]:
        """The changes of the window that were no rollbacks, and when."""
        return list(
            {move.change: move.at for move in self.moves if move.why != "rollback" and move.at in self._window}.items()
        )

    def taken_back(self) -> dict[str, int]:
        """Give when each change was taken back first; of a rollback over several, the incident that it mended names them."""
        backs = {move.change: move.at for move in self.moves if move.why == "rollback"}
        mended: dict[str, list[int]] = defaultdict(list)
        for incident, relation, change, source, _, _ in self.delivery.blames():
            if (relation, source) == ("fixes", "rollback") and change in backs:
                mended[incident].append(backs[change])
        times = [(move.undoes, move.at) for move in self.moves if move.undoes]
        for incident, relation, change, source, _, _ in self.delivery.blames():
            if (relation, source) == ("caused_by", "rollback"):
                times += [(change, at) for at in mended[incident]]
        found: dict[str, int] = {}
        for change, at in times:
            found[change] = min(at, found.get(change, at))
        return found

    def _closure(self, model: int) -> Sequence[tuple[int, int, int]]:
        """Give (number, data asset, data number) of what the versions of a model were trained on."""
        if model not in self._closures:
            self._closures[model] = [(row[0], row[1], row[2]) for row in self.delivery.closures(model)]
        return self._closures[model]

    @cached_property
    def _closures(self) -> dict[int, Sequence[tuple[int, int, int]]]:
        return {}

    # what each deployment brought

    def _units(self, refs: Mapping[Where, Line]) -> Mapping[Key, Brought]:
        """Give what each deployment of the window was the first to bring to its ref."""
        carried: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        if any(self.assets[asset][0] in ("image", "service", "pipeline", "env") for asset, _ in refs):
            for asset, number, code, of in self.delivery.carried():
                carried[asset, number].append((code, of))
        by_asset: dict[int, list[Carrying]] = defaultdict(list)
        for (own, _), line in refs.items():
            for asset, targets in carrying(own, line.targets, carried).items():
                by_asset[asset].append((line, targets))
        found: dict[Key, Brought] = {}
        for asset, some in by_asset.items():
            trunk = self._line((asset, TRUNK), _real)
            for key, brought in self._versions.brought(asset, trunk, some, self._window):
                found[key] = together(found[key], brought) if key in found else brought
        return found

    # what went wrong

    @cached_property
    def _blames(self) -> Sequence[tuple[str, str, str, int, int | None]]:
        return [(row[0], row[1], row[2], row[4], row[5]) for row in self.delivery.blames()]

    @cached_property
    def _linked(self) -> frozenset[str]:
        return frozenset(change for _, relation, change, _, _ in self._blames if relation == "fixes")

    def _troubles(self, lane: LaneName) -> Mapping[str, Sequence[Trouble]]:
        fixes: dict[str, list[str]] = defaultdict(list)
        for incident, relation, change, _, _ in self._blames:
            if relation == "fixes":
                fixes[incident].append(change)
        found: dict[str, list[Trouble]] = defaultdict(list)
        for incident, relation, change, opened, resolved in self._blames:
            if relation == "caused_by":
                found[change].append(Trouble(change, opened, resolved, tuple(fixes[incident])))
        if lane != "code":
            for _, change, kind, opened, resolved in self._alerts:
                if kind in SILENT:
                    for cause in self._behind(change, lane, opened):
                        found[cause].append(Trouble(cause, opened, resolved))
        return found

    def _behind(self, change: str, lane: LaneName, at: int) -> set[str]:
        """Give the changes of a lane by which came what an alert is about: itself, or what its service is made of.

        As far as they are of the window: how one went that came before is not asked.
        """
        if any(move.seq in self._in_lane[lane] for move in self._moved.get(change, ())):
            return {change}
        found = set()
        for asset, number in self._made_of(change, lane):
            for (one, _), line in self.deployed[lane].items():
                before = [move for move in line.moves if move.new == number and move.at <= at] if one == asset else []
                if before:
                    found.add(before[-1].change)
        return found

    @cached_property
    def _in_lane(self) -> Mapping[LaneName, set[int]]:
        """The places, in the order of all changes, of every deployment there ever was, by lane."""
        return {
            lane: {row[6] for line in refs.values() for row in line.before}
            | {move.seq for line in refs.values() for move in line.moves}
            for lane, refs in self.deployed.items()
        }

    def _made_of(self, change: str, lane: LaneName) -> set[tuple[int, int]]:
        """Give the models (or the data that these were trained on) that a change brought to a service or an alias."""
        moved = [(move.asset, move.new or 0) for move in self._moved.get(change, ())]
        models = {two for one in moved for two in self._served.get(one, ())}
        models |= {one for one in moved if self.assets[one[0]][0] == "model"}
        if lane == "model":
            return models
        return {(data, of) for model, number in models for own, data, of in self._closure(model) if own == number}

    @cached_property
    def _alerts(self) -> Sequence[Row]:
        return self.delivery.alerts()

    @cached_property
    def _moved(self) -> Mapping[str, Sequence[Moving]]:
        """What was moved by the changes that an alert or an incident speaks of."""
        found: dict[str, list[Moving]] = defaultdict(list)
        blamed = [change for _, relation, change, _, _ in self._blames if relation == "caused_by"]
        for move in self.delivery.moves_of([*blamed, *(row[1] for row in self._alerts)]):
            found[move.change].append(move)
        return found

    @cached_property
    def _served(self) -> Mapping[tuple[int, int], Sequence[tuple[int, int]]]:
        found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for service, number, model, of in self.delivery.served():
            found[service, number].append((model, of))
        return found

    # what only data and models have

    def used(self) -> list[Used]:
        """Give each data commit that a deployment of the window was the first to have in its training closure."""
        by_model: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for model in {asset for asset, _ in self.deployed["model"]}:
            for number, data, of in self._closure(model):
                by_model[model, number].append((data, of))
        lines = [((asset, ref), line) for (asset, ref), line in self.deployed["model"].items()]
        order: list[tuple[int, int, int, int | None]] = [
            (row[6], asset, row[3], None) for (asset, _), line in lines for row in line.before
        ]
        order += [(move.seq, asset, move.new or 0, move.at) for (asset, _), line in lines for move in line.moves]
        order.sort(key=itemgetter(0))
        targets: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
        for _, model, number, at in order:
            for data, of in by_model.get((model, number), ()):
                targets[data].append((of, at))
        found = []
        for data, some in targets.items():
            since = next((place for place, (_, at) in enumerate(some) if at is not None), len(some))
            walk = self._versions.walk(data, [Track([of for of, _ in some], since)])
            name = "/".join(self.assets[data])
            for near in self._versions.made(data, walk.since(0, since)):
                found += [
                    Used(f"{name}@{number}", made, some[span.first][1] or 0)
                    for span in near.spans
                    for number, made in enumerate(near.of(span), span.low)
                ]
        return found

    def serving(self) -> list[Serving]:
        """Give the models that are in production now, and how new their data are."""
        found = []
        for where in self.deployed["model"]:
            before, moves = self.by_ref[where]
            last = moves[-1].new if moves else before[-1][3]
            if last is None:
                continue
            times: list[int] = []
            by_data: dict[int, set[int]] = defaultdict(set)
            for number, data, of in self._closure(where[0]):
                if number == last:
                    by_data[data].add(of)
            for data, numbers in by_data.items():
                times += self.delivery.about(data, numbers)
            found.append(Serving(self._whole(where), max(times, default=None)))
        return found

    def retrained(self) -> list[Retrained]:
        """Give the alerts that asked for another model, and when it came."""
        at = {move.change: move.at for line in self.deployed["model"].values() for move in line.moves}
        return [Retrained(alert, opened, at.get(change)) for alert, opened, change in self.delivery.retrained()]

    def bad(self) -> list[Bad]:
        """Give the data commits that turned out to be bad, and the first alert about what was trained on them."""
        wrong: dict[int, set[int]] = defaultdict(set)
        for asset, number in self.delivery.quarantined():
            wrong[asset].add(number)
        for _, relation, change, _, _ in self._blames:
            for move in self._moved.get(change, ()) if relation == "caused_by" else ():
                if move.kind == "data" and move.new is not None:
                    wrong[move.asset].add(move.new)
        if not wrong:
            return []
        alerts = sorted((row[3], row[1]) for row in self._alerts)
        found = []
        for asset, numbers in wrong.items():
            about = [(of, opened) for opened, change in alerts for of in self._trained(change, asset)]
            walk = self._versions.walk(asset, [Track([of for of, _ in about])])
            for near in self._versions.made(asset, [Span(number, number, NEVER) for number in sorted(numbers)]):
                for one in near.spans:
                    at = walk.first(0, one.low)
                    seen = about[at][1] if at < NEVER else None
                    found.append(Bad(f"{'/'.join(self.assets[asset])}@{one.low}", near.of(one)[0], seen))
        return found

    def _trained(self, change: str, asset: int) -> Iterable[int]:
        own = {move.new for move in self._moved.get(change, ()) if move.asset == asset and move.new is not None}
        return sorted(own | {of for data, of in self._made_of(change, "data") if data == asset})


def _lane(kind: str) -> LaneName:
    return "data" if kind == "data" else "model" if kind == "model" else "code"


def _real(steps: Iterable[Step]) -> list[bool]:
    """Leave out what only goes, or only changes its tier."""
    return [new is not None and new != old for old, new, _ in steps]


def _at_production(steps: Iterable[Step]) -> list[bool]:
    """Choose the moves after which a ref stood in production at something else than before, or for the first time there."""
    found, here = [], False
    for old, new, tier in steps:
        before = here
        if new is None:
            here = False
        elif tier is not None:
            here = tier in PRODUCTION
        found.append(here and (new != old or not before))
    return found
