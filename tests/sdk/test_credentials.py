from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopline.errors import Invalid, Refused, Unavailable
from loopline.sdk.credentials import Credential, find, forget, save

URL = "https://loopline.example.org"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_a_token_is_kept_by_server_and_dropped_again(environ: dict[str, str]) -> None:
    """What was saved for a server is found for that server alone, until it is forgotten."""
    save(URL, Credential("ll_one", "person:ann"), environ=environ)
    save("http://localhost:4040", Credential("ll_two"), environ=environ)
    assert find(URL, environ=environ) == Credential("ll_one", "person:ann")
    assert find("https://other.example.org", environ=environ) is None
    assert forget(URL, environ=environ) == Credential("ll_one", "person:ann")
    assert forget(URL, environ=environ) is None
    assert find(URL, environ=environ) is None
    assert find("http://localhost:4040", environ=environ) == Credential("ll_two")


@pytest.mark.parametrize(
    "spelled", [f"{URL}/", f"{URL}:443", "HTTPS://Loopline.Example.ORG", "https://loopline.example.org."]
)
def test_the_same_server_is_found_however_it_is_spelled(environ: dict[str, str], spelled: str) -> None:
    """Case, the default port, a dot at the end of the name and a slash at the end make no other server."""
    save(URL, Credential("ll_one"), environ=environ)
    assert find(spelled, environ=environ) == Credential("ll_one")


@pytest.mark.parametrize("other", ["http://loopline.example.org", f"{URL}:8443", f"{URL}/team", "https://example.org"])
def test_another_server_gets_no_token(environ: dict[str, str], other: str) -> None:
    """Another scheme, port, path or name is another server: nobody is sent a token that is not theirs."""
    save(URL, Credential("ll_one"), environ=environ)
    assert find(other, environ=environ) is None


def test_only_the_user_can_read_the_file(environ: dict[str, str]) -> None:
    """The file is made 0600 whatever the umask says, and so is its folder made 0700."""
    before = os.umask(0)
    try:
        path = save(URL, Credential("ll_one"), environ=environ)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_refused(environ: dict[str, str]) -> None:
    """A token that others may have read is not used as if nothing had happened."""
    path = save(URL, Credential("ll_one"), environ=environ)
    path.chmod(0o640)
    with pytest.raises(Refused) as refused:
        find(URL, environ=environ)
    assert refused.value.kind == "credentials-readable"


@pytest.mark.parametrize("text", ["", "[]", '{"servers": []}', '{"servers": {"https://a": "ll_one"}}', "\xff"])
def test_a_file_that_is_none_of_ours_is_named(environ: dict[str, str], text: str) -> None:
    """A broken file is an error that names it, never a silent lack of tokens."""
    path = save(URL, Credential("ll_one"), environ=environ)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(Invalid) as refused:
        find(URL, environ=environ)
    assert (refused.value.kind, refused.value.facts["file"]) == ("bad-credentials", str(path))


def test_without_a_home_nothing_is_kept() -> None:
    """Where there is no place for a token, a look finds none and a save says so."""
    assert find(URL, environ={}) is None
    assert forget(URL, environ={}) is None
    with pytest.raises(Unavailable):
        save(URL, Credential("ll_one"), environ={})


def test_logins_at_the_same_time_lose_no_token(environ: dict[str, str]) -> None:
    """Each of many saves at once is there afterwards, and no scrap is left beside the file."""
    urls = [f"http://localhost:{4000 + n}" for n in range(24)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda url: save(url, Credential(f"ll_{url[-4:]}"), environ=environ), urls))
    assert [find(url, environ=environ) for url in urls] == [Credential(f"ll_{url[-4:]}") for url in urls]
    folder = Path(environ["XDG_CONFIG_HOME"], "loopline")
    assert sorted(one.name for one in folder.iterdir()) == [".credentials.json.lock", "credentials.json"]


def test_a_full_disk_keeps_the_old_file(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that fails leaves what was there, and no scrap."""
    path = save(URL, Credential("ll_one"), environ=environ)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        save(URL, Credential("ll_two"), environ=environ)
    assert find(URL, environ=environ) == Credential("ll_one")
    assert len(list(path.parent.iterdir())) == 2


def test_the_token_is_in_no_representation(environ: dict[str, str]) -> None:
    """What a log or a traceback shows of a credential holds no secret; the file holds it once."""
    credential = Credential("ll_secret", "person:ann")
    assert "ll_secret" not in repr(credential)
    path = save(URL, credential, environ=environ)
    assert json.loads(path.read_text())["servers"][URL] == {"token": "ll_secret", "actor": "person:ann"}
