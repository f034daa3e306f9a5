"""server: what `[server]` says, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.settings import Settings, load_settings
from loopline.settings.server import VARIABLES, ServerSettings, Smtp, mistake


def settings(folder: Path, text: str = "", **environ: str) -> Settings:
    """Load the settings of a folder with this project file."""
    (folder / "loopline.toml").write_text(text)
    return load_settings(folder, environ=environ)


def test_a_server_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    """Without a word a server is at 127.0.0.1:4040, takes uploads of 50 GiB, and signs nobody in."""
    found = settings(tmp_path).server
    assert found == ServerSettings()
    assert (found.host, found.port, found.upload_limit, found.oidc.issuer) == ("127.0.0.1", 4040, 50 << 30, "")


def test_the_whole_table_is_read(tmp_path: Path) -> None:
    """Every key of [server], [server.oidc] and [server.smtp] becomes a setting whose origin is its line."""
    found = settings(
        tmp_path,
        """[server]
host = "0.0.0.0"
port = 8080
address = "https://loop.example.org/ml/"
hosts = ["loop.example.org", "10.0.0.7:8080", "[::1]"]
proxies = ["10.0.0.2"]
upload_limit = "2GB"
[server.oidc]
issuer = "https://login.example.org"
client_id = "loopline"
client_secret = "file:/run/secrets/oidc"
admins = ["ann@example.org", "ben@example.org"]
groups_claim = "roles"
[server.smtp]
host = "smtp.example.org"
port = 465
security = "tls"
user = "loopline"
password = "env:SMTP_PASSWORD"
from = "loopline@example.org"
recipients = ["*@example.org"]
""",
    )
    assert (found.server.host, found.server.port, found.server.upload_limit) == ("0.0.0.0", 8080, 2_000_000_000)
    assert found.server.address == "https://loop.example.org/ml"
    assert found.server.smtp == Smtp(
        "smtp.example.org", 465, "tls", "loopline", "env:SMTP_PASSWORD", "loopline@example.org", ("*@example.org",)
    )
    assert found.server.hosts == ("loop.example.org", "10.0.0.7:8080", "[::1]")
    assert found.server.proxies == ("10.0.0.2",)
    assert found.server.oidc.admins == ("ann@example.org", "ben@example.org")
    assert (found.server.oidc.client_secret, found.server.oidc.groups_claim) == ("file:/run/secrets/oidc", "roles")
    origins = {one.name: one.origin for one in found.values}
    assert origins["server.oidc.client_id"] == f"{tmp_path / 'loopline.toml'}:10"
    assert set(VARIABLES) <= set(origins)


def test_variables_win_over_the_table(tmp_path: Path) -> None:
    """A container is told by variables: lists are separated by commas or spaces."""
    found = settings(
        tmp_path,
        '[server]\nport = 8080\nhosts = ["a"]\n',
        LOOPLINE_PORT="0",
        LOOPLINE_HOSTS="a.example, b.example:8443",
        LOOPLINE_OIDC_ADMINS="ann@example.org",
        LOOPLINE_PROXIES="127.0.0.1, 10.0.0.0/8 fd00::/8",
        LOOPLINE_WEBHOOK_HOSTS="*.example.org 10.0.0.0/8,[::1],chat:8443",
    ).server
    assert found.webhook_hosts == ("*.example.org", "10.0.0.0/8", "[::1]", "chat:8443")
    assert found.proxies == ("127.0.0.1", "10.0.0.0/8", "fd00::/8")
    assert (found.port, found.hosts) == (0, ("a.example", "b.example:8443"))
    assert found.oidc.admins == ("ann@example.org",)


WRONG = [
    ("server.port", "65536", "LOOPLINE_PORT", "bad-value"),
    ("server.port", "x", "LOOPLINE_PORT", "bad-value"),
    ("server.service_ports", "4199-4100", "LOOPLINE_SERVICE_PORTS", "bad-value"),
    ("server.service_ports", "many", "LOOPLINE_SERVICE_PORTS", "bad-value"),
    ("server.upload_limit", "much", "LOOPLINE_UPLOAD_LIMIT", "bad-value"),
    ("server.upload_limit", "0", "LOOPLINE_UPLOAD_LIMIT", "bad-value"),
    ("server.hosts", "https://a.example", "LOOPLINE_HOSTS", "bad-value"),
    ("server.hosts", "a.example/x", "LOOPLINE_HOSTS", "bad-value"),
    ("server.register_from", "data", "LOOPLINE_REGISTER_FROM", "bad-value"),
    ("server.register_from", "/srv, s3://key:hush@bucket", "LOOPLINE_REGISTER_FROM", "bad-value"),
    ("server.webhook_hosts", "https://chat.example.org", "LOOPLINE_WEBHOOK_HOSTS", "bad-value"),
    ("server.webhook_hosts", "10.0.0.0/8, a b/c", "LOOPLINE_WEBHOOK_HOSTS", "bad-value"),
    ("server.proxies", "nginx", "LOOPLINE_PROXIES", "bad-value"),
    ("server.proxies", "0.0.0.0/0", "LOOPLINE_PROXIES", "bad-value"),
    ("server.proxies", "10.0.0.0/33", "LOOPLINE_PROXIES", "bad-value"),
    ("server.address", "loop.example.org", "LOOPLINE_ADDRESS", "bad-value"),
    ("server.address", "https://u:p@loop.example.org", "LOOPLINE_ADDRESS", "bad-value"),
    ("server.smtp.port", "70000", "LOOPLINE_SMTP_PORT", "bad-value"),
    ("server.smtp.host", "smtp.example.org:587", "LOOPLINE_SMTP_HOST", "bad-value"),
    ("server.smtp.security", "ssl", "LOOPLINE_SMTP_SECURITY", "bad-value"),
    ("server.smtp.from", "Loopline <l@example.org>", "LOOPLINE_SMTP_FROM", "bad-value"),
    ("server.smtp.from", "l@example..org", "LOOPLINE_SMTP_FROM", "bad-value"),
    ("server.smtp.recipients", "example.org", "LOOPLINE_SMTP_RECIPIENTS", "bad-value"),
    ("server.smtp.password", "hunter2", "LOOPLINE_SMTP_PASSWORD", "secret-in-place"),
    ("server.oidc.issuer", "ftp://x", "LOOPLINE_OIDC_ISSUER", "bad-value"),
    ("server.oidc.client_secret", "hunter2", "LOOPLINE_OIDC_CLIENT_SECRET", "secret-in-place"),
]


@pytest.mark.parametrize(("name", "value", "variable", "kind"), WRONG)
def test_a_wrong_variable_is_refused_by_its_name(
    tmp_path: Path, name: str, value: str, variable: str, kind: str
) -> None:
    """A value that a setting cannot have is told with the variable that holds it."""
    with pytest.raises(Invalid) as caught:
        settings(tmp_path, **{variable: value})
    assert (caught.value.kind, caught.value.facts["origin"]) == (kind, variable)
    assert mistake(name, value) is not None


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("[server]\nprt = 1\n", "unknown-key", 2),
        ("[server.oidc]\nisuer = 'x'\n", "unknown-key", 2),
        ("[server]\nport = 70000\n", "bad-value", 2),
        ("[server]\nport = '4040'\n", "wrong-type", 2),
        ("[server]\n\nhosts = 'a'\n", "wrong-type", 3),
        ("[server]\nhosts = ['a b/c']\n", "bad-value", 2),
        ("[server]\nupload_limit = '50 boxes'\n", "bad-value", 2),
        ("[server.oidc]\nclient_secret = 'hunter2'\n", "secret-in-place", 2),
        ("[server]\ntoken = 'll_x'\n", "token-in-file", 2),
        ("[user]\ntoken = 'll_x'\n", "token-in-file", 2),
        ("[store]\n\ntoken = 'll_x'\n", "token-in-file", 3),
        ("[store]\ndatabase = 'postgresql://u:hunter2@db/x'\n", "password-in-file", 2),
        ("[store]\ndatabase = 'postgresql://db/x?user=u&password=hunter2'\n", "password-in-file", 2),
    ],
)
def test_a_mistake_in_the_file_has_a_line(tmp_path: Path, text: str, kind: str, line: int) -> None:
    """What is wrong in [server], and a secret where it does not belong, is told with its line and not repeated."""
    with pytest.raises(Invalid) as caught:
        settings(tmp_path, text)
    assert (caught.value.kind, caught.value.facts["line"]) == (kind, line)
    assert "hunter2" not in str(caught.value) + repr(caught.value.facts)


def test_a_token_is_taken_and_never_shown(tmp_path: Path) -> None:
    """The token is there for who asks a server, and in nothing that is printed."""
    found = settings(tmp_path, LOOPLINE_TOKEN="ll_abc_secret\n")
    assert found.token == "ll_abc_secret"
    shown = next(one for one in found.values if one.name == "user.token")
    assert (shown.value, shown.origin) == ("(set, not shown)", "LOOPLINE_TOKEN")
    assert "ll_abc" not in repr(found)
    assert next(one.value for one in settings(tmp_path).values if one.name == "user.token") == ""


def test_a_password_in_an_address_is_masked(tmp_path: Path) -> None:
    """The database's address is used whole and shown without its password."""
    found = settings(tmp_path, LOOPLINE_DATABASE="postgresql://ann:hunter2@db.example/flights")
    assert found.database == "postgresql://ann:hunter2@db.example/flights"
    assert "hunter2" not in repr(found)
    shown = next(one.value for one in found.values if one.name == "store.database")
    assert shown == "postgresql://ann:***@db.example/flights"


def test_a_store_is_an_address_or_a_folder(tmp_path: Path) -> None:
    """A folder is resolved from where it was written, an address is left alone, and nothing means the home folder."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "loopline.toml").write_text('[store]\nblobs = "bytes"\n')
    assert load_settings(tmp_path / "sub", environ={}).store == str(tmp_path / "bytes")
    told = load_settings(tmp_path / "sub", environ={"LOOPLINE_STORE": "here"})
    assert told.store == str(tmp_path / "sub" / "here")
    assert settings(tmp_path, '[store]\nblobs = "s3://bucket/ml"\n').store == "s3://bucket/ml"
    assert settings(tmp_path).store == ""


def test_a_limit_of_copies_is_a_size(tmp_path: Path) -> None:
    """What is kept of a store far away is ten gibibytes unless somebody says otherwise, as a size."""
    assert settings(tmp_path).cache_limit == 10 << 30
    assert settings(tmp_path, "[store]\ncache_limit = '2MB'\n").cache_limit == 2_000_000
    for text, environ in (("", {"LOOPLINE_CACHE_LIMIT": "lots"}), ("[store]\ncache_limit = 'lots'\n", {})):
        with pytest.raises(Invalid) as caught:
            settings(tmp_path, text, **environ)
        assert caught.value.kind == "bad-value"
