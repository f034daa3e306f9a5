"""Addresses of repositories are taken whole or refused."""

from __future__ import annotations

import pytest

from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.sdk.repository import Repository, parse_repository

HEX = Digest("sha256:" + "ab" * 32)


@pytest.mark.parametrize(
    ("text", "is_what"),
    [
        ("oci://ghcr.io/team/flights", Repository("ghcr.io", "team/flights")),
        ("oci://localhost:5000/flights:v1.0", Repository("localhost:5000", "flights", "v1.0")),
        (f"oci://[::1]:5000/a/b__c:x@{HEX}", Repository("[::1]:5000", "a/b__c", "x", HEX)),
        ("oci+http://inside/flights", Repository("inside", "flights", plain=True)),
        ("oci://docker.io/flights", Repository("registry-1.docker.io", "library/flights")),
        ("oci://docker.io/ann/flights", Repository("registry-1.docker.io", "ann/flights")),
    ],
)
def test_an_address_says_where(text: str, is_what: Repository) -> None:
    """Host, name, tag, digest and the way to speak are read."""
    assert parse_repository(text) == is_what


@pytest.mark.parametrize(
    "text",
    [
        "oci://", "oci://host", "oci://host/", "oci://host/Flights", "oci://host/../flights", "oci://host/a//b", "oci://host/a:",
        "oci://host/a:-x", "oci://host/a@sha256:12", "oci://ho st/a", "oci://host/a?b", "oci://host/a#b", "oci://host/a:x/y",
        "oci://-/a", "oci://host:port/a", "oci://host/" + "a" * 300, "oci://host/a\n", "oci://host/a:b\n",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """Nothing that a registry would take for another path gets as far as a request."""
    with pytest.raises(Invalid) as caught:
        parse_repository(text)
    assert caught.value.kind == "bad-store-url"


def test_a_password_in_an_address_is_refused_unsaid() -> None:
    """Somebody who writes it there does not find it in an error, or in a log of errors."""
    with pytest.raises(Invalid) as caught:
        parse_repository("oci://ann:very-secret@host/flights")
    assert "very-secret" not in f"{caught.value} {caught.value.facts} {caught.value.hint}"


def test_only_this_machine_is_here() -> None:
    """A name that begins like this machine's is another machine."""
    hosts = ("localhost", "127.0.0.1:5", "[::1]:5", "127.evil.org", "localhost.org", "127.0.0.1.evil.org")
    assert [host for host in hosts if Repository(host, "flights").is_here] == list(hosts[:3])
