"""Push and pull, as somebody at a terminal uses them."""

from __future__ import annotations

import os
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


def test_there_and_into_another_project(flights: Run, tmp_path: Path) -> None:
    """What was pushed is pulled into an empty project, each said in a line, and again there is nothing to do."""
    shared = str(tmp_path / "shared")
    assert flights("push", "data/flights", shared).out == f"data/flights@1 {shared}: 2 blobs, 62 B sent\n"
    assert flights("push", "data/flights", shared).out == f"data/flights@1 {shared}: all is there\n"
    other = tmp_path / "other"
    other.mkdir()
    (other / "loopline.toml").write_text('[project]\nname = "trains"\n')
    os.chdir(other)
    assert flights("pull", "data/flights", shared, "--dry-run", "--json").result["blobs"] == 2
    assert "data/flights@1" in flights("pull", "data/flights", shared).out
    assert flights("cat", "data/flights", "jan.csv").out == "1\n"
    assert "nothing new: data/flights@1 has it" in flights("pull", "data/flights", shared).err


def test_a_store_that_is_not_there(flights: Run, tmp_path: Path) -> None:
    """A folder is made where the one above it is there; otherwise, and for a file, it is said that nothing is there."""
    (tmp_path / "file").write_text("")
    for command, where in (("push", "disk/shared"), ("pull", "shared"), ("push", "file"), ("push", "file/x")):
        said = flights(command, "data/flights", where, "--json")
        assert said.fault["kind"] == "store-missing", (command, where)
    assert flights("push", "data/flights", "shared", "--dry-run", "--json").result["blobs"] == 2
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(
    "address", ["s3://AKIAKEY:topsecret@bucket/x", "s3://bucket/x?secret=topsecret", "ftp://topsecret/x"]
)
def test_an_address_that_holds_a_secret_is_not_shown(flights: Run, address: str) -> None:
    """What may be a secret in an address is refused and not repeated."""
    said = flights("push", "data/flights", address)
    assert said.code == 2
    if not address.startswith("ftp"):
        assert "topsecret" not in said.out + said.err
