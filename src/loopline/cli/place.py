"""place: where a command was called from: its settings, its screen, and the loop, opened when it is first needed."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING

from loopline.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from loopline.cli.argv import Options
    from loopline.cli.progress import Meter
    from loopline.cli.screen import Screen
    from loopline.errors import Conflict
    from loopline.loop import Loop
    from loopline.sdk.client import Client
    from loopline.settings import Settings


class Place:
    """What a local command gets as its first argument."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self.options = options
        self.screen = screen

    @cached_property
    def settings(self) -> Settings:
        """Everything that is configured, with the flags of this command on top. Raise Invalid naming file and line."""
        from loopline.settings import load_settings

        asked = self.options
        found = load_settings(home=asked.home, project=asked.project, actor=asked.actor)
        for warning in found.warnings:
            self.screen.say(f"{self.screen.paint_err('wait', 'warning:')} {warning}")
        return found

    def near(self, work: str) -> Loop:
        """Give the loop of a ledger that is here. Raise Invalid kind="needs-local" where a server has it, naming the work."""
        from loopline.sdk.client import Local

        if not isinstance(self.client, Local):
            raise Invalid(
                f"{work} where the ledger is, and LOOPLINE_URL names a server", kind="needs-local",
                hint="run it on the server's machine, in its project, without LOOPLINE_URL; it may go on serving",
            )  # fmt: skip
        return self.client.loop

    @cached_property
    def client(self) -> Client:
        """The loop as this caller sees it, here or at a server; with `--dry-run` it forgets what it is told."""
        from loopline.sdk.opening import open_client

        settings = self.settings
        if settings.url and self.options.actor:
            from loopline.sdk.opening import token_of

            if token_of(settings):
                raise Invalid(
                    f"the token says who you are, so nobody can be {self.options.actor} by --as",
                    kind="actor-by-token",
                    hint="leave --as out, or set LOOPLINE_TOKEN to a token of theirs",
                    actor=self.options.actor,
                )
        client = open_client(settings, dry=self.options.dry, report=self.report)
        if not self.options.dry:
            self._adopt(client)
        return client

    def server(self, url: str | None, command: str) -> str:
        """Give the address of the server that a command is about: what is named, else what is set. Raise Invalid."""
        from loopline.sdk.wire import parse_url

        named = url or self.settings.url
        if not named:
            raise Invalid(
                f"{command} needs the address of a server", kind="missing-parameter",
                hint=f"loopline {command} http://HOST:4040", missing=["url"],
            )  # fmt: skip
        return parse_url(named)

    def _adopt(self, client: Client) -> None:
        """Ship journals that dead programs left behind. Where there is no journal, this is one look into a folder."""
        folder = self.settings.home / "journal"
        try:
            if not any(folder.iterdir()):
                return
        except OSError:
            return
        from loopline.sdk.leftovers import adopt
        from loopline.sdk.opening import hurried

        adopt(hurried(client), folder, url=self.settings.url)

    @cached_property
    def report(self) -> Meter:
        """Draw progress on stderr, or nowhere with `-q`."""
        from loopline.cli.progress import Meter

        return Meter(self.screen)

    def confirm(self, error: Conflict, losses: Iterable[str]) -> None:
        """Show what `--force` would destroy and ask. Raise `error` for a no, Invalid kind="needs-yes" without a terminal.

        Asked is only where bytes would be lost that nothing else holds: everything in the ledger can be taken back.
        """
        if self.options.yes:
            return
        for line in losses:
            self.screen.err.write(line + "\n")
        if sys.stdin is None or not (sys.stdin.isatty() and self.screen.err.isatty()):
            raise Invalid(
                f"{error.message}, and nobody is there to say that it may be lost",
                kind="needs-yes",
                hint="look at what would be lost, then add --yes",
                **error.facts,
            )
        self.screen.err.write("This cannot be undone. Overwrite? [y/N] ")
        self.screen.err.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise error

    @cached_property
    def zone(self) -> tzinfo | None:
        """The zone in which times are shown; None: UTC."""
        name = self.settings.timezone
        if name in {"", "UTC"}:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)

    def still(self) -> None:
        """Stop drawing progress, before the result is drawn."""
        if "report" in self.__dict__:
            self.report.close()

    def close(self) -> None:
        """Let go of what was opened."""
        self.still()
        if "client" in self.__dict__:
            self.client.close()
