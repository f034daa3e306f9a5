"""recording: what a front writes down about each question, without waiting for a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from loopline.nouns.datatype import unpack
from loopline.serving.split import sampled
from loopline.serving.when import event_times
from loopline.signals.entry import Entry, encode, packed
from loopline.signals.segments import Recorder

if TYPE_CHECKING:
    from loopline.nouns.service import Arm
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

    def keep(self, desired: Desired, asking: Asking, outcome: Outcome, status: int) -> None:
        """Put one question, or its rows for one arm, into the buffer."""
        question, service = asking.question, desired.service
        recording = service.recording
        if not sampled(question.id, recording.sample):
            return
        columns: Sequence[Any] = question.columns
        arm, outputs, error = outcome.arm, outcome.outputs, outcome.error
        units = asking.units
        if recording.redact:
            hidden = set(recording.redact)
            columns = [one for one in columns if one[0] not in hidden]
            outputs = [one for one in outputs if one[0] not in hidden]
            if hidden.intersection(service.unit):
                units = [xxh3_64_hexdigest(unit.encode()) if unit else "" for unit in units]
        now = self._now()
        times: list[int | None] = [*event_times(question, service.event_time, now)]
        made = [(name, kind, data) for name, kind, _, data in outputs]
        entry = Entry(
            id=question.id, recorded_at=now, rows=question.rows, number=desired.number, arm=arm.name, version=arm.version,
            change=desired.change, status=status, latency_us=int(outcome.took_s * 1e6), shadow=arm.shadow,
            event_times=times if len(times) > 1 else times[0], units=list(units) or None, inputs=packed(named(columns, arm)),
            outputs=packed(made), error=error.message if error else "",
        )  # fmt: skip
        self._recorder.offer(encode(entry))

    def close(self) -> None:
        """Write down what is in the buffer."""
        self._recorder.close()


def named(columns: Sequence[Any], arm: Arm) -> Iterator[tuple[str, str, Any]]:
    """Give (name, type, values) of each input, a matrix column by column as its model calls them."""
    names = [column.name for column in arm.signature.inputs]
    for name, kind, width, data in columns:
        if width == 1:
            yield name, kind, data
        elif width == len(names) and name not in names:
            values = unpack(kind, data) if isinstance(data, bytes) else data
            yield from ((one, "", values[at::width]) for at, one in enumerate(names))
        else:
            yield name, kind, data
