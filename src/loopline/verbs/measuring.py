"""measuring: the history of a project as the column `insights` wants it: deployments, what each brought, what went wrong with it.

Which refs production lives on: those of the tier production; of models also what a service of that tier follows; of data also the
main branch of what those models were trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from loopline.insights.dora import Brought, Deployment, Key, LaneName, Record, Trouble
from loopline.insights.learning import Bad, Retrained, Serving, Used
from loopline.insights.reach import NEVER, Track, reached
from loopline.ledger.delivery import Delivery, Moving

if TYPE_CHECKING:
    from loopline.insights.calendar import Window
    from loopline.store.database import Row

PRODUCTION: Final = ("production", "prod")
TRUNK: Final = "main"
LANES: Final[tuple[LaneName, ...]] = ("code", "data", "model")
SILENT: Final = ("drift", "quality", "data", "fairness")
"""Kinds of alerts that tell of failing without an error."""
Where = tuple[int, str]
"""A ref: its asset, its name."""
Carrying = tuple[Sequence[Moving], list[tuple[int, int]]]
"""Deployments of a ref, and which versions they carry: (version, place among them)."""


class History:
    """What one project has delivered. Each part is read once, when it is first asked for."""

    def __init__(self, delivery: Delivery, window: Window) -> None:
        self.delivery = delivery
        self._window = window

    @cached_property
    def assets(self) -> Mapping[int, tuple[str, str]]:
        """Kind and name of every asset."""
        return self.delivery.assets()

    @cached_property
    def moves(self) -> Sequence[Moving]:
        """Every move, in order."""
        return self.delivery.moves()

    @cached_property
    def by_ref(self) -> Mapping[Where, Sequence[Moving]]:
        """The moves of each ref."""
        found: dict[Where, list[Moving]] = defaultdict(list)
        for move in self.moves:
            found[move.asset, move.ref].append(move)
        return found

    @cached_property
    def deployed(self) -> Mapping[LaneName, Mapping[Where, Sequence[Moving]]]:
        """The deployments of each ref that production lives on, by lane."""
        found: dict[LaneName, dict[Where, Sequence[Moving]]] = {lane: {} for lane in LANES}
        for where, moves in self.by_ref.items():
            some = _at_production(moves)
            if some:
                found[_lane(moves[0].kind)][where] = some
        live = {where[0] for where in found["code"]}
        followed = {pointer for service, pointer in self.delivery.followed() if service in live}
        for where, moves in self.by_ref.items():
            if moves[0].whole in followed and moves[0].kind == "model":
                found["model"][where] = _real(moves)
        models = {asset for asset, _ in found["model"]}
        consumed = {data for model in models for _, data, _ in self._closure(model)}
        for where, moves in self.by_ref.items():
            if where[0] in consumed and where[1] == TRUNK:
                found["data"][where] = _real(moves)
        return found

    def record(self, lane: LaneName) -> Record:
        """Give all that the five keys of a lane are computed from."""
        refs = self.deployed[lane]
        deployments = [
            (move, Deployment(move.change, move.whole, lane, move.at, move.why, move.undoes, first=not at))
            for moves in refs.values()
            for at, move in enumerate(moves)
        ]  # fmt: skip
        deployments.sort(key=lambda pair: self._place[pair[0].change])
        return Record(tuple(one for _, one in deployments), self._troubles(lane), self._units(refs), self._linked)

    @cached_property
    def lanes_of(self) -> Mapping[str, set[str]]:
        """The lanes of every change that is a deployment."""
        found: dict[str, set[str]] = defaultdict(set)
        for lane, refs in self.deployed.items():
            for moves in refs.values():
                for move in moves:
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

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {move.change: place for place, move in enumerate(self.moves)}

    def _closure(self, model: int) -> Sequence[tuple[int, int, int]]:
        """Give (number, data asset, data number) of what the versions of a model were trained on."""
        if model not in self._closures:
            self._closures[model] = [(row[0], row[1], row[2]) for row in self.delivery.closures(model)]
        return self._closures[model]

    @cached_property
    def _closures(self) -> dict[int, Sequence[tuple[int, int, int]]]:
        return {}

    # what each deployment brought

    def _units(self, refs: Mapping[Where, Sequence[Moving]]) -> Mapping[Key, Brought]:
        """Give what each deployment of the window was the first to bring to its ref."""
        carried: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        if any(moves[0].kind in ("image", "service", "pipeline", "env") for moves in refs.values()):
            for asset, number, code, of in self.delivery.carried():
                carried[asset, number].append((code, of))
        by_asset: dict[int, list[Carrying]] = defaultdict(list)
        for moves in refs.values():
            for asset, targets in _carrying(moves, carried).items():
                by_asset[asset].append((moves, targets))
        found: dict[Key, Brought] = {}
        for asset, some in by_asset.items():
            for key, brought in self._brought(asset, some):
                found[key] = _together(found[key], brought) if key in found else brought
        return found

    def _brought(self, asset: int, some: Sequence[Carrying]) -> Iterator[tuple[Key, Brought]]:
        kind, name = self.assets[asset]
        since = self._window.since
        trunk = _real(self.by_ref.get((asset, TRUNK), ()))
        tracks = [Track([move.new or 0 for move in trunk], NEVER)]
        for moves, targets in some:
            first = next((at for at, (_, place) in enumerate(targets) if moves[place].at >= since), len(targets))
            tracks.append(Track([target for target, _ in targets], first))
        walk = reached(partial(self.delivery.edges, asset), tracks)
        merged: list[int | None] = [move.at for move in trunk]
        on_main = walk.first[0]
        for at, (moves, targets) in enumerate(some, 1):
            groups: dict[int, list[int]] = defaultdict(list)
            for number, which in walk.units(at, tracks[at].since):
                groups[targets[which][1]].append(number)
            asked = {place: numbers for place, numbers in groups.items() if moves[place].at in self._window}
            made = self.delivery.made(
                asset, [one for numbers in asked.values() for one in numbers], told=kind == "code"
            )
            for place, numbers in asked.items():
                there = [one for one in numbers if one in made]
                yield (
                    (moves[place].change, moves[place].whole),
                    Brought(
                        [f"{kind}/{name}@{one}" for one in there],
                        [made[one] for one in there],
                        [merged[on_main[one]] if on_main[one] < NEVER else None for one in there],
                    ),
                )

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
            for _, change, kind, opened, resolved in self.delivery.alerts():
                if kind in SILENT:
                    for cause in self._behind(change, lane, opened):
                        found[cause].append(Trouble(cause, opened, resolved))
        return found

    def _behind(self, change: str, lane: LaneName, at: int) -> set[str]:
        """Give the changes of a lane by which came what an alert is about: itself, or what its service is made of."""
        if change in self._in_lane(lane):
            return {change}
        found = set()
        for asset, number in self._made_of(change, lane):
            for (one, _), moves in self.deployed[lane].items():
                before = [move for move in moves if move.new == number and move.at <= at] if one == asset else []
                if before:
                    found.add(before[-1].change)
        return found

    def _in_lane(self, lane: LaneName) -> set[str]:
        return {move.change for moves in self.deployed[lane].values() for move in moves}

    def _made_of(self, change: str, lane: LaneName) -> set[tuple[int, int]]:
        """Give the models (or the data that these were trained on) that a change brought to a service or an alias."""
        moved = [(move.asset, move.new or 0) for move in self._moved.get(change, ())]
        models = {two for one in moved for two in self._served.get(one, ())}
        models |= {one for one in moved if self.assets[one[0]][0] == "model"}
        if lane == "model":
            return models
        return {(data, of) for model, number in models for own, data, of in self._closure(model) if own == number}

    @cached_property
    def _moved(self) -> Mapping[str, Sequence[Moving]]:
        found: dict[str, list[Moving]] = defaultdict(list)
        for move in self.moves:
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
        order = sorted(
            (move for moves in self.deployed["model"].values() for move in moves), key=lambda m: self._place[m.change]
        )
        targets: dict[int, list[tuple[int, Moving]]] = defaultdict(list)
        for move in order:
            for data, of in by_model.get((move.asset, move.new or 0), ()):
                targets[data].append((of, move))
        found = []
        for data, some in targets.items():
            since = next((at for at, (_, move) in enumerate(some) if move.at >= self._window.since), len(some))
            walk = reached(partial(self.delivery.edges, data), [Track([of for of, _ in some], since)])
            units = list(walk.units(0, since))
            made = self.delivery.made(data, [number for number, _ in units], told=False)
            name = "/".join(self.assets[data])
            found += [Used(f"{name}@{number}", made[number], some[at][1].at) for number, at in units if number in made]
        return found

    def serving(self) -> list[Serving]:
        """Give the models that are in production now, and how new their data are."""
        found = []
        for where in self.deployed["model"]:
            last = self.by_ref[where][-1]
            if last.new is None:
                continue
            times: list[int] = []
            by_data: dict[int, set[int]] = defaultdict(set)
            for number, data, of in self._closure(where[0]):
                if number == last.new:
                    by_data[data].add(of)
            for data, numbers in by_data.items():
                times += self.delivery.about(data, numbers)
            found.append(Serving(last.whole, max(times, default=None)))
        return found

    def retrained(self) -> list[Retrained]:
        """Give the alerts that asked for another model, and when it came."""
        at = {move.change: move.at for moves in self.deployed["model"].values() for move in moves}
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
        alerts = sorted((row[3], row[1]) for row in self.delivery.alerts())
        found = []
        for asset, numbers in wrong.items():
            about = [(of, opened) for opened, change in alerts for of in self._trained(change, asset)]
            walk = reached(partial(self.delivery.edges, asset), [Track([of for of, _ in about])])
            made = self.delivery.made(asset, sorted(numbers), told=False)
            for number in sorted(numbers):
                at = walk.first[0][number] if walk.low <= number < len(walk.first[0]) else NEVER
                seen = about[at][1] if at < NEVER else None
                found.append(Bad(f"{'/'.join(self.assets[asset])}@{number}", made[number], seen))
        return found

    def _trained(self, change: str, asset: int) -> Iterable[int]:
        own = {move.new for move in self._moved.get(change, ()) if move.asset == asset and move.new is not None}
        return sorted(own | {of for data, of in self._made_of(change, "data") if data == asset})


def _together(one: Brought, two: Brought) -> Brought:
    """Put together what one deployment brought of several assets: of two arms, trained by two trees of code."""
    return Brought([*one.ids, *two.ids], [*one.committed, *two.committed], [*one.merged, *two.merged])


def _lane(kind: str) -> LaneName:
    return "data" if kind == "data" else "model" if kind == "model" else "code"


def _real(moves: Iterable[Moving]) -> list[Moving]:
    """Leave out what only goes, or only changes its tier."""
    return [move for move in moves if move.new is not None and move.new != move.old]


def _at_production(moves: Iterable[Moving]) -> list[Moving]:
    """Give the moves after which a ref stood in production at something else than before, or for the first time there."""
    found, tier = [], ""
    for move in moves:
        before = tier in PRODUCTION
        tier = "" if move.new is None else tier if move.tier is None else move.tier
        if tier in PRODUCTION and move.new is not None and (move.new != move.old or not before):
            found.append(move)
    return found


def _carrying(
    moves: Sequence[Moving], carried: Mapping[tuple[int, int], Sequence[tuple[int, int]]]
) -> dict[int, list[tuple[int, int]]]:
    """Give (version, place among the deployments) of what a ref's deployments carry: commits of code, or its own versions."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, move in enumerate(moves):
        for asset, number in carried.get((move.asset, move.new or 0), ()):
            found[asset].append((number, place))
    if not found and moves:
        found[moves[0].asset] = [(move.new or 0, place) for place, move in enumerate(moves)]
    return found
