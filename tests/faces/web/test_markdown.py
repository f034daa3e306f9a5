from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.web.markdown import render

from .serving import Tree


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("# A **b** `c`\n", "<h3>A <strong>b</strong> <code>c</code></h3>"),
        ("###### deep ##", "<h6>deep</h6>"),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("- a\n- b\n  more", "<ul><li>a</li><li>b more</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("> a\n> b", "<blockquote><p>a b</p></blockquote>"),
        ("```py\n<b>\n```", '<pre tabindex="0" role="group" aria-label="Code"><code>&lt;b&gt;</code></pre>'),
        ("---", "<hr>"),
        ("*em* 2*3*4", "<p><em>em</em> 2*3*4</p>"),
        (
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
            (
                '<div class="scroll" role="group" aria-label="Table" tabindex="0">'
                '<table><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
                "<tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>"
            ),
        ),
        (
            "[docs](https://example.org/a?b=1&c)",
            '<p><a href="https://example.org/a?b=1&amp;c" rel="noopener noreferrer nofollow">docs</a></p>',
        ),
    ],
)
def test_markdown_becomes_markup(text: str, markup: str) -> None:
    """Headings, paragraphs, lists, quotes, code, rules, tables, emphasis and links are written as HTML."""
    assert str(render(text)) == markup


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert`1`)",
        "[x](data:text/html,<script>)",
        "[x](//evil.example)",
        "[x](vbscript:x)",
        '[x](https://a"onmouseover="alert(1))',
        "![x](https://evil.example/pixel.png)",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "`<script>`",
        "```\n</code><script>\n```",
        "| <b> | x |\n| --- | --- |\n| <script> | y |",
        "# <svg onload=alert(1)>",
        "**<iframe>**",
    ],
)
def test_nothing_in_it_acts(text: str) -> None:
    """No script, no picture, no frame, no handler, and no link but to where links may lead."""
    tree = Tree()
    tree.feed(str(render(text)))
    for name, attrs in tree.tags:
        assert name not in ("script", "img", "iframe", "svg", "style")
        assert not [key for key in attrs if key.startswith("on")]
        assert attrs.get("href", "https://").startswith(("https://", "http://", "mailto:"))


@given(st.text("# *_`[]()!|->\n\t<a&1.)", max_size=60))
def test_any_text_is_markup_that_closes(text: str) -> None:
    """Whatever stands in it, every tag closes where it should, and nothing is lost but signs."""
    tree = Tree()
    tree.feed(str(render(text)))
    tree.close()
    assert tree.wrong == []


@pytest.mark.parametrize("sign", ["[", "*", "`", "# #", "|", "> ", "- ", "![", "**", "-", "| - "])
def test_a_hostile_text_takes_no_time(sign: str) -> None:
    """A page full of beginnings that never end is written in a second."""
    begun = time.monotonic()
    render(sign * (65_536 // len(sign)) + "\n" + sign * 1000)
    assert time.monotonic() - begun < 3
