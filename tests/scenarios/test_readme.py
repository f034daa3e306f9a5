"""The README's tour, word for word, as a new user would follow it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import cannot
from tests.faces.web.conftest import CHROMIUM, FLAGS, looking
from tests.started import serving

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(?P<language>sh|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """Give one section of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def typed(title: str) -> list[str]:
    """Give what a section has a reader type."""
    return [block["text"] for block in BLOCK.finditer(section(title)) if block["language"] == "sh"]


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Follow the tour in an empty folder, and give that and what was printed."""
    folder = tmp_path_factory.mktemp("reader")
    script = ["set -eu"]
    programs = iter(["tour.py", "by_hand.py"])
    for block in BLOCK.finditer(section("Sixty seconds by hand")):
        if block["language"] == "sh":
            script.append(block["text"])
        else:
            name = next(programs)
            script.append(f"cat > {name} <<'PROGRAM'\n{block['text']}PROGRAM\n")
    script += ["python by_hand.py", "loopline find", "loopline get model/minutes@champion --json"]
    done = bash("\n".join(script), folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture
def reader(tour: tuple[Path, str], tmp_path: Path) -> Path:
    """Give a folder of one's own with the tour as it was left, to go on from there."""
    return Path(shutil.copytree(tour[0], tmp_path / "reader"))


def bash(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type a script as the reader."""
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(folder) | variables, capture_output=True, text=True, check=False,
        timeout=100,
    )  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """What a reader's shell has: `loopline` on the path, a home, and no setting of Loopline's."""
    reader = folder if (folder / "tour").exists() or not (folder.parent / "tour").exists() else folder.parent
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(reader), "LANG": "C.UTF-8"}


@pytest.mark.long
def test_the_tour_of_the_readme_works_word_for_word(tour: tuple[Path, str]) -> None:
    """Each command of the tour succeeds, in order, in an empty folder, and the rollback leaves the first model current."""
    said = tour[1]
    assert "by hand" in said
    assert json.loads(said.splitlines()[-1])["result"]["number"] == 1


@pytest.mark.long
def test_the_readme_serves_word_for_word(reader: Path) -> None:
    """The champion is served, `curl` gets a prediction, and it is found by links, by address and in a terminal."""
    if not shutil.which("curl"):
        cannot("there is no curl on this machine: apt-get install curl")
    here, port = reader / "tour", free_port()
    first, *others = typed("Serve it")
    done = bash("set -eu\n" + first.replace("loopline up\n", ""), here)
    assert done.returncode == 0, done.stdout + done.stderr
    (page,) = re.findall(r"<http://127.0.0.1:4040(/[^>]+)>", section("Serve it"))
    with serving(here, port=port) as server:
        until = time.monotonic() + 30
        while " ready " not in (told := bash("loopline services", here).stdout):
            assert time.monotonic() < until, told
            time.sleep(0.2)
        done = bash("set -eu\n" + "\n".join(others), here)
        assert done.returncode == 0, done.stdout + done.stderr
        for words in ('"example":', '"predict":32.98', "km 12.5", "taken          1", "100%", "mae"):
            assert words in done.stdout, done.stdout
        there, listed = walk(server.url, "/p/tour", "Services", "@prod", "Predictions")
        assert "32.9864" in listed
        assert "prediction?id=first%3A0" in listed, there
        for part in ("12.5", "32.9864", "34", "model/minutes@1", "lineage"):
            assert part in got(server.url + page), part


def walk(url: str, there: str, *words: str) -> tuple[str, str]:
    """Follow links by their words, and give where they lead and what is there."""
    shown = got(url + there)
    for word in words:
        links = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', shown, re.DOTALL)
        there = next(href for href, inner in links if re.sub(r"<[^>]+>", "", inner).strip() == word)
        shown = got(url + there)
    return there, shown


def got(url: str) -> str:
    """Get a page."""
    with urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.long
@pytest.mark.timeout(360)
def test_the_team_of_the_readme_works_word_for_word(reader: Path) -> None:
    """A server is started, a colleague pushes a run from another folder, and the admin lets it through in the browser."""
    if not CHROMIUM:
        cannot("there is no Chromium on this machine: apt-get install chromium")
    folder, here, port = reader, reader / "tour", free_port()
    first, second = (text.replace("4040", str(port)) for text in typed("With a team"))
    done = bash("set -eu\n" + first.replace("loopline up\n", ""), here)
    assert done.returncode == 0, done.stdout + done.stderr
    ann, bea = re.findall(r"\bll_[a-z2-7]{12}_[0-9A-Za-z]+", done.stdout)
    with serving(here, port=port):
        pushed = bash("set -eu\n" + second.replace("--token ", "--token <<< $BEA "), folder, BEA=bea)
        assert pushed.returncode == 8, pushed.stdout + pushed.stderr
        let_through(f"http://127.0.0.1:{port}", ann)
        asked = f"export LOOPLINE_URL=http://127.0.0.1:{port} LOOPLINE_TOKEN={ann}\n"
        done = bash(asked + "loopline get model/minutes@champion --json", folder / "bea")
        assert json.loads(done.stdout)["result"]["number"] == 3
    assert not (folder / "bea" / ".loopline" / "ledger.db").exists()


def let_through(url: str, token: str) -> None:
    """Do what the README says of Ann: open the address, sign in, find what waits, approve and apply."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with looking(chromium, url) as page:
            page.goto("/")
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Sign in").click()
            waiting = page.locator("section", has=page.get_by_role("heading", name="Waits for you"))
            waiting.get_by_role("link", name="July, mended", exact=True).click()
            page.get_by_role("heading", name="July, mended").wait_for()
            evidence = page.locator("#evidence")
            evidence.get_by_text("each on its own rows").wait_for()
            shown = [row.locator("td").all_inner_texts() for row in evidence.locator("tbody tr").all()]
            assert shown
            assert all(re.fullmatch(r"[\d.\u202f]+", cell) for cells in shown for cell in cells[:2]), shown
            assert page.get_by_role("button", name="Run the checks").count() == 0
            page.get_by_role("link", name="Compare row by row").click()
            page.locator("#data").get_by_text("rows").first.wait_for()
            page.get_by_role("button", name="Approve").click()
            page.get_by_text("Everything holds").wait_for()
            page.get_by_role("button", name="Apply").click()
            page.locator("#stand .badge", has_text="applied").wait_for()
        chromium.close()


def test_the_readme_names_only_commands_of_the_makefile() -> None:
    """Each `make WORD` that a reader meets is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "STYLE.md"]
    named = {
        word for page in pages for word in re.findall(r"\bmake ([a-z-]+)", code_of(page.read_text(encoding="utf-8")))
    }
    assert sorted(named - targets) == []


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def code_of(text: str) -> str:
    """Give what stands in code blocks and between backticks."""
    return "\n".join([*re.findall(r"```.*?```", text, re.DOTALL), *re.findall(r"`[^`\n]+`", text)])
