"""Monitors in a browser: what shows up by itself, and what can be done without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import looking
from .test_services import HERE, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .serving import Server
    from .story import Story

pytestmark = pytest.mark.long


def test_an_alert_shows_up_by_itself_and_is_answered_by_keyboard(
    browser: Browser, fresh: Story, serving: Server
) -> None:
    """A monitor that fires stands on the open page within seconds; Tab and Enter acknowledge it, with a note."""
    with looking(browser, serving.url) as page:
        page.goto("/p/flights/monitors")
        page.wait_for_timeout(400)
        opened(fresh)
        page.wait_for_selector("#open li")
        page.locator("#open summary", has_text="Acknowledge").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("The feed is late.")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "ann sees to it" in page.locator("#open").inner_text()
        assert page.locator("#open summary", has_text="Acknowledge").count() == 0


def test_services_can_be_used_without_script(browser: Browser, served: Server) -> None:
    """From the list to a deployment, its parts, a filter and one prediction, by links and forms alone."""
    with looking(browser, served.url, java_script_enabled=False) as page:
        page.goto("/p/flights/services")
        page.click("text=@prod")
        assert page.url.endswith(HERE)
        page.click("nav.tabs >> text=Predictions")
        page.fill("#f-column", "carrier")
        page.fill("#f-value", "WN")
        page.click("main >> text=Filter")
        assert set(page.locator("#predictions tbody tr td:nth-child(6)").all_inner_texts()) == {"WN"}
        page.locator("#predictions tbody a").first.click()
        assert page.locator("#why li").count() >= 4
        page.click("text=how far inputs have moved")
        page.locator("details.data summary").first.click()
        assert page.locator("details.data table").first.is_visible()
