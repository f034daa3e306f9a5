"""dataset: data that a run has read, as its client describes them; the data themselves may lie anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from loopline.nouns.event import canonical
from loopline.nouns.run import Link


@dataclass(frozen=True, slots=True)
class Dataset:
    """A description of data. Its bytes in the store are `written`."""

    name: str
    sum: str
    """The client's own digest of the data, or of a part of them."""
    source_type: str = ""
    source: str = ""
    """Where they come from: most clients write an object of JSON."""
    schema: str = ""
    profile: str = ""

    @property
    def written(self) -> bytes:
        """Write it so that equal descriptions are equal bytes."""
        return canonical(asdict(self))


@dataclass(frozen=True, slots=True)
class Reading:
    """Data that a run has read, and what was said about that."""

    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[Link, ...] = ()
    """Versions of assets that the data are, where their source names one."""
