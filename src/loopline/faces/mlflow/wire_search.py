"""wire_search: the documents of searches."""

from __future__ import annotations

from typing import ClassVar

from loopline.faces.mlflow.asking import Document


class SearchRuns(Document):
    """Runs of some experiments."""

    experiment_ids: tuple[str, ...] = ()
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1_000
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class SearchExperiments(Document):
    """Experiments."""

    filter: str = ""
    view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1_000
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class SearchDatasets(Document):
    """Datasets of runs of some experiments."""

    experiment_ids: tuple[str, ...] = ()


class InputTag(Document):
    """A tag of what a run read."""

    key: str | None = None
    value: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("key", "value")


class Dataset(Document):
    """Data as a client describes them."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str = ""
    profile: str = ""


class DatasetInput(Document):
    """Data that a run read."""

    tags: tuple[InputTag, ...] = ()
    dataset: Dataset | None = None


class ModelInput(Document):
    """A logged model that a run read."""

    model_id: str = ""


class LogInputs(Document):
    """What a run read."""

    run_id: str | None = None
    datasets: tuple[DatasetInput, ...] = ()
    models: tuple[ModelInput, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("run_id",)
