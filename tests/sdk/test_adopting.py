"""What a repository of DVC keeps becomes versions here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, NotFound
from loopline.loop import silent
from loopline.nouns.adoption import Adopted
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, parse_pointer
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.version import Version
from loopline.sdk import dvctaking
from loopline.sdk.adopting import Adopting, Terms
from loopline.sdk.client import Local
from loopline.sdk.dvcrepo import Repository
from loopline.store.foreign import WithForeign
from loopline.store.keyed import LocalKeyed
from loopline.store.local import LocalBlobs
from loopline.store.named import LocalNamed
from loopline.testing.loop import loop
from loopline.wiring import keyed_at
from tests.sdk.dvcmade import Made, md5

FILES = {
    "a.csv": b"1\n",
    "empty": b"",
    "jan/\u00fcber \u6587": b"x\r\ny\r\n",
    "jan/big": os.urandom(300_000),
    "jan/same": b"1\n",
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read no configuration of this machine's user."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """An empty repository of DVC."""
    return Made(tmp_path / "dvc")


@pytest.fixture
def client(tmp_path: Path) -> Local:
    """An empty project."""
    return Local(loop(blobs=LocalBlobs(tmp_path / "store")))


def adopt(client: Local, made: Made, *, dry: bool = False, **terms: Any) -> dict[str, Adopted]:
    """Adopt, and give what became of each path."""
    found = Adopting(
        client, Repository.around(made.root), Terms(**terms), opening=keyed_at, report=silent, dry=dry
    ).run()
    return {one.path: one for one in found}


def files_of(client: Local, what: str) -> dict[str, bytes]:
    """Read all files of a version."""
    version: Version = client.do("get", parse_pointer(what, project="flights"))
    return {one.path: client.blobs.read(one.digest) for one in Tree(client.blobs, version.artifact.digest).iter()}


def test_folders_and_files_out_of_the_cache(client: Local, made: Made) -> None:
    """Each becomes an asset of its path's name, with all its bytes, and says what it was."""
    value = made.add("data/raw", FILES)
    made.add("model.bin", b"weights")
    told = adopt(client, made)
    assert {path: (one.state, one.asset, one.files) for path, one in told.items()} == {
        "data/raw": ("adopted", "data/raw", 5),
        "model.bin": ("adopted", "data/model.bin", 1),
    }
    assert told["data/raw"].bytes == sum(map(len, FILES.values()))
    assert files_of(client, "data/raw") == FILES
    assert files_of(client, "data/model.bin") == {"model.bin": b"weights"}
    version: Version = client.do("get", parse_pointer("data/raw", project="flights"))
    assert version.metadata["dvc"] == {
        "path": "data/raw", "file": "data/raw.dvc", "value": value, "algorithm": "md5", "folder": True,
    }  # fmt: skip
    assert {one.state for one in adopt(client, made).values()} == {"unchanged"}


def test_a_repository_of_dvc_2(client: Local, made: Made) -> None:
    """Its objects are at the root of the cache, and text is named by what it is without carriage returns."""
    made.add("raw", FILES, legacy=True)
    assert adopt(client, made)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == FILES


def test_an_empty_folder_is_adopted(client: Local, made: Made) -> None:
    """DVC keeps such a one, too."""
    made.add("raw", {})
    assert adopt(client, made)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == {}


def test_bytes_come_from_the_workspace_and_the_remote_too(client: Local, made: Made) -> None:
    """What the cache has lost is taken from where it still is; what was changed since in the workspace is not."""
    made.add("raw", FILES, into=made.far)
    for path, data in FILES.items():
        made.write(f"raw/{path}", data if path != "a.csv" else b"changed")
    planned = adopt(client, made, dry=True)["raw"]
    assert (planned.state, planned.files) == ("planned", 5)
    shutil.rmtree(made.far / "files" / "md5" / "b0", ignore_errors=True)
    assert adopt(client, made)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == FILES


def test_a_list_that_is_lost_is_made_of_the_workspace(client: Local, made: Made) -> None:
    """Where the files there have the folder's hash; else it is lacking."""
    made.add("raw", FILES)
    for path, data in FILES.items():
        made.write(f"raw/{path}", data)
    shutil.rmtree(made.cache)
    assert adopt(client, made)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == FILES
    made.add("other", FILES | {"more": b"2"})
    shutil.rmtree(made.cache)
    made.write("other/a.csv", b"1\n")
    told = adopt(client, made)["other"]
    assert (told.state, told.lacks) == ("lacking", 1)


def test_what_is_lacking_is_named_and_the_rest_is_adopted(client: Local, made: Made) -> None:
    """With the next step; after it only what was lacking is read."""
    made.add("raw", FILES)
    made.add("model.bin", b"weights")
    lost = next((made.cache / "files/md5").glob("*/*[!r]"))
    moved = lost.read_bytes()
    lost.unlink()
    name = sorted(path for path, data in FILES.items() if data == moved) or ["model.bin"]
    told = adopt(client, made)
    bad = next(one for one in told.values() if one.state == "lacking")
    assert (list(bad.lacking), bad.lacks) == (name, len(name))
    assert "dvc pull" in bad.note
    assert [one.state for one in told.values() if one is not bad] == ["adopted"]
    made.keep(moved)
    assert adopt(client, made)[bad.path].state == "adopted"


def test_bytes_are_read_once(client: Local, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken before a cut is known by its hash, and so is what has the same bytes."""
    made.add("raw", FILES)
    read: list[str] = []
    whole = LocalKeyed.open

    def counted(self: LocalKeyed, key: str) -> Any:
        read.append(key)
        return whole(self, key)

    monkeypatch.setattr(LocalKeyed, "open", counted)
    monkeypatch.setattr(Adopting, "_publish", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        adopt(client, made)
    assert len(read) == len(set(read)) == 1 + len(set(FILES.values()))
    monkeypatch.undo()
    monkeypatch.setattr(LocalKeyed, "open", counted)
    read.clear()
    assert adopt(client, made)["raw"].state == "adopted"
    assert [one.rpartition(".")[2] for one in read] == ["dir"]


def test_a_cut_in_the_middle_keeps_what_was_taken(client: Local, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large files are known one by one, small ones by the group."""
    made.add("raw", {f"{number}": os.urandom(270_000) for number in range(40)})
    kept = dvctaking.Taking._keep
    count = 0

    def cut(self: Any, *args: Any) -> None:
        nonlocal count
        kept(self, *args)
        count += 1
        if count == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(dvctaking.Taking, "_keep", cut)
    with pytest.raises(KeyboardInterrupt):
        adopt(client, made)
    monkeypatch.undo()
    planned = adopt(client, made, dry=True)["raw"]
    assert dict(planned.sources)["store"] == 32
    assert adopt(client, made)["raw"].state == "adopted"


def test_a_damaged_object_is_not_taken(client: Local, made: Made) -> None:
    """Small or large, what is not what its name says is taken from elsewhere, or lacking."""
    big = b"y" * 400_000
    made.add("raw", {"a": b"x", "b": big})
    for file in (made.cache / "files/md5").glob("*/*[!r]"):
        file.write_bytes(file.read_bytes()[:-1] + b"!")
    told = adopt(client, made)["raw"]
    assert told.lacking == ("a", "b")
    made.write("raw/a", b"x")
    made.write("raw/b", big)
    assert adopt(client, made)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == {"a": b"x", "b": big}


def test_names_are_those_that_are_said(client: Local, made: Made) -> None:
    """And two of the same one are refused before anything is done."""
    made.add("data/raw", {"a": b"1"})
    made.add("raw", b"2")
    assert {one.path: one.asset for one in adopt(client, made, dry=True).values()} == {
        "data/raw": "data/data/raw",
        "raw": "data/raw",
    }
    jan = AssetName("flights", "data", "jan")
    assert adopt(client, made, names={"raw": jan})["raw"].version == "data/jan@1"
    for names, kind in (({"raw": jan, "data/raw": jan}, "same-name"), ({"nothing": jan}, "no-outs")):
        with pytest.raises((Invalid, NotFound)) as caught:
            adopt(client, made, names=names)
        assert caught.value.kind == kind


def test_a_part_is_chosen_by_patterns(client: Local, made: Made) -> None:
    """What Git keeps is left out, unless it is named; and nothing at all is an error."""
    made.add("raw/jan", b"1")
    made.add("raw/feb", b"2")
    made.add("metrics.json", b"{}", more="  cache: false\n")
    made.write("metrics.json", b"{}")
    assert {path: one.state for path, one in adopt(client, made, only=("jan",)).items()} == {"raw/jan": "adopted"}
    assert adopt(client, made)["metrics.json"].state == "skipped"
    assert adopt(client, made, only=("metrics.json",))["metrics.json"].state == "adopted"
    with pytest.raises(NotFound) as caught:
        adopt(client, made, only=("mar",))
    assert caught.value.kind == "no-outs"


def test_what_may_be_executed(client: Local, made: Made) -> None:
    """The workspace says it, for DVC keeps it of single files alone."""
    made.add("raw", {"run.sh": b"#!", "a": b"1"})
    made.add("tool", b"#!", more="  isexec: true\n")
    made.write("raw/run.sh", b"#!", mode=0o755)
    adopt(client, made)
    for what, modes in (("data/raw", {"run.sh": 0o755, "a": 0o644}), ("data/tool", {"tool": 0o755})):
        version: Version = client.do("get", parse_pointer(what, project="flights"))
        assert {one.path: one.mode for one in Tree(client.blobs, version.artifact.digest).iter()} == modes


def test_a_path_that_leads_out_of_the_folder(client: Local, made: Made) -> None:
    """A list that names one is told, and nothing of it is taken."""
    made.add("raw", {"../../secret": b"1"})
    made.add("good", b"1")
    told = adopt(client, made)
    assert (told["raw"].state, told["good"].state) == ("lacking", "adopted")
    assert "secret" in told["raw"].note


def test_each_commit_becomes_a_version(client: Local, made: Made) -> None:
    """With its message, its author and its time; what did not change makes none; and later only what came since."""
    made.add("raw", {"a": b"1"})
    first = made.commit("January\n\nAll of it.")
    made.add("other", b"x")
    made.commit("Something else")
    made.add("raw", {"a": b"2"})
    made.commit("February")
    told = adopt(client, made, history=True)
    assert {path: (one.state, one.versions) for path, one in told.items()} == {
        "raw": ("adopted", 2),
        "other": ("adopted", 1),
    }
    second, one = client.do("history", "data/raw")
    assert (one.message, second.message) == ("January\n\nAll of it.", "February")
    assert (one.metadata["dvc"]["commit"], one.metadata["dvc"]["author"]) == (first, "Ann <ann@example.org>")
    assert one.event_time == one.metadata["dvc"]["at"] * 1_000_000
    assert files_of(client, "data/raw@1") == {"a": b"1"}
    assert {one.state for one in adopt(client, made, history=True).values()} == {"unchanged"}
    made.add("raw", {"a": b"3"})
    made.commit("March")
    planned = adopt(client, made, history=True, dry=True)
    assert (planned["raw"].state, planned["raw"].versions, planned["other"].state) == ("planned", 1, "unchanged")
    again = adopt(client, made, history=True)
    assert (again["raw"].versions, again["raw"].version) == (1, "data/raw@3")


def test_a_history_after_what_is_now(client: Local, made: Made) -> None:
    """A branch that stands at the newest commit has all; one that stands elsewhere is refused, before anything is added."""
    made.add("raw", {"a": b"1"})
    made.commit("January")
    made.add("raw", {"a": b"2"})
    made.commit("February")
    adopt(client, made)
    assert adopt(client, made, history=True)["raw"].state == "unchanged"
    assert adopt(client, made, history=True, branch="all")["raw"].versions == 2
    made.add("raw", {"a": b"3"})
    adopt(client, made)
    with pytest.raises(Conflict) as caught:
        adopt(client, made, history=True)
    assert caught.value.kind == "other-line"


def test_a_history_ends_where_bytes_are_lacking(client: Local, made: Made) -> None:
    """Versions come in their order: those before it are there, and when the bytes are found it goes on."""
    values = []
    for number in ("1", "2", "3"):
        values.append(made.add("raw", number.encode()))
        made.commit(number)
    lost = made.cache / "files/md5" / values[1][:2] / values[1][2:]
    lost.rename(made.root / "aside")
    told = adopt(client, made, history=True)["raw"]
    assert (told.state, told.versions, told.lacking) == ("lacking", 1, ("raw",))
    (made.root / "aside").rename(lost)
    told = adopt(client, made, history=True)["raw"]
    assert (told.state, told.versions, told.version) == ("adopted", 2, "data/raw@3")


def test_a_history_with_something_broken_in_it(client: Local, made: Made) -> None:
    """What nobody could read at a commit counts as not there; now it would be an error."""
    made.add("raw", b"1")
    made.commit("January")
    made.write("raw.dvc", b"<<<<<<< HEAD\nouts:\n=======\n")
    made.commit("oops")
    with pytest.raises(Invalid):
        adopt(client, made)
    made.add("raw", b"2")
    made.commit("February")
    repository = Repository(made.root)
    [told] = Adopting(client, repository, Terms(history=True), opening=keyed_at, report=silent).run()
    assert (told.state, told.versions) == ("adopted", 2)
    assert list(repository.broken) == ["raw.dvc"]


def test_a_history_waits_where_a_policy_holds_the_branch(client: Local, made: Made) -> None:
    """One version at a time: the next one comes when the change before it is applied."""
    made.add("raw", b"1")
    made.commit("January")
    made.add("raw", b"2")
    made.commit("February")
    rules = Policy("two", ("data/*@*",), approvals=Approvals(1))
    client.do("policy", document=dump_document(Document((rules,), ())).decode(), why="two eyes")
    told = adopt(client, made, history=True)["raw"]
    assert (told.state, told.versions) == ("waiting", 1)


def test_without_git_there_is_no_history(client: Local, made: Made) -> None:
    """The error says what to leave out."""
    made.add("raw", b"1")
    with pytest.raises(Invalid) as caught:
        adopt(client, made, history=True)
    assert caught.value.kind == "no-git"


def test_out_of_an_object_store(client: Local, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote is read with what DVC's own configuration says; secrets of it are in nothing that is told."""
    endpoint, key, secret = (
        os.environ[name] for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    import boto3

    made = Made(tmp_path / "s3", remote=f"{bucket}/dvc")
    made.add("raw", FILES, into=made.far)
    sender = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for file in made.far.rglob("*"):
        if file.is_file():
            name, _, prefix = bucket.removeprefix("s3://").partition("/")
            sender.upload_file(str(file), name, f"{prefix}/dvc/{file.relative_to(made.far)}")
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    (made.root / ".dvc" / "config.local").write_text(
        f"['remote \"far\"']\n    endpointurl = {endpoint}\n    access_key_id = {key}\n    secret_access_key = {secret}\n"
        "    region = us-east-1\n"
    )
    assert dict(adopt(client, made, dry=True)["raw"].sources) == {"remote": 5}
    told = adopt(client, made)["raw"]
    assert told.state == "adopted"
    assert secret not in repr(told)
    assert files_of(client, "data/raw") == FILES


def test_a_remote_that_only_dvc_can_read_is_told(client: Local, tmp_path: Path) -> None:
    """The bytes are lacking then, and the note says where nobody looked."""
    made = Made(tmp_path / "ssh", remote="ssh://ann:secret@example.org/x")
    made.add("raw", b"1")
    shutil.rmtree(made.cache)
    told = adopt(client, made)["raw"]
    assert told.state == "lacking"
    assert "far (ssh://)" in told.note
    assert "secret" not in told.note


def test_a_remote_that_is_not_there_any_more(client: Local, made: Made) -> None:
    """A file may name one that was removed since; whoever asks for such a one by name is told."""
    made.add("raw", b"1", more="  remote: gone\n")
    made.add("good", b"2", more="  remote: gone\n")
    shutil.rmtree(made.cache / "files/md5" / md5(b"1")[:2])
    told = adopt(client, made)
    assert (told["raw"].state, told["good"].state) == ("lacking", "adopted")
    assert "gone (not configured)" in told["raw"].note
    with pytest.raises(NotFound) as caught:
        adopt(client, made, remote="gone")
    assert caught.value.kind == "no-remote"


def test_a_stage_says_what_it_has_made(client: Local, made: Made) -> None:
    """A lock file is read like any other, and its stage is said."""
    value = made.add("model", {"w": b"1"})
    (made.root / "model.dvc").unlink()
    (made.root / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n    - path: model\n      hash: md5\n      md5: {value}\n"
    )
    assert adopt(client, made)["model"].state == "adopted"
    version: Version = client.do("get", parse_pointer("data/model", project="flights"))
    assert version.metadata["dvc"]["stage"] == "train"


def test_objects_may_stay_where_they_lie(tmp_path: Path, made: Made) -> None:
    """Nothing is copied, but what is only in the workspace, where it may change; bytes are read there, by the same digests."""
    local = LocalBlobs(tmp_path / "store")
    client = Local(loop(blobs=WithForeign(local, LocalNamed(local), sums=local)))
    made.add("raw", FILES)
    lost = made.cache / "files/md5" / md5(b"1\n")[:2] / md5(b"1\n")[2:]
    lost.unlink()
    made.write("raw/a.csv", b"1\n")
    assert adopt(client, made, in_place=True)["raw"].state == "adopted"
    assert files_of(client, "data/raw") == FILES
    version: Version = client.do("get", parse_pointer("data/raw", project="flights"))
    kept = {one.path: local.size(one.digest) for one in Tree(client.blobs, version.artifact.digest).iter()}
    assert {path for path, size in kept.items() if size is not None} == {"a.csv", "jan/same"}
    assert adopt(client, made)["raw"].state == "unchanged"


def test_objects_may_stay_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    """Where the environment says how it is reached; a remote with keys of its own could not be read later, and is copied."""
    import boto3

    local = LocalBlobs(tmp_path / "store")
    client = Local(loop(blobs=WithForeign(local, LocalNamed(local), sums=local)))
    made = Made(tmp_path / "s3", remote=f"{bucket}/dvc")
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    for path, secret in (
        ("raw", ""),
        ("own", "['remote \"far\"']\n    secret_access_key = x\n    access_key_id = y\n"),
    ):
        data = path.encode() * 100_000
        value = made.add(path, data, into=made.far)
        sender = boto3.client("s3", region_name="us-east-1")
        sender.put_object(Bucket=name, Key=f"{prefix}/dvc/files/md5/{value[:2]}/{value[2:]}", Body=data)
        (made.root / ".dvc" / "config.local").write_text(secret)
        assert adopt(client, made, in_place=True, only=(path,))[path].state == "adopted"
        assert files_of(client, f"data/{path}") == {path: data}
        assert (local.size(digest_of(data)) is None) == (path == "raw")


def test_a_file_that_leads_out_is_not_read(client: Local, made: Made) -> None:
    """Files that stand in DVC's own file are below its folder, or nothing of them is taken."""
    (made.root / "raw").mkdir()
    (made.root.parent / "secret").write_bytes(b"secret")
    made.write(
        "raw.dvc", f"outs:\n- path: raw\n  files:\n  - md5: {md5(b'secret')}\n    relpath: ../../secret\n".encode()
    )
    told = adopt(client, made)["raw"]
    assert (told.state, told.version) == ("lacking", "")
    assert client.blobs.size(digest_of(b"secret")) is None
