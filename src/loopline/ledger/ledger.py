"""Ledger: opens transactions over all tables, and writes the feed.

Each collection is imported when it is first asked for: a read command asks for one or two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import local
from typing import TYPE_CHECKING, Any, TypeVar

from loopline.errors import Unavailable
from loopline.ledger.feed import Feed
from loopline.nouns.actor import Actor
from loopline.nouns.clock import Clock
from loopline.nouns.event import Event
from loopline.store.database import Database, Rows

if TYPE_CHECKING:
    from loopline.ledger.alerts import Alerts
    from loopline.ledger.assessments import Assessments
    from loopline.ledger.assets import Assets
    from loopline.ledger.attending import Attendance
    from loopline.ledger.buckets import Buckets
    from loopline.ledger.changes import Changes
    from loopline.ledger.comments import Comments
    from loopline.ledger.deployments import Deployments
    from loopline.ledger.experiments import Experiments
    from loopline.ledger.feedbacks import Feedbacks
    from loopline.ledger.firings import Firings
    from loopline.ledger.holdings import Holdings
    from loopline.ledger.incidents import Incidents
    from loopline.ledger.leases import Leases
    from loopline.ledger.lineage import Lineage
    from loopline.ledger.logged import LoggedModels
    from loopline.ledger.merges import Merges
    from loopline.ledger.metrics import Metrics
    from loopline.ledger.modelsearch import ModelMatches
    from loopline.ledger.monitors import Monitors
    from loopline.ledger.multiparts import Multiparts
    from loopline.ledger.people import People
    from loopline.ledger.policies import Policies
    from loopline.ledger.projects import Projects
    from loopline.ledger.reclaims import Reclaims
    from loopline.ledger.refs import Refs
    from loopline.ledger.registry import Registry
    from loopline.ledger.replies import Replies
    from loopline.ledger.responses import Responses
    from loopline.ledger.rollouts import Rollouts
    from loopline.ledger.roots import Roots
    from loopline.ledger.runs import Runs
    from loopline.ledger.sessions import Sessions
    from loopline.ledger.spans import Spans
    from loopline.ledger.staging import Staging
    from loopline.ledger.subscriptions import Subscriptions
    from loopline.ledger.sums import Sums
    from loopline.ledger.taggings import Taggings
    from loopline.ledger.tasks import Tasks
    from loopline.ledger.teams import Teams
    from loopline.ledger.tokens import Tokens
    from loopline.ledger.traces import Traces
    from loopline.ledger.verdicts import Verdicts
    from loopline.ledger.versions import Versions
    from loopline.ledger.writers import Writers

T = TypeVar("T")


class _Made:
    """A collection that is imported and made when it is first asked for: a read command asks for one or two."""

    def __init__(self, module: str, needs: tuple[str, ...]) -> None:
        self._module, self._needs = module, needs
        self._class: Callable[..., Any] | None = None

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name, self._kind = name, owner.__annotations__[name]

    def __get__(self, tables: Any, owner: type[Any]) -> Any:
        if tables is None:
            return self
        if self._class is None:
            self._class = getattr(import_module(f"loopline.ledger.{self._module}"), self._kind)
        made = tables.__dict__[self._name] = self._class(*[getattr(tables, name) for name in self._needs])
        return made


def made(module: str, *needs: str) -> Any:
    """Give what makes a collection of the kind that its annotation names, from what is called `needs` beside it."""
    return _Made(module, needs)


class Tables:
    """What a transaction sees, one collection for each noun, made when it is first asked for."""

    def __init__(self, rows: Rows, now: int) -> None:
        self.rows = rows
        self.now = now
        """The loop's clock when the transaction began; everything it records carries this time."""

    projects: Projects = made("projects", "rows", "now")
    """Projects."""
    assets: Assets = made("assets", "rows", "now")
    """Assets, descriptors of artifacts and their other names."""
    versions: Versions = made("versions", "rows", "now", "assets")
    """Versions, their parents and the quarantine."""
    merges: Merges = made("merges", "rows", "now", "assets")
    """Merges in which paths clash, and what was taken."""
    registry: Registry = made("registry", "rows")
    """Assets of a kind with their versions, many at once."""
    refs: Refs = made("refs", "rows", "now", "assets")
    """Refs."""
    staging: Staging = made("staging", "rows", "now")
    """What is about to become a version."""
    buckets: Buckets = made("buckets", "rows", "now", "assets")
    """Names of branches for clients of other tools."""
    multiparts: Multiparts = made("multiparts", "rows", "now")
    """Files that come in parts."""
    sums: Sums = made("sums", "rows")
    """Other sums of bytes than their digests."""
    experiments: Experiments = made("experiments", "rows", "now", "taggings")
    """Experiments."""
    taggings: Taggings = made("taggings", "rows")
    """Tags of what is no run."""
    runs: Runs = made("runs", "rows", "now")
    """Runs."""
    metrics: Metrics = made("metrics", "rows", "now")
    """Metric series."""
    traces: Traces = made("traces", "rows", "now", "taggings")
    """What programs tell of their requests."""
    spans: Spans = made("spans", "rows")
    """The parts of traces."""
    feedbacks: Feedbacks = made("feedbacks", "rows")
    """What is said about traces."""
    lineage: Lineage = made("lineage", "rows", "assets")
    """What runs read and made."""
    logged: LoggedModels = made("logged", "rows", "now", "taggings")
    """Models that runs have logged."""
    model_matches: ModelMatches = made("modelsearch", "rows")
    """Logged models that a query finds."""
    changes: Changes = made("changes", "rows", "now", "assets", "verdicts")
    """Changes, answers, overrides and decisions."""
    verdicts: Verdicts = made("verdicts", "rows", "now")
    """What checks said."""
    policies: Policies = made("policies", "rows")
    """Documents of policies."""
    leases: Leases = made("leases", "rows", "now")
    """Who holds what, until when."""
    incidents: Incidents = made("incidents", "rows", "now")
    """What went wrong."""
    alerts: Alerts = made("alerts", "rows", "now")
    """What monitors saw, and silences."""
    monitors: Monitors = made("monitors", "rows", "now")
    """How far monitors have looked."""
    firings: Firings = made("firings", "rows", "now")
    """What triggers have met, and how far each has looked."""
    rollouts: Rollouts = made("rollouts", "rows", "now")
    """How far changes that roll have come."""
    teams: Teams = made("teams", "rows", "now")
    """Who belongs to what."""
    tokens: Tokens = made("tokens", "rows", "now")
    """Tokens, by the hash of their secrets."""
    people: People = made("people", "rows", "now")
    """People whom a login has brought, and who is disabled."""
    sessions: Sessions = made("sessions", "rows", "now")
    """Sessions of browsers, and devices that wait for a login."""
    replies: Replies = made("replies", "rows", "now")
    """Answers to writes, so that the same request gives the same answer."""
    holdings: Holdings = made("holdings", "rows")
    """Which bytes a project holds."""
    tasks: Tasks = made("tasks", "rows", "now")
    """Work that waits, runs, or is done."""
    comments: Comments = made("comments", "rows", "now")
    """What people say about changes."""
    subscriptions: Subscriptions = made("subscriptions", "rows", "now")
    """Who is told of events, and how that goes."""
    deployments: Deployments = made("deployments", "rows", "now")
    """How the processes behind services do."""
    assessments: Assessments = made("assessments", "rows", "now")
    """What a team says about its practices."""
    responses: Responses = made("responses", "rows")
    """What people say to a survey."""
    roots: Roots = made("roots", "rows")
    """Where rows name bytes."""
    writers: Writers = made("writers", "rows", "now")
    """Who may hold bytes that no row names yet."""
    reclaims: Reclaims = made("reclaims", "rows", "now")
    """What was taken out of the store."""
    feed: Feed = made("feed", "rows")
    """The events."""

    def size(self) -> int:
        """Tell how many bytes the rows take, indexes included."""
        row = self.rows.one(
            "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())"
            if self.rows.dialect == "sqlite"
            else "SELECT pg_database_size(current_database())"
        )
        return int(row[0]) if row else 0


class Writing(Tables):
    """A write transaction: what it says of itself becomes its one event."""

    def __init__(self, rows: Rows, now: int, *, project: str, actor: Actor, seq: int) -> None:
        super().__init__(rows, now)
        self.project = project
        self.seq = seq
        """The number that the event of this transaction will have."""
        self.actor = actor
        self.kind = ""
        self.subject = ""
        self.event_time: int | None = None
        self.payload: dict[str, Any] = {}

    def say(self, kind: str, subject: str, /, **payload: Any) -> None:
        """Tell what happened. A second call replaces kind and subject and adds to the payload (JSON values)."""
        self.kind, self.subject = kind, subject
        self.payload.update(payload)


class Ledger:
    """Rows of every project in one database."""

    def __init__(self, database: Database, *, clock: Clock, dry: bool = False) -> None:
        self.database = database
        self._clock = clock
        self.dry = dry
        """Whether every write is a rehearsal, undone at its end: who writes beside the ledger must leave nothing, either."""
        self.listeners: list[Callable[[str], None]] = []
        """Each is told the project after a write of this process. A write inside another tells before that one is durable:
        whoever listens looks a moment later, and now and then without being told, as other processes write too."""
        self.attendance: Attendance | None = None
        """Says in each write that this process still attends, where it stores bytes."""
        self._inside = local()

    @property
    def inside(self) -> bool:
        """Whether this thread is in the middle of a write."""
        return getattr(self._inside, "depth", 0) > 0

    @contextmanager
    def read(self) -> Iterator[Tables]:
        """See one moment of everything."""
        with self.database.read() as rows:
            yield Tables(rows, self._clock.now())

    @contextmanager
    def write(self, project: str, actor: Actor) -> Iterator[Writing]:
        """Change rows and add one event. All of it holds, or none: the block must `say` what happened or raise.

        Writers of one project queue at the head of its feed; whatever is read here stays true until the commit. With
        `dry` the transaction is rolled back at its end, after every rule has been applied.
        """
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        try:
            with self.database.write() as rows:
                feed = Feed(rows)
                head = feed.lock(project)
                now = self._clock.now()
                writing = Writing(rows, now, project=project, actor=actor, seq=head.seq + 1)
                if self.attendance is not None:
                    self.attendance.check(writing)
                yield writing
                if not writing.kind:
                    msg = "a ledger transaction ended without saying what happened"
                    raise AssertionError(msg)
                feed.append(head, _event(writing, now), writing.payload)
                if self.dry:
                    raise _DryRun
        except _DryRun:
            return
        finally:
            self._inside.depth -= 1
        self._tell(project)

    @contextmanager
    def telemetry(self) -> Iterator[Tables]:
        """Change rows that are no history (metric points, leases' heartbeats): durable, but no event."""
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        try:
            with self.database.write() as rows:
                yield Tables(rows, self._clock.now())
                if self.dry:
                    raise _DryRun
        except _DryRun:
            return
        finally:
            self._inside.depth -= 1

    def together(self, works: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Do several short pieces of work in one transaction: the disk is waited for once. Give what each gave or raised.

        A write in which one raises is undone alone. All is durable when this returns; where the commit fails, each has failed
        with it. The works see what those before them have written. One that another process would wait for while it waits for
        that process, because of what was written here before, is done once more, by itself.
        """
        if len(works) == 1:
            return [_tried(works[0])]
        done: list[T | Exception] = []
        told = self._inside.held = dict[str, None]()
        try:
            with self.database.write():
                done += map(_tried, works)
            done = [_tried(work) if _crossed(one) else one for work, one in zip(works, done, strict=True)]
        except Exception as error:  # noqa: BLE001 (each is told)
            return [error for _ in works]
        finally:
            self._inside.held = None
        for project in told:
            self._tell(project)
        return done

    def _tell(self, project: str) -> None:
        held: dict[str, None] | None = getattr(self._inside, "held", None)
        if held is not None:
            held[project] = None
            return
        for told in self.listeners:
            told(project)

    def close(self) -> None:
        """Let go of the database."""
        if self.attendance is not None:
            self.attendance.end()
        self.database.close()


def _tried(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 (whoever asked for the work is told)
        return error


def _crossed(done: object) -> bool:
    """Tell whether a database has chosen to end a piece of work, as two transactions waited for each other."""
    return isinstance(done, Unavailable) and bool(done.facts.get("deadlock"))


class _DryRun(Exception):  # noqa: N818 (no error: it ends a rehearsal)
    pass


def _event(writing: Writing, now: int) -> Event:
    from loopline.nouns.event import GENESIS

    return Event(
        project=writing.project, seq=0, recorded_at=now, event_time=writing.event_time, actor=str(writing.actor),
        kind=writing.kind, subject=writing.subject, schema=1, payload_digest=GENESIS, previous=GENESIS, hash=GENESIS,
    )  # fmt: skip
