"""A deployed service in the team's story: what it was asked, how it answered, what came true, and what its monitors saw.

Predictions are written down as a front writes them, and everything else is done by verbs.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from loopline.models import profile as profiles
from loopline.nouns.declaration import Candidate, Declaration
from loopline.nouns.deployment import Deployment
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.service import Labels, Monitor
from loopline.nouns.signature import Column, Signature
from loopline.signals.entry import Entry, encode
from loopline.signals.frames import framed
from loopline.signals.sealing import seal
from loopline.signals.segments import Segment
from loopline.verbs.recorded import signals_of
from loopline.verbs.watching import watch
from tests.signals.recorded import packed

if TYPE_CHECKING:
    from loopline.nouns.change import Change
    from loopline.nouns.profile import Profile

    from .story import Story

SERVICE = AssetName("flights", "service", "delay")
PROD, STAGING = RefName(SERVICE, "prod"), RefName(SERVICE, "staging")
MINUTE, HOUR = 60_000_000, 3_600_000_000
CARRIERS, ORIGINS = ("UA", "AA", "B6", "DL", "9E", "EV"), ("JFK", "LGA", "EWR")
AHEAD = 90 * MINUTE
"""How long before a flight somebody asks about it."""
KNOWN = 20 * HOUR
"""How long after a flight it is known whether it was late."""
SIGNATURE = Signature(
    (
        Column("carrier", "BYTES", values=CARRIERS), Column("origin", "BYTES", values=ORIGINS),
        Column("hour", "INT64", low=5, high=23), Column("distance", "INT64", low=80, high=2586),
        Column("temp", "FP64", nullable=True, low=51.0, high=96.5), Column("wind", "FP64", low=0, high=38.2),
    ),
    (Column("predict", "INT64", values=("0", "1")), Column("predict_proba", "FP64", (-1, 2))),
)  # fmt: skip
MONITORS = (
    Monitor("features", "drift", timedelta(days=1), timedelta(hours=12), rows=200, bounds={"effect": 0.12, "q": 0.01}),
    Monitor("inputs", "data", timedelta(days=1), timedelta(days=1), rows=200, bounds={"new": 0.05, "nulls": 0.1}, severity="low"),
    Monitor("late-flights", "quality", timedelta(days=2), timedelta(days=1), bounds={"roc_auc": 0.6}, severity="high"),
    Monitor(
        "level", "service", timedelta(days=1), timedelta(days=1), rows=50, bounds={"errors": 0.01, "p99_ms": 60}, rise=1,
        clear=1, severity="high",
    ),
)  # fmt: skip


def _flights(chance: random.Random, count: int, heat: float = 0.0, strange: float = 0.0) -> dict[str, list[Any]]:
    """Make up rows: `heat` warms them, `strange` is the share of a carrier that training never saw."""
    return {
        "carrier": ["WN" if chance.random() < strange else chance.choices(CARRIERS, (6, 5, 5, 4, 2, 3))[0] for _ in range(count)],
        "origin": chance.choices(ORIGINS, (4, 3, 4), k=count),
        "hour": [min(23, max(5, round(chance.gauss(14, 4.5)))) for _ in range(count)],
        "distance": [round(min(2586, max(80, math.exp(chance.gauss(6.7, 0.6))))) for _ in range(count)],
        "temp": [None if chance.random() < 0.02 else round(chance.gauss(73 + heat, 7), 1) for _ in range(count)],
        "wind": [round(abs(chance.gauss(9, 5)), 1) for _ in range(count)],
    }  # fmt: skip


def _chances(rows: dict[str, list[Any]], sharp: float = 1.0) -> list[float]:
    """Say how likely each flight is late, as a model that is more or less sharp sees it."""
    told = zip(rows["carrier"], rows["hour"], rows["wind"], strict=True)
    return [1 / (1 + math.exp(1.6 - sharp * ((hour - 12) / 4 + (wind - 9) / 8 + (carrier in ("EV", "9E")) * 0.9)))
            for carrier, hour, wind in told]  # fmt: skip


@cache
def reference() -> Profile:
    """Give what the models of the story were trained on."""
    rows = _flights(random.Random(11), 4000)
    told = profiles.profile(None, rows)
    odds = profiles.profile(None, {"predict_proba[1]": _chances(rows)})
    return type(told)(told.rows, told.inputs, odds.inputs)


@dataclass
class Traffic:
    """Asks service/delay@prod about flights as time goes by."""

    story: Story
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    asked: int = 0
    number: int = 0
    labels: list[tuple[int, str, int]] = field(default_factory=list)
    """When it is known, of which prediction, and what."""

    def deploy(self, ref: RefName, *candidates: Candidate, why: str) -> Change:
        """Deploy the service with these models."""
        declared = Declaration(
            str(SERVICE), candidates, unit=("carrier",), event_time="departs", monitors=MONITORS if ref == PROD else (),
            labels=Labels(
                "late", score="predict_proba", positive="1", metrics=("roc_auc", "log_loss"), slices=("carrier", "origin")
            ),
        )  # fmt: skip
        change: Change = self.story.do("deploy", ref, declared=declared, why=why, by="bob")
        if ref == PROD:
            self.number = change.moves[0].new or 0
        return change

    def until_now(self, change: Change, arms: tuple[tuple[str, str, int], ...]) -> None:
        """Ask what people have asked since the last time, tell what came true, and let the monitors look."""
        start, now = self.asked or self.story.clock.now() - 26 * HOUR, self.story.clock.now()
        written, at = [], start
        while at < now:
            at += round(self.chance.expovariate(1) * 3 * MINUTE * (3 if self._night(at) else 1))
            name, version, _ = self.chance.choices(arms, [weight for *_, weight in arms])[0]
            written.append(self._entry(min(at, now), now, change.id, name, version))
        self.asked = now
        segment = Segment(signals_of(self.story.loop, PROD) / "segments")
        segment.append(b"".join(framed(encode(one)) for one in written))
        segment.finish()
        ripe = [one for one in self.labels if one[0] < now]
        self.labels = [one for one in self.labels if one[0] >= now]
        if ripe:
            self.story.do(
                "label", PROD, rows=tuple({"id": name, "late": truth} for _, name, truth in ripe), by="token:feed"
            )
        seal(signals_of(self.story.loop, PROD))
        watch(self.story.loop)

    def _night(self, at: int) -> bool:
        return (at // HOUR) % 24 < 9

    def _entry(self, at: int, now: int, change: str, arm: str, version: str) -> Entry:
        count, late = self.chance.choice((1, 1, 2, 3)), now - at < 30 * HOUR and self.number > 1
        rows = _flights(self.chance, count, heat=9.0 if late else 0.0, strange=0.12 if late else 0.0)
        sharp = 1.0 if arm == "champion" else 0.6
        odds = _chances(rows, sharp)
        told = f"{self.story.loop.ids.new()}"
        status = self._status(at)
        for row, (chance, carrier) in enumerate(zip(_chances(rows, 1.3), rows["carrier"], strict=True)):
            if status == 200 and carrier != "9E":  # whose feed is late
                truth = self.chance.random() < (0.5 if late else chance)
                self.labels.append((
                    at + AHEAD + KNOWN + round(self.chance.expovariate(1) * HOUR),
                    f"{told}:{row}",
                    int(truth),
                ))
        answered = status == 200
        took = self.chance.lognormvariate(8.6 if arm == "champion" else 9.0, 0.35) if answered else 900
        kinds = {"carrier": "BYTES", "origin": "BYTES"}
        answers = [("predict", "INT64", [int(one > 0.5) for one in odds]),
                   ("predict_proba", "FP64", [[round(1 - one, 4), round(one, 4)] for one in odds])]  # fmt: skip
        return Entry(
            told, at, count, self.number, arm, version, change, status, round(took), event_times=at + AHEAD,
            units=[f"{one}{100 + k}" for k, one in enumerate(rows["carrier"])],
            inputs=packed((name, kinds.get(name, "FP64"), values) for name, values in rows.items()),
            outputs=packed(answers if answered else ()),
            error={200: "", 422: "temp is no number", 503: "the model process went away while it answered"}[status],
        )  # fmt: skip

    def _status(self, at: int) -> int:
        broken = self.number == 1 and (at // HOUR) % 24 == 15
        return self.chance.choices((200, 422, 503), (60, 1, 30 if broken else 0))[0]

    def say(self, *said: Deployment) -> None:
        """Speak as the hosts of deployments, for as long as the tests look."""
        with self.story.loop.ledger.telemetry() as tables:
            for one in said:
                tables.deployments.say("flights", one)
        with self.story.loop.ledger.database.write() as rows:
            rows.do("UPDATE deployments SET seen_at = seen_at + ?", 24 * HOUR)


def begin_to_serve(story: Story) -> Traffic:
    """Serve the first model for a day, with an hour in which its process kept going away."""
    traffic = Traffic(story)
    change = traffic.deploy(PROD, Candidate("champion", "model/delay@champion"), why="dispatch asks it before boarding")
    traffic.deploy(STAGING, Candidate("main", "model/delay@champion"), why="a place to try things")
    traffic.until_now(change, (("champion", "model/delay@1", 1),))
    seen = story.do(
        "incident", "The model's process goes away while it answers", caused_by=str(PROD), about=SERVICE, by="bob",
        why="one request in three at three in the afternoon",
    )  # fmt: skip
    story.named["incident-over"] = seen.id
    return traffic


def serve_both(story: Story, traffic: Traffic) -> Change:
    """Serve the new champion, and the old one beside it to one unit in five."""
    change = traffic.deploy(
        PROD, Candidate("champion", "model/delay@champion", 4), Candidate("former", "model/delay@1", 1),
        why="the new champion, with the old one beside it",
    )  # fmt: skip
    traffic.asked = story.clock.now()
    story.do("blame", story.named["incident-over"], change.id, fixes=True, why="it has not happened since", by="bob")
    story.do("resolve", story.named["incident-over"], why="The new version does not leak.", by="bob")
    return change


def go_on(story: Story, traffic: Traffic, change: Change) -> None:
    """Ask until now; a hot day moves the features, and bob sees to the alert."""
    traffic.until_now(change, (("champion", "model/delay@2", 4), ("former", "model/delay@1", 1)))
    found = story.do("alerts", open=True)
    drift = next(one for one in found if one.kind == "drift")
    story.do("acknowledge", drift.id, note="It is hot, and Southwest flies from here now.", by="bob")
    story.do(
        "silence",
        f"{PROD}/inputs",
        why="WN is new here; June's model will know it",
        lasting=timedelta(days=3),
        by="bob",
    )
    story.named["alert"] = drift.id
    hot = story.do(
        "incident", "Late flights are missed on hot days", severity="high", caused_by=change.id, confidence=0.6, about=SERVICE,
        at=story.clock.now() - 9 * HOUR, why="the drift alert came under it", by="bob",
    )  # fmt: skip
    story.do("comment", hot.id, "Southwest is new here as well: is it the heat, or the carrier?")
    story.named["incident"] = hot.id
    (prediction, *_) = story.do("predictions", PROD, arm="champion", status=200, limit=5)
    story.named["prediction"] = prediction.id
    traffic.say(
        Deployment(str(PROD), None, state="ready", serving=traffic.number, url="http://127.0.0.1:4100", host="apron:4711",
                   pids=(4712, 4713, 4714)),
        Deployment(str(STAGING), None, state="failing", url="http://127.0.0.1:4101", host="apron:4711", restarts=6,
                   message="main: ModuleNotFoundError: No module named 'holidays'"),
    )  # fmt: skip
