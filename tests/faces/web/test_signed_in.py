"""A browser that is signed in, in Chromium: its own forms change things, those of other sites do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import looking
from .posting import token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .serving import Server
    from .story import Story

pytestmark = pytest.mark.long


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("script", ["with script", "without script"])
def test_forms_of_our_own_pages_go_through(script: str, browser: Browser, fresh: Story, serving: Server) -> None:
    """Who has signed in with a browser gives a role and signs out by what stands on the pages, with script and without."""
    token = token_for(fresh, "ann", "admin", everywhere=True)
    with looking(browser, serving.url, java_script_enabled=script == "with script") as page:
        page.goto("/login?next=/p/flights/settings/people")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/settings/people")
        form = page.locator("form", has=page.locator('input[name="do"][value="grant"]'))
        form.locator('[name="who"]').fill("bob")
        form.locator('[name="role"]').fill("team/ml-leads")
        form.get_by_role("button").click()
        page.get_by_role("rowheader", name="team/ml-leads").wait_for()
        page.goto("/login")
        page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()
        assert page.get_by_text("You are signed in").count() == 0
    with fresh.loop.ledger.read() as tx:
        assert tx.teams.all("flights")["team/ml-leads"] == {"person:bob"}
