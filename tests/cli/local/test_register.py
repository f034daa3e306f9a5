"""What lies in a folder, registered and used as somebody at a terminal does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said

Run = Callable[..., Said]


def test_a_version_that_lies_elsewhere_is_used_as_any_other(run: Run, tmp_path: Path) -> None:
    """It is checked out, shown, compared, verified and pushed; the pushed copy outlives the place, which is missed otherwise."""
    source = tmp_path / "elsewhere"
    source.mkdir()
    for name, text in {"jan.csv": "id,km\n1,2\n", "feb.csv": "id,km\n2,3\n"}.items():
        (source / name).write_text(text)
    assert "2 files, 20 B to read" in run("register", "data/raw", str(source), "--dry-run").out
    said = run("register", "data/raw", str(source))
    assert (said.code, "data/raw@1" in said.out, "2 files, 20 B read" in said.out) == (0, True, True)
    assert "nothing to read" in run("register", "data/raw", str(source)).out
    (source / "mar.csv").write_text("id,km\n3,4\n")
    assert run("register", "data/raw", str(source), "-m", "March", "--json").result["read"] == 1
    assert run("cat", "data/raw", "mar.csv").out == "id,km\n3,4\n"
    assert "mar.csv" in run("diff", "data/raw@1", "data/raw@2").out
    assert run("checkout", "data/raw", "copy").code == 0
    assert (tmp_path / "copy" / "jan.csv").read_text() == "id,km\n1,2\n"
    assert not Path(tmp_path / "copy" / "jan.csv").samefile(source / "jan.csv")
    assert f"3 blobs, 30 bytes, are read where they lie: in {source}" in run("verify", "--deep").out
    assert run("gc", "--json").result["kept"] >= 5, "files and trees are in use"
    assert run("push", "data/raw", str(tmp_path / "shared")).code == 0
    (source / "jan.csv").unlink()
    failed = run("verify")
    assert (failed.code, f"registered in {source}/jan.csv" in failed.out) == (1, True)
    assert str(source / "jan.csv") in run("cat", "data/raw", "jan.csv").err
    assert run("verify", "--repair", str(tmp_path / "copy")).code == 0
    assert run("cat", "data/raw", "jan.csv").out == "id,km\n1,2\n"
    other = tmp_path / "other"
    other.mkdir()
    (other / "loopline.toml").write_text('[project]\nname = "trains"\n')
    os.chdir(other)
    assert run("pull", "data/raw", str(tmp_path / "shared")).code == 0
    assert run("cat", "data/raw", "feb.csv").out == "id,km\n2,3\n"
