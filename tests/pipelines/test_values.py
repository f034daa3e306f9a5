"""Values kept as artifacts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.run import Link
from loopline.pipelines.codecs import BUILT_IN
from loopline.pipelines.values import Values, is_tree
from loopline.store.local import LocalBlobs


class PairCodec:
    """Writes two files."""

    name = "pair"
    media_type = "application/x-pair"

    def matches(self, value: Any) -> bool:
        """Take pairs."""
        return isinstance(value, tuple)

    def dump(self, value: Any, folder: Path) -> None:
        """Write each."""
        for name, one in zip("ab", value, strict=True):
            (folder / name).write_text(one)

    def load(self, folder: Path) -> Any:
        """Read each."""
        return tuple((folder / name).read_text() for name in "ab")


@pytest.fixture
def values(blobs: LocalBlobs, folders: Any, tmp_path: Path) -> Values:
    """Open values with one codec more."""
    return Values(blobs, folders, {**BUILT_IN, "pair": f"{__name__}:PairCodec"}, tmp_path / "cache")


def artifact(link: Link) -> Artifact:
    """Give what a link names."""
    return Artifact(link.digest, link.media_type, link.size)


def test_values_come_back(values: Values, blobs: LocalBlobs) -> None:
    """Several outputs are kept in their order, each by its codec, and taken again."""
    import numpy as np

    links = values.keep([("a", {"x": 1}), ("b", np.arange(3)), ("c", "text")], step="s")
    assert [link.name for link in links] == ["a", "b", "c"]
    assert [link.size for link in links] == [blobs.size(link.digest) for link in links]
    assert values.take(artifact(links[0])) == {"x": 1}
    assert list(values.take(artifact(links[1]))) == [0, 1, 2]


def test_folders_are_trees_and_checked_out_once(values: Values, folders: Any, tmp_path: Path) -> None:
    """A folder comes back read-only, and a second reader gets the same checkout."""
    (tmp_path / "made" / "in").mkdir(parents=True)
    (tmp_path / "made" / "in" / "a.txt").write_text("1")
    (link,) = values.keep([("x", tmp_path / "made")], step="s")
    assert link.media_type == TREE
    first, second = values.take(artifact(link)), values.folder(artifact(link))
    assert (first, folders.fetched) == (second, 1)
    assert (first / "in" / "a.txt").stat().st_mode & 0o222 == 0
    assert first.stat().st_mode & 0o222 == 0


def test_one_file_called_value_in_a_folder_stays_a_folder(values: Values, tmp_path: Path) -> None:
    """A tree's media type says that it is one, whatever its files are called."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "value").write_text("1")
    (link,) = values.keep([("x", tmp_path / "made")], step="s")
    assert (link.media_type, (values.take(artifact(link)) / "value").read_text()) == (TREE, "1")


def test_a_codec_of_several_files_is_marked_as_a_tree(values: Values) -> None:
    """What is no single blob can be told by its media type alone."""
    (link,) = values.keep([("x", ("1", "2"))], step="s")
    assert (link.media_type, is_tree(link.media_type)) == ("application/x-pair+tree", True)
    assert values.take(artifact(link)) == ("1", "2")


def test_a_blob_can_be_had_as_a_folder(values: Values) -> None:
    """A step that asks for files gets a blob as the file `value`."""
    (link,) = values.keep([("x", b"bytes")], step="s")
    assert [path.name for path in values.folder(artifact(link)).iterdir()] == ["value"]


def test_many_readers_make_one_checkout(values: Values, tmp_path: Path) -> None:
    """Readers that come at once all get the whole folder, and no half-made one is left."""
    (tmp_path / "made").mkdir()
    for number in range(20):
        (tmp_path / "made" / str(number)).write_text("x")
    (link,) = values.keep([("x", tmp_path / "made")], step="s")
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(list(values.folder(artifact(link)).iterdir()))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [20] * 8
    assert len(list((tmp_path / "cache" / "trees").iterdir())) == 1


@pytest.mark.parametrize("value", [{1, 2}, object(), lambda: 1, (n for n in "a")])
def test_a_value_without_a_codec_is_refused(values: Values, value: object) -> None:
    """The refusal names step, output and type, and nothing is pickled."""
    with pytest.raises(Invalid) as caught:
        values.keep([("good", 1), ("bad", value)], step="fit")
    assert caught.value.kind == "no-codec"
    assert (caught.value.facts["step"], caught.value.facts["output"]) == ("fit", "bad")
    assert caught.value.facts["type"].endswith(type(value).__qualname__)


def test_an_unknown_media_type_is_refused(values: Values, blobs: LocalBlobs) -> None:
    """An artifact that no codec reads says so."""
    with pytest.raises(Invalid) as caught:
        values.take(Artifact(blobs.put(b"x"), "application/x-unknown"))
    assert caught.value.kind == "no-codec"


def test_damaged_bytes_are_not_read(values: Values, blobs: LocalBlobs) -> None:
    """A codec never sees bytes that are not those the digest means."""
    import numpy as np

    (link,) = values.keep([("x", np.arange(3))], step="s")
    path = blobs.path(link.digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(Unavailable) as caught:
        values.take(artifact(link))
    assert caught.value.kind == "blob-corrupt"
