"""svg: elements as text, escaped; and the frame that every chart stands in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from markupsafe import Markup, escape


def node(name: str, /, *inside: Any, **attributes: Any) -> Markup:
    """Write an element. `class_` is `class`, `_` in a name is `-`; None and False leave an attribute out."""
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        text = place(value) if isinstance(value, float) else str(value)
        parts.append(f'{_attribute(key)}="{escape(text)}"')
    body = "".join(str(escape(one)) for one in inside if one is not None)
    return Markup(f"<{' '.join(parts)}/>" if name in _SHAPES and not body else f"<{' '.join(parts)}>{body}</{name}>")  # noqa: S704 (escaped above)


def join(parts: Iterable[Any]) -> Markup:
    """Put elements behind each other."""
    return Markup("").join(parts)


def place(value: float) -> str:
    """Write a coordinate: two digits behind the point at most. What is no number would break the whole picture."""
    if not math.isfinite(value):
        msg = f"{value} is no place"
        raise ValueError(msg)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def frame(
    *inside: Any, width: float, height: float, title: str, desc: str = "", class_: str = "plot",
    natural: float | None = None, **data: Any,
) -> Markup:  # fmt: skip
    """Write the `<svg>` of a chart. It is one picture to a screen reader unless it holds links.

    `natural` is the width below which it is not squeezed. Its name comes from what it shows: equal pictures are equal text.
    """
    name = f"c{crc32(repr((title, desc, width, height, inside)).encode('utf-8', 'replace')):08x}"
    links = data.pop("links", False)
    return node(
        "svg",
        node("title", title[:300], id=f"{name}-t"),
        node("desc", desc[:600], id=f"{name}-d") if desc else None,
        *inside,
        viewBox=f"0 0 {place(width)} {place(height)}",
        class_=class_,
        width=natural,
        role="group" if links else "img",
        aria_labelledby=f"{name}-t",
        aria_describedby=f"{name}-d" if desc else None,
        **data,
    )


def nothing(title: str, words: str, *, width: float = 640, height: float = 60) -> Markup:
    """Write the picture that stands where there is nothing to draw, and why."""
    rail = node("rect", x="0", y="0", width=width, height=height, rx="6", class_="rail")
    said = text(width / 2, height / 2 + 4, words, anchor="middle")
    return frame(rail, said, width=width, height=height, title=title, desc=words)


def text(x: float, y: float, words: str, *, anchor: str = "", class_: str = "", **more: Any) -> Markup:
    """Write a text at a place."""
    return node("text", words, x=float(x), y=float(y), text_anchor=anchor or None, class_=class_ or None, **more)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], *, label: str, summary: str = "Numbers") -> Markup:
    """Write the numbers behind a chart, folded away."""
    head = node("tr", *(node("th", one, scope="col") for one in heads))
    body = [node("tr", *(node("td", one, class_=None if i == 0 else "n") for i, one in enumerate(row))) for row in rows]
    inner = node("table", node("thead", head), node("tbody", *body))
    region = node("div", inner, class_="scroll", role="group", aria_label=label[:300], tabindex="0")
    return node("details", node("summary", summary), region, class_="data")


def legend(names: Sequence[tuple[str, int, str]]) -> Markup:
    """Write what stands for what: (name, number of its colour, its dashes)."""
    if len(names) < 2:
        return Markup("")
    items = []
    for name, tone, dashes in names:
        stroke = node("path", d="M1 5h20", class_=f"line k{tone}", stroke_dasharray=dashes or None)
        items.append(
            node(
                "li",
                node("svg", stroke, viewBox="0 0 22 10", aria_hidden="true"),
                node("span", name[:80], dir="auto"),
                data_series=tone,
            )
        )
    return node("ul", *items, class_="legend")


def shorten(words: str, letters: int) -> str:
    """Cut a label with an ellipsis."""
    return words if len(words) <= letters else words[: max(1, letters - 1)].rstrip() + "…"


def _attribute(name: str) -> str:
    if name == "viewBox" or name.startswith("preserve"):
        return name
    return name.removesuffix("_").replace("_", "-") if name not in _CAMEL else name


_SHAPES = frozenset({"path", "rect", "circle"})
"""What may close itself; of an element of HTML, a browser would not believe it."""
_CAMEL = frozenset({"viewBox", "preserveAspectRatio"})
