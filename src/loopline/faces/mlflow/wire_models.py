"""wire_models: documents about files of runs and about logged models, with the protocol's own names for things."""

from __future__ import annotations

from typing import ClassVar

from loopline.faces.mlflow.asking import Document
from loopline.faces.mlflow.wire import OneRun, Param, Tag


class ListFiles(Document):
    """A folder, by its address."""

    path: str = ""


class ListArtifacts(OneRun):
    """A folder of a run."""

    path: str = ""
    page_token: str = ""


class ListModelFiles(Document):
    """A folder of a logged model."""

    artifact_directory_path: str = ""


class Upload(Document):
    """A file that shall come in parts."""

    path: str | None = None
    """Of the file at home: its last part names it."""
    num_parts: int = 1
    needs: ClassVar[tuple[str, ...]] = ("path",)


class UploadedPart(Document):
    """A part that has come."""

    part_number: int = 0
    etag: str = ""
    url: str | None = None


class EndUpload(Document):
    """The end of an upload."""

    path: str | None = None
    upload_id: str | None = None
    parts: tuple[UploadedPart, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("path", "upload_id")


class Presign(OneRun):
    """An address that holds for a while, for a file of a run or of a logged model."""

    model_id: str = ""
    path: str | None = None
    expiration: int | None = None
    needs: ClassVar[tuple[str, ...]] = ("path",)


class CreateLoggedModel(Document):
    """A model that shall be logged."""

    experiment_id: str | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: tuple[Param, ...] = ()
    tags: tuple[Tag, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("experiment_id",)


class GetLoggedModel(Document):
    """A logged model."""

    allow_deleted: bool = False


class FinalizeLoggedModel(Document):
    """How far a logged model has come."""

    model_id: str | None = None
    status: str | int | None = None
    status_message: str = ""
    needs: ClassVar[tuple[str, ...]] = ("status",)


class LoggedModelTags(Document):
    """Tags for a logged model."""

    tags: tuple[Tag, ...] = ()


class LoggedModelParams(Document):
    """Params for a logged model."""

    params: tuple[Param, ...] = ()


class DatasetFilter(Document):
    """Data on which models were measured."""

    dataset_name: str = ""
    dataset_digest: str = ""


class ModelOrder(Document):
    """What logged models are ordered by."""

    field_name: str = ""
    ascending: bool | None = None
    dataset_name: str = ""
    dataset_digest: str = ""


class SearchLoggedModels(Document):
    """What logged models are asked for."""

    experiment_ids: tuple[str, ...] | None = None
    filter: str = ""
    datasets: tuple[DatasetFilter, ...] = ()
    max_results: int | None = None
    order_by: tuple[ModelOrder, ...] = ()
    page_token: str = ""
    needs: ClassVar[tuple[str, ...]] = ("experiment_ids",)


class LogModel(OneRun):
    """A model that an old client has logged among the files of a run."""

    model_json: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("model_json",)


class ModelOutput(Document):
    """A model that a run has made, and at which step."""

    model_id: str = ""
    step: int = 0


class LogOutputs(OneRun):
    """Models that a run has made."""

    models: tuple[ModelOutput, ...] = ()
