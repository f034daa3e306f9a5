"""What clashes in a merge, and a button for each side."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from loopline.datasets.tree import build
from loopline.nouns.entry import Entry
from loopline.nouns.name import Named, Pointer, RefName

from .posting import Hand, token_for
from .serving import wrong_with
from .story import DATA

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story

MAIN = RefName(DATA, "main")
HERE = f"/p/flights/merge?ref={quote(str(MAIN), safe='')}"
POST = "/p/flights/merge"


def files(story: Story, **bodies: str) -> str:
    """Store a tree; `__` in a name is a slash."""
    put = story.loop.blobs.put
    some = ((name.replace("__", "/"), body.encode()) for name, body in bodies.items())
    return build(story.loop.blobs, sorted(Entry(path, put(body), len(body)) for path, body in some))


@pytest.fixture
def clashing(fresh: Story) -> Story:
    """Give two branches that disagree about a, jan/1 and jan/2."""
    same = {"a": "1", "jan__1": "1", "jan__2": "1"}
    fresh.do("add", DATA, tree=files(fresh, **same))
    fresh.do("branch", DATA, "fix")
    for branch in ("fix", "main"):
        fresh.do("add", DATA, tree=files(fresh, **dict.fromkeys(same, branch), **{f"{branch}only": "1"}), branch=branch)
    return fresh


def begun(story: Story) -> Story:
    """Begin the merge."""
    story.do("merge", Pointer(DATA, Named("fix")), MAIN)
    return story


def test_a_merge_is_begun_chosen_and_finished_on_pages(clashing: Story, serving: Server) -> None:
    """From the form of the asset over a button for a path and one for a folder to the change that moves the ref."""
    hand = Hand(serving)
    asset = hand.get("/p/flights/assets/data/flights")
    assert (asset.status, wrong_with(asset), "Paths clash" in asset.text) == (200, [], False)
    sent = hand.post(POST, do="merge", source="data/flights@fix", ref=str(MAIN))
    assert (sent.status, sent.headers["location"]) == (303, HERE)
    assert "Paths clash in a merge into" in hand.get("/p/flights/assets/data/flights").text
    page = hand.get(HERE)
    assert (page.status, wrong_with(page)) == (200, [])
    for words in ("jan/1", "edit/edit", "3 paths", "left to choose", "loopline merges data/flights@main"):
        assert words in page.text, words
    assert "disabled" in page.html.partition('value="continue"')[2].partition("</button>")[0]
    assert hand.post(POST, do="theirs", ref=str(MAIN), like="jan/").headers["location"] == HERE
    assert "jan/1" not in hand.get(f"{HERE}&left=1").text
    assert hand.post(POST, do="ours", ref=str(MAIN), one="a", left="1").headers["location"].endswith("left=1")
    assert "A side is chosen for every path" in hand.get(HERE).text
    done = hand.post(POST, do="continue", ref=str(MAIN))
    assert done.status == 303
    assert done.headers["location"].startswith("/p/flights/changes/")
    assert [one.path for one in clashing.do("ls", "data/flights@main")] == [
        "a",
        "fixonly",
        "jan/1",
        "jan/2",
        "mainonly",
    ]
    assert hand.get(HERE).status == 404


def test_what_goes_wrong_is_told_where_the_form_stood(clashing: Story, serving: Server) -> None:
    """A path that does not clash, and a button that there is not."""
    begun(clashing)
    hand = Hand(serving)
    for fields, status, words in (
        ({"do": "ours", "one": "mainonly"}, 404, "nothing that clashes is called 'mainonly'"),
        ({"do": "ours", "like": ""}, 404, "nothing that clashes is called"),
        ({"do": "no"}, 400, "a merge knows no"),
    ):
        page = hand.post(POST, ref=str(MAIN), **fields)
        assert words in page.text
        assert page.status in (status, 422)
        assert wrong_with(page) == []
    assert hand.post(POST, do="abandon", ref=str(MAIN)).headers["location"] == "/p/flights/assets/data/flights"


def test_whoever_may_only_look_gets_no_buttons(clashing: Story, serving: Server) -> None:
    """They see what clashes, and sending a form anyway is refused."""
    begun(clashing)
    token_for(clashing, "root", "admin", everywhere=True)
    viewer = Hand(serving, token_for(clashing, "vic", "viewer"))
    page = viewer.get(HERE)
    assert "jan/1" in page.text
    assert "<button" not in page.html.partition('<div class="cols side">')[2].partition("</main>")[0]
    assert "you may not merge in flights" in page.text
    for do in ("ours", "continue", "abandon", "merge"):
        assert viewer.post(POST, do=do, ref=str(MAIN), one="a", source="data/flights@fix").status == 403
    assert clashing.do("merges")[0].left == 3


def test_a_long_list_goes_on_behind_its_last_path(fresh: Story, serving: Server) -> None:
    """A page has a hundred paths and leads to the next one."""
    for branch in ("main", "fix"):
        if branch == "fix":
            fresh.do("branch", DATA, "fix")
        fresh.do("add", DATA, tree=files(fresh, **{f"p{n:03d}": branch for n in range(130)}), branch=branch)
    fresh.do("add", DATA, tree=files(fresh, **{f"p{n:03d}": "other" for n in range(130)}))
    begun(fresh)
    first = Hand(serving).get(HERE)
    (more,) = [one["href"] for one in first.tree.all("a", rel="next")]
    assert "p099" in first.text
    assert "p100" not in first.text
    second = Hand(serving).get(more).text
    assert "p129" in second
    assert "p098" not in second


def test_a_button_is_for_its_path_whatever_that_is_called(fresh: Story, serving: Server) -> None:
    """Names with line breaks, with spaces around them, with markup, as long as can be, or that look like a pattern."""
    names = ["*", " a ", "a\r\nb", "\n", "%2A", "<script>x</script>", "jan/[1]?", "+", "l" * 4096, "caf\xe9"]
    for branch, body in (("main", "1"), ("fix", "2"), ("main", "3")):
        fresh.do("add", DATA, tree=files(fresh, **dict.fromkeys(names, body)), branch=branch)
        if body == "1":
            fresh.do("branch", DATA, "fix")
    begun(fresh)
    hand = Hand(serving)
    for left in range(len(names), 0, -1):
        page = hand.get(f"{HERE}&left=1")
        assert wrong_with(page) == []
        first = page.tree.all("input", name="one")[0]["value"]
        assert hand.post(POST, do="theirs", ref=str(MAIN), one=first, left="1").status == 303
        assert fresh.do("merges")[0].left == left - 1


def test_main_may_be_merged_into_a_branch(clashing: Story, serving: Server) -> None:
    """The form of the asset offers it behind the branches."""
    page = Hand(serving).get("/p/flights/assets/data/flights")
    offered = page.html.partition('id="f-source"')[2].partition("</select>")[0]
    assert offered.index('"data/flights@fix"') < offered.index('"data/flights@main"')
