"""serving: what a front answers with: the arms of one service version, who gets which rows, and what is kept of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.nouns.datatype import unpack
from loopline.nouns.service import Arm, Limits
from loopline.server.arms import Asked, Pool
from loopline.serving.question import Answer, Made, Question
from loopline.serving.split import Split, member_of, unit_of
from loopline.serving.spread import join, part_of

if TYPE_CHECKING:
    from loopline.serving.desired import Desired

HEADER: Final = "header:"
DRAIN_S: Final = 30.0
"""How long an arm that is replaced may take to answer what it has been asked."""


@dataclass(slots=True)
class Asking:
    """A question under way."""

    question: Question
    units: Sequence[str]
    """Whom each row is about; empty: nobody said."""
    began: float
    """By `time.perf_counter`."""

    @property
    def message(self) -> list[Any]:
        """Give it as a model process gets it."""
        return [self.question.rows, self.question.columns, self.question.outputs]


class Outcome(NamedTuple):
    """What one arm made of a question."""

    arm: Arm
    outputs: Sequence[Any]
    error: LooplineError | None
    took_s: float
    number: int
    """Version of the service that the arm is of."""
    change: str
    """Id of the change that brought it."""
    sent: float = 0.0
    """When a model process got it, by `time.perf_counter`; 0: none did."""


Keep = Callable[["Desired", Asking, Outcome], None]
"""Told of every outcome, shadows' too."""


class Serving:
    """One service version that answers."""

    def __init__(
        self, desired: Desired, *, changed: Callable[[], None], keep: Keep, beside: Serving | None = None
    ) -> None:
        """`beside` is what answers now: arms that are the same in both keep their processes, whatever their weights are."""
        self.desired = desired
        service = desired.service
        self._lent = _same(beside, desired) if beside else {}
        self.pools = {
            arm.name: self._lent.get(arm.name) or Pool(arm, place, service, changed=changed)
            for arm, place in zip(service.arms, desired.places, strict=True)
        }
        self._origins = {
            arm.name: (place.number or desired.number, place.change or desired.change)
            for arm, place in zip(service.arms, desired.places, strict=True)
        }
        self._split = Split(service.name, service.arms)
        self._traffic = [self.pools[name] for name in self._split.arms]
        self._arms = {arm.name: arm for arm in service.arms}
        self._shadows = [self.pools[arm.name] for arm in service.arms if arm.shadow]
        self._single = self._traffic[0] if len(self._traffic) == 1 and desired.only is None else None
        here = [arm for arm in service.arms if self._origins[arm.name][0] == desired.number]
        self._before = Split(service.name, here)
        self._members = frozenset(desired.only.members) if desired.only else frozenset()
        self._header = (
            service.unit[0].removeprefix(HEADER) if service.unit[:1] and service.unit[0].startswith(HEADER) else ""
        )
        self.headers = frozenset(one for one in (self._header.lower(), _header(service.event_time)) if one)
        """Headers that this service looks at, in lower case."""
        self._keep = keep
        self._stamps = {name: stamp_of(desired, arm, *self._origins[name]) for name, arm in self._arms.items()}

    def start(self) -> None:
        """Start the model processes that do not run yet."""
        for pool in self._own():
            pool.start()

    def take_over(self) -> None:
        """Own every process from now on."""
        self._lent = {}

    def _own(self) -> list[Pool]:
        return [pool for name, pool in self.pools.items() if name not in self._lent]

    @property
    def ready(self) -> bool:
        """Whether every arm that gets traffic can answer."""
        return all(pool.ready for pool in self._traffic)

    @property
    def rolls(self) -> str:
        """Name the change that rolls, if every arm that it brings can answer; empty: not yet, or none does."""
        coming = {name: change for name, (number, change) in self._origins.items() if number != self.desired.number}
        ready = coming and all(self.pools[name].ready for name in coming)
        return next(iter(coming.values())) if ready else ""

    @property
    def whole(self) -> bool:
        """Whether all processes live."""
        return all(pool.whole for pool in self.pools.values())

    @property
    def message(self) -> str:
        """What is wrong; empty: nothing."""
        said = [f"{name}: {pool.message}" for name, pool in self.pools.items() if pool.message]
        return "; ".join(said)

    @property
    def limits(self) -> Limits:
        """What one request may be."""
        return self.desired.service.limits

    def stamp(self) -> Mapping[str, str]:
        """Where answers of the main arm come from."""
        return self._stamps[self.main.name]

    @property
    def main(self) -> Arm:
        """The arm whose model describes the service: the first that gets traffic, of the version that the ref names."""
        here = self.desired.number
        return next((one.arm for one in self._traffic if self._origins[one.arm.name][0] == here), self._traffic[0].arm)

    def versions(self) -> list[str]:
        """Give the numbers of the models' versions that get traffic."""
        return list(dict.fromkeys(number_of(pool.arm) for pool in self._traffic))

    async def ask(self, question: Question) -> Answer:
        """Answer every row of a question, each by the arm that its unit belongs to.

        Raise Invalid for rows that the model cannot take, NotFound for a version that is not served, Unavailable and TooBusy
        where nobody can answer.
        """
        began = time.perf_counter()
        service = self.desired.service
        if question.rows > service.limits.rows:
            raise Invalid(
                f"{question.rows} rows in one request", kind="body-too-large", hint=f"send at most {service.limits.rows}",
                limit=service.limits.rows,
            )  # fmt: skip
        units = self._units(question)
        pool = self._pinned(question.version) if question.version else self._single
        if pool is None:
            arms = self._arms_of(question, units)
            if len(set(arms)) > 1:
                return await self._spread(Asking(question, units, began), arms)
            pool = self.pools[arms[0]]
        asking = Asking(question, units, began)
        self._mirror(asking)
        said = await self._asked(pool, asking)
        return Answer(
            question.id, question.rows, [Made(*one) for one in said[2]], (pool.arm.name,), self._stamps[pool.arm.name], said[3]
        )  # fmt: skip

    def _arms_of(self, question: Question, units: Sequence[str]) -> list[str]:
        """Say who answers each row. Of a version that rolls by slice only the members of that may meet the new one."""
        whom = units or [""] * question.rows
        only = self.desired.only
        if only is None:
            return [self._split.arm(unit, question.id) for unit in whom]
        said = self._columns(question, (only.column,)) or [("",)] * question.rows
        splits = [self._split if member_of(value) in self._members else self._before for (value,) in said]
        return [split.arm(unit, question.id) for split, unit in zip(splits, whom, strict=True)]

    async def _asked(self, pool: Pool, asking: Asking) -> Sequence[Any]:
        """Ask one arm, and see to it that what happened is kept."""
        sent = None
        try:
            sent = pool.ask(asking.question.rows, asking.message)
            said = await sent.answer
            if said[0]:
                raise refused(said)
        except LooplineError as error:
            self._tell(pool.arm, asking, sent, error)
            raise
        self._tell(pool.arm, asking, sent, said[2])
        return said

    def _tell(self, arm: Arm, asking: Asking, sent: Asked | None, made: Sequence[Any] | LooplineError) -> None:
        took_s, at = time.perf_counter() - asking.began, sent.sent if sent else 0.0
        outputs, error = ((), made) if isinstance(made, LooplineError) else (made, None)
        arm = self._arms[arm.name]  # a process that was here before knows its arm by the weight of then
        self._keep(self.desired, asking, Outcome(arm, outputs, error, took_s, *self._origins[arm.name], at))

    def _mirror(self, asking: Asking) -> None:
        """Give a copy to every shadow. What it says, and whether it says anything, changes nothing for the client."""
        for pool in self._shadows:
            try:
                sent = pool.ask(asking.question.rows, asking.message)
            except LooplineError:
                continue  # it is behind; a shadow never makes anybody wait

            def done(future: asyncio.Future[Sequence[Any]], arm: Arm = pool.arm, sent: Asked = sent) -> None:
                if future.cancelled():
                    return
                fault = future.exception()
                if fault is None:
                    said = future.result()
                    fault = refused(said) if said[0] else None
                if fault is None:
                    self._tell(arm, asking, sent, future.result()[2])
                elif isinstance(fault, LooplineError):
                    self._tell(arm, asking, sent, fault)

            sent.answer.add_done_callback(done)

    async def _spread(self, asking: Asking, arms: Sequence[str]) -> Answer:
        """Give each arm its rows, and put the answers together again in the order of the question."""
        self._mirror(asking)
        question, units = asking.question, asking.units
        places: dict[str, list[int]] = {}
        for row, name in enumerate(arms):
            places.setdefault(name, []).append(row)
        told = []
        for name, rows in places.items():
            mine = [units[row] for row in rows] if units else ()
            told.append(self._asked(self.pools[name], Asking(part_of(question, rows), mine, asking.began)))
        answers = await asyncio.gather(*told, return_exceptions=True)
        faults = [one for one in answers if isinstance(one, BaseException)]
        if faults:
            raise faults[0]
        good = [one for one in answers if not isinstance(one, BaseException)]
        made = join([[Made(*one) for one in said[2]] for said in good], list(places.values()))
        stamp = {
            key: ",".join(dict.fromkeys(self._stamps[name][key] for name in places)) for key in self._stamps[arms[0]]
        }
        return Answer(question.id, question.rows, made, arms, stamp, [text for said in good for text in said[3]])

    def _pinned(self, version: str) -> Pool:
        for pool in self._traffic:
            if number_of(pool.arm) == version:
                return pool
        raise NotFound(
            f"version {version} is not served here", kind="no-version", hint=f"served are {', '.join(self.versions())}",
            version=version, served=self.versions(),
        )  # fmt: skip

    def _units(self, question: Question) -> Sequence[str]:
        """Name whom each row is about; empty: nobody said."""
        wanted = self.desired.service.unit
        if not wanted:
            return ()
        if self._header:
            return [question.headers.get(self._header.lower(), "")] * question.rows
        return [unit_of(values) for values in self._columns(question, wanted)]

    def _columns(self, question: Question, wanted: Sequence[str]) -> Sequence[Sequence[Any]]:
        """Give what some columns say of each row; empty where one of them is not there."""
        columns = {one.name: one for one in question.columns}
        chosen = []
        for name in wanted:
            one = columns.get(name)
            if one is None or one.width != 1:
                return ()
            chosen.append(unpack(one.type, one.data) if isinstance(one.data, bytes) else one.data)
        return list(zip(*chosen, strict=True))

    def look(self, *, weigh: bool) -> None:
        """See to processes that hang."""
        for pool in self.pools.values():
            pool.look(weigh=weigh)

    async def end(self, *, after: Serving | None = None) -> None:
        """Answer what has been asked, then end the processes, but those that answer for who comes after."""
        kept = set(map(id, after.pools.values())) if after else set()
        await asyncio.gather(*(pool.end(DRAIN_S) for pool in self.pools.values() if id(pool) not in kept))

    def kill(self) -> None:
        """End the processes now that are not somebody else's."""
        for pool in self._own():
            pool.kill()


def _same(beside: Serving, desired: Desired) -> dict[str, Pool]:
    """Find the processes that serve an arm already as it is wanted."""

    def bare(arm: Arm) -> Arm:
        return replace(arm, weight=1, shadow=False)

    if replace(beside.desired.service, arms=()) != replace(desired.service, arms=()):
        return {}
    here = {
        (bare(arm), place): beside.pools[arm.name]
        for arm, place in zip(beside.desired.service.arms, beside.desired.places, strict=True)
    }
    wanted = zip(desired.service.arms, desired.places, strict=True)
    found = {arm.name: here.get((bare(arm), place)) for arm, place in wanted}
    return {name: pool for name, pool in found.items() if pool is not None}


def stamp_of(desired: Desired, arm: Arm, number: int, change: str) -> Mapping[str, str]:
    """Say where an answer of an arm comes from."""
    return {
        "service": desired.ref, "number": str(number), "version": arm.version, "artifact": arm.digest,
        "run": arm.run, "change": change, "arm": arm.name,
    }  # fmt: skip


def number_of(arm: Arm) -> str:
    """Give the number of an arm's model version."""
    return arm.version.rpartition("@")[2]


def refused(said: Sequence[Any]) -> LooplineError:
    """Make the error that a model process has told of."""
    kind, message, _, hints = said
    if kind == "model-raised":
        return ModelRaised(message, kind=kind, hint="the model refused these rows; look at its version's card")
    return Invalid(message, kind=kind, hint=hints[0] if hints else "")


class ModelRaised(LooplineError):  # noqa: N818 (says what the model did)
    """The model raised over these rows: 500."""


def _header(text: str) -> str:
    return text.removeprefix(HEADER).lower() if text.startswith(HEADER) else ""
