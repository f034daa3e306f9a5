"""recording: what a front writes down about each question, without waiting for a disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from loopline.serving.split import sampled
from loopline.serving.when import event_times
from loopline.signals.entry import Entry, encode
from loopline.signals.segments import Recorder

if TYPE_CHECKING:
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
        self._recorder.offer(
            encode(
                Entry(
                    id=question.id, recorded_at=now, event_times=event_times(question, service.event_time, now),
                    number=desired.number, arm=arm.name, version=arm.version, change=desired.change, status=status,
                    latency_us=int(outcome.took_s * 1e6), shadow=arm.shadow, units=units, rows=question.rows, inputs=columns,
                    outputs=outputs, error=error.message if error else "",
                )
            )
        )  # fmt: skip

    def close(self) -> None:
        """Write down what is in the buffer."""
        self._recorder.close()
