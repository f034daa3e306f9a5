"""Somebody who fills in forms without a browser, as whom a test likes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from loopline.nouns.actor import parse_actor
from loopline.verbs import load

from .serving import Read

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story


class Hand:
    """An actor at a server: with a token in every request, or on an open server just so."""

    def __init__(self, server: Server, token: str = "") -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str) -> Read:
        """Read a page."""
        answer = self._server.http.request("GET", self._server.url + path, redirect=False, headers=self._headers)
        return Read(answer.status, dict(answer.headers), answer.data)

    def post(self, path: str, /, **fields: str) -> Read:
        """Send a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._headers}
        answer = self._server.http.request(
            "POST", self._server.url + path, body=urlencode(fields).encode(), redirect=False, headers=headers
        )
        return Read(answer.status, dict(answer.headers), answer.data)


def token_for(story: Story, who: str, role: str, **asked: Any) -> str:
    """Issue a token with a role, as whoever keeps the server would."""
    admin = replace(story.loop, actor=parse_actor("root", verified=True))
    issued = load("issue")(admin, f"{who} {role}", actor=parse_actor(who), role=role, **asked)
    return str(issued.secret)
