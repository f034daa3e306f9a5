"""Bad input and bad days, as a person at a terminal meets them: one clear error, one next step, the right exit code."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import MEMORY, cannot
from tests.mounting import mounted

from .desk import LOOPLINE, Desk, Said

JUDGE = """
    from loopline import Model

    @step
    def weigh(candidate: int) -> int:
        first = not os.path.exists(MARK); open(MARK, "w").close(); time.sleep(60 * first)
        return candidate

    @pipeline
    def judge(candidate: Model, base: Model | None = None):
        weigh(candidate)
"""
GUARD = """
[checks."eval/slow"]
refs = ["model/*@best"]
pipeline = "judge"

[[policies]]
name = "best"
refs = ["model/*@best"]
checks = ["eval/slow"]
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give a project with data/tiny@1."""
    desk = Desk(tmp_path / "tiny")
    assert desk.type("add", "data/tiny", "data").code == 0
    return desk


# ---------------------------------------------------------------------------------------------- what a person wrote


def test_an_unknown_key_has_its_line_and_a_suggestion(desk: Desk) -> None:
    """A typo in loopline.toml is exit code 2, with file, line and the word that was meant."""
    (desk.folder / "loopline.toml").write_text('[project]\nname = "tiny"\nmodlues = ["tiny"]\n')
    said = desk.type("run", "train")
    assert said.code == 2
    assert "loopline.toml:3" in said.err
    assert "modules" in said.step


def test_a_missing_folder_is_named(desk: Desk) -> None:
    """What is not there cannot be added: the path is in the error."""
    said = desk.type("add", "data/tiny", "dtaa")
    assert said.code in (1, 2)
    assert "dtaa" in said.err
    assert said.step


def test_a_file_that_cannot_be_read_is_named(desk: Desk) -> None:
    """Exit code 3, the file's path, and nothing was published."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        cannot("root reads everything, and there is no setpriv to be somebody else")
    (desk.folder / "data" / "b.txt").write_text("secret")
    (desk.folder / "data" / "b.txt").chmod(0)
    said = as_nobody(desk, "add", "data/tiny", "data")
    assert said.code == 3, said.err
    assert "b.txt" in said.err
    assert said.step
    assert desk.read("history", "data/tiny")[0]["number"] == 1


def test_rows_of_uneven_length_are_told_with_their_line(desk: Desk) -> None:
    """A ragged CSV is no table: the difference by rows names file and line instead of guessing, and tells all else."""
    (desk.folder / "data" / "t.csv").write_text("id,x\n1,2\n")
    assert desk.type("add", "data/tiny", "data").code == 0
    (desk.folder / "data" / "t.csv").write_text("id,x\n1,2\n2,3,4,5\n")
    assert desk.type("add", "data/tiny", "data").code == 0
    said = desk.type("diff", "data/tiny@2", "data/tiny@3", "--rows")
    assert said.code == 0
    assert "t.csv, line 3: 4 values" in said.out
    assert "9 B → 17 B" in said.out


# ---------------------------------------------------------------------------------------------- what a step does


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no flights')", ("ValueError: no flights", "tiny.py")),
        ("os.kill(os.getpid(), signal.SIGKILL)", ("SIGKILL",)),
        ("os._exit(7)", ("status 7",)),
        ("return 'six'", ("total", "int", "str")),
    ],
)
def test_a_step_that_goes_wrong_fails_the_run(desk: Desk, body: str, words: tuple[str, ...]) -> None:
    """Exit code 1, the step by name with what happened; what was done before is kept."""
    desk.body(body)
    said = desk.type("run", "train")
    assert said.code == 1
    for word in words:
        assert word in said.out + said.err
    assert said.out.count("→") == 1, "one next step"
    desk.body("pass")
    assert desk.type("run", "train").code == 0
    assert desk.runs("step", "name = read") == ["cached", "finished"]


def test_a_step_that_prints_without_end_fills_no_disk(desk: Desk) -> None:
    """A quarter of a gigabyte of output becomes a log of bounded size, and the run goes on."""
    desk.body("line = b'x' * (1 << 20); [os.write(1, line) for _ in range(256)]")
    assert desk.type("run", "train").code == 0
    kept = sum(path.stat().st_size for path in (desk.folder / ".loopline").rglob("*") if path.is_file())
    assert kept < 40 << 20


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_step_that_prints_gigabytes_fills_no_disk(desk: Desk) -> None:
    """More than two gigabytes of output become a log of the same bounded size."""
    desk.body("line = b'x' * (1 << 20); [os.write(1, line) for _ in range(2100)]")
    process = desk.start("run", "train")
    _, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    kept = sum(path.stat().st_size for path in (desk.folder / ".loopline").rglob("*") if path.is_file())
    assert kept < 40 << 20


def test_a_step_that_forks_gives_one_value(desk: Desk) -> None:
    """The child's copy of the work counts for nothing."""
    desk.body("os.fork()")
    assert desk.type("run", "train").code == 0
    assert desk.runs("step", "name = total") == ["finished"]


# ---------------------------------------------------------------------------------------------- what somebody stops


def wait_for(desk: Desk, process: subprocess.Popen[str], mark: Path) -> None:
    """Wait until the second step has begun."""
    until = time.monotonic() + 30
    while not mark.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_interrupt_is_130_and_says_how_to_go_on(desk: Desk, tmp_path: Path) -> None:
    """Ctrl-C ends the run and its steps; `--resume` takes what was finished from the cache and ends well."""
    mark = tmp_path / "mark"
    desk.body(f"first = not os.path.exists({str(mark)!r}); open({str(mark)!r}, 'w').close(); time.sleep(60 * first)")
    process = desk.start("run", "train")
    wait_for(desk, process, mark)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert desk.runs("pipeline") == ["cancelled"]
    (step,) = [line for line in err.splitlines() if line.startswith("→")]
    words = step.split("loopline ")[1].split()
    assert words[:2] == ["run", "--resume"]
    assert desk.type(*words).code == 0
    assert desk.runs("step", "name = read") == ["cached", "finished"]


def test_a_killed_run_does_not_stay_running(desk: Desk, tmp_path: Path) -> None:
    """After kill -9 the next command that runs something finds it dead, steps and all; resuming it ends well."""
    mark = tmp_path / "mark"
    desk.body(f"first = not os.path.exists({str(mark)!r}); open({str(mark)!r}, 'w').close(); time.sleep(60 * first)")
    process = desk.start("run", "train")
    wait_for(desk, process, mark)
    process.kill()
    process.communicate()
    (dead,) = desk.read("find", "runs", "kind = pipeline")
    assert dead["state"] == "running", "nobody has looked yet"
    assert desk.type("run", "--resume", dead["id"]).code == 0
    assert desk.runs("pipeline") == ["finished", "crashed"]
    assert desk.runs("step", "name = total") == ["finished", "crashed"]
    assert desk.read("show", dead["id"])["error"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_check_that_was_stopped_is_not_waited_for(desk: Desk, tmp_path: Path, sign: signal.Signals) -> None:
    """Ctrl-C or kill -9 in a check: it has not answered, `apply` says to check again and not to wait, and that ends well."""
    mark = tmp_path / "mark"
    with (desk.folder / "tiny.py").open("a") as file:
        file.write(dedent(JUDGE).replace("MARK", repr(str(mark))))
    with (desk.folder / "loopline.toml").open("a") as file:
        file.write(GUARD)
    for words in (("run", "train"), ("policy", "--push", "--why", "test")):
        said = desk.type(*words)
        assert said.code == 0, said
    change = desk.read("propose", "model/total@best", "--to", "1", "--why", "because")["id"]
    process = desk.start("check", change)
    wait_for(desk, process, mark)
    process.send_signal(sign)
    _, err = process.communicate(timeout=30)
    if sign is signal.SIGINT:
        assert process.returncode == 130
        assert f"→ loopline check {change[:16]}" in err.splitlines()
        assert "--resume" not in err
    said = desk.type("apply", change)
    assert said.code == 1, said
    assert f"loopline check {change[:16]}" in said.step
    assert [one["result"] for one in desk.read("show", change)["change"]["verdicts"]] == ["error"]
    assert desk.type("check", change).code == 0
    assert desk.type("apply", change).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_run_may_be_stopped_at_any_moment(desk: Desk, sign: signal.Signals) -> None:
    """Stopped at five random moments: nothing half is left, and a plain run ends well with every earlier run over."""
    chance = random.Random(os.urandom(8))
    for turn in range(5):
        desk.body(f"time.sleep(0.1); print({turn})")
        process = desk.start("run", "train")
        moment = chance.uniform(0.05, 0.9)
        time.sleep(moment)
        process.send_signal(sign)
        _, err = process.communicate(timeout=30)
        assert "loopline/cli/main" not in err, (moment, err)  # no traceback of ours; Python's own start may have one
        assert process.returncode in ({130, 0, -2} if sign is signal.SIGINT else {-9, 0}), (moment, err)
    assert desk.type("run", "train").code == 0
    for kind in ("pipeline", "step"):
        assert not {"running", "pending"} & set(desk.runs(kind))
    assert desk.type("verify", "--deep").code == 0


# ---------------------------------------------------------------------------------------------- what the machine does


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """Adding and running on a full disk is exit code 3 with a next step; with space again both work, and all is sound."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        desk = Desk(tmp_path / "small" / "tiny")
        assert desk.type("add", "data/tiny", "data").code == 0
        filler = tmp_path / "small" / "filler"
        (desk.folder / "data" / "b.txt").write_text("4 " * 50_000)
        fill(filler)
        for words in (("add", "data/tiny", "data"), ("run", "train")):
            said = desk.type(*words)
            assert said.code == 3, (words, said)
            assert "full" in said.err
            assert "space" in said.step
        filler.unlink()
        assert [one["number"] for one in desk.read("history", "data/tiny")] == [1]
        assert desk.type("add", "data/tiny", "data").code == 0
        assert desk.type("run", "train").code == 0
        assert "running" not in desk.runs("pipeline")
        assert desk.type("verify", "--deep").code == 0


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def blob_of(desk: Desk, version: str) -> Path:
    """Find the blob of the one file of a version."""
    digest: str = desk.read("ls", version)[0]["digest"]
    path = desk.folder / ".loopline" / "blobs" / "sha256" / digest.removeprefix("sha256:")
    assert path.exists()
    return path


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_lost_blob_is_named_with_what_it_touches(desk: Desk, harm: str) -> None:
    """`verify --deep` names the version and the branch, `run` says what it misses, and adding the file again mends it."""
    blob = blob_of(desk, "data/tiny@1")
    blob.chmod(0o644)
    if harm == "missing":
        blob.unlink()
    else:
        blob.write_text("9 9 9\n")
    found = desk.type("verify", "--deep")
    assert found.code == 1
    assert "data/tiny@1" in found.out
    assert "data/tiny@main" in found.out
    said = desk.type("run", "train")
    assert said.code == 1
    assert ("not in the store" if harm == "missing" else "is damaged") in said.out + said.err
    (desk.folder / "data" / "b.txt").write_text("4\n")
    os.utime(desk.folder / "data" / "a.txt", ns=(1, 1))
    assert desk.type("add", "data/tiny", "data").code == 0
    assert desk.type("verify", "--deep").code == 0
    assert desk.type("run", "train").code == 0


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_whoever_reads_a_lost_blob_is_told_what_it_touches(desk: Desk, harm: str) -> None:
    """No command shows damaged bytes as data: each stops with the versions and branches that have them, and the next step."""
    for number in (2, 3):
        (desk.folder / "data" / "a.txt").unlink(missing_ok=True)
        (desk.folder / "data" / "t.csv").write_text(f"id,x\n1,{number}\n")
        assert desk.type("add", "data/tiny", "data").code == 0
    blob = blob_of(desk, "data/tiny@3")
    blob.chmod(0o644)
    if harm == "missing":
        blob.unlink()
    else:
        blob.write_text("id,x\n1,9\n")
    for words in (
        ("cat", "data/tiny@3", "t.csv"),
        ("checkout", "data/tiny@3", str(desk.folder / "work")),
        ("get", "data/tiny@main", str(desk.folder / "copy")),
        ("preview", "data/tiny@3", "t.csv"),
        ("diff", "data/tiny@2", "data/tiny@3", "--rows"),
    ):
        said = desk.type(*words)
        assert said.code == (1 if harm == "missing" else 3), (words, said)
        assert "data/tiny@3" in said.err, (words, said)
        assert "data/tiny@main" in said.err, (words, said)
        assert said.step.startswith("loopline verify --deep"), (words, said)
        assert "1,9" not in said.out, (words, said)
    assert not (desk.folder / "copy").exists()
    assert not (desk.folder / "work" / "t.csv").exists()


def test_a_ref_that_moved_meanwhile_is_exit_code_5(desk: Desk) -> None:
    """A folder that was checked out before the branch went on is not published over it."""
    other = desk.folder.parent / "other"
    shutil.copytree(desk.folder / "data", other)
    assert desk.type("checkout", "data/tiny@main", str(other), "--force").code == 0
    (desk.folder / "data" / "b.txt").write_text("4\n")
    assert desk.type("add", "data/tiny", "data").code == 0
    (other / "c.txt").write_text("5\n")
    said = desk.type("add", "data/tiny", str(other))
    assert said.code == 5, said
    assert "moved" in said.err
    assert said.step
    assert [one["number"] for one in desk.read("history", "data/tiny")] == [2, 1]


def test_two_writers_of_one_branch_lose_nothing(desk: Desk) -> None:
    """Of writers at the same time each is published or told to look again; the branch points at the last that was."""
    writers = []
    for number in range(4):
        folder = desk.folder.parent / f"w{number}"
        folder.mkdir()
        (folder / "a.txt").write_text(f"{number}\n")
        writers.append(desk.start("add", "data/tiny", str(folder)))
    codes = []
    for writer in writers:
        _, err = writer.communicate(timeout=60)
        assert "locked" not in err
        codes.append(writer.returncode)
    assert set(codes) <= {0, 5}
    assert len(desk.read("history", "data/tiny")) == 1 + codes.count(0)
    assert desk.type("verify", "--deep").code == 0


def test_a_newer_schema_is_refused_with_a_way_out(desk: Desk) -> None:
    """A ledger that a newer Loopline wrote is not touched: exit code 3 and how to upgrade."""
    from pysqlite3 import dbapi2

    connection = dbapi2.connect(str(desk.folder / ".loopline" / "ledger.db"))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    said = desk.type("history", "data/tiny")
    assert said.code == 3
    assert "newer" in said.err
    assert "install -U loopline" in said.step


def test_a_ledger_that_is_no_ledger_is_told(desk: Desk) -> None:
    """A file of garbage is exit code 3 and points at the backups."""
    for path in (desk.folder / ".loopline").glob("ledger.db*"):
        path.unlink()
    (desk.folder / ".loopline" / "ledger.db").write_bytes(b"garbage" * 1000)
    said = desk.type("history", "data/tiny")
    assert said.code == 3
    assert "backup" in said.step


def as_nobody(desk: Desk, *words: str) -> Said:
    """Run a command as somebody whom permissions bind; they may write the project's own folders."""
    if os.geteuid() != 0:
        return desk.type(*words)
    for path in (desk.folder, *desk.folder.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for folder in desk.folder.parents:
        if folder.stat().st_mode & 0o005 != 0o005 and (folder.is_relative_to("/tmp") or folder.is_relative_to(MEMORY)):
            folder.chmod(folder.stat().st_mode | 0o055)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", LOOPLINE, *words]
    done = subprocess.run(
        command, check=False, cwd=desk.folder, env=desk.variables, capture_output=True, text=True, timeout=60
    )
    if "No module named" in done.stderr or "Permission denied: '/root" in done.stderr or "can't open" in done.stderr:
        cannot("somebody else cannot read this Python")
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_read_only_folder_is_told(desk: Desk, tmp_path: Path) -> None:
    """On a read-only disk every command is exit code 3 and says what to change; afterwards all is as it was."""
    where = tmp_path / "ro"
    with mounted(where, "--bind", str(desk.folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(where)], check=True)
        still = object.__new__(Desk)
        still.folder, still.variables = where, desk.variables
        for words in (
            ("add", "data/tiny"),
            ("run", "train"),
            ("branch", "data/tiny", "next"),
            ("history", "data/tiny"),
        ):
            said = still.type(*words)
            assert said.code == 3, (words, said)
            assert "writable" in said.step, (words, said)
    assert desk.type("verify", "--deep").code == 0
    assert desk.type("run", "train").code == 0
