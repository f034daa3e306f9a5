"""A whole server in a thread of this process, on a port of its own, and somebody who reads its pages."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
import uvicorn

from loopline.faces.desk import Desk
from loopline.server.app import make_app
from loopline.settings import ServerSettings

if TYPE_CHECKING:
    from loopline.loop import Loop


class Server:
    """Every face over one loop, as `loopline up` puts them together."""

    def __init__(self, loop: Loop, *, timezone: str = "America/New_York") -> None:
        self.desk = Desk(loop)
        self.app = make_app(self.desk, settings=ServerSettings(timezone=timezone))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(self.app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self.http = urllib3.PoolManager(retries=False)
        self._read: dict[str, Read] = {}

    def start(self) -> Server:
        """Answer from now on."""
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End it."""
        self._uvicorn.should_exit = True
        self._thread.join(10)
        self._socket.close()
        self.desk.threads.shutdown()
        self.http.clear()

    def once(self, path: str) -> Read:
        """Read a page of a ledger in which nothing happens any more: the second time it is the one that came the first time."""
        if path not in self._read:
            self._read[path] = self.get(path)
        return self._read[path]

    def get(self, path: str, **query: Any) -> Read:
        """Read a page, without following where it leads."""
        address = f"{path}?{urlencode(query, doseq=True)}" if query else path
        answer = self.http.request("GET", self.url + address, redirect=False)
        return Read(answer.status, dict(answer.headers), answer.data)


@dataclass(frozen=True, repr=False)
class Read:
    """A page as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def html(self) -> str:
        """Its source."""
        return self.body.decode()

    @property
    def text(self) -> str:
        """What is to be read, without tags, in one line."""
        return " ".join(self.tree.words)

    @cached_property
    def tree(self) -> Tree:
        """Its structure."""
        tree = Tree()
        tree.feed(self.html.replace("<wbr>", ""))
        tree.close()
        return tree

    def json(self) -> Any:
        """What it says as JSON."""
        return json.loads(self.body)


VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class Tree(HTMLParser):
    """Tags, attributes and words of a page, and whether every tag is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.wrong: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self._open[-1:]}")
            if tag not in self._open:
                return
            while self._open.pop() != tag:
                pass
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.wrong.append(f"inline {self._open[-1]}")
        if data.strip():
            self.words.append(re.sub(r"\s+", " ", data.strip()))

    def close(self) -> None:
        super().close()
        self.wrong += [f"<{tag}> is never closed" for tag in self._open]

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Give the attributes of every tag of that name that has these."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [attrs for name, attrs in self.tags if name == tag and all(attrs.get(k) == v for k, v in wanted.items())]


def wrong_with(page: Read) -> list[str]:
    """Say what no page may have: unclosed tags, styles or scripts inside, a missing heading, label or landmark."""
    tree, found = page.tree, list(page.tree.wrong)
    for name, attrs in tree.tags:
        found += [f"<{name} {key}=…>" for key in attrs if key.startswith("on") or key == "style"]
        if name == "style":
            found.append("<style>")
        for key in ("src", "href", "action"):
            if re.match(r"(?i)(https?:|//|javascript:|data:)", attrs.get(key, "")):
                found.append(f"{name} leads to {attrs[key][:60]}")
    names = [name for name, _ in tree.tags]
    found += [
        f"{names.count(one)} × <{one}>"
        for one in ("h1", "main", "title")
        if names.count(one) < 1 or (one != "title" and names.count(one) > 1)
    ]
    ids = [attrs["id"] for _, attrs in tree.tags if "id" in attrs]
    found += [f"id {one} twice" for one in set(ids) if ids.count(one) > 1]
    if tree.all("html")[0].get("lang") != "en":
        found.append("no lang")
    labelled = {attrs.get("for") for attrs in tree.all("label")}
    for attrs in [*tree.all("input"), *tree.all("textarea"), *tree.all("select")]:
        if (
            attrs.get("type") not in ("hidden", "checkbox", "radio")
            and attrs.get("id") not in labelled
            and "aria-label" not in attrs
        ):
            found.append(f"input {attrs.get('name')} has no label")
    if len(page.body) > 150_000:
        found.append(f"{len(page.body)} bytes")
    return found
