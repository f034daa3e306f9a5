"""secret: values that stand elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.settings.secret import has_password, masked, secret


def test_a_reference_gives_what_it_points_at(tmp_path: Path) -> None:
    """A variable and a file give their value, without the end of the line that editors add."""
    (tmp_path / "key").write_text("s3cret \n")
    assert secret("env:KEY", name="x", environ={"KEY": "value"}) == "value"
    assert secret(f"file:{tmp_path / 'key'}", name="x") == "s3cret "


def test_a_value_in_place_of_a_reference_is_refused() -> None:
    """Something that is no reference is not taken for a secret, and not repeated."""
    for wrong in ("hunter2", "file:relative", "file://etc/x", "ENV:X", ""):
        with pytest.raises(Invalid) as caught:
            secret(wrong, name="server.oidc.client_secret")
        assert caught.value.kind == "secret-in-place"
        assert "hunter2" not in str(caught.value) + repr(caught.value.facts)


def test_a_reference_to_nothing_is_said(tmp_path: Path) -> None:
    """A variable that is not set, a file that is missing, empty or not text: each is told with the setting."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for wrong in ("env:NOPE", f"file:{tmp_path}/nope", f"file:{tmp_path}/empty", f"file:{tmp_path}/binary"):
        with pytest.raises(Unavailable) as caught:
            secret(wrong, name="store.database", environ={})
        assert (caught.value.kind, caught.value.facts["setting"]) == ("secret-missing", "store.database")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:pw@h:5432/x", "postgresql://ann:***@h:5432/x"),
        ("postgresql://h/x?user=ann&password=p%40w&sslmode=require", "postgresql://h/x?user=ann&password=***&sslmode=require"),
        ("postgresql://ann@h/x", "postgresql://ann@h/x"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
        ("sqlite:////home/ann/x.db", "sqlite:////home/ann/x.db"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    """Only what is secret is left out."""
    assert masked(url) == shown
    assert has_password(url) == (url != shown)
