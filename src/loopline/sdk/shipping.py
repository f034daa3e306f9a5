"""shipping: the way of a journal's lines into the ledger, each of them once.

The ledger keeps, for each journal, the offset up to which it has taken records (`log` with source and sequence), and takes a
batch only if it ends beyond that. Who begins to ship a file therefore sends single records until one is new, and batches from
there: no record is taken twice, whatever was cut by a crash.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused
from loopline.nouns.digest import Digest
from loopline.nouns.name import Hashed, Pointer, parse_asset
from loopline.nouns.run import Link, Point, Run, RunState, reserved
from loopline.nouns.version import Version
from loopline.sdk.client import Client
from loopline.sdk.journal import log as warnings
from loopline.sdk.records import Record, number_of, read_records, whole
from loopline.verbs.finish import finish
from loopline.verbs.get import get
from loopline.verbs.log import log
from loopline.verbs.put import put
from loopline.verbs.start import start

PIECE: Final = 1 << 18
"""Bytes of a journal that are read, and so at most sent, at a time."""
SINGLE: Final = ("start", "capture", "publish", "finish")
"""Kinds that are verbs of their own, each of which may be repeated."""
STRANGER: Final = ("not-signed-in", "not-allowed")
"""Kinds of refusal that say nothing against the records."""


@dataclass
class Batch:
    """What one call of `log` takes."""

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[Link] = field(default_factory=list)
    outputs: list[Link] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Add one record. Raise for a body that no Loopline writes."""
        match record.kind:
            case "points":
                self.points += [Point(key, number_of(value), step, record.time) for key, value, step in record.body]
            case "params":
                self.params |= record.body
            case "tags":
                self.tags |= _free(record.body)
            case "input":
                self.inputs.append(Link(**record.body))
            case "output":
                self.outputs.append(Link(**record.body))


class Shipment:
    """One journal on its way. One thread at a time uses it; whoever makes it holds the journal's lock."""

    def __init__(self, client: Client, path: Path, number: int, *, source: str, fresh: bool) -> None:
        self.client = client
        self.path = path
        self.source = source
        self.end = 0
        """Offset up to which everything is in the ledger."""
        self.refused = 0
        """Records that the ledger will never take."""
        self.versions: dict[str, Version] = {}
        """What `publish` records became, by name."""
        self.head: dict[str, Any] = {}
        """Body of the start record."""
        self.began_at = 0
        self.last_at = 0
        self.ended: Run | None = None
        self._number = number
        self._sure = fresh
        """Whether the next record is certainly new."""
        self._done = 0
        """End of the last record that the ledger has for certain."""
        self._cuts: set[int] = set()
        """Ends of batches of the present piece that were sent. Where an answer was lost, nobody knows whether they arrived: they
        are sent again as they were, and the ledger takes each once."""

    def ship(self) -> None:
        """Send what has been appended. Raise what the loop raises when it cannot answer; a second call goes on there."""
        size = PIECE
        while True:
            data = os.pread(self._number, size, self.end)
            end = whole(data)
            if not end:
                if len(data) < size:
                    return
                size *= 2  # one record that is longer than a piece
                continue
            here = self.end
            try:
                self._take(list(read_records(data[:end], here)))
            finally:
                self.end = max(here, self._done)
            self._cuts.clear()
            self.end = here + end
            size = PIECE

    def told(self) -> dict[str, Any]:
        """Give what the journal says of its run, without asking anybody; nothing where its first record is torn."""
        data = os.pread(self._number, PIECE, 0)
        first = next(iter(read_records(data)), None)
        return dict(first.body) if first is not None and first.kind == "start" else {}

    def skip(self) -> None:
        """Begin behind what the journal itself knows to be shipped. It may know less than the ledger, never more."""
        known = 0
        at = 0
        while data := os.pread(self._number, PIECE, at):
            end = whole(data) or len(data)
            for record in read_records(data[:end], at):
                if record.kind == "shipped":
                    known = max(known, int(record.body))
                elif record.kind == "start" and not self.head:
                    self._start(record)
            at += end
        self.end = known

    def pass_over(self) -> None:
        """Go on behind records that say nothing to the ledger, so that `end` is the end of an idle file."""
        data = os.pread(self._number, PIECE, self.end)
        end = whole(data)
        if all(record.kind == "shipped" for record in read_records(data[:end])):
            self.end += end

    def crash(self, error: str) -> None:
        """End the run for a process that cannot do so any more. A run that is over stays as it is."""
        self.ended = self.client.do(
            finish, self.head["run"], state=RunState.CRASHED, error=error, ended_at=max(self.last_at, self.began_at)
        )

    def _take(self, records: Sequence[Record]) -> None:
        group: list[Record] = []
        for record in records:
            self.last_at = max(self.last_at, record.time)
            if record.kind == "shipped":
                continue
            if record.kind not in SINGLE and self._sure:
                group.append(record)
                if record.end in self._cuts:
                    self._send(group)
                    group = []
                continue
            self._send(group)
            group = []
            if record.kind in SINGLE:
                self._ask(record)
                self._done = record.end
            else:
                self._send([record])
        self._send(group)

    def _send(self, group: Sequence[Record]) -> None:
        """Send records as one batch; where one of them is no good, send the others without it."""
        if not group or not self.head:
            return
        self._send_or_drop(group)
        self._done = group[-1].end

    def _send_or_drop(self, group: Sequence[Record]) -> None:
        try:
            batch = Batch()
            for record in group:
                batch.take(record)
            if self._log(group[-1].end, batch):
                self._sure = True
        except (Invalid, Conflict, NotFound, Refused, TypeError, ValueError, OverflowError) as error:
            _wait_where_unknown(error)
            if len(group) > 1:
                self._send(group[: len(group) // 2])
                self._send(group[len(group) // 2 :])
                return
            self._drop(group[0], error)

    def _log(self, end: int, batch: Batch) -> bool:
        self._cuts.add(end)
        return self.client.do(
            log,
            self.head["run"],
            points=tuple(batch.points),
            params=batch.params,
            tags=batch.tags,
            inputs=tuple(batch.inputs),
            outputs=tuple(batch.outputs),
            source=self.source,
            sequence=end,
        )

    def _ask(self, record: Record) -> None:
        if not self.head and record.kind == "start":
            self._start(record)
        if not self.head or record.kind == "start":
            return
        try:
            match record.kind:
                case "capture":
                    self._capture(record)
                case "publish":
                    self._publish(record)
                case _:
                    self.ended = self.client.do(
                        finish,
                        self.head["run"],
                        state=RunState(record.body["state"]),
                        error=record.body["error"],
                        ended_at=max(record.time, self.began_at),
                    )
        except (Invalid, Conflict, NotFound, Refused, TypeError, ValueError, OverflowError) as error:
            _wait_where_unknown(error)
            self._drop(record, error)

    def _start(self, record: Record) -> None:
        head = dict(record.body)
        if head.get("tags"):
            head["tags"] = _free(head["tags"])
        self.client = self.client.within(head["project"] or self.client.project, head["actor"])
        if not head.get("attached"):
            keys = ("name", "experiment", "kind", "params", "tags", "parent", "run")
            self.client.do(start, **{key: head[key] for key in keys if key in head}, started_at=record.time)
        self.head, self.began_at = head, record.time

    def _capture(self, record: Record) -> None:
        body = dict(record.body)
        if body.pop("outbox", False):
            self._deliver(body.get("environment"), body.get("code"))
        self.client.do(start, self.head["name"], run=self.head["run"], **body)

    def _deliver(self, *roots: str | None) -> None:
        """Send what waits in the outbox beside the journals."""
        from loopline.sdk.outbox import deliver, open_outbox

        outbox = open_outbox(self.path.parent.parent)
        for root in roots:
            if root:
                deliver(outbox, self.client.blobs, Digest(root))

    def _publish(self, record: Record) -> None:
        """Publish once: an earlier try may have got as far as the version, and no further."""
        body, run = record.body, self.head["run"]
        if body.get("outbox"):
            self._deliver(body["digest"])
        asset = parse_asset(body["asset"], project=self.client.project)
        version: Version | None = None
        with suppress(NotFound):
            version = self.client.do(get, Pointer(asset, Hashed(body["digest"])))
        if version is None or version.run != run:
            version = self.client.do(
                put,
                asset,
                digest=body["digest"],
                media_type=body["media_type"],
                size=body["size"],
                message=body["message"],
                metadata=body["metadata"],
                run=run,
            )
        self.versions[body["name"]] = version
        link = Link(
            body["name"],
            version.artifact.digest,
            version.artifact.media_type,
            version.artifact.size,
            str(asset),
            version.number,
        )
        self._log(record.end, Batch(outputs=[link]))

    def _drop(self, record: Record, error: Exception) -> None:
        self.refused += 1
        said = error.message if isinstance(error, LooplineError) else str(error)
        if self.refused == 1:
            warnings.warning("loopline left out what was logged to run %s: %s", self.head["run"], said)
        self._log(record.end, Batch())


def _free(tags: Mapping[str, str]) -> dict[str, str]:
    """Leave out tags that the ledger keeps to itself, with a warning: the rest of the record is good."""
    wrong = sorted(tag for tag in tags if reserved(tag))
    if wrong:
        warnings.warning(
            "loopline left out tags that it writes itself: %s; call yours otherwise: my.%s", ", ".join(wrong), wrong[0]
        )
    return {tag: value for tag, value in tags.items() if tag not in wrong}


def _wait_where_unknown(error: Exception) -> None:
    """Raise the error again where it is about who asks: with another token, the same records may be taken."""
    if isinstance(error, Refused) and error.kind in STRANGER:
        raise error
