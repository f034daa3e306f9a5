"""walks: lineage as a graph to walk, for the page of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from loopline.faces.web.charts.graph import Node
from loopline.nouns.digest import is_digest_prefix, short
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from loopline.nouns.lineage import Impact, Reason

DRAWN: Final = 60
"""Things that a picture shows; the list below it has all of them."""


def backwards(reason: Reason, href: Callable[[str], str]) -> tuple[list[Node], list[tuple[str, str]], int]:
    """Give nodes and edges of what something came from, and how many things are not drawn. Sources stand on the left."""
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    left_out = set[str]()
    waiting = [(reason, "")]
    while waiting:
        one, above = waiting.pop(0)
        key = f"{one.kind} {one.key}"
        if key not in nodes and len(nodes) >= DRAWN:
            left_out.add(key)
            continue
        if key not in nodes:
            to = (
                ""
                if one.kind in ("change", "package", "trigger", "alert", "incident") or not one.key
                else href(one.key)
            )
            name, note = name_of(one.kind, one.key, one.title), note_of(one.kind, one.key, one.title)
            nodes[key] = Node(key, name, note, one.facts.get("state", ""), to, hot=not above)
        if above and (key, above) not in edges and key != above:
            edges.append((key, above))
        waiting += [(cause, key) for cause in one.because]
    return list(nodes.values()), edges, len(left_out)


def forwards(found: Impact, href: Callable[[str], str]) -> tuple[list[Node], list[tuple[str, str]], int]:
    """Give nodes and edges of what was built from something, the nearest first, and how many things are not drawn.

    Bytes that nobody has named are left to the list, unless there is nothing else.
    """
    named = [one for one in found.reached if one.kind != "artifact"] or list(found.reached)
    start = Node(
        "start", short(found.of) if is_digest_prefix(found.of) else brief_of(found.of), "asked about", hot=True
    )
    nodes = {"start": start}
    keys = {found.of: "start"}
    for one in named[:DRAWN]:
        key = f"{one.kind} {one.key}"
        name, note = name_of(one.kind, one.key, one.title), note_of(one.kind, one.key, one.title)
        nodes[key] = Node(key, name, note, "pass" if one.current else "", href(one.key), hot=one.current)
        keys.setdefault(one.key, key)
    pairs = ((keys.get(one.via, "start"), f"{one.kind} {one.key}") for one in named[:DRAWN])
    edges = list(dict.fromkeys((above, key) for above, key in pairs if above != key))
    return list(nodes.values()), edges, len(found.reached) - len(named[:DRAWN])


def brief_of(key: str) -> str:
    """Write a run's id with the digits that name it, everything else as it is."""
    return brief(key) if len(key) == 32 and all(c in "0123456789abcdef" for c in key) else key


def name_of(kind: str, key: str, title: str) -> str:
    """Say in a few letters what a thing is."""
    if kind in ("run", "change", "alert", "incident"):
        return title or brief(key)
    if kind in ("artifact", "code", "environment"):
        return kind if not is_digest_prefix(key) else f"{kind} {key[7:13]}"
    return key.partition("/")[2] or key


def note_of(kind: str, key: str, title: str) -> str:
    """Say in a few more letters which one it is."""
    match kind:
        case "run" | "change" | "alert" | "incident":
            return f"{kind} {brief(key)[-8:]}"
        case "version":
            return title or key.partition("/")[0]
        case "ref":
            return "ref"
        case _:
            return title
