"""recording: what a front writes down about each question, without waiting for a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest

from loopline.nouns.datatype import unpack
from loopline.serving.question import Given
from loopline.serving.split import sampled
from loopline.serving.when import event_times
from loopline.signals.entry import Entry, encode, packed
from loopline.signals.segments import Recorder

if TYPE_CHECKING:
    from loopline.nouns.service import Arm, Service
    from loopline.server.serving import Asking, Outcome
    from loopline.serving.desired import Desired


class Records:
    """The records of one deployment."""

    def __init__(self, folder: str, now: Callable[[], int]) -> None:
        self.folder = folder
        self._now = now
        self._recorder = Recorder(Path(folder))

    @property
    def dropped(self) -> int:
        """How many did not fit."""
        return self._recorder.dropped

    @property
    def trouble(self) -> str:
        """What is wrong with them; empty: nothing."""
        said = [f"records cannot be written: {self._recorder.trouble}"] if self._recorder.trouble else []
        said += [f"{self.dropped} records were dropped since its front began"] if self.dropped else []
        return "; ".join(said)

    def keep(self, desired: Desired, asking: Asking, outcome: Outcome, status: int) -> None:
        """Put one question, or its rows for one arm, into the buffer."""
        question, service = asking.question, desired.service
        recording = service.recording
        if not sampled(question.id, recording.sample):
            return
        arm, outputs, error = outcome.arm, outcome.outputs, outcome.error
        columns, units, said = named(question.columns, arm), asking.units, error.message if error else ""
        if recording.redact:
            hidden = set(recording.redact)
            columns = _shown(columns, service, arm)
            outputs = [one for one in outputs if one[0] not in hidden]
            said = error.kind if error else ""  # what a model says may quote its rows
            if hidden.intersection(service.unit):
                units = [xxh3_64_hexdigest(unit.encode()) if unit else "" for unit in units]
        now = self._now()
        times: list[int | None] = [*event_times(question, service.event_time, now)]
        made = [(name, kind, data) for name, kind, _, data in outputs]
        entry = Entry(
            id=question.id, recorded_at=now, rows=question.rows, number=outcome.number, arm=arm.name, version=arm.version,
            change=outcome.change, status=status, latency_us=int(outcome.took_s * 1e6), shadow=arm.shadow,
            event_times=times if len(times) > 1 else times[0], units=list(units) or None,
            inputs=packed((name, kind, data) for name, kind, _, data in columns), outputs=packed(made), error=said,
        )  # fmt: skip
        self._recorder.offer(encode(entry))

    def close(self) -> None:
        """Write down what is in the buffer."""
        self._recorder.close()


def named(columns: Sequence[Given], arm: Arm) -> Iterator[Given]:
    """Give each input, one matrix of all inputs column by column, as its model calls them (serving/table.py)."""
    names = [column.name for column in arm.signature.inputs]
    for one in columns:
        matrix = len(columns) == 1 and one.width == len(names) and (one.width > 1 or one.type)
        if not matrix or (one.width == 1 and one.name in names):
            yield one
        elif one.width == 1:
            yield one._replace(name=names[0])
        else:
            values = unpack(one.type, one.data) if isinstance(one.data, bytes) else one.data
            yield from (Given(name, "", 1, values[at :: one.width]) for at, name in enumerate(names))


def _shown(columns: Iterable[Given], service: Service, arm: Arm) -> Iterator[Given]:
    """Leave out what is redacted, and what may hold it under another name: where the model says what it takes, all else."""
    labels, hidden = service.labels, set(service.recording.redact)
    names = {column.name for column in arm.signature.inputs}
    known = names.union(service.unit, labels.join, labels.slices, [service.event_time])
    return (one for one in columns if one.width == 1 and one.name not in hidden and (not names or one.name in known))
