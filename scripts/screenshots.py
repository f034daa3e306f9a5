"""Picture every page of served demo ledgers: a full one, an empty one, and one that asks for tokens.

`python scripts/screenshots.py [FOLDER]` writes every page as PNG, light, dark and on a phone (docs/screenshots).
`python scripts/screenshots.py --chosen [FOLDER]` writes a set to be kept as WebP, each page in light, and in dark or on a phone,
with a README.md that says what each picture shows (docs/pages).

The full ledger is the story that the browser tests tell; it takes a second to make. Needs Debian's Chromium and playwright
(`pip install -e .[dev]`).
"""

from __future__ import annotations

import base64
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.faces.web.browsing import ADDRESSES, CLOSED, EMPTY, SAID  # noqa: E402 (the repository is no package: its folder is put on the path first)
from tests.faces.web.conftest import CHROMIUM, FLAGS, looking  # noqa: E402 (as above)
from tests.faces.web.posting import token_for  # noqa: E402 (as above)
from tests.faces.web.serving import Server  # noqa: E402 (as above)
from tests.faces.web.story import begin, tell  # noqa: E402 (as above)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
TALLEST = 1500
"""Pixels: what is below them is more of the same."""
QUALITY = 58
"""Of WebP, up to 100: letters are clear, and a page is about 30 KB."""
MOST = 3_900_000
"""Bytes of the chosen set."""
ON_A_PHONE = frozenset({
    "overview",
    "runs",
    "run",
    "compare",
    "change",
    "change-sliced",
    "feed",
    "lineage",
    "services",
    "service",
    "service-quality",
    "predictions",
    "prediction",
    "monitors",
    "incident",
    "insights",
    "login-closed",
})
"""Pages that are pictured on a phone instead of in the dark: what a phone does to them is worth seeing."""
LEFT_OUT = {
    "runs-filtered": "it is the page of runs, with fewer of them",
    "change-unchecked": "it is the page of a change, with less of it",
    "impact": "it is the page of lineage, walked the other way",
    "device": "with a code in it, the same page is `device-waiting`",
    "empty-assets": "it says as much as `empty-runs`",
    "service-failing": "it is the page of a service with what `services` says of one that fails",
    "empty-services": "it says as much as `empty-runs`",
    "empty-monitors": "it says as much as `empty-runs`",
    "empty-incidents": "it says as much as `empty-runs`",
    "empty-insights": "it is the page of insights, with a reason in place of each number",
    "insights-list": "it is a list of changes, as the page of changes is",
    "empty-feed": "it says as much as `empty-runs`",
    "empty-search": "it says as much as `empty-runs`",
    "settings-server": "it is a list of addresses and versions, which differ everywhere",
}
"""Not chosen, and why: another picture shows as much."""


def main() -> int:
    """Take the pictures; fail for what a page does that it should not."""
    from playwright.sync_api import sync_playwright

    chosen = "--chosen" in sys.argv
    given = [Path(one) for one in sys.argv[1:] if one != "--chosen"]
    folder = given[0] if given else ROOT / "docs" / ("pages" if chosen else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            for server, pages in _ledgers():
                _picture(chromium, server, pages, folder, chosen=chosen)
        finally:
            chromium.close()
    if not chosen:
        return 0
    (folder / "README.md").write_text(_index())
    size = sum(one.stat().st_size for one in folder.iterdir())
    print(f"{size:,} bytes")
    return int(size > MOST)


def ways_of(name: str) -> tuple[str, ...]:
    """Say how a page is pictured in the chosen set."""
    return () if name in LEFT_OUT else ("light", "phone" if name in ON_A_PHONE else "dark")


def _ledgers() -> Iterator[tuple[Server, dict[str, str]]]:
    """Give servers with what is to be looked at there: a ledger with a story, an empty one, one that asks for tokens."""
    with _served(told=True) as (server, story):
        yield server, {name: address(story) for name, address in ADDRESSES.items()}
    with _served() as (server, _):
        yield server, EMPTY
    with _served() as (server, story):
        token_for(story, "ann", "admin", everywhere=True)
        yield server, CLOSED


@contextmanager
def _served(*, told: bool = False) -> Iterator[tuple[Server, Any]]:
    with tempfile.TemporaryDirectory() as home:
        story = tell(Path(home)) if told else begin(Path(home))
        server = Server(story.loop).start()
        try:
            yield server, story
        finally:
            server.stop()


def _picture(chromium: Browser, server: Server, pages: dict[str, str], folder: Path, *, chosen: bool) -> None:
    for way, how in WAYS.items():
        with looking(chromium, server.url, expected=("status of 404",), **how) as page:
            for name, address in pages.items():
                if chosen and way not in ways_of(name):
                    continue
                page.goto(address, wait_until="load")
                page.wait_for_timeout(150)
                path = folder / f"{name}-{way}.{'webp' if chosen else 'png'}"
                path.write_bytes(_taken(page, "webp" if chosen else "png"))
                print(path.name)


def _taken(page: Page, form: str) -> bytes:
    """Ask Chromium itself: playwright writes no WebP."""
    wide, tall = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": wide, "height": min(tall, TALLEST), "scale": 1}
    asked: dict[str, Any] = {"format": form, "clip": clip, "captureBeyondViewport": True}
    session = page.context.new_cdp_session(page)
    found = session.send("Page.captureScreenshot", asked | ({"quality": QUALITY} if form == "webp" else {}))
    session.detach()
    return base64.b64decode(found["data"])


def _index() -> str:
    """Write what each picture shows."""
    lines = ["# The pages in pictures", "", "Written by `make pictures`.", ""]
    for name in _shown():
        pictures = " ".join(f"![{name}, {way}]({name}-{way}.webp)" for way in ways_of(name))
        lines += [f"## {name}", "", SAID[name], "", pictures, ""]
    lines += ["## Left out", "", "Tests look at these pages, too; a picture of them would show nothing new.", ""]
    lines += [f"- {name}: {why}" for name, why in LEFT_OUT.items()]
    lines += [
        "",
        "Every page is pictured in light, and in dark or on a phone; `python scripts/screenshots.py` takes all in all ways.",
        "",
    ]
    return "\n".join(lines)


def _shown() -> Iterable[str]:
    return (name for name in (*ADDRESSES, *EMPTY, *CLOSED) if ways_of(name))


if __name__ == "__main__":
    sys.exit(main())
