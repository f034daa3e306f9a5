"""The README's tour, word for word, as a new user would follow it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """Give one section of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_the_tour_of_the_readme_works_word_for_word(tmp_path: Path) -> None:
    """Each command of the tour succeeds, in order, in an empty folder, and the rollback leaves the first model current."""
    script = ["set -eu"]
    programs = iter(["tour.py", "by_hand.py"])
    for block in BLOCK.finditer(section("Sixty seconds by hand")):
        if block["language"] == "sh":
            script.append(block["text"])
        else:
            name = next(programs)
            script.append(f"cat > {name} <<'PROGRAM'\n{block['text']}PROGRAM\n")
    script += ["python by_hand.py", "loopline find", "loopline get model/minutes@champion --json"]
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "by hand" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["result"]["number"] == 1


def test_the_readme_names_only_commands_of_the_makefile() -> None:
    """Each `make WORD` that a reader meets is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "STYLE.md"]
    named = {
        word for page in pages for word in re.findall(r"\bmake ([a-z-]+)", code_of(page.read_text(encoding="utf-8")))
    }
    assert sorted(named - targets) == []


def code_of(text: str) -> str:
    """Give what stands in code blocks and between backticks."""
    return "\n".join([*re.findall(r"```.*?```", text, re.DOTALL), *re.findall(r"`[^`\n]+`", text)])
