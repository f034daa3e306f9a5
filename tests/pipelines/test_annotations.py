"""Types as functions say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import pytest

from loopline.pipelines.annotations import UNKNOWN, annotation_of, fits, spelled

if TYPE_CHECKING:
    from decimal import Decimal as Number

    import never_installed as nothing  # type: ignore[import-not-found]

    from loopline.nouns.artifact import Artifact


class Shows(Protocol):
    """Cannot be checked at run time."""

    def show(self) -> str:
        """Show."""


def typed(a: int, b: Artifact, c: nothing.Thing, d: Missing, *, e, f: Number) -> list[str] | None:  # type: ignore[no-untyped-def,name-defined]  # noqa: ANN001, F821 (what is missing is the point)
    """Have types of all sorts."""


def test_annotations_are_resolved_without_importing() -> None:
    """Names for type checkers are found where they are loaded or ours; what is not is unknown, not an error."""
    from decimal import Decimal

    from loopline.nouns.artifact import Artifact as Real

    assert annotation_of(typed, "a") is int
    assert annotation_of(typed, "b") is Real
    assert annotation_of(typed, "f") is Decimal
    assert annotation_of(typed, "return") == (list[str] | None)
    assert [annotation_of(typed, name) for name in "cde"] == [UNKNOWN] * 3


@pytest.mark.parametrize(
    ("value", "annotation", "good"),
    [
        (1, int, True),
        (True, int, False),
        (1, float, True),
        (True, float, False),
        ("a", float, False),
        (None, None, True),
        (None, int | None, True),
        ("a", int | None, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (1, Literal[True], False),
        ([1], list[int], True),
        (["a"], list[int], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        ((1, "a"), tuple[int, str], True),
        ((1,), tuple[int, str], False),
        ((1, 2, 3), tuple[int, ...], True),
        (object(), Any, True),
        (object(), UNKNOWN, True),
        (object(), Shows, True),
        (3, "not a type", True),
    ],
)
def test_values_are_compared_with_types(value: object, annotation: Any, good: bool) -> None:  # noqa: FBT001 - a table
    """A wrong value is found; in doubt a value passes."""
    assert fits(value, annotation) is good


def test_types_are_written_for_people() -> None:
    """Messages say `int or None`, not what Python calls it."""
    assert spelled(int | None) == "int or None"
    assert spelled(Literal["a", "b"]) == "'a' or 'b'"
    assert spelled(list[int]) == "list[int]"
