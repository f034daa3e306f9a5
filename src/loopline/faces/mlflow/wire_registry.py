"""wire_registry: what clients send about registered models and their versions."""

from __future__ import annotations

from typing import ClassVar

from loopline.faces.mlflow.asking import Document
from loopline.faces.mlflow.wire import Tag


class OneModel(Document):
    """A registered model, by its name."""

    name: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name",)


class CreateModel(OneModel):
    """A registered model that shall be there."""

    tags: tuple[Tag, ...] = ()
    description: str = ""


class UpdateModel(OneModel):
    """What a registered model is."""

    description: str | None = None


class RenameModel(OneModel):
    """Another name for a registered model."""

    new_name: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "new_name")


class TagModel(OneModel):
    """A tag for a registered model, or one that it loses."""

    key: str | None = None
    value: str = ""
    needs: ClassVar[tuple[str, ...]] = ("name", "key")


class LatestVersions(OneModel):
    """The newest version in each stage."""

    stages: tuple[str, ...] = ()


class AliasOf(OneModel):
    """An alias of a registered model."""

    alias: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "alias")


class SetAlias(AliasOf):
    """Where an alias shall stand."""

    version: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "alias", "version")


class SearchModels(Document):
    """A search for registered models, or for versions."""

    filter: str = ""
    max_results: int | None = None
    order_by: tuple[str, ...] = ()
    page_token: str = ""


class OneVersion(OneModel):
    """A version of a registered model."""

    version: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "version")


class CreateVersion(OneModel):
    """A version that shall be there."""

    source: str | None = None
    run_id: str | None = None
    tags: tuple[Tag, ...] = ()
    run_link: str = ""
    description: str = ""
    model_id: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("name", "source")


class UpdateVersion(OneVersion):
    """What a version is."""

    description: str | None = None


class TagVersion(OneVersion):
    """A tag for a version, or one that it loses."""

    key: str | None = None
    value: str = ""
    needs: ClassVar[tuple[str, ...]] = ("name", "version", "key")


class MoveStage(OneVersion):
    """The stage that a version shall be in."""

    stage: str | None = None
    archive_existing_versions: bool = False
    needs: ClassVar[tuple[str, ...]] = ("name", "version", "stage")
