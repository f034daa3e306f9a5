"""Served ledgers, and a Chromium that looks at them and complains about whatever a page should not do."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import cannot

from .serving import Server
from .story import Story, again, begin, keep, tell

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
    "--disable-sync", "--no-first-run", "--disable-domain-reliability",
)  # fmt: skip


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Give the story of a team, told once by whichever process of the tests comes first: it takes six seconds."""
    here = tmp_path_factory.mktemp("story")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return tell(here)
    shared = tmp_path_factory.getbasetemp().parent
    first, file = shared / "story", shared / "story.kept"
    with (shared / "story.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            shutil.rmtree(first, ignore_errors=True)
            first.mkdir()
            keep(tell(first), file)
    shutil.copytree(first, here, dirs_exist_ok=True)
    return again(here, file)


@pytest.fixture(scope="session")
def served(story: Story) -> Iterator[Server]:
    """Serve it. Tests only read it."""
    server = Server(story.loop).start()
    yield server
    server.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Story:
    """Give an empty ledger that a test may write to."""
    return begin(tmp_path)


@pytest.fixture
def serving(fresh: Story) -> Iterator[Server]:
    """Serve that."""
    server = Server(fresh.loop).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")  # Playwright keeps an event loop running in this thread, which other files may not find
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium once for each file."""
    if not CHROMIUM:
        cannot("there is no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


class Watch:
    """Everything that a page did and should not have."""

    def __init__(self, page: Page, url: str) -> None:
        self.wrong: list[str] = []
        self._host = urlsplit(url).netloc
        self.expected: tuple[str, ...] = ()
        """Parts of complaints that a test provokes."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(one in message.text for one in self.expected):
            self.wrong.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host and not request.url.startswith(("data:", "about:")):
            self.wrong.append(f"left the host: {request.url}")


@contextmanager
def looking(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    """Open a page for a while; it fails for console errors, Content-Security-Policy violations and requests to other hosts."""
    expected = how.pop("expected", ())
    context = browser.new_context(
        base_url=url, **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **how}
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    watch = Watch(page, url)
    watch.expected = expected
    try:
        yield page
        assert watch.wrong == []
    finally:
        context.close()
