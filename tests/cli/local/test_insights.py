from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said

Run = Callable[..., Said]


def test_the_zone_is_the_projects_and_a_file_has_every_number(run: Run, tmp_path: Path) -> None:
    """What loopline.toml says holds, a flag is stronger; the table is written beside what is drawn, and by a rehearsal not."""
    with Path("loopline.toml").open("a", encoding="utf-8") as file:
        file.write('timezone = "Europe/Berlin"\n')
    assert run("insights", "--csv", "never.csv", "--dry-run").code == 0
    assert not (tmp_path / "never.csv").exists()
    said = run("insights", "--days", "7", "--csv", "out.csv", "--json")
    assert said.code == 0, said.err
    assert said.result["zone"] == "Europe/Berlin"
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert text.startswith("section,of,measure")
    assert "change lead time" in text
    assert run("insights", "--timezone", "UTC", "--json").result["zone"] == "UTC"
    drawn = run("insights")
    assert "survey" in drawn.out
