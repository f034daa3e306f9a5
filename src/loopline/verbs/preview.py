"""preview: look into a file of a version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import Invalid, LooplineError, Unavailable
from loopline.loop import Loop
from loopline.nouns.artifact import JSON, MODEL, TREE
from loopline.nouns.entry import Entry
from loopline.nouns.name import Pointer
from loopline.nouns.preview import Form, Preview
from loopline.verbs.comparing import NO_TABLE
from loopline.verbs.profiling import cell_of, column_of
from loopline.verbs.tabling import summary

if TYPE_CHECKING:
    from loopline.nouns.digest import Digest
    from loopline.nouns.version import Version

MOST_ROWS: Final = 100
"""As many as `datasets/profile.py` keeps."""
TEXT: Final = 256 * 1024
"""Bytes of a text that are shown."""
TABLE: Final = 256 * 1024 * 1024
"""Bytes of a table that is profiled; of a larger one nothing is read."""
IMAGE: Final = 8 * 1024 * 1024
_MARKS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
)  # fmt: skip
"""How images begin. SVG is none of them: it can hold script."""


def preview(
    loop: Loop,
    version: Annotated[Pointer, "the version to look into"],
    path: Annotated[str, "its file; nothing where the version is one blob"] = "",
    *,
    rows: Annotated[int, "how many rows of a table"] = 20,
) -> Preview:
    """Show the beginning of a file: rows of a table with a summary of each column, text, or what an image is.

    Nothing in the file is executed or followed. Large files are shown in part; a table of more than 256 MiB is not opened.

    Example:
        loopline preview data/flights@main 2013-01.csv
    """
    if not 0 <= rows <= MOST_ROWS:
        raise Invalid(f"{rows} rows", kind="bad-limit", hint=f"ask for 0 to {MOST_ROWS}", limit=rows)
    with loop.ledger.read() as tx:
        found = tx.versions.resolve(version)
    digest, size = _file(loop, found, path)
    name = path or _name(found)
    from loopline.datasets.tables import ending_of

    beginning = Preview(str(found), path, digest, size, "binary")
    if ending_of(name):
        return _table(loop, beginning, name, rows)
    head = _head(loop, digest, TEXT)
    image = _image(head)
    if image:
        return replace(beginning, form="image", media_type=image)
    try:
        text = head.decode() if size <= TEXT else head.decode(errors="ignore")
    except UnicodeDecodeError:
        return beginning
    if "\x00" in text or (size > TEXT and len(text) < TEXT // 8):
        return beginning
    form: Form = (
        "markdown"
        if name.lower().endswith((".md", ".markdown"))
        else "json"
        if name.lower().endswith(".json")
        else "text"
    )
    return replace(beginning, form=form, text=text, cut=size > TEXT)


def _file(loop: Loop, version: Version, path: str) -> tuple[Digest, int]:
    """Find what a path of a version names. Raise Invalid where a path is missing or too much, NotFound."""
    if version.artifact.media_type not in (TREE, MODEL):
        if path:
            raise Invalid(
                f"{version} is one blob, not files", kind="not-a-tree", hint=f"loopline preview {version}",
                version=str(version),
            )  # fmt: skip
        return version.artifact.digest, version.artifact.size
    if not path:
        raise Invalid(
            f"{version} holds files",
            kind="no-path",
            hint=f"name one of them: loopline ls {version}",
            version=str(version),
        )
    from loopline.datasets.tree import Tree

    entry = Tree(loop.blobs, version.artifact.digest).get(path)
    return entry.digest, loop.blobs.size(entry.digest) or 0  # whoever made the tree may have written less


def _name(version: Version) -> str:
    """Give a blob that is a version the suffix of what it holds."""
    ending = ".json" if version.artifact.media_type == JSON or version.artifact.media_type.endswith("+json") else ""
    return f"{version.asset.name}{ending}"


def _head(loop: Loop, digest: Digest, most: int) -> bytes:
    """Read the first bytes of a blob."""
    parts, left = [], most
    for piece in loop.blobs.get(digest):
        parts.append(piece[:left])
        left -= len(parts[-1])
        if left <= 0:
            break
    return b"".join(parts)


def _image(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _MARKS if head.startswith(mark)), "")


def _table(loop: Loop, value: Preview, name: str, rows: int) -> Preview:
    """Summarise a table, or say in a note why it cannot be."""
    if value.size > TABLE:
        return replace(
            value, form="table", notes=(f"a table of more than {TABLE >> 20} MiB is not opened: download it",)
        )
    try:
        told = summary(loop, [Entry(name, value.digest, value.size)])
    except Unavailable as error:
        if error.kind not in ("extra-missing", "out-of-memory", "tables-too-slow", "tables-died"):
            raise
        text = (
            _head(loop, value.digest, TEXT).decode(errors="replace")
            if not name.lower().endswith((".gz", ".parquet"))
            else ""
        )
        note = f"{error.message}: {error.hint}"
        return replace(value, form="text" if text else "binary", text=text, cut=value.size > TEXT, notes=(note,))
    except LooplineError as error:
        if error.kind not in NO_TABLE:
            raise
        text = _head(loop, value.digest, TEXT).decode(errors="replace")
        return replace(value, form="text", text=text, cut=value.size > TEXT, notes=(error.message,))
    first = tuple(tuple(cell_of(cell) for cell in row) for row in told.get("head", ())[:rows])
    columns = tuple(column_of(one) for one in told["columns"])
    return replace(
        value, form="table", header=tuple(one.name for one in columns), rows=first, count=told["rows"],
        cut=told["rows"] > len(first), columns=columns,
    )  # fmt: skip
