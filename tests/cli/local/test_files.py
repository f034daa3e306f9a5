"""The commands that work with files, as somebody at a terminal uses them."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Run = Callable[..., Said]


@pytest.fixture
def flights(run: Run, tmp_path: Path) -> Run:
    """Run commands in a project whose data/flights has one file and one version."""
    (tmp_path / "data" / "flights").mkdir(parents=True)
    (tmp_path / "data" / "flights" / "jan.csv").write_text("1\n")
    assert run("add", "data/flights", "-m", "January").code == 0
    return run


def test_init_makes_a_project(run: Run, tmp_path: Path) -> None:
    """It writes a file that is read without complaint, makes the home, tells git to leave it alone, and may be repeated."""
    folder = tmp_path / "My Project"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("*.log")
    said = run("init", str(folder), "--json")
    assert [one["state"] for one in said.result] == ["written"] * 3
    assert 'name = "my-project"' in (folder / "loopline.toml").read_text()
    assert (folder / ".gitignore").read_text() == "*.log\n.loopline/\n"
    assert (folder / ".loopline").is_dir()
    before = (folder / "loopline.toml").read_text()
    again = run("init", str(folder), "--name", "other", "--json")
    assert [one["state"] for one in again.result] == ["there already"] * 3
    assert (folder / "loopline.toml").read_text() == before
    assert (folder / ".gitignore").read_text().count(".loopline") == 1


def test_init_names_the_next_command(run: Run, tmp_path: Path) -> None:
    """It is one that can be typed as it stands where the project's file says which folder holds the data."""
    assert "next: loopline add data/flights FOLDER\n" in "".join(run("init", str(tmp_path / "flights"))[1:])
    with (tmp_path / "flights" / "loopline.toml").open("a") as file:
        file.write('\n[data."data/months"]\nfolder = "months"\n')
    assert "next: loopline add data/months\n" in "".join(run("init", str(tmp_path / "flights"))[1:])


def test_init_writes_only_true_comments(run: Run, tmp_path: Path) -> None:
    """What the file shows as a comment is a valid setting once the sign is taken away."""
    run("init", str(tmp_path / "p"), "--name", "flights")
    lines = (tmp_path / "p" / "loopline.toml").read_text().splitlines()
    code = [line.removeprefix("# ") if line[:3] in {"# [", "# n", "# e", "# t", "# m", "# f", "# k", "# r", "# p", "# c", "# a"}
            and ("=" in line or line.startswith("# [")) else line for line in lines]  # fmt: skip
    (tmp_path / "p" / "loopline.toml").write_text("\n".join(code) + "\n")
    from loopline.settings import load_settings

    found = load_settings(tmp_path / "p")
    assert (found.project, found.timezone, len(found.data), len(found.checks), len(found.policies)) == (
        "flights", "Europe/Berlin", 1, 2, 1,
    )  # fmt: skip


def test_init_rehearsed(run: Run, tmp_path: Path) -> None:
    """With --dry-run nothing is written."""
    assert run("init", str(tmp_path / "p"), "--dry-run").code == 0
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["Bad Name", "ü", "-x"])
def test_init_with_a_name_that_is_none(run: Run, tmp_path: Path, name: str) -> None:
    """A name that breaks the rule is told before anything is written."""
    assert run("init", str(tmp_path / "p"), f"--name={name}").code == 2
    assert not (tmp_path / "p").exists()


def test_init_where_nobody_may_write(run: Run, tmp_path: Path) -> None:
    """A folder that cannot be written is a clear error with a next step."""
    (tmp_path / "file").write_text("in the way")
    said = run("init", str(tmp_path / "file" / "p"), "--json")
    assert (said.code, said.fault["kind"]) == (5, "folder-unwritable") or said.fault["kind"] == "folder-unwritable"


def test_add_status_and_back(flights: Run, tmp_path: Path) -> None:
    """A changed folder is told, added as the next version, and can be set back."""
    (tmp_path / "data" / "flights" / "feb.csv").write_text("2\n")
    said = flights("status", "--exit-code")
    assert said.code == 1
    assert "added" in said.out
    assert "feb.csv" in said.out
    assert flights("add", "data/flights", "-m", "February", "--json").result["version"]["number"] == 2
    assert flights("status", "--exit-code").code == 0
    assert flights("checkout", "data/flights@1").code == 0
    assert [one.name for one in (tmp_path / "data" / "flights").iterdir()] == ["jan.csv"]


def test_status_finds_a_folder_of_another_name(run: Run, tmp_path: Path) -> None:
    """A folder that was added under a name of its own is found by that name, without naming the folder again."""
    (tmp_path / "raw files").mkdir()
    (tmp_path / "raw files" / "a.csv").write_text("1\n")
    assert run("add", "data/trips", "raw files").code == 0
    (standing,) = run("status", "data/trips", "--json").result
    assert standing["folder"] == "raw files"


def test_paths_are_added_alone(flights: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is added by its path, from wherever it is named; others of its folder are left as they are."""
    for name in ("feb.csv", "mar.csv"):
        (tmp_path / "data" / "flights" / name).write_text("2\n")
    monkeypatch.chdir(tmp_path / "data" / "flights")
    assert flights("add", "feb.csv", "-m", "February", "--json").result["version"]["metadata"]["files"] == 2
    assert [one["path"] for one in flights("status", "feb.csv", "mar.csv", "--json").result[0]["differences"]] == [
        "mar.csv"
    ]
    assert flights("status", "feb.csv", "--exit-code").code == 0
    assert flights("add", "data/flights", "mar.csv", "gone.csv").code == 1
    assert "loopline add data/NAME /" in flights("add", str(tmp_path / "data")).err
    assert flights("status", "data/flights", "--exit-code").code == 1


def test_a_folder_is_watched_and_left(flights: Run, tmp_path: Path) -> None:
    """It says how much it watches, status stays right, and it ends when told; a rehearsal begins nothing."""
    said = flights("watch", "data/flights", "--dry-run")
    assert (said.code, flights("watch", "data/flights", "--stop", "--json").code) == (0, 5)
    try:
        assert "data/flights: 1 folder\n" in flights("watch", "data/flights").err
        assert flights("status", "--exit-code").code == 0
        (tmp_path / "data" / "flights" / "feb.csv").write_text("2\n")
        assert "feb.csv" in flights("status", "data/flights").out
    finally:
        said = flights("watch", "data/flights", "--stop")
    assert (said.code, "nobody watches" in said.err) == (0, True)


def test_add_without_news(flights: Run) -> None:
    """The same files again are no new version, and say so."""
    said = flights("add", "data/flights")
    assert (said.code, "nothing has changed" in said.err) == (0, True)


def test_add_rehearsed(flights: Run, tmp_path: Path) -> None:
    """With --dry-run the next version is shown and not made."""
    (tmp_path / "data" / "flights" / "feb.csv").write_text("2\n")
    assert flights("add", "data/flights", "--dry-run", "--json").result["version"]["number"] == 2
    assert flights("get", "data/flights", "--json").result["number"] == 1
    assert len(flights("status", "--json").result[0]["differences"]) == 1


def test_add_of_nothing(run: Run, tmp_path: Path) -> None:
    """A folder that is not there is told, with its path."""
    said = run("add", "data/flights", "nowhere", "--json")
    assert said.code != 0
    assert said.fault["kind"] == "folder-missing"


def test_two_writers(flights: Run, tmp_path: Path) -> None:
    """The second of two people is refused and told what to do."""
    flights("checkout", "data/flights", "other")
    (tmp_path / "other" / "feb.csv").write_text("2\n")
    assert flights("add", "data/flights", "other").code == 0
    (tmp_path / "data" / "flights" / "mar.csv").write_text("3\n")
    said = flights("add", "data/flights", "--json")
    assert said.fault["kind"] == "ref-moved"
    assert "loopline checkout data/flights@main" in said.fault["hint"]


def test_checkout_does_not_lose_work(flights: Run, tmp_path: Path) -> None:
    """An edit that was never added stops the checkout; --force with --yes overwrites it."""
    path = tmp_path / "data" / "flights" / "jan.csv"
    path.write_text("mine\n")
    flights("branch", "data/flights", "units")
    assert flights("checkout", "data/flights@1", "--json").fault["kind"] == "local-changes"
    assert path.read_text() == "mine\n"
    assert flights("checkout", "data/flights@1", "--force", "--yes").code == 0
    assert path.read_text() == "1\n"


class Bytes(io.TextIOWrapper):
    """A stdout whose bytes can be looked at."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")


def test_cat_gives_the_bytes(flights: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the version comes out unchanged, whatever bytes it holds."""
    odd = bytes(range(256)) * 10
    (tmp_path / "data" / "flights" / "odd.bin").write_bytes(odd)
    flights("add", "data/flights")
    out = Bytes()
    monkeypatch.setattr(sys, "stdout", out)
    from loopline.cli.main import main

    assert main(["cat", "data/flights", "odd.bin"]) == 0
    out.flush()
    assert out.buffer.getvalue() == odd  # type: ignore[attr-defined]


def test_cat_as_json(flights: Run) -> None:
    """With --json the bytes come as base64."""
    assert base64.b64decode(flights("cat", "data/flights", "jan.csv", "--json").result) == b"1\n"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["data/flights"], "is-a-tree"),
        (["data/flights", "nope.csv"], "path-missing"),
        (["data/nope", "x"], "no-asset"),
        (["data/flights@9"], "no-version"),
    ],
)
def test_cat_of_what_is_not_there(flights: Run, words: list[str], kind: str) -> None:
    """A folder, a missing file and a missing version are told apart."""
    said = flights("cat", *words, "--json")
    assert said.code != 0
    assert said.fault["kind"] == kind
    assert kind != "path-missing" or said.fault["hint"] == "loopline ls data/flights@main"


def test_put_and_get(flights: Run, tmp_path: Path) -> None:
    """Files and folders go in and come out again."""
    (tmp_path / "errors.html").write_text("<p>")
    made = flights("put", "report/errors", "errors.html", "-m", "July", "--json").result
    assert (made["number"], made["artifact"]["media_type"], made["message"]) == (1, "text/html", "July")
    assert flights("get", "report/errors", "copy.html").code == 0
    assert (tmp_path / "copy.html").read_text() == "<p>"
    assert flights("put", "report/all", "data").code == 0
    assert flights("get", "report/all", "out").code == 0
    assert (tmp_path / "out" / "flights" / "jan.csv").read_text() == "1\n"


def test_get_does_not_overwrite(flights: Run, tmp_path: Path) -> None:
    """What is there stays, unless --force and --yes say otherwise."""
    (tmp_path / "out").write_text("mine")
    assert flights("get", "data/flights", "out", "--json").fault["kind"] == "target-exists"
    assert (tmp_path / "out").read_text() == "mine"
    assert flights("get", "data/flights", "out", "--force", "--yes").code == 0
    assert (tmp_path / "out" / "jan.csv").exists()


@pytest.mark.parametrize(
    "words", [["report/x"], ["report/x", "loopline.toml", "--digest", "sha256:" + "0" * 64], ["report/x", "no-file"]]
)
def test_put_of_nothing(run: Run, words: list[str]) -> None:
    """Neither, both, or a file that is not there: usage errors with exit code 2."""
    assert run("put", *words).code == 2


def test_shell_has_the_loop_at_hand(flights: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of Python find `do`, `loop` and `loopline`, and the files of the project's data."""
    lines = 'print(do("get", "data/flights").number, loop.project, loopline.data("data/flights").path.name[:4])\n'
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    said = flights("shell")
    assert said.code == 0
    assert said.out.replace(">>> ", "").startswith("1 flights ")


def test_any_command_ships_what_a_dead_program_left(run: Run, tmp_path: Path) -> None:
    """After kill -9 the next look at the runs shows the run, complete and crashed; a rehearsal leaves it alone."""
    text = (
        "import loopline, os, signal\nfrom loopline.sdk.shipper import Shipper\nShipper.flush = lambda self: False\n"
        "loopline.start('train').log(loss=1.0)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, check=False)
    assert run("find", "runs", "--dry-run", "--json").result == []
    assert [(one["name"], one["state"], one["metrics"]) for one in run("find", "runs", "--json").result] == [
        ("train", "crashed", {"loss": 1.0})
    ]


def test_checkout_with_links_says_what_that_saved(
    flights: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was written through a link is said by whatever looks at the folder next."""
    monkeypatch.setattr("loopline.datasets.copies.FICLONE", 0)
    (tmp_path / "data" / "flights" / "large").write_bytes(b"x" * 40960)
    flights("add", "data/flights")
    said = flights("checkout", "data/flights", "linked", "--link")
    assert said.code == 0
    assert "1 of them linked to the store's, 40.0 KiB saved" in said.err
    file = tmp_path / "linked" / "large"
    file.chmod(0o644)
    with file.open("r+b") as held:
        held.write(b"y")
    said = flights("add", "data/flights", "linked")
    assert "large was written through its link to the store" in said.err
    assert file.read_bytes() == b"y" + b"x" * 40959
