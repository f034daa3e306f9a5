"""recording: an active run, as training code sees it. It never raises and never waits for the ledger."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, SupportsIndex

from loopline.errors import LooplineError
from loopline.nouns.ids import brief
from loopline.nouns.run import Link, RunState
from loopline.sdk.journal import Journal, log
from loopline.sdk.records import written
from loopline.sdk.shipper import Shipper

if TYPE_CHECKING:
    from loopline.nouns.version import Version
    from loopline.sdk.lazy import Files
    from loopline.sdk.session import Session

_LARGEST: Final = 2**63 - 1


class ActiveRun:
    """A run that this program executes. Leaving its block ends it: finished, failed where an exception left, or cancelled.

    A child of a fork may log to it; only the process that began it ends it.
    """

    def __init__(
        self, session: Session, journal: Journal, shipper: Shipper, *, run: str, name: str, attached: bool = False
    ) -> None:
        self.id = run
        """32 hex digits; `loopline show ID` takes the first of them."""
        self.name = name
        self._session = session
        self._journal = journal
        self._shipper = shipper
        self._next: dict[str, int] = {}
        self._told: set[str] = set()
        self._over = False
        self._attached = attached
        """Whether somebody else began the run and will end it."""
        self._read: set[tuple[str, str]] = set()
        self.closing: list[Callable[[ActiveRun], None]] = []
        """Called when the run ends."""

    def log(
        self, values: Mapping[str, Any] | None = None, /, *, step: SupportsIndex | None = None, **metrics: Any
    ) -> None:
        """Add a value to each named series: `run.log(loss=0.3, step=1)`, `run.log({"val": {"loss": 0.4}})` (as `val/loss`).

        Without `step` each series counts by itself from 0. What is no number is left out, with one warning a name.
        """
        if self._over:
            self.warn("over", "is over: what is logged to it now is left out")
            return
        try:
            points: list[tuple[str, float | str, int]] = []
            if values:
                self._points(values, "", step, points)
            if metrics:
                self._points(metrics, "", step, points)
            if points:
                self._journal.append("points", points)
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self.warn("log", f"cannot log this: {error}")

    def params(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        """Write down what the run was given. A param is written once: another value for it later is left out."""
        self._texts("params", values, named)

    def tag(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        """Label the run; the newest value of a tag stays."""
        self._texts("tags", values, named)

    def input(self, what: Files | str, *, name: str = "") -> None:
        """Write down that the run reads a version: what `loopline.data` gave (it does so itself), or `"data/flights@2"`."""
        try:
            if isinstance(what, str):
                version: Version = self._session.client().do("get", what)
            else:
                version = what.version
            link = link_to(version, name or version.asset.name, self._session.settings.project)
            if (link.name, link.digest) not in self._read:
                self._read.add((link.name, link.digest))
                self._journal.append("input", _body(link))
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self.warn(f"input {what}", f"cannot write down the input {what}: {_said(error)}")

    def put(
        self, asset: str, value: Any, *, message: str = "", metadata: Mapping[str, Any] | None = None, name: str = ""
    ) -> Version | None:
        """Publish a file, a folder (as a path), bytes, a model or another value as a version that this run made.

        The bytes are stored before this returns; where a server does not take them now, in a folder of this machine. Gives
        the version, or None where the ledger does not answer now (it is published later, by this process or the next) or the
        value cannot be stored (a warning says why).
        """
        try:
            from loopline.nouns.name import parse_asset

            project = self._session.settings.project
            where = parse_asset(asset, project=project)
            stored, waits = self._session.kept(value)
            name = name or where.name
            body = {
                "asset": where.within(project), "name": name, "digest": stored.digest,
                "media_type": stored.media_type, "size": stored.size, "message": message,
                "metadata": dict(metadata or {}), **({"outbox": True} if waits else {}),
            }  # fmt: skip
            if not self._journal.append("publish", body) or not self._journal.mine:
                return None
            self._shipper.flush()
            return self._shipper.shipment.versions.get(name) if self._shipper.shipment else None
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self.warn(f"put {asset}", f"cannot publish {asset}: {_said(error)}")
            return None

    def warn(self, about: str, text: str) -> None:
        """Tell whoever watches the program, once about each thing."""
        if about not in self._told:
            self._told.add(about)
            log.warning("loopline: run %s: %s", brief(self.id), text)

    def flush(self) -> bool:
        """Wait until the ledger has what was logged so far. False where it does not answer; the journal keeps it then."""
        return self._journal.mine and self._shipper.flush()

    def finish(self, state: RunState | str = RunState.FINISHED, *, error: str | None = None) -> None:
        """End the run, and return when all of it is in the ledger. A second call does nothing.

        Where the ledger does not answer, a warning says so, and the next Loopline process ships the journal.
        """
        if self._over or not self._journal.mine:
            return
        self._over = True
        try:
            if not self._attached:
                self._journal.append("finish", {"state": str(RunState(state)), "error": error})
            done = self._shipper.finish()
            self._report(done)
        except Exception as problem:  # noqa: BLE001 (the tracker never breaks the training)
            self.warn("finish", f"could not end the run: {_said(problem)}")
        finally:
            for one in self.closing:
                one(self)

    @property
    def over(self) -> bool:
        """Whether this process has ended the run."""
        return self._over

    def __enter__(self) -> Self:
        """Give the run."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the run as the block ended."""
        self.finish(*outcome_of(error)[:1], error=outcome_of(error)[1])

    def _points(
        self,
        values: Mapping[str, Any],
        prefix: str,
        step: SupportsIndex | None,
        into: list[tuple[str, float | str, int]],
    ) -> None:
        for name, value in values.items():
            key = f"{prefix}{name}"
            if isinstance(value, Mapping):
                self._points(value, key + "/", step, into)
                continue
            try:
                if isinstance(value, (str, bytes)):
                    raise TypeError  # a text that looks like a number is none
                number = float(value)
            except Exception:  # noqa: BLE001 (whatever a value's own `__float__` raises)
                self.warn(key, f"left out {key}: {type(value).__name__} is no number")
                continue
            try:
                at = self._next.get(key, 0) if step is None else int(step)
            except Exception:  # noqa: BLE001 (whatever a step's own `__int__` raises)
                self.warn("step", f"left out {key}: the step {step!r} is no whole number")
                continue
            if not -_LARGEST <= at <= _LARGEST:
                self.warn(key, f"left out {key}: no step can be {at}")
                continue
            self._next[key] = at + 1
            into.append((key, number if math.isfinite(number) else written(number), at))

    def _texts(self, kind: str, values: Mapping[str, Any] | None, named: Mapping[str, Any]) -> None:
        try:
            texts = dict(flat({**(values or {}), **named}))
            if texts:
                self._journal.append(kind, texts)
        except Exception as error:  # noqa: BLE001 (the tracker never breaks the training)
            self.warn(kind, f"cannot write down these {kind}: {error}")

    def _report(self, done: bool) -> None:  # noqa: FBT001 (its only argument)
        lost = self._journal.lost
        refused = self._shipper.shipment.refused if self._shipper.shipment else 0
        if lost:
            log.warning(
                "run %s lost %d records that could not be written to %s", brief(self.id), lost, self._journal.folder
            )
        if refused:
            log.warning("run %s lost %d records that the ledger refused", brief(self.id), refused)
        if not done and self._journal.path.exists():
            log.warning(
                "run %s is not in the ledger yet: the next loopline command ships %s",
                brief(self.id),
                self._journal.path,
            )


def outcome_of(error: BaseException | None) -> tuple[RunState, str | None]:
    """Tell how a block that ended so went."""
    match error:
        case None:
            return RunState.FINISHED, None
        case KeyboardInterrupt():
            return RunState.CANCELLED, "interrupted"
        case SystemExit(code=None | 0):
            return RunState.FINISHED, None
        case SystemExit(code=code):
            return RunState.FAILED, f"exit {code}"
        case _:
            lines = str(error).strip().splitlines()
            return RunState.FAILED, f"{type(error).__name__}: {lines[0]}"[:500] if lines else type(error).__name__


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give names and texts, nested names joined by `/`."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", str(value)


def link_to(version: Version, name: str, project: str) -> Link:
    """Say that a run of a project reads this version, which may be another project's."""
    artifact = version.artifact
    return Link(
        name, artifact.digest, artifact.media_type, artifact.size, version.asset.within(project), version.number
    )


def _body(link: Link) -> dict[str, Any]:
    return {name: getattr(link, name) for name in Link.__slots__}


def _said(error: Exception) -> str:
    return error.message if isinstance(error, LooplineError) else f"{type(error).__name__}: {error}"
