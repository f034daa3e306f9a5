"""recording: what a front writes down about each question, without waiting for a disk.

A question under load takes a hundred microseconds, so what is kept of it is encoded as it came, and that is all that a request
pays for. What is redacted is left out here, before anything is in the buffer; a matrix is cut into columns by who reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from loopline.errors import Invalid
from loopline.nouns.datatype import unpack
from loopline.serving.question import Given
from loopline.serving.split import sampled
from loopline.serving.when import event_times
from loopline.signals.entry import encode, head_of
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
        self._plans: dict[str, Plan] = {}
        """By arm, the latest."""

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
        if recording.sample < 1 and not sampled(question.id, recording.sample):
            return
        now = self._now()
        arm, outputs, error, took_s, number, change, _ = outcome
        plan = self._plans.get(arm.name)
        if plan is None or plan.arm is not arm or plan.service is not service:
            plan = self._plans[arm.name] = Plan(service, arm)
        columns, units, said = question.columns, asking.units, error.message if error else ""
        if recording.redact:
            columns, units, outputs = plan.shown(columns), plan.units(units), plan.made(outputs)
            said = error.kind if error else ""  # what a model says may quote its rows
        times = event_times(question, service.event_time, now) if service.event_time else None
        entry = (  # fields of an Entry, in its order
            question.id, now, question.rows, number, arm.name, arm.version, change, status, int(took_s * 1e6), arm.shadow,
            times[0] if times and len(times) == 1 else times, units or None, columns, outputs, said,
        )  # fmt: skip
        self._recorder.offer(encode(entry), plan.head)

    def close(self) -> None:
        """Write down what is in the buffer."""
        self._recorder.close()


class Plan:
    """What records of one arm have in common: how their batches begin, and what is left out of them."""

    def __init__(self, service: Service, arm: Arm) -> None:
        self.service, self.arm = service, arm
        self._names = [column.name for column in arm.signature.inputs]
        self._hidden = frozenset(service.recording.redact)
        labels = service.labels
        known = {*self._names, *service.unit, *labels.join, *labels.slices, service.event_time}
        self._known = known - self._hidden - {""}
        self._stays = [name not in self._hidden for name in self._names]
        self._left = list(compress(self._names, self._stays))
        self.head = head_of(self._left if len(self._left) > 1 or not self._hidden else ())
        """With the names of the inputs that a matrix still has; none where it is a column already."""

    def shown(self, columns: Sequence[Given]) -> list[Given]:
        """Leave out what is redacted, and what may hold it under another name: where the model says what it takes, all else."""
        names, hidden, known = self._names, self._hidden, self._known
        if len(columns) == 1 and columns[0].width == len(names):
            (one,) = columns
            if one.width > 1:
                return self._cut(one)
            if one.type and one.name not in names:
                columns = [one._replace(name=names[0])]
        return [one for one in columns if one.width == 1 and (one.name in known if names else one.name not in hidden)]

    def _cut(self, matrix: Given) -> list[Given]:
        """Give what is left of a matrix of all inputs: a narrower one, or a column."""
        try:
            values: Sequence[Any] = unpack(matrix.type, matrix.data) if isinstance(matrix.data, bytes) else matrix.data
        except Invalid:
            return []  # the model has refused it as well
        kept, width = list(compress(values, cycle(self._stays))), len(self._left)
        return [Given(self._left[0] if width == 1 else "", "", width, kept)] if width else []

    def units(self, units: Sequence[str]) -> Sequence[str]:
        """Hash the units that hold something redacted."""
        if self._hidden.isdisjoint(self.service.unit):
            return units
        return [xxh3_64_hexdigest(unit.encode()) if unit else "" for unit in units]

    def made(self, outputs: Sequence[Any]) -> Sequence[Any]:
        """Leave out outputs that are redacted."""
        return [one for one in outputs if one[0] not in self._hidden]
