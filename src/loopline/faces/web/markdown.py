"""markdown: a small part of Markdown as markup, for cards and notes that come from anywhere.

Spoken: headings, paragraphs, lists, quotes, rules, fenced code, tables, emphasis, code, links to http, https and mailto. Not
spoken: HTML (it is shown as text), images (they would be fetched; their words stay), nested lists. Headings begin at the level
that the page has left for them. Code and tables may be wider than the page: they scroll by themselves, also by keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from markupsafe import Markup, escape

LONGEST: Final = 65_536
_HEAD = re.compile(r"(#{1,6})[ \t]+(.*)\Z")
_ITEM = re.compile(r"[ \t]{0,3}(?:[-*+]|(\d{1,9})[.)])[ \t]+(.*)\Z")
_RULE = re.compile(r"[ \t]{0,3}(?:-[ \t]*){3,}\Z|[ \t]{0,3}(?:\*[ \t]*){3,}\Z")
_DASHES = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_INLINE = re.compile(
    r"(?P<code>`[^`\n]{1,2000}`)|(?P<image>!\[(?P<alt>[^\[\]\n]{0,500})\]\([^)\s]{0,2000}\))"
    r"|\[(?P<words>[^\[\]\n]{1,500})\]\((?P<to>[^)\s]{1,2000})\)"
    r"|\*\*(?P<strong>[^*\n]{1,2000})\*\*|(?<![\w*])\*(?P<em>[^*\s][^*\n]{0,2000})\*(?!\w)"
)
_CODE: Final = Markup('<pre tabindex="0" role="group" aria-label="Code"><code>{}</code></pre>')
_SAFE: Final = ("https://", "http://", "mailto:")


def render(text: str, *, level: int = 3) -> Markup:
    """Write Markdown as markup whose highest heading is `<h{level}>`. What is longer than a long page is cut."""
    lines = text[:LONGEST].replace("\r\n", "\n").expandtabs(4).split("\n")
    return Markup("\n").join(_blocks(lines, level))


def inline(text: str) -> Markup:
    """Write the inside of a line: emphasis, code, links."""
    parts, at = [], 0
    for found in _INLINE.finditer(text):
        parts.append(escape(text[at : found.start()]))
        parts.append(_span(found))
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


def _span(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"][1:-1])
    if found["image"]:
        return escape(found["alt"])
    if found["strong"]:
        return Markup("<strong>{}</strong>").format(inline(found["strong"]))
    if found["em"]:
        return Markup("<em>{}</em>").format(inline(found["em"]))
    if found["to"].lower().startswith(_SAFE):
        return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(found["to"], found["words"])
    return escape(found["words"])


def _blocks(lines: Sequence[str], level: int) -> Iterator[Markup]:
    at = 0
    while at < len(lines):
        line = lines[at]
        start = at
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            at = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), len(lines))
            yield _CODE.format("\n".join(lines[start + 1 : at]))
            at += 1
        elif found := _HEAD.match(line):
            size = min(level + len(found[1]) - 1, 6)
            yield Markup("<h{0}>{1}</h{0}>").format(size, inline(found[2].rstrip().rstrip("#").rstrip()))
            at += 1
        elif _RULE.match(line):
            yield Markup("<hr>")
            at += 1
        elif "|" in line and at + 1 < len(lines) and "-" in lines[at + 1] and _DASHES.match(lines[at + 1]):
            at = next((n for n in range(at, len(lines)) if "|" not in lines[n]), len(lines))
            yield _table(lines[start:at])
        elif line.startswith(">"):
            at = next((n for n in range(at, len(lines)) if not lines[n].startswith(">")), len(lines))
            inside = [one[1:].removeprefix(" ").lstrip(">") for one in lines[start:at]]
            yield Markup("<blockquote>{}</blockquote>").format(_paragraph(inside))
        elif _ITEM.match(line):
            at = next((n for n in range(at, len(lines)) if not lines[n].strip() or not _goes_on(lines[n])), len(lines))
            yield _list(lines[start:at])
        else:
            at = next((n for n in range(at + 1, len(lines)) if _begins(lines[n])), len(lines))
            yield _paragraph(lines[start:at])


def _begins(line: str) -> bool:
    """Tell whether a line is none of the paragraph before it."""
    return (
        not line.strip()
        or line.startswith(("```", ">", "#", "|"))
        or bool(_ITEM.match(line))
        or bool(_RULE.match(line))
    )


def _goes_on(line: str) -> bool:
    return bool(_ITEM.match(line)) or line.startswith("  ")


def _paragraph(lines: Sequence[str]) -> Markup:
    return Markup("<p>{}</p>").format(inline(" ".join(line.strip() for line in lines)))


def _list(lines: Sequence[str]) -> Markup:
    items: list[str] = []
    first = _ITEM.match(lines[0])
    for line in lines:
        found = _ITEM.match(line)
        if found or not items:
            items.append(found[2] if found else line.strip())
        else:
            items[-1] += " " + line.strip()
    name = Markup("ol") if first and first[1] else Markup("ul")
    return Markup("<{0}>{1}</{0}>").format(
        name, Markup("").join(Markup("<li>{}</li>").format(inline(i)) for i in items)
    )


def _table(lines: Sequence[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(inline(cell)) for cell in rows[0])
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(inline(cell)) for cell in row[: len(rows[0])])
        )
        for row in rows[2:]
    )
    table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)
    return Markup('<div class="scroll" role="group" aria-label="Table" tabindex="0">{}</div>').format(table)
