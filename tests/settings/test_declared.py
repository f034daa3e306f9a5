"""declared: the nouns of a project file. Its mistakes are in test_settings, beside those of the other tables."""

from __future__ import annotations

import tomllib

import pytest

from loopline.errors import Invalid
from loopline.settings.declared import checks, data_sources, policies
from loopline.settings.table import Source, Table


def table(text: str) -> Table:
    """Make the table of a file."""
    return Table(Source("f.toml", text), (), tomllib.loads(text))


def test_empty_files_declare_nothing() -> None:
    """Without tables there are no data, checks or policies."""
    empty = table("")
    assert (data_sources(empty), checks(empty), policies(empty)) == ((), (), ())


@pytest.mark.parametrize("glob", ["model/*@champion", "*@prod", "*/x@*", "mod?l/x@y", "service/a/b@prod"])
def test_globs_that_can_match_are_taken(glob: str) -> None:
    """A glob whose kind is known or wild, with one @, is taken as written."""
    assert policies(table(f'[[policies]]\nname = "a"\nrefs = ["{glob}"]\n'))[0].refs == (glob,)


@pytest.mark.parametrize("glob", ["model", "model@x", "@x", "model/a@b@c", "model/a@", "thing/a@b"])
def test_globs_that_never_match_are_refused(glob: str) -> None:
    """A glob that no ref can match would protect nothing: it is refused."""
    with pytest.raises(Invalid) as caught:
        policies(table(f'[[policies]]\nname = "a"\nrefs = ["{glob}"]\n'))
    assert caught.value.kind == "bad-glob"
