"""provider: who signs people in, by OpenID Connect (Core 1.0: code flow with PKCE, RFC 7636, and a nonce).

Requests go to the configured issuer, and to the addresses that its discovery document names on that same host.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from loopline.errors import Refused, Unavailable

if TYPE_CHECKING:
    from loopline.settings.server import Oidc

DISCOVERY: Final = "/.well-known/openid-configuration"
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures that are accepted: none that is made with a shared secret, and never `none`."""
KEEP_S: Final = 600.0
"""How long what a provider says of itself is believed."""
LEEWAY_S: Final = 60
_LARGEST: Final = 1 << 20
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that has begun in a browser."""

    state: str
    nonce: str
    verifier: str
    back: str
    """Where to lead afterwards."""

    @property
    def challenge(self) -> str:
        """The verifier as the provider sees it first (RFC 7636, S256)."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Provider:
    """One issuer. Any thread may use it."""

    def __init__(self, settings: Oidc) -> None:
        self.settings = settings
        self._known: tuple[float, Mapping[str, Any]] | None = None
        self._keys: Any = None

    def address(self, attempt: Attempt, *, callback: str) -> str:
        """Give where to lead the browser."""
        query = {
            "response_type": "code", "scope": "openid profile email", "client_id": self.settings.client_id,
            "redirect_uri": callback, "state": attempt.state, "nonce": attempt.nonce, "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        where = str(self._about()["authorization_endpoint"])
        return f"{where}{'&' if '?' in where else '?'}{urlencode(query)}"

    def claims(self, attempt: Attempt, code: str, *, callback: str) -> Mapping[str, Any]:
        """Trade the code for what the provider says of the person. Raise Refused where it does not hold."""
        body = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": callback, "client_id": self.settings.client_id,
            "code_verifier": attempt.verifier,
        }  # fmt: skip
        if self.settings.client_secret:
            from loopline.settings.secret import secret

            body["client_secret"] = secret(self.settings.client_secret, name="server.oidc.client_secret")
        answer = self._ask("POST", str(self._about()["token_endpoint"]), body)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _refused("it gave no ID token")
        return self._verified(token, attempt.nonce)

    def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            from joserfc import jwt
            from joserfc.errors import JoseError
        except ImportError:
            raise Unavailable(
                "logins need the extra 'oidc'", kind="extra-missing", hint="pip install 'loopline[oidc]' on the server"
            ) from None
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss={"essential": True, "value": self._about()["issuer"]},
            aud={"essential": True, "value": self.settings.client_id}, exp={"essential": True}, sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        for fresh in (False, True):  # a provider may have new keys since
            try:
                found = jwt.decode(token, self._key_set(fresh=fresh), algorithms=ALGORITHMS)
            except (JoseError, ValueError) as error:
                if fresh:
                    raise _refused("the signature of its ID token does not hold") from error
                continue
            try:
                rules.validate(found.claims)
            except JoseError as error:
                raise _refused(f"its ID token is not for this login: {error}") from error
            claims: Mapping[str, Any] = found.claims
            audience = claims["aud"]
            if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self.settings.client_id:
                raise _refused("its ID token is for somebody else")
            return claims
        raise AssertionError

    def _key_set(self, *, fresh: bool) -> Any:
        from joserfc.jwk import KeySet

        if self._keys is None or fresh:
            self._keys = KeySet.import_key_set(dict(self._ask("GET", str(self._about()["jwks_uri"]))))  # type: ignore[arg-type]
        return self._keys

    def _about(self) -> Mapping[str, Any]:
        """Give the discovery document (OpenID Connect Discovery 1.0, 4)."""
        if self._known is not None and time.monotonic() < self._known[0]:
            return self._known[1]
        issuer = self.settings.issuer.rstrip("/")
        found = self._ask("GET", issuer + DISCOVERY)
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise _unavailable("it calls itself something else")
        home = urlsplit(issuer)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            there = urlsplit(str(found.get(name, "")))
            if (there.scheme, there.netloc) != (home.scheme, home.netloc):
                raise _unavailable(f"its {name} is on another host")
        self._known = (time.monotonic() + KEEP_S, found)
        return found

    def _ask(self, method: str, where: str, body: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        import urllib3

        pool = urllib3.PoolManager(num_pools=1)
        fields: dict[str, Any] = {}
        if body is not None:
            fields = {"body": urlencode(body), "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
        try:
            answer = pool.request(
                method, where, timeout=_TIMEOUT_S, retries=False, redirect=False, preload_content=False, **fields
            )
            data = answer.read(_LARGEST)
            status = answer.status
            answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise _unavailable("it does not answer") from error
        finally:
            pool.clear()
        if body is not None and 400 <= status < 500:
            raise _refused("it does not know this login")
        try:
            found = json.loads(data) if status == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _unavailable(f"it answered {status}")
        return found


def _refused(why: str) -> Refused:
    return Refused(f"the login failed: {why}", kind="login-failed", hint="try again: /login")


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        f"the provider that signs people in cannot be used: {why}", kind="provider-unavailable",
        hint="check server.oidc.issuer and that provider",
    )  # fmt: skip
