"""wire: the documents that clients send, with the protocol's own names for things. Times are milliseconds since the epoch."""

from __future__ import annotations

from typing import ClassVar

from loopline.faces.mlflow.asking import Document


class Tag(Document):
    """A tag of anything."""

    key: str = ""
    value: str = ""


class Param(Document):
    """A param of a run or of a model."""

    key: str = ""
    value: str = ""


class CreateExperiment(Document):
    """An experiment that shall begin."""

    name: str | None = None
    artifact_location: str = ""
    tags: tuple[Tag, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("name",)


class NamedExperiment(Document):
    """An experiment, by its name."""

    experiment_name: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("experiment_name",)


class OneExperiment(Document):
    """An experiment, by its number."""

    experiment_id: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("experiment_id",)


class UpdateExperiment(OneExperiment):
    """Another name for an experiment."""

    new_name: str | None = None


class SetExperimentTag(OneExperiment):
    """A tag for an experiment."""

    key: str | None = None
    value: str = ""
    needs: ClassVar[tuple[str, ...]] = ("experiment_id", "key")


class DeleteExperimentTag(SetExperimentTag):
    """A tag that an experiment loses."""


class CreateRun(Document):
    """A run that shall begin."""

    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: int | None = None
    tags: tuple[Tag, ...] = ()


class OneRun(Document):
    """A run, by its id."""

    run_id: str | None = None
    run_uuid: str | None = None
    """Its old name."""

    @property
    def run(self) -> str:
        """Give the id, or nothing."""
        return self.run_id or self.run_uuid or ""


class UpdateRun(OneRun):
    """How a run goes on, or has ended."""

    status: str | None = None
    end_time: int | None = None
    run_name: str | None = None


class LogParam(OneRun):
    """A param of a run."""

    key: str | None = None
    value: str = ""
    needs: ClassVar[tuple[str, ...]] = ("key",)


class SetTag(LogParam):
    """A tag of a run."""


class DeleteTag(LogParam):
    """A tag that a run loses."""
