"""repository: the address of a repository in a registry of OCI images: `oci://HOST/NAME[:TAG][@sha256:DIGEST]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from loopline.errors import Invalid
from loopline.nouns.digest import Digest, find_digest
from loopline.sdk.registrykeys import HUB

SCHEMES: Final = ("oci", "oci+http")
TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?\Z"
)
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\Z")
_LONGEST: Final = 255
_LOOPBACK: Final = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?\Z")


@dataclass(frozen=True, slots=True)
class Repository:
    """Where manifests and their layers are."""

    host: str
    """With its port, if it has one."""
    name: str
    tag: str = ""
    digest: Digest | None = None
    plain: bool = False
    """Whether it was asked to be spoken to without TLS."""

    def __str__(self) -> str:
        """Write its address, without a tag."""
        return f"{'oci+http' if self.plain else 'oci'}://{self.host}/{self.name}"

    @property
    def written(self) -> str:
        """Write its address as it was given."""
        return f"{self}{self.tag and ':' + self.tag}{'@' + self.digest if self.digest else ''}"

    @property
    def is_here(self) -> bool:
        """Tell whether the registry is on this machine."""
        return bool(_LOOPBACK.match(self.host))


def parse_repository(address: str) -> Repository:
    """Take an address. Raise Invalid kind="bad-store-url"; what stands before an `@` of the host is in no message."""
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    if scheme not in SCHEMES or "@" in host or "?" in rest:
        raise _bad(f"{scheme}://…", "leave keys to docker login, skopeo login or oras login")
    path, at, digest = path.partition("@")
    name, colon, tag = path.partition(":")
    wrong = (
        not _HOST.match(host)
        or not _NAME.match(name)
        or len(name) > _LONGEST
        or (colon and not TAG.match(tag))
        or (at and find_digest(digest) is None)
    )
    if wrong:
        raise _bad(
            address, "write oci://HOST/NAME:TAG, the name in lower-case letters, digits and single . _ - between /"
        )
    if host in {"docker.io", "index.docker.io"}:
        host, name = HUB, name if "/" in name else f"library/{name}"
    return Repository(host, name, tag, find_digest(digest), scheme == "oci+http")


def _bad(address: str, hint: str) -> Invalid:
    return Invalid(f"{address} is no repository of a registry", kind="bad-store-url", hint=hint, store=address)
