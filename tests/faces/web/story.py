"""A team's two weeks with a model, told to a ledger by verbs and with a clock of its own: what the pages are looked at with."""

from __future__ import annotations

import json
import math
import pickle
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.ledger.schema import prepare
from loopline.loop import Loop
from loopline.models import profile as profiles
from loopline.models.flavors import About, encode
from loopline.nouns.actor import parse_actor
from loopline.nouns.artifact import ENVIRONMENT, TREE
from loopline.nouns.artifact import MODEL as MODEL_TYPE
from loopline.nouns.change import Change
from loopline.nouns.check import Check
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, OverrideRule, Policy
from loopline.nouns.run import Link, Point, Run, RunState
from loopline.nouns.verdict import Result, Verdict
from loopline.nouns.version import Version
from loopline.store.sqlite import SqliteDatabase
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as make_loop
from loopline.verbs import load

from .telling import ask
from .traffic import SIGNATURE, begin_to_serve, go_on, reference, serve_both

START = 1_782_892_800_000_000
"""2026-07-01 08:00 UTC."""
DATA, MODEL = AssetName("flights", "data", "flights"), AssetName("flights", "model", "delay")
AIRPORTS = AssetName("flights", "data", "airports")
CHAMPION, PROD = RefName(MODEL, "champion"), RefName(MODEL, "prod")
STEPS = (
    ("load", (), 4.2), ("clean", ("load",), 7.5), ("weather", ("load",), 12.8), ("features", ("clean", "weather"), 18.4),
    ("train", ("features",), 64.0), ("evaluate", ("train", "features"), 9.1), ("report", ("evaluate",), 2.3),
)  # fmt: skip
FLIGHTS = "year,month,day,carrier,flight,origin,dep_delay\n"
BROKEN = """\
Traceback (most recent call last):
  File "flights.py", line 31, in features
ValueError: 14 rows have no origin
"""
NOTES = "\n".join(
    f"{i:>3}  {'an airport that closed, and what became of its flights; ' * (i % 4 + 1)}" for i in range(80)
)
CODE = """\
def train(table, depth: int = 6, learning_rate: float = 0.1):
    model = Trees(depth=depth, learning_rate=learning_rate)
    return model.fit(table.features, table.late)
"""


@dataclass
class Story:
    """What is told so far."""

    loop: Loop
    clock: FakeClock
    chance: random.Random
    months: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    """Ids of runs and changes that tests ask for."""

    def do(self, verb: str, *args: Any, by: str = "ann", **asked: Any) -> Any:
        """Call a verb as somebody."""
        actor = parse_actor(by, verified=True)
        return load(verb)(replace(self.loop, actor=actor), *args, **asked)

    def wait(self, **length: float) -> None:
        """Let time go by."""
        self.clock.advance(seconds=timedelta(**length).total_seconds())

    def tree(self, **files: str) -> Digest:
        """Store files; `__` in a name is a dot."""
        put = self.loop.blobs.put
        return build(
            self.loop.blobs,
            sorted(
                Entry(name.replace("__", "."), put(text.encode()), len(text.encode())) for name, text in files.items()
            ),
        )

    def month(self, name: str, rows: int, message: str) -> Version:
        """Add a month of flights to the data."""
        lines = [
            f"2026,{name},{1 + i % 28},{['AA', 'DL', 'UA', 'B6'][i % 4]},{100 + i},{['JFK', 'LGA', 'EWR'][i % 3]},"
            f"{self.chance.gauss(8, 20):.0f}\n"
            for i in range(rows)
        ]
        self.months = {**self.months, f"2026_{name}__csv": FLIGHTS + "".join(lines)}
        published = self.do("add", DATA, tree=self.tree(**self.months), message=message)
        return published.version  # type: ignore[no-any-return]

    def mark(self, run: str, **tags: str) -> None:
        """Write the tags that only Loopline itself writes, as running a pipeline does."""
        with self.loop.ledger.write(self.loop.project, self.loop.actor) as tx:
            tx.runs.annotate(run, tags=tags)
            tx.say("run.logged", run)

    def pipeline(self, *, depth: int, rate: float, data: int, by: str = "ann", fail: str = "", stop: str = "", cached: int = 0,
                 edit: str = "", packages: dict[str, str] | None = None) -> Run:  # fmt: skip
        """Record a run of `train` with its steps; `fail` names the one that breaks, `stop` the one that still runs."""
        code = self.tree(flights__py=CODE + edit, loopline__toml='[project]\nname = "flights"\n')
        environment = self.loop.blobs.put(repr(packages).encode())
        params = {"depth": str(depth), "learning_rate": str(rate), "holdout": "14"}
        with self.loop.ledger.read() as tx:
            source = tx.versions.get(DATA, data).artifact
        run: Run = self.do(
            "start", "train", kind="pipeline", experiment="delay", params=params, code=code, commit=f"{code[7:19]}",
            environment=environment, packages=packages or {"numpy": "2.3.0", "scikit-learn": "1.7.0"}, by=by,
        )  # fmt: skip
        self.mark(run.id, modules="flights")
        self.do("log", run.id, by=by, inputs=(Link("data", source.digest, TREE, source.size, str(DATA), data),))
        over = self._steps(run, fail=fail, stop=stop, cached=cached, by=by)
        if stop:
            return run
        self._curves(run, depth, rate, epochs=40 if fail else 240, by=by)
        if fail:
            self.do("finish", run.id, state=RunState.FAILED, error=over, by=by)
        else:
            self.do("finish", run.id, by=by)
        return run

    def model(self, run: Run, by: str = "ann") -> Version:
        """Publish what a run made."""
        body = f"model {run.id}"
        about = About("sklearn-skops", "model.skops", "flights.Trees", pickle=False, digest=self.loop.blobs.put(body.encode()),
                      size=len(body), types=("flights.Trees", "numpy.ndarray"), methods=("predict", "predict_proba"),
                      versions={"python": "3.12", "scikit-learn": "1.7.1", "skops": "0.13"}, signature=SIGNATURE)  # fmt: skip
        profile = profiles.encode(reference()).decode()
        digest = self.tree(model__skops=body, model__json=encode(about).decode(), profile__json=profile)
        size = self.loop.blobs.size(digest) or 0
        self.do("log", run.id, outputs=(Link("train.model", digest, MODEL_TYPE, size),), by=by)
        made: Version = self.do(
            "put", MODEL, digest=digest, media_type=MODEL_TYPE, run=run.id, message=f"train of {run.id[:16]}", by=by,
            metadata={"flavor": "sklearn", "pickle": False},
        )  # fmt: skip
        with self.loop.ledger.write("flights", self.loop.actor) as tx:
            tx.lineage.publish(run.id, "train.model", MODEL, made.number)
            tx.say("run.published", run.id, versions=[str(made)])
        return made

    def judged(self, change: Change, value: float, base: float | None) -> None:
        """Write down what a check measured."""
        verdict = Verdict(
            "eval/holdout",
            change.head,
            Result.PASS,
            None,
            self.clock.now(),
            "roc_auc 0.77 on 14 days",
            tuple(_estimates(value, base)),
        )
        with self.loop.ledger.write("flights", self.loop.actor) as tx:
            tx.verdicts.add("flights", verdict)
            tx.say("check.answered", change.id, check="eval/holdout", result="pass", run=None)

    def _steps(self, run: Run, *, fail: str, stop: str, cached: int, by: str) -> str:
        done: dict[str, Link] = {}
        for number, (name, needs, seconds) in enumerate(STEPS):
            params = {"depth": run.params["depth"]} if name == "train" else {}
            step: Run = self.do("start", name, kind="step", parent=run.id, params=params, by=by)
            inputs = tuple(replace(done[need], name=f"{need}.table") for need in needs)
            if not needs:
                with self.loop.ledger.read() as tx:
                    inputs = tx.runs.get(run.id).inputs
            self.do("log", step.id, inputs=inputs, by=by)
            if name == stop:
                folder = self.loop.work / "logs"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{step.id}.log").write_text(
                    "".join(f"epoch {i:>3}  loss {0.7 * 0.98**i:.4f}\n" for i in range(38))
                )
                self._curves(run, 6, 0.1, epochs=38, by=by)
                return ""
            if number < cached:
                self._cached(step)
            else:
                self.wait(seconds=seconds * self.chance.uniform(0.8, 1.25))
            text = "".join(f"{self.chance.random():.4f} {name} line {i}\n" for i in range(6 + number))
            if name == fail:
                text += BROKEN
            log = self.loop.blobs.put(text.encode())
            self.mark(step.id, log=log)
            if name == fail:
                self.do("finish", step.id, state=RunState.FAILED, error="ValueError: 14 rows have no origin", by=by)
                return "ValueError: 14 rows have no origin"
            made = Link(
                "table", self.loop.blobs.put(f"{run.params} {name}".encode()), "application/vnd.apache.parquet", 48_000
            )
            self.do("log", step.id, outputs=(made,), by=by)
            done[name] = made
            if number >= cached:
                self.do("finish", step.id, by=by)
        return ""

    def _cached(self, step: Run) -> None:
        """Mark a step as taken from the newest one of its name that ran."""
        with self.loop.ledger.read() as tx:
            found = [
                one
                for run in tx.runs.search(
                    "r.project = 'flights' AND r.kind = 'step' AND r.state = 'finished'",
                    (),
                    order="r.id DESC",
                    limit=99,
                )
                if (one := run).name == step.name
            ]
        with self.loop.ledger.database.write() as rows:
            now = self.clock.now()
            rows.do("UPDATE runs SET state = 'cached', origin = ?, started_at = ?, ended_at = ? WHERE id = ?",
                    found[0].id if found else None, now, now, step.id)  # fmt: skip

    def _curves(self, run: Run, depth: int, rate: float, *, epochs: int, by: str) -> None:
        now, points = self.clock.now(), []
        for i in range(epochs):
            at = now - (epochs - i) * 250_000
            fall = math.exp(-i * rate / 6)
            loss = 0.42 + 0.28 * fall + self.chance.gauss(0, 0.004)
            held = loss + 0.02 + max(0, depth - 7) * 0.00008 * i + self.chance.gauss(0, 0.006)
            points += [
                Point("train/loss", loss, i, at),
                Point("valid/loss", held, i, at),
                Point("lr", rate * 0.995**i, i, at),
            ]
        auc = 0.775 - 0.01 * abs(depth - 7) - 0.2 * abs(rate - 0.1) + self.chance.gauss(0, 0.002)
        if epochs > 100:
            points += [
                Point("roc_auc", auc),
                Point("log_loss", 0.51 - auc / 8),
                Point("calibration_error", 0.04 + self.chance.random() / 50),
            ]
            points += [
                Point(f"roc_auc[carrier={name}]", auc + self.chance.gauss(0, 0.02)) for name in ("AA", "DL", "UA", "B6")
            ]
        self.do("log", run.id, points=tuple(points), by=by)


def _estimates(value: float, base: float | None) -> list[Estimate]:
    rows = [
        ("roc_auc", value, base, "", ""),
        ("log_loss", 0.431, 0.436, "", ""),
        ("roc_auc", value + 0.01, base, "carrier", "AA"),
        ("roc_auc", value - 0.02, base, "carrier", "UA"),
    ]
    return [
        Estimate(
            metric, v, v - 0.006, v + 0.006, 9012, column, member, b, v - b if b else None, v - b - 0.004 if b else None,
            v - b + 0.004 if b else None,
        )
        for metric, v, b, column, member in rows
    ]  # fmt: skip


def _around(story: Story) -> None:
    """Add what stands around models: airports with empty cells and a note, the environment, and a yes that grew old."""
    airports = "code,city,region\n" + "".join(f"A{i:02},City {i},{('NA', 'EU', '')[i % 3]}\n" for i in range(30))
    story.do("add", AIRPORTS, tree=story.tree(airports__csv=airports, NOTES__txt=NOTES), message="where flights begin")
    _disagree(story, airports)
    packages = [{"name": f"package-{i}", "version": f"1.{i}", "hash": "sha256:" + f"{i:x}" * 32} for i in range(10, 16)]
    lock = json.dumps({"python": "3.12", "packages": packages})
    story.do("put", AssetName("flights", "env", "flights"), digest=story.loop.blobs.put(lock.encode()),
             media_type=ENVIRONMENT, message="as installed")  # fmt: skip
    with story.loop.ledger.read() as tx:
        number = tx.assets.get(MODEL).last_number
    why = "deeper trees, carrier by carrier"
    sliced = story.do("propose", CHAMPION, to=Numbered(number), why=why, tier="production", by="bob")
    slices = [(f"C{i:02}", 0.7 + i / 200, 0.71 + (i % 5) / 150) for i in range(18)]
    rows = tuple(
        Estimate(
            "roc_auc", v, v - 0.02, v + 0.02, 400, "carrier", name, base, v - base, v - base - 0.02, v - base + 0.02
        )
        for name, v, base in slices
    )
    verdict = Verdict("eval/slices", sliced.head, Result.PASS, None, story.clock.now(), "18 carriers", rows)
    story.do("approve", sliced.id, comment="before it was measured", by="ann")
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        tx.verdicts.add("flights", verdict)
        tx.say("check.answered", sliced.id, check="eval/slices", result="pass", run=None)
    story.do("approve", sliced.id, comment="most of them gain", by="cy")
    story.do("withdraw", sliced.id, why="two carriers lose", by="bob")
    story.named["sliced"] = sliced.id


class TimedIds:
    """Ids of the form of a UUIDv7 that carry the story's time, as real ones do."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self._chance = clock, random.Random(3)

    def new(self) -> str:
        """Give the next id."""
        random_bits = self._chance.getrandbits(12), self._chance.getrandbits(60)
        return f"{self.clock.now() // 1000:012x}7{random_bits[0]:03x}8{random_bits[1]:015x}"

    def chance(self, size: int) -> bytes:
        """Give bytes that the story decides."""
        return self._chance.randbytes(size)


def begin(folder: Path) -> Story:
    """Give an empty ledger in a file, as a server has it."""
    clock = FakeClock(START, step=20_000)
    database = SqliteDatabase(folder / "ledger.db")
    prepare(database)
    loop = make_loop("flights", clock=clock, database=database, work=folder / "cache", ids=TimedIds(clock),
                     signals=folder / "signals")  # fmt: skip
    return Story(loop, clock, random.Random(7))


def keep(story: Story, file: Path) -> None:
    """Write down beside its folder what is not in it, and close it: then `again` can be told the two."""
    story.loop.ledger.close()
    file.write_bytes(
        pickle.dumps((_blobs(story), story.clock.time, story.chance, story.loop.ids, story.months, story.named))
    )


def again(folder: Path, file: Path) -> Story:
    """Open a story that was kept, from a copy of its folder."""
    story = begin(folder)
    held, story.clock.time, story.chance, ids, story.months, story.named = pickle.loads(file.read_bytes())
    _blobs(story).update(held)
    ids.clock = story.clock
    story.loop = replace(story.loop, ids=ids)
    return story


def _blobs(story: Story) -> dict[Digest, bytes]:
    held: dict[Digest, bytes] = story.loop.blobs.held  # type: ignore[attr-defined]
    return held


def tell(folder: Path) -> Story:
    """Tell all of it."""
    story = begin(folder)
    story.month("04", 60, "April")
    story.month("05", 66, "May")
    first = story.model(story.pipeline(depth=4, rate=0.1, data=1))
    story.do("promote", CHAMPION, to=Numbered(first.number), why="the first model")
    seen = story.do("propose", PROD, to=Numbered(1), why="let dispatch see it", tier="production")
    story.named["unchecked"] = seen.id
    document = dump_document(Document((POLICY,), (CHECK,))).decode()
    story.do("policy", document=document, why="models are judged before they lead")
    traffic = begin_to_serve(story)
    second = _search(story)
    change = serve_both(story, traffic)
    story.wait(days=2)
    _nights(story, second)
    _around(story)
    go_on(story, traffic, change)
    ask(story, story.named["finished"])
    story.wait(minutes=12)
    running = story.pipeline(depth=6, rate=0.1, data=3, by="ann", stop="train", cached=3)
    story.named["running"] = running.id
    story.wait(seconds=40)
    story.named["device"] = "BCDF-GHJK"
    with story.loop.ledger.telemetry() as tables:
        tables.sessions.wait("0" * 64, story.named["device"], "a laptop of ann")
    return story


def _disagree(story: Story, airports: str) -> None:
    """Let two people change the same files of the airports, and begin to merge what they have."""
    short = "\n".join(NOTES.splitlines()[:40])
    story.do("branch", AIRPORTS, "closed", by="bob")
    theirs = story.tree(
        airports__csv=airports.replace("A07", "KA07"), NOTES__txt=short, runways__csv="code,runways\nKA07,4\n"
    )
    story.do("add", AIRPORTS, tree=theirs, branch="closed", message="codes of four letters", by="bob")
    ours = story.tree(airports__csv=airports + "A30,City 30,NA\n", README__md="# Airports\n",
                      runways__csv="code,runways\nA07,4\nA30,3\n")  # fmt: skip
    story.do("add", AIRPORTS, tree=ours, message="one more city")
    waiting = story.do("merge", Pointer(AIRPORTS, Named("closed")), RefName(AIRPORTS, "main"))
    assert waiting.clashes == 3  # of which one file is shorter there, and gone here
    story.do("merge", into=RefName(AIRPORTS, "main"), take="ours", paths=("runways.csv",))


POLICY = Policy(
    "champion", ("model/*@champion",), checks=("eval/holdout",), metrics=("roc_auc >= 0.70", "roc_auc >= base - 0.005"),
    approvals=Approvals(count=1), override=OverrideRule(by=("team/on-call",)),
)  # fmt: skip
CHECK = Check("eval/holdout", ("model/*@champion",), "holdout")
OLD, NEW = {"numpy": "2.3.1", "scikit-learn": "1.7.0"}, {"numpy": "2.3.1", "scikit-learn": "1.7.1", "holidays": "0.75"}
HOLIDAYS = "\n\ndef holidays(table):\n    return table.day.isin(HOLIDAYS)\n"


def _search(story: Story) -> Version:
    """Try what is best, take June in, and let the new champion be judged."""
    tries = (
        (5, 0.1, "ann"),
        (6, 0.1, "bob"),
        (6, 0.05, "bob"),
        (8, 0.2, "ann"),
        (9, 0.05, "token:nightly"),
        (7, 0.1, "ann"),
    )
    tried = []
    for depth, rate, by in tries:
        story.wait(hours=7)
        tried.append(
            story.pipeline(depth=depth, rate=rate, data=2, by=by, cached=4 if depth == 7 else 2, packages=OLD).id
        )
    story.wait(days=2)
    story.month("06", 71, "June, with the storms")
    run = story.pipeline(depth=7, rate=0.08, data=3, by="bob", edit=HOLIDAYS, packages=NEW)
    story.named["compared"] = " ".join([run.id, *tried[-3:]])
    made = story.model(run, by="bob")
    change = story.do(
        "propose", CHAMPION, to=Numbered(made.number), why="June is in, and holidays are a feature", by="bob"
    )
    story.judged(change, 0.772, 0.758)
    story.do("approve", change.id, comment="better on every airline", by="ann")
    story.do("apply", change.id, by="ann")
    story.named["applied"] = change.id
    return made


def _nights(story: Story, champion: Version) -> None:
    """Break a night, train deeper trees, and leave two changes open."""
    story.wait(days=1)
    failed = story.pipeline(depth=7, rate=0.1, data=3, by="token:nightly", fail="features", cached=2)
    story.wait(hours=3)
    run = story.pipeline(depth=8, rate=0.08, data=3, by="bob", cached=4)
    made = story.model(run, by="bob")
    why = "deeper trees gain 0.004 on the newest fortnight"
    waiting = story.do("propose", CHAMPION, to=Numbered(made.number), why=why, by="bob")
    story.judged(waiting, 0.776, 0.772)
    story.do(
        "propose", CHAMPION, to=Numbered(champion.number - 1), why="go back to the simple one?", by="token:nightly"
    )
    story.named |= {"failed": failed.id, "finished": run.id, "waiting": waiting.id}
