"""Alerts and silences in any order: what monitors see, who knows of it, and whom nobody tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from loopline.errors import Conflict
from loopline.ledger.alerts import speaks_of
from loopline.nouns.actor import Actor
from loopline.nouns.alert import Alert, Silence
from loopline.nouns.digest import digest_of
from loopline.nouns.look import Look, Seen
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.service import Arm, Monitor, Service
from loopline.verbs.looking import Deployed
from loopline.verbs.watching import _keep
from tests.scenarios.crashing import writes
from tests.scenarios.leasing import LeaseMachine

PROD: Final = RefName(AssetName("flights", "service", "delay"), "prod")
MONITORS: Final = (Monitor("drift", "drift", rise=2, clear=2), Monitor("errors", "service", rise=1, clear=1))
SERVICE: Final = Service("service/delay", (Arm("main", "model/a@1", digest_of(b"a")),), monitors=MONITORS)
GLOBS: Final = ("service/delay@prod", "service/*/drift", "service/other@*")
HOUR: Final = 3_600_000_000
SEEN: Final = st.tuples(
    st.sampled_from(["bad", "bad", "good", "undecided"]), st.sampled_from([False, False, False, True])
)


class AlertMachine(LeaseMachine):
    """Looks, acknowledges and silences, and keeps its own idea of what is open and who was told."""

    looked: dict[str, int]
    """Up to when each monitor has looked."""
    counted: dict[str, tuple[int, int]]
    """Bad and good looks in a row, by monitor."""
    alerts: dict[str, Alert]
    """All that there were, by id, as they must be."""
    silences: list[Silence]

    def begin_watching(self) -> None:
        """Have seen nothing yet."""
        self.looked, self.counted, self.alerts, self.silences = {}, {}, {}, []

    def do(self, verb: str, *args: Any, **asked: Any) -> Any:
        """Call a verb; a write that ended well is one event more."""
        raise NotImplementedError

    def _standing(self, monitor: str) -> Alert | None:
        return next((one for one in self.alerts.values() if one.monitor == monitor and one.resolved_at is None), None)

    @rule(monitor=st.sampled_from(MONITORS), windows=st.lists(SEEN, min_size=2, max_size=6))
    @writes
    def look(self, monitor: Monitor, windows: list[tuple[Seen, bool]]) -> None:
        """Look at the next windows, one after the other."""
        for seen, late in windows:
            self._look(monitor, seen, late=late)

    def _look(self, monitor: Monitor, seen: Seen, *, late: bool) -> None:
        """Look at the next window; `late`: somebody else has looked at it meanwhile."""
        old = self.looked.get(monitor.name)
        end = (old or 0) + HOUR
        here = Deployed(PROD, 1, "", SERVICE, Path())
        try:
            _keep(self.loop, here, monitor, Look(seen, seen, end=end), old=end if late else old)
        except Conflict as error:
            assert (error.kind, late) == ("monitor-moved", True)
            return
        assert not late
        self.looked[monitor.name] = end
        bad, good = self.counted.get(monitor.name, (0, 0))
        if seen != "undecided":
            self.counted[monitor.name] = bad, good = (bad + 1, 0) if seen == "bad" else (0, good + 1)
        before = self._standing(monitor.name)
        with self.loop.ledger.read() as tx:
            found = tx.alerts.standing("flights", str(PROD), monitor.name)
        if before is None and seen == "bad" and bad >= monitor.rise:
            assert found is not None
            assert found.id not in self.alerts, "it is a new one"
            quiet = any(speaks_of(one, found.service, found.monitor) for one in self._holding(found.opened_at))
            assert (found.silenced, found.acknowledged_by) == (quiet, "")
            self.alerts[found.id] = found
        elif before is not None and seen == "good" and good >= monitor.clear:
            assert found is None
            with self.loop.ledger.read() as tx:
                self.alerts[before.id] = tx.alerts.get("flights", before.id)
            assert self.alerts[before.id].resolved_at is not None
        elif before is not None and found is not None:
            self.alerts[before.id] = replace(before, summary=found.summary, updated_at=found.updated_at)

    def _holding(self, now: int) -> list[Silence]:
        return [one for one in self.silences if one.until > now]

    @rule(match=st.sampled_from(GLOBS), seconds=st.sampled_from([0, 60, 4000, 4000]))
    @writes
    def silence(self, match: str, seconds: int) -> None:
        """Have nobody told for a while, or end that."""
        made = self.do("silence", match, why="works", lasting=timedelta(seconds=seconds))
        if seconds:
            self.silences.append(made)
            for one in self.alerts.values():
                if one.resolved_at is None and speaks_of(made, one.service, one.monitor):
                    self.alerts[one.id] = replace(one, silenced=True)
            return
        over = [one for one in self._holding(made.created_at) if one.match == match]
        self.silences = [replace(one, until=made.created_at) if one in over else one for one in self.silences]

    @rule(monitor=st.sampled_from(MONITORS), who=st.sampled_from("xy"))
    @writes
    def acknowledge(self, monitor: Monitor, who: str) -> None:
        """Say that one knows; whoever was first stays."""
        one = self._standing(monitor.name)
        if one is None or one.acknowledged_by:
            return
        known = self.do("acknowledge", one.id, actor=Actor("person", who))
        assert known.acknowledged_by == f"person:{who}"
        self.alerts[one.id] = known

    @invariant()
    def alerts_are_those_that_were_seen(self) -> None:
        """A monitor has at most one that is open, and each is as whoever turned it left it."""
        with self.loop.ledger.read() as tx:
            told = {one.id: one for one in tx.alerts.list("flights", limit=1000)}
            holding = {one.id for one in tx.alerts.silences("flights")}
            now = tx.now
        assert told == self.alerts
        opened = [(one.service, one.monitor) for one in told.values() if one.resolved_at is None]
        assert len(opened) == len(set(opened))
        assert holding == {one.id for one in self._holding(now)}

    def check_turns(self) -> None:
        """There is an event for each turn of each alert, in its order, and none besides."""
        with self.loop.ledger.read() as tx:
            said = [(one.kind, one.subject) for one in tx.feed.iter("flights") if one.kind.startswith("alert.")]
        for id_, one in self.alerts.items():
            kinds = [kind for kind, subject in said if subject == id_]
            between = ["alert.acknowledged"] if one.acknowledged_by else []
            over = ["alert.resolved"] if one.resolved_at is not None else []
            assert kinds == ["alert.opened", *between, *over]
        assert {subject for _, subject in said} == set(self.alerts)
