"""artifact: immutable bytes, described as an OCI descriptor (image-spec, descriptor.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loopline.nouns.digest import Digest

BYTES: Final = "application/octet-stream"
JSON: Final = "application/json"
TEXT: Final = "text/plain"
TREE: Final = "application/vnd.loopline.tree.v1"
"""The root node of a content-defined tree of files (datasets/tree.py)."""
EVALUATION: Final = "application/vnd.loopline.evaluation.v1+json"
MODEL: Final = "application/vnd.loopline.model.v1+tree"
"""A tree that holds `model.json`, the flavour's files, and `profile.json` where the model was signed."""
ENVIRONMENT: Final = "application/vnd.loopline.environment.v1+json"
POLICY: Final = "application/vnd.loopline.policy.v1+json"
SERVICE: Final = "application/vnd.loopline.service.v1+json"
"""A canonical specification of what is served (nouns/service.py)."""
PROFILE: Final = "application/vnd.loopline.profile.v1+json"
DATASET: Final = "application/vnd.loopline.dataset.v1+json"
"""The name, and perhaps the version, of data that lives elsewhere: what other programs' lineage is told about."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What `digest` names. Two artifacts with one digest hold the same bytes."""

    digest: Digest
    media_type: str = BYTES
    size: int = 0
    """Bytes of the blob that `digest` names (of the root node for a tree)."""
