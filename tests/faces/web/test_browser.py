"""Every page in Debian's Chromium: both themes, a phone, no script, axe-core; and what only a browser shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import pytest

from loopline.nouns.run import Point

from .browsing import ADDRESSES
from .conftest import looking
from .posting import token_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from .serving import Server
    from .story import Story

pytestmark = pytest.mark.long

WAYS: dict[str, Any] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
MISSING = ("status of 404",)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("way", "themes"), [("light", ("light", "dark")), ("phone", ("light",))])
def test_nothing_is_in_anybodys_way(
    way: str, themes: tuple[Literal["light", "dark"], ...], browser: Browser, served: Server, story: Story
) -> None:
    """On no page anything is serious to axe-core, a landmark twice, sticking out, leaving the host or breaking the policy."""
    from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

    axe, found = Axe(), {}
    with looking(browser, served.url, expected=MISSING, **WAYS[way]) as page:
        for name, address in ADDRESSES.items():
            page.goto(address(story), wait_until="load")
            for theme in themes:
                page.emulate_media(color_scheme=theme)
                for one in axe.run(page).response["violations"]:
                    if one["impact"] in ("serious", "critical") or one["id"] == "landmark-unique":
                        found[f"{name}: {theme}: {one['id']}"] = [
                            (node["html"][:160], node["any"][:1]) for node in one["nodes"][:2]
                        ]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                found[f"{name}: too wide"] = wide
    assert found == {}


@pytest.mark.long
def test_every_page_says_its_part_without_script(browser: Browser, served: Server, story: Story) -> None:
    """With JavaScript off every page has its heading, and none offers what needs script."""
    with looking(browser, served.url, java_script_enabled=False, expected=MISSING) as page:
        for address in ADDRESSES.values():
            page.goto(address(story))
            assert page.locator("h1").is_visible()
            assert (
                page.locator("button[data-copy]:visible, [data-theme-switch]:visible, [data-help]:visible").count() == 0
            )


@pytest.mark.slow
def test_runs_are_found_and_compared_without_script(browser: Browser, served: Server) -> None:
    """With JavaScript off menus open, and links and forms lead on."""
    with looking(browser, served.url, java_script_enabled=False) as page:
        page.goto("/p/flights/runs")
        assert page.locator("h1").is_visible()
        assert page.locator("button[data-copy]:visible, [data-theme-switch]:visible, [data-help]:visible").count() == 0
        page.fill("#where", "params.depth = 7")
        page.click("text=Apply")
        assert page.locator("tbody tr").count() == 3
        for box in page.locator("input[name=run]").all()[:2]:
            box.check()
        page.click("text=Compare the chosen")
        assert "Compare 2 runs" in page.title() or page.locator("h1").inner_text() == "Compare 2 runs"
        page.locator("details.data summary").first.click()
        assert page.locator("details.data table").first.is_visible()


def test_somebody_signs_in_and_out(browser: Browser, fresh: Story, serving: Server) -> None:
    """A wrong token is told in the colour of what is wrong; signed in one sees as whom; signed out, every page asks again."""
    token = token_for(fresh, "ann", "admin", everywhere=True)
    with looking(browser, serving.url, expected=("status of 403", "status of 401")) as page:
        page.goto("/p/flights/runs")
        assert page.url.endswith("/login?next=%2Fp%2Fflights%2Fruns")
        page.get_by_label("Token").fill("ll_wrong")
        page.get_by_role("button", name="Sign in").click()
        assert page.locator(".note.bad[role=alert]").is_visible()
        assert page.locator(".panel").bounding_box()["width"] <= 28 * 16  # type: ignore[index]
        assert _painted(page.locator("main .button")) == page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
        )
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/p/flights/runs")
        assert page.locator(".self .who").inner_text() == "ann"
        page.locator(".self").get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login")
        page.goto("/p/flights/runs")
        assert "/login?next=" in page.url


def test_on_a_phone_one_sees_who_one_is(browser: Browser, fresh: Story, serving: Server) -> None:
    """The bar of a phone names the project, on one line, and whoever is signed in, and leads to where they sign out."""
    token = token_for(fresh, "ann", "admin", everywhere=True)
    with looking(browser, serving.url, **WAYS["phone"]) as page:
        page.goto("/login?next=/p/flights")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        project = page.locator(".switcher")
        assert project.inner_text() == "flights"
        assert project.evaluate("one => one.getBoundingClientRect().height") < 30
        page.locator(".self .who a").click()
        page.wait_for_url("**/settings")
        page.locator("main").get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/login")


def test_the_theme_is_kept_in_the_browser(browser: Browser, served: Server) -> None:
    """The switch goes from the system's theme to light, to dark, and back; a choice survives the next page."""
    with looking(browser, served.url, color_scheme="light") as page:
        page.goto("/p/flights")
        ground = _ground(page)
        switch = page.locator("[data-theme-switch]")
        switch.click()
        assert _ground(page) == ground
        switch.click()
        assert _ground(page) != ground
        page.goto("/p/flights/runs")
        assert page.locator("[data-theme-name]").inner_text() == "dark"
        assert _ground(page) != ground
        page.locator("[data-theme-switch]").click()
        assert _ground(page) == ground


def test_keys_lead_everywhere(browser: Browser, served: Server) -> None:
    """/ searches, g r goes to runs, j and k walk, x chooses, Enter opens, ? helps, Ctrl+K finds by name."""
    with looking(browser, served.url) as page:
        page.goto("/p/flights")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.locator("dialog h2").inner_text() == "Keys"
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        with page.expect_navigation():
            page.keyboard.press("r")
        assert page.url.endswith("/p/flights/runs")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.locator("[data-picked]").inner_text() == "2 of up to 10"
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert "/runs/" in page.url
        page.keyboard.press("Control+k")
        page.keyboard.type("overv")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.locator("h1").inner_text() == "flights"


def test_the_first_tab_skips_to_the_content(browser: Browser, served: Server) -> None:
    """Whoever walks by Tab may pass the navigation, and sees where they are."""
    with looking(browser, served.url) as page:
        page.goto("/p/flights")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_what_happens_shows_up_by_itself(browser: Browser, fresh: Story, serving: Server) -> None:
    """A run that begins stands on the open page within seconds, what was there stays, and what was unfolded stays so."""
    first = fresh.do("start", "first")
    with looking(browser, serving.url) as page:
        page.goto("/p/flights")
        assert page.locator("#running li").count() == 1
        page.wait_for_timeout(400)
        fresh.do("start", "second")
        page.wait_for_function("() => document.querySelectorAll('#running li').length === 2")
        fresh.do("finish", first.id)
        page.wait_for_function("() => document.querySelectorAll('#running li').length === 1")
        assert "second" in page.locator("#running").inner_text()


def test_curves_and_logs_grow_while_a_run_runs(browser: Browser, fresh: Story, serving: Server) -> None:
    """New points are drawn, new lines of the log are appended, and at the end the page says so."""
    run = fresh.do("start", "train")
    fresh.do("log", run.id, points=tuple(Point("loss", 1 / (i + 1), i) for i in range(5)))
    folder = fresh.loop.work / "logs"
    folder.mkdir(parents=True)
    log = folder / f"{run.id}.log"
    log.write_text("epoch 1\n")
    with looking(browser, serving.url) as page:
        page.goto(f"/p/flights/runs/{run.id}")
        before = page.locator("#curves path.line").get_attribute("d")
        fresh.do("log", run.id, points=tuple(Point("loss", 1 / (i + 1), i) for i in range(5, 50)))
        page.wait_for_function("d => document.querySelector('#curves path.line').getAttribute('d') !== d", arg=before)
        page.goto(f"/p/flights/runs/{run.id}/log")
        assert page.locator("pre.log").inner_text().strip() == "epoch 1"
        with log.open("a") as file:
            file.write("epoch 2: <b>ünï</b>\n")
        page.wait_for_function("() => document.querySelector('pre.log').textContent.includes('epoch 2: <b>ünï</b>')")
        fresh.do("finish", run.id)
        page.wait_for_function("() => document.querySelector('#run-head .badge').textContent.includes('finished')")


def test_a_curve_can_be_read_and_zoomed(browser: Browser, served: Server, story: Story) -> None:
    """Under the pointer stand step and values of every series; dragging zooms; the legend hides a series; arrows walk."""
    with looking(browser, served.url) as page:
        page.goto(f"/p/flights/runs/{story.named['finished']}")
        chart = page.locator("svg[data-chart=line]").first
        box = chart.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        text = page.locator(".readout").inner_text()
        assert "step 1" in text
        assert "train/loss" in text
        assert 0.3 < float(text.split()[-1]) < 0.8
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40)
        page.mouse.up()
        assert page.locator("figure.zoomed").count() == 1
        page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + 40)
        assert page.locator("figure.zoomed").count() == 0
        page.locator(".legend button").first.click()
        assert page.locator("svg[data-chart=line] path.off").count() == 1
        chart.focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(".readout").is_visible()


def test_tables_sort_by_what_their_cells_mean(browser: Browser, served: Server, story: Story) -> None:
    """A click on a heading sorts by number, a second one the other way; the heading says which."""
    with looking(browser, served.url) as page:
        page.goto(f"/p/flights/runs/{story.named['finished']}/metrics")
        head = page.locator("table[data-table] th button", has_text="Value")
        head.click()
        numbers = [float(cell) for cell in page.locator("table[data-table] td.n").all_inner_texts()]
        assert numbers == sorted(numbers)
        head.click()
        assert [float(cell) for cell in page.locator("table[data-table] td.n").all_inner_texts()] == sorted(
            numbers, reverse=True
        )
        assert page.locator("th[aria-sort=descending]").count() == 1


def test_a_page_is_quick(browser: Browser, served: Server, story: Story) -> None:
    """The first paint of a run's page comes within a second, and all that it loads stays below 200 KB."""
    with looking(browser, served.url) as page:
        sizes: list[int] = []
        page.on("response", lambda response: sizes.append(len(response.body())))
        began = time.monotonic()
        page.goto(f"/p/flights/runs/{story.named['finished']}", wait_until="load")
        took = time.monotonic() - began
        assert sum(sizes) < 200_000
        assert took < 5


def _painted(what: Locator) -> str:
    """Give the colour of a ground as `#rrggbb`."""
    color: str = what.evaluate("one => getComputedStyle(one).backgroundColor")
    return "#" + "".join(f"{int(part):02x}" for part in color[4:-1].split(", "))


def _ground(page: Page) -> str:
    color: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return color
