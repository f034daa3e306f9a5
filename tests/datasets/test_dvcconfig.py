"""Where a repository of DVC keeps its objects."""

from __future__ import annotations

import pytest

from loopline.datasets.dvcconfig import read_config
from loopline.errors import Invalid, NotFound

REPO = """
[core]
    remote = far  # the usual one
['remote "far"']
    url = s3://flights/dvc
    endpointurl = http://localhost:9000
['remote "near"']
  url = ../store
    region = eu
[remote "inside"]
url = remote://far/more
"""
LOCAL = """
[cache]
    dir = ../../cache
['remote "far"']
    secret_access_key = "top=secret#1"
"""


def test_files_are_put_together() -> None:
    """What a later one says counts, paths are relative to the file that says them, and one remote may be a folder of another."""
    found = read_config([(REPO, "/p/.dvc"), (LOCAL, "/p/.dvc")], "/p/.dvc")
    assert found.cache == "/cache"
    far, near, inside = (found.remote(name) for name in ("", "near", "inside"))
    assert far
    assert near
    assert inside
    assert (far.name, far.url, far.scheme) == ("far", "s3://flights/dvc", "s3")
    assert (near.url, near.scheme, near.options["region"]) == ("/p/store", "", "eu")
    assert inside.url == "s3://flights/dvc/more"
    assert far.options == {
        "url": "s3://flights/dvc",
        "endpointurl": "http://localhost:9000",
        "secret_access_key": "top=secret#1",
    }


def test_nothing_secret_is_shown() -> None:
    """Neither by a remote nor by the whole."""
    found = read_config([(REPO.replace("s3://", "s3://ann:secret@"), "/p/.dvc"), (LOCAL, "/p/.dvc")], "/p/.dvc")
    far = found.remote()
    assert far
    assert "secret" not in repr(found) + far.shown
    assert "top" not in repr(far)


def test_without_a_word_the_cache_is_beside() -> None:
    """And there is no remote."""
    found = read_config([], "/p/.dvc")
    assert (found.cache, found.remote()) == ("/p/.dvc/cache", None)


def test_remotes_by_versions_of_files_are_told_apart() -> None:
    """Objects do not lie there by their hashes."""
    found = read_config([("['remote \"x\"']\nurl = s3://b\nversion_aware = true\n", "/p")], "/p")
    remote = found.remote("x")
    assert remote
    assert remote.by_path


def test_a_remote_that_is_not_there() -> None:
    """The error names those that are."""
    with pytest.raises(NotFound) as caught:
        read_config([(REPO, "/p")], "/p").remote("nowhere")
    assert caught.value.kind == "no-remote"


@pytest.mark.parametrize(
    "text",
    ["core]\nx", "['remote \"a\"']\nurl = remote://b\n", "['remote \"a\"']\nurl = remote://a\n", "no section = 1\n"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """A file that is none, and remotes that name each other in a circle."""
    with pytest.raises(Invalid) as caught:
        read_config([(text, "/p")], "/p")
    assert caught.value.kind == "bad-dvc-file"
