"""Ledger: opens transactions over all tables, and writes the feed.

Each collection is imported when it is first asked for: a read command asks for one or two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import local
from typing import TYPE_CHECKING, Any, TypeVar

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


class Tables:
    """What a transaction sees, one collection for each noun, made when it is first asked for."""

    def __init__(self, rows: Rows, now: int) -> None:
        self.rows = rows
        self.now = now
        """The loop's clock when the transaction began; everything it records carries this time."""

    @cached_property
    def projects(self) -> Projects:
        """Projects."""
        from loopline.ledger.projects import Projects

        return Projects(self.rows, self.now)

    @cached_property
    def assets(self) -> Assets:
        """Assets, descriptors of artifacts and their other names."""
        from loopline.ledger.assets import Assets

        return Assets(self.rows, self.now)

    @cached_property
    def versions(self) -> Versions:
        """Versions, their parents and the quarantine."""
        from loopline.ledger.versions import Versions

        return Versions(self.rows, self.now, self.assets)

    @cached_property
    def merges(self) -> Merges:
        """Merges in which paths clash, and what was taken."""
        from loopline.ledger.merges import Merges

        return Merges(self.rows, self.now, self.assets)

    @cached_property
    def registry(self) -> Registry:
        """Assets of a kind with their versions, many at once."""
        from loopline.ledger.registry import Registry

        return Registry(self.rows)

    @cached_property
    def refs(self) -> Refs:
        """Refs."""
        from loopline.ledger.refs import Refs

        return Refs(self.rows, self.now, self.assets)

    @cached_property
    def staging(self) -> Staging:
        """What is about to become a version."""
        from loopline.ledger.staging import Staging

        return Staging(self.rows, self.now)

    @cached_property
    def buckets(self) -> Buckets:
        """Names of branches for clients of other tools."""
        from loopline.ledger.buckets import Buckets

        return Buckets(self.rows, self.now, self.assets)

    @cached_property
    def multiparts(self) -> Multiparts:
        """Files that come in parts."""
        from loopline.ledger.multiparts import Multiparts

        return Multiparts(self.rows, self.now)

    @cached_property
    def sums(self) -> Sums:
        """Other sums of bytes than their digests."""
        from loopline.ledger.sums import Sums

        return Sums(self.rows)

    @cached_property
    def experiments(self) -> Experiments:
        """Experiments."""
        from loopline.ledger.experiments import Experiments

        return Experiments(self.rows, self.now, self.taggings)

    @cached_property
    def taggings(self) -> Taggings:
        """Tags of what is no run."""
        from loopline.ledger.taggings import Taggings

        return Taggings(self.rows)

    @cached_property
    def runs(self) -> Runs:
        """Runs."""
        from loopline.ledger.runs import Runs

        return Runs(self.rows, self.now)

    @cached_property
    def metrics(self) -> Metrics:
        """Metric series."""
        from loopline.ledger.metrics import Metrics

        return Metrics(self.rows, self.now)

    @cached_property
    def traces(self) -> Traces:
        """What programs tell of their requests."""
        from loopline.ledger.traces import Traces

        return Traces(self.rows, self.now, self.taggings)

    @cached_property
    def spans(self) -> Spans:
        """The parts of traces."""
        from loopline.ledger.spans import Spans

        return Spans(self.rows)

    @cached_property
    def feedbacks(self) -> Feedbacks:
        """What is said about traces."""
        from loopline.ledger.feedbacks import Feedbacks

        return Feedbacks(self.rows)

    @cached_property
    def lineage(self) -> Lineage:
        """What runs read and made."""
        from loopline.ledger.lineage import Lineage

        return Lineage(self.rows, self.assets)

    @cached_property
    def logged(self) -> LoggedModels:
        """Models that runs have logged."""
        from loopline.ledger.logged import LoggedModels

        return LoggedModels(self.rows, self.now, self.taggings)

    @cached_property
    def model_matches(self) -> ModelMatches:
        """Logged models that a query finds."""
        from loopline.ledger.modelsearch import ModelMatches

        return ModelMatches(self.rows)

    @cached_property
    def changes(self) -> Changes:
        """Changes, answers, overrides and decisions."""
        from loopline.ledger.changes import Changes

        return Changes(self.rows, self.now, self.assets, self.verdicts)

    @cached_property
    def verdicts(self) -> Verdicts:
        """What checks said."""
        from loopline.ledger.verdicts import Verdicts

        return Verdicts(self.rows, self.now)

    @cached_property
    def policies(self) -> Policies:
        """Documents of policies."""
        from loopline.ledger.policies import Policies

        return Policies(self.rows)

    @cached_property
    def leases(self) -> Leases:
        """Who holds what, until when."""
        from loopline.ledger.leases import Leases

        return Leases(self.rows, self.now)

    @cached_property
    def incidents(self) -> Incidents:
        """What went wrong."""
        from loopline.ledger.incidents import Incidents

        return Incidents(self.rows, self.now)

    @cached_property
    def alerts(self) -> Alerts:
        """What monitors saw, and silences."""
        from loopline.ledger.alerts import Alerts

        return Alerts(self.rows, self.now)

    @cached_property
    def monitors(self) -> Monitors:
        """How far monitors have looked."""
        from loopline.ledger.monitors import Monitors

        return Monitors(self.rows, self.now)

    @cached_property
    def firings(self) -> Firings:
        """What triggers have met, and how far each has looked."""
        from loopline.ledger.firings import Firings

        return Firings(self.rows, self.now)

    @cached_property
    def rollouts(self) -> Rollouts:
        """How far changes that roll have come."""
        from loopline.ledger.rollouts import Rollouts

        return Rollouts(self.rows, self.now)

    @cached_property
    def teams(self) -> Teams:
        """Who belongs to what."""
        from loopline.ledger.teams import Teams

        return Teams(self.rows, self.now)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens, by the hash of their secrets."""
        from loopline.ledger.tokens import Tokens

        return Tokens(self.rows, self.now)

    @cached_property
    def people(self) -> People:
        """People whom a login has brought, and who is disabled."""
        from loopline.ledger.people import People

        return People(self.rows, self.now)

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions of browsers, and devices that wait for a login."""
        from loopline.ledger.sessions import Sessions

        return Sessions(self.rows, self.now)

    @cached_property
    def replies(self) -> Replies:
        """Answers to writes, so that the same request gives the same answer."""
        from loopline.ledger.replies import Replies

        return Replies(self.rows, self.now)

    @cached_property
    def holdings(self) -> Holdings:
        """Which bytes a project holds."""
        from loopline.ledger.holdings import Holdings

        return Holdings(self.rows)

    @cached_property
    def tasks(self) -> Tasks:
        """Work that waits, runs, or is done."""
        from loopline.ledger.tasks import Tasks

        return Tasks(self.rows, self.now)

    @cached_property
    def comments(self) -> Comments:
        """What people say about changes."""
        from loopline.ledger.comments import Comments

        return Comments(self.rows, self.now)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """Who is told of events, and how that goes."""
        from loopline.ledger.subscriptions import Subscriptions

        return Subscriptions(self.rows, self.now)

    @cached_property
    def deployments(self) -> Deployments:
        """How the processes behind services do."""
        from loopline.ledger.deployments import Deployments

        return Deployments(self.rows, self.now)

    @cached_property
    def assessments(self) -> Assessments:
        """What a team says about its practices."""
        from loopline.ledger.assessments import Assessments

        return Assessments(self.rows, self.now)

    @cached_property
    def responses(self) -> Responses:
        """What people say to a survey."""
        from loopline.ledger.responses import Responses

        return Responses(self.rows)

    @cached_property
    def roots(self) -> Roots:
        """Where rows name bytes."""
        from loopline.ledger.roots import Roots

        return Roots(self.rows)

    @cached_property
    def writers(self) -> Writers:
        """Who may hold bytes that no row names yet."""
        from loopline.ledger.writers import Writers

        return Writers(self.rows, self.now)

    @cached_property
    def reclaims(self) -> Reclaims:
        """What was taken out of the store."""
        from loopline.ledger.reclaims import Reclaims

        return Reclaims(self.rows, self.now)

    @cached_property
    def feed(self) -> Feed:
        """The events."""
        return Feed(self.rows)

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

        What one has written is undone alone when it raises. All is durable when this returns; where the commit fails, each has
        failed with it. The works see what those before them have written.
        """
        done: list[T | Exception] = []
        told = self._inside.held = dict[str, None]()
        try:
            with self.database.write():
                for work in works:
                    try:
                        done.append(work())
                    except Exception as error:  # noqa: BLE001 (whoever asked for the work is told)
                        done.append(error)
        except Exception as error:  # noqa: BLE001 (the same)
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


class _DryRun(Exception):  # noqa: N818 (no error: it ends a rehearsal)
    pass


def _event(writing: Writing, now: int) -> Event:
    from loopline.nouns.event import GENESIS

    return Event(
        project=writing.project, seq=0, recorded_at=now, event_time=writing.event_time, actor=str(writing.actor),
        kind=writing.kind, subject=writing.subject, schema=1, payload_digest=GENESIS, previous=GENESIS, hash=GENESIS,
    )  # fmt: skip
