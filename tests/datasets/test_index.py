from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_digest

from loopline.datasets.blocks import Block, Stamp
from loopline.datasets.index import Index
from loopline.datasets.tree import EMPTY
from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of

STAMP = Stamp(3, 1000, 900, 7, 8)
ABC = digest_of(b"abc")


def test_what_was_learned_is_found_until_the_stamp_changes(tmp_path: Path) -> None:
    """Any part of the stamp that differs makes the file unknown."""
    index = Index(tmp_path / "i")
    index.learn("a", STAMP, ABC, began=1001)
    assert index.find("a", STAMP) == ABC
    for at in range(len(STAMP)):
        other = Stamp(*(value + (n == at) for n, value in enumerate(STAMP)))
        assert index.find("a", other) is None
    assert index.find("b", STAMP) is None


@pytest.mark.parametrize("began", [0, 999, 1000])
def test_a_file_written_while_it_was_read_is_read_again(tmp_path: Path, began: int) -> None:
    """A file that changed in the tick in which reading began, or later, is never taken as known."""
    index = Index(tmp_path / "i")
    index.learn("a", STAMP, ABC, began=began)
    assert index.find("a", STAMP) is None


def test_a_time_that_was_set_back_hides_no_change(tmp_path: Path) -> None:
    """Changed in the tick of reading, it is read again though it says that it is old (rsync -t); one that we placed is not."""
    index, back = Index(tmp_path / "i"), STAMP._replace(mtime=5, ctime=1001)
    index.learn("a", back, ABC, began=1001)
    assert index.find("a", back) is None
    index.learn("a", back, ABC, began=1001, placed=True)
    assert index.find("a", back) == ABC


def test_a_note_that_was_cut_short_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a signal comes between a file's digest and the note that it differs from the tree, nothing is kept of either."""
    index = Index(tmp_path / "i")
    index.learn("a", STAMP, ABC, began=1001)
    index.rebase(EMPTY, {"a": None})
    index.save()
    before = index.file.read_bytes()

    def signal(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Index, "_drifted", signal)
    notes: list[Callable[[Index], None]] = [
        lambda one: one.learn("b", STAMP, ABC, began=1001),
        lambda one: one.see("", "a", bytes(40), 0),
        lambda one: one.forget(["a"]),
        lambda one: one.replace("", None),
    ]
    for note in notes:
        index = Index(tmp_path / "i")
        with pytest.raises(KeyboardInterrupt):
            note(index)
        index.save()
        assert index.file.read_bytes() == before


def test_several_save_at_once_and_killed_ones_leave_nothing(tmp_path: Path) -> None:
    """Threads that save one index never meet in one file, and what a killed process had begun is removed."""
    (tmp_path / "blob-1-1").write_bytes(b"half")
    with ThreadPoolExecutor(4) as pool:

        def save(number: int) -> None:
            for count in range(20):
                index = Index(tmp_path / "i")
                index.learn(f"{number}", STAMP, ABC, began=1001)
                index.learn(f"{count}", STAMP, ABC, began=1001)
                index.save()

        for done in [pool.submit(save, number) for number in range(4)]:
            done.result()
    assert [file.name for file in tmp_path.iterdir()] == ["i"]
    assert len(Index(tmp_path / "i")) >= 2


def test_who_only_looked_takes_back_no_base(tmp_path: Path) -> None:
    """What a checkout has noted stays, though a status that began before it saves after it."""
    first = Index(tmp_path / "i")
    first.base = ABC
    first.save()
    status, checkout = Index(tmp_path / "i"), Index(tmp_path / "i")
    checkout.base = EMPTY
    checkout.save()
    for _ in range(2):
        status.learn("a", STAMP, ABC, began=1001)
        status.save()
        assert Index(tmp_path / "i").base == EMPTY
    status.base = ABC
    status.save()
    assert Index(tmp_path / "i").base == ABC


def test_files_beside_many_folders_are_looked_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of a folder are not gone through again for each few folders in it."""
    through, listed = list[int](), Block.listed

    def counting(block: Block) -> list[str]:
        through.append(block.count())
        return listed(block)

    monkeypatch.setattr(Block, "listed", counting)
    index = Index(tmp_path / "i")
    for number in range(1000):
        index.learn(f"{number:04}.json", STAMP, ABC, began=1001)
        index.learn(f"{number:04}/pixels", STAMP, ABC, began=1001)
        index.learn(f"{number:04}/words", STAMP, ABC, began=1001)
    assert sum(through) == 0


def test_an_index_survives_saving(tmp_path: Path) -> None:
    """Stamps, digests, what is racy, and the base come back."""
    index = Index(tmp_path / "deep" / "i")
    index.learn("a", STAMP, ABC, began=1001)
    index.learn("é/b", STAMP, digest_of(b""), began=3)
    index.base = EMPTY
    index.save()
    again = Index(tmp_path / "deep" / "i")
    assert (len(again), again.base, again.bases) == (2, EMPTY, (EMPTY,))
    assert again.find("a", STAMP) == ABC
    assert again.find("é/b", STAMP) is None
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["i"]


def test_forgetting_is_saved(tmp_path: Path) -> None:
    """What is forgotten, or not kept, is gone after the next start."""
    index = Index(tmp_path / "i")
    for path in "abc":
        index.learn(path, STAMP, ABC, began=1001)
    index.forget(["a", "x"])
    index.keep(["b", "y"])
    index.save()
    again = Index(tmp_path / "i")
    assert [again.find(path, STAMP) for path in "abc"] == [None, ABC, None]


def test_an_index_without_news_is_not_written(tmp_path: Path) -> None:
    """Saving twice touches the file once."""
    index = Index(tmp_path / "i")
    index.save()
    assert not (tmp_path / "i").exists()
    index.learn("a", STAMP, ABC, began=1001)
    index.save()
    (tmp_path / "i").unlink()
    index.save()
    assert not (tmp_path / "i").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=64), st.tuples(st.integers(0, 400), st.integers(1, 255))))
def test_a_damaged_index_is_an_empty_one(tmp_path: Path, damage: bytes | tuple[int, int]) -> None:
    """Junk, a flipped byte or a cut never crash and are never believed."""
    file = tmp_path / "i"
    file.unlink(missing_ok=True)
    index = Index(file)
    index.learn("a", STAMP, ABC, began=1001)
    index.save()
    data = bytearray(file.read_bytes())
    if isinstance(damage, bytes):
        data = bytearray(damage)
    else:
        data[damage[0] % len(data)] ^= damage[1]
    file.write_bytes(data)
    assert (len(Index(file)), Index(file).base) == (0, None)
    file.write_bytes(data[:-3])
    assert len(Index(file)) == 0


def test_an_index_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """What it would say of the folder's version is refused with its path, its stamps are done without, and it is not lost."""
    file = tmp_path / "i"
    before = Index(file)
    before.learn("a", STAMP, ABC, began=1001)
    before.base = ABC
    before.save()
    file.rename(tmp_path / "kept")
    file.mkdir()  # reading it fails, whoever reads
    index = Index(file)
    assert (len(index), index.find("a", STAMP)) == (0, None)
    with pytest.raises(Unavailable) as caught:
        assert index.base
    assert (caught.value.kind, caught.value.facts["path"]) == ("index-unreadable", str(file))
    index.learn("b", STAMP, ABC, began=1001)
    index.save()
    file.rmdir()
    (tmp_path / "kept").rename(file)
    index.save()
    assert Index(file).base == ABC
    index.base = ABC
    index.save()
    assert (Index(file).find("a", STAMP), Index(file).find("b", STAMP)) == (None, ABC)


def test_an_index_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file in the place of the folder is an error with the path."""
    (tmp_path / "file").write_text("x")
    index = Index(tmp_path / "file" / "i")
    index.learn("a", STAMP, ABC, began=1001)
    with pytest.raises(Unavailable) as caught:
        index.save()
    assert caught.value.kind == "index-unwritable"


def test_an_index_of_the_format_before_is_read(tmp_path: Path) -> None:
    """What a Loopline of yesterday wrote is known, above all the tree that the folder was in step with."""
    index = Index(tmp_path / "i")
    index.learn("d/a", STAMP, ABC, began=1001)
    index.learn("é", STAMP, ABC, began=1001)
    index.bases, index.rules = (EMPTY,), b"\xff\0"
    index.rebase(EMPTY, {"d/a": None})
    index.save()
    data = index.file.read_bytes()
    rows = b"".join(column for one in ("d", "") if (block := index.block(one)) for column in block.columns())
    folders = [(name.encode(), len(block.names), 1) for name in ("d", "") if (block := index.block(name))]
    head = msgspec.msgpack.encode(([EMPTY], EMPTY, [("d/a", "", 0, 0)], b"\xff\0", folders))
    body = len(head).to_bytes(8, "little") + head + rows
    index.file.chmod(0o644)
    index.file.write_bytes(b"\x89LLIDX\x02\n" + xxh3_64_digest(body) + body)
    old = Index(index.file)
    assert (old.base, old.tree, old.drift, old.rules, len(old)) == (EMPTY, EMPTY, {"d/a": None}, b"\xff\0", 2)
    assert list(old.entries()) == list(index.entries())
    old.rebase(EMPTY, {})
    old.save()
    assert (old.file.read_bytes()[:8], Index(old.file).base, Index(old.file).rules) == (data[:8], EMPTY, b"\xff\0")
