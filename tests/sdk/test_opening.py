"""Settings decide where the loop is, and a login's token is found by its address."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.sdk.client import Local
from loopline.sdk.credentials import Credential, save
from loopline.sdk.opening import hurried, open_client, token_of
from loopline.sdk.remote import Remote
from loopline.sdk.wire import QUICK
from loopline.settings import Settings, load_settings


def settings(folder: Path, **environ: str) -> Settings:
    return load_settings(folder, environ={"LOOPLINE_PROJECT": "flights", "LOOPLINE_ACTOR": "ann", **environ})


def test_without_an_address_the_ledger_is_here(tmp_path: Path) -> None:
    """No address, or the word for none, opens the ledger in the home folder."""
    for environ in ({}, {"LOOPLINE_URL": "embedded"}):
        client = open_client(settings(tmp_path, **environ))
        assert isinstance(client, Local)
        assert hurried(client) is client
        client.close()
    assert (tmp_path / ".loopline" / "ledger.db").exists()


def test_with_an_address_nothing_is_made_here(tmp_path: Path) -> None:
    """A server's client asks nobody and makes no file until it is used."""
    client = open_client(settings(tmp_path, LOOPLINE_URL="http://127.0.0.1:9", LOOPLINE_TOKEN="ll_x"))
    assert isinstance(client, Remote)
    assert (client.project, client.actor, client.wire.signed) == ("flights", "person:ann", True)
    quick = hurried(client)
    assert isinstance(quick, Remote)
    assert (quick.wire.pace, quick.wire.url) == (QUICK, client.wire.url)
    assert not (tmp_path / ".loopline").exists()


def test_the_variable_wins_over_the_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved token is used for its own server alone, and only where no variable gives one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    save("http://loop.example:4040", Credential("ll_saved", "person:ann"))
    assert token_of(settings(tmp_path, LOOPLINE_URL="http://loop.example:4040/")) == "ll_saved"
    assert token_of(settings(tmp_path, LOOPLINE_URL="http://loop.example:4040", LOOPLINE_TOKEN="ll_mine")) == "ll_mine"
    assert token_of(settings(tmp_path, LOOPLINE_URL="http://other.example:4040")) == ""
    assert token_of(settings(tmp_path)) == ""


@pytest.mark.parametrize("url", ["localhost:4040", "ftp://x"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    """A typo in the address is told when the loop is opened."""
    with pytest.raises(Invalid) as caught:
        open_client(settings(tmp_path, LOOPLINE_URL=url))
    assert caught.value.kind == "bad-url"
