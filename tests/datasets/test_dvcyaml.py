"""What DVC's files say of data."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets import dvcyaml
from loopline.datasets.dvcobjects import LEGACY, MD5
from loopline.datasets.dvcyaml import Listed, Out, bare, locked_outs, named_by, outs_of, text_of, yaml_of
from loopline.errors import Invalid, Unavailable

A, B = "a" * 32, "b" * 32


def one(text: str, file: str = "data/raw.dvc") -> Out:
    """Read a `.dvc` file with one out."""
    [out] = outs_of(text.encode(), file)
    return out


def test_a_folder_of_dvc_3() -> None:
    """Its hash ends with .dir, its path is relative to the file, and `hash` says how it was hashed."""
    out = one(f"outs:\n- md5: {A}.dir\n  size: 4\n  nfiles: 2\n  hash: md5\n  path: raw\n  remote: far\n  desc: July\n")
    assert (out.path, out.value, out.algorithm, out.folder, out.name) == ("data/raw", A + ".dir", MD5, True, "raw")
    assert (out.remote, out.facts, out.wrong, out.cached) == ("far", {"desc": "July"}, "", True)


def test_a_file_of_dvc_2() -> None:
    """Without `hash`, text was hashed as if it had no carriage returns; a working directory is part of the path."""
    out = one(f"md5: {B}\nwdir: ../..\nouts:\n- md5: {A}\n  path: x/y.csv\n  isexec: true\n", "a/b/y.dvc")
    assert (out.path, out.algorithm, out.folder, out.executable) == ("x/y.csv", LEGACY, False, ("y.csv",))


def test_what_was_imported_says_where_from_without_secrets() -> None:
    """The repository, its revision and the path there are facts of the data; user, password and query are left out."""
    out = one(
        f"frozen: true\ndeps:\n- path: data.xml\n  repo:\n    url: https://ann:secret@git.example.org/x.git\n    rev_lock: {B}\n"
        f"- path: s3://key:secret@bucket/x?token=secret\nouts:\n- md5: {A}\n  hash: md5\n  path: data.xml\n"
    )
    assert out.facts["imported"] == [
        {"path": "data.xml", "url": "https://git.example.org/x.git", "rev_lock": B},
        {"path": "s3://bucket/x"},
    ]
    assert bare("git@example.org:x.git") == "git@example.org:x.git"


def test_files_may_stand_in_the_file_itself() -> None:
    """So it is where a remote keeps versions of files: there is no list to look for."""
    out = one(f"outs:\n- path: raw\n  hash: md5\n  files:\n  - relpath: a/b\n    md5: {A}\n    size: 1\n")
    assert (out.folder, out.files, out.value) == (True, (Listed("a/b", A),), "")


@pytest.mark.parametrize("path", ["s3://bucket/x", "/etc/passwd", "../../x", ".", "../.."])
def test_what_lies_outside_is_left_out(path: str) -> None:
    """No out leads out of the repository."""
    assert one(f"outs:\n- path: {path}\n  md5: {A}\n  hash: md5\n", "a.dvc").wrong


def test_what_has_no_hash_is_left_out() -> None:
    """It was never made, or DVC knows it by an ETag alone."""
    assert one("outs:\n- path: raw\n  etag: abc\n").wrong


@pytest.mark.parametrize("path", ["on", "yes", "1:30", "2026-07-31", "0b1", "1_000", "~x"])
def test_words_are_read_by_the_rules_of_yaml_1_2(path: str) -> None:
    """What 1.1 would take for a boolean, a time or a date, is a name."""
    assert yaml_of(f"a: {path}\n".encode(), "x") == {"a": path}
    assert yaml_of(b"a: [1, 017, 0o17, 0x1f, -2, 1.5, true, ~]\n", "x") == {"a": [1, 17, 15, 31, -2, 1.5, True, None]}


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.text("abcxyz", min_size=1),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])) | st.integers() | st.booleans(),
    )
)
def test_what_is_written_is_read_again(document: dict[str, Any]) -> None:
    """Names that would be something else in either version of YAML are quoted."""
    assert yaml_of(text_of(document).encode(), "x") == document


def test_what_looks_like_a_number_is_quoted() -> None:
    """An md5 may have digits and one e: for DVC's reader that would be a number."""
    assert text_of({"md5": "1" * 15 + "e" + "1" * 16}) == f"md5: '{'1' * 15}e{'1' * 16}'\n"


LOCK = f"""
schema: '2.0'
stages:
  prepare@jan:
    cmd: x
    deps:
    - path: raw
      md5: {B}
    outs:
    - path: out/jan.csv
      hash: md5
      md5: {A}
    - path: metrics.json
      hash: md5
      md5: {B}
  gone:
    cmd: x
    outs:
    - path: model
      md5: {A}.dir
"""
PIPELINE = """
stages:
  prepare:
    foreach: [jan]
    do:
      cmd: x
      wdir: sub
      outs:
      - out/${item}.csv:
          remote: far
      metrics:
      - metrics.json:
          cache: false
"""


def test_a_lock_and_its_pipeline_are_read_together() -> None:
    """What stages made is in the one, and how it is kept in the other, where templates stand for any text."""
    jan, metrics, model = locked_outs(LOCK.encode(), PIPELINE.encode(), "p/dvc.lock")
    assert (jan.path, jan.value, jan.remote, jan.stage, jan.cached) == (
        "p/sub/out/jan.csv",
        A,
        "far",
        "prepare@jan",
        True,
    )
    assert (metrics.path, metrics.cached) == ("p/sub/metrics.json", False)
    assert (model.path, model.algorithm, model.stage) == ("p/model", LEGACY, "gone")


def test_a_working_directory_with_a_template_is_told() -> None:
    """Where the files lie cannot be known then."""
    pipeline = PIPELINE.replace("wdir: sub", "wdir: ${item}")
    assert locked_outs(LOCK.encode(), pipeline.encode(), "dvc.lock")[0].wrong


def test_a_lock_without_its_pipeline() -> None:
    """Then nothing is known of how it is kept, and an old lock has its stages at the top."""
    assert [out.path for out in locked_outs(LOCK.encode(), None, "dvc.lock")] == [
        "out/jan.csv",
        "metrics.json",
        "model",
    ]
    old = f"train:\n  cmd: x\n  outs:\n  - path: model\n    md5: {A}\n"
    assert [out.path for out in locked_outs(old.encode(), None, "dvc.lock")] == ["model"]


@pytest.mark.parametrize(
    "text",
    [
        "a: [", "- a", "outs:\n- raw\n", "outs:\n- md5: x\n", f"outs:\n- path: a\n  md5: ../{A}\n", "\x00",
        "outs:\n- path: a\n  hash: md5\n  files:\n  - relpath: b\n", "a: !!python/object:os.system {}\n",
    ],
)  # fmt: skip
def test_what_is_no_file_of_dvc_is_refused(text: str) -> None:
    """The error names the file; nothing in it is run."""
    with pytest.raises(Invalid) as caught:
        outs_of(text.encode(), "x.dvc")
    assert (caught.value.kind, caught.value.facts["path"]) == ("bad-dvc-file", "x.dvc")


BOMB = "a0: &a0 {k: v}\n" + "".join(f"a{at}: &a{at}\n  <<: [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 8))
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 8))


@pytest.mark.parametrize(
    "text",
    [
        BOMB, LAUGHS, "meta: &a [*a]\n", "meta: &a\n  <<: *a\n", "[" * 200_000, "a: " + "{a: " * 300 + "1" + "}" * 300,
        "- " * 100_000 + "a", "a: !!timestamp x\n", "a: !!bool x\n",
    ],
    ids=["merged", "repeated", "endless", "in itself", "brackets", "braces", "dashes", "no time", "no truth"],
)  # fmt: skip
def test_what_would_be_too_much_is_refused(text: str) -> None:
    """Neither what refers to itself many times nor what is very deep is written out: both would be the end of the process."""
    with pytest.raises(Invalid) as caught:
        outs_of(text.encode(), "x.dvc")
    assert caught.value.kind == "bad-dvc-file"
    several = f"x: &x {{desc: d}}\nouts:\n- {{<<: *x, md5: {A}, path: raw}}\n"
    assert one(several).facts == {"desc": "d"}


@pytest.mark.parametrize(("wdir", "path"), [("/etc", "passwd"), (".", '"a\\0b"'), ("../..", "raw"), ("a//", "b")])
def test_what_no_tree_can_hold_is_left_out(wdir: str, path: str) -> None:
    """A path that leads out of the repository by its folder, or that no system can look up, says why."""
    out = one(f"wdir: {wdir}\nouts:\n- md5: {A}\n  path: {path}\n")
    assert bool(out.wrong) == (path != "b")


def test_what_is_said_of_data_is_plain() -> None:
    """What JSON has no word for is text: versions keep what is said of them as JSON."""
    said = f"{{a: !!binary aGk=, b: .nan, c: !!timestamp 2026-07-31, 5: 0x{'f' * 5000}, d: [1, 1.5, true, null]}}"
    meta = one(f"meta: {said}\nouts:\n- md5: {A}\n  path: raw\n").facts["meta"]
    assert meta["a"] == "b'hi'"
    assert (meta["b"], meta["c"], meta["d"]) == ("nan", "2026-07-31", [1, 1.5, True, None])
    assert json.loads(json.dumps(meta, allow_nan=False)) == meta


def test_templates_are_compared_at_once() -> None:
    """However many templates a path has, and whatever else stands there, it is compared in one pass."""
    lock = f"schema: '2.0'\nstages:\n  a:\n    outs:\n    - md5: {A}\n      path: {'a' * 3000}\n"
    pipeline = f"stages:\n  a:\n    outs: [{'${x}a' * 30}b: {{cache: false}}, '{'${x}a' * 30}': {{cache: false}}]\n    plots: 5\n"
    pipeline = pipeline.replace("[$", "['$").replace("b:", "b':")
    assert not locked_outs(lock.encode(), pipeline.encode(), "dvc.lock")[0].cached


def test_an_empty_file_says_nothing() -> None:
    """As for DVC."""
    assert outs_of(b"", "x.dvc") == []


def test_two_files_must_not_say_the_same() -> None:
    """Nobody could tell which one counts."""
    out = one(f"outs:\n- md5: {A}\n  path: raw\n")
    assert named_by([out]) == {"data/raw": out}
    with pytest.raises(Invalid):
        named_by([out, one(f"outs:\n- md5: {B}\n  path: data/raw\n", "other.dvc")])


def test_what_is_ours_in_a_file_says_what_may_be_executed() -> None:
    """DVC has no words for it in folders, and leaves its user's `meta` alone."""
    out = one(f"outs:\n- md5: {A}.dir\n  hash: md5\n  path: raw\n  meta:\n    loopline:\n      executable: [run.sh]\n")
    assert out.executable == ("run.sh",)


def test_without_the_extra_an_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no PyYAML learns what to install."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    dvcyaml._yaml.cache_clear()
    with pytest.raises(Unavailable) as caught:
        outs_of(b"", "x.dvc")
    dvcyaml._yaml.cache_clear()
    assert (caught.value.kind, caught.value.facts["extra"]) == ("extra-missing", "dvc")
