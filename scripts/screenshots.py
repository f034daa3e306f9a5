"""Write docs/screenshots/*.png: every page of a served demo ledger, light, dark and on a phone.

`python scripts/screenshots.py [FOLDER]`. The ledger is the story that the browser tests tell; it takes a second to make. Needs
Debian's Chromium and playwright (`pip install -e .[dev]`).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.faces.web.browsing import ADDRESSES  # noqa: E402 (the repository is no package: its folder is put on the path first)
from tests.faces.web.conftest import CHROMIUM, FLAGS, looking  # noqa: E402 (as above)
from tests.faces.web.serving import Server  # noqa: E402 (as above)
from tests.faces.web.story import tell  # noqa: E402 (as above)

WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
TALLEST = 1500
"""Pixels: what is below them is more of the same."""
LEFT_OUT = ("runs-filtered",)


def main() -> int:
    """Take every picture; say what a page does that it should not."""
    from playwright.sync_api import sync_playwright

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        story = tell(Path(home))
        server = Server(story.loop).start()
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            for way, how in WAYS.items():
                with looking(chromium, server.url, expected=("status of 404",), **how) as page:
                    for name, address in ADDRESSES.items():
                        if name in LEFT_OUT:
                            continue
                        page.goto(address(story), wait_until="load")
                        page.wait_for_timeout(150)
                        tall = page.evaluate("document.documentElement.scrollHeight")
                        wide = page.evaluate("innerWidth")
                        page.screenshot(
                            path=folder / f"{name}-{way}.png",
                            full_page=True,
                            clip={"x": 0, "y": 0, "width": wide, "height": min(tall, TALLEST)},
                        )
                        print(f"{name}-{way}.png")
        finally:
            chromium.close()
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
