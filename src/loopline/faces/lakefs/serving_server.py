"""serving_server: operations about the server and who asks: its configuration, signing in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from loopline.access.secrets import hash_of, id_of, signing_secret
from loopline.faces.admit import caller_of
from loopline.faces.lakefs.asking import Ask, answer
from loopline.faces.lakefs.errors import Fault
from loopline.faces.lakefs.signing import LASTING, session

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.faces.desk import Desk
    from loopline.faces.lakefs.wire import Login

VERSION: Final = "1.70.0"
"""The version of lakeFS whose protocol this is: clients look at it to see what they may ask."""
STORAGE: Final = {
    "blockstore_type": "local", "blockstore_namespace_example": "loopline://flights",
    "blockstore_namespace_ValidityRegex": "^[a-z][a-z0-9+.-]*://", "default_namespace_prefix": "loopline://",
    "pre_sign_support": False, "pre_sign_support_ui": False, "pre_sign_multipart_upload": False, "import_support": True,
    "import_validity_regex": "^(s3|gs|az|local|lakefs)://",
}  # fmt: skip
"""Where bytes rest is Loopline's matter: `storage_namespace` is taken as it is said, and not looked at."""


def config(ask: Ask) -> Response:
    """GetConfig."""
    caller_of(ask.request)
    return answer({"version_config": {"version": VERSION}, "storage_config": STORAGE, "storage_config_list": []})


def storage(ask: Ask) -> Response:
    """GetStorageConfig."""
    caller_of(ask.request)
    return answer(STORAGE)


def version(ask: Ask) -> Response:
    """GetLakeFSVersion."""
    caller_of(ask.request)
    return answer({"version": VERSION})


def health(ask: Ask) -> Response:
    """HealthCheck."""
    del ask
    return answer()


def setup_state(ask: Ask) -> Response:
    """getSetupState: there is nothing to set up by this protocol."""
    del ask
    return answer({"state": "initialized", "comm_prefs_missing": False})


def user(ask: Ask) -> Response:
    """GetCurrentUser."""
    caller = caller_of(ask.request)
    return answer({"user": {"id": str(caller.actor), "creation_date": 0, "friendly_name": caller.actor.name}})


def login(ask: Ask) -> Response:
    """login: a session instead of an access key, for an hour and as long as the key's token lives."""
    said: Login = ask.body
    desk: Desk = ask.request.app.state.desk
    loop, secret, key = desk.loop, said.secret_access_key, said.access_key_id
    own = id_of(secret)
    key = own or key
    with loop.ledger.read() as tx:
        token = tx.tokens.find(hash_of(secret)) if own else tx.tokens.find_id(key)
        lives = token is not None and tx.tokens.lives(token) and not tx.people.disabled(token.actor)
    until = int(time.time()) + LASTING
    told: dict[str, Any] = {"token_expiration": until}
    if loop.key is not None and token is not None and lives:
        made = signing_secret(loop.key(), token.id)
        if own or _same(made, secret):
            return answer({"token": session(token.id, made, until=until), **told})
    if token is None and not own and _open(ask):
        return answer({"token": session(_written(key), secret, until=until), **told})
    raise Fault(401, "invalid credentials")


def external(ask: Ask) -> Response:
    """ExternalPrincipalLogin and stsLogin."""
    del ask
    raise Fault(501, "this server takes access keys and tokens; people sign in with a browser")


def _open(ask: Ask) -> bool:
    """Tell whether this server lets anybody in who asks from here: then any key will do."""
    return ask.request.scope.get("loopline.caller") is not None and caller_of(ask.request).open


def _same(one: str, other: str) -> bool:
    from hmac import compare_digest

    return compare_digest(one.encode(), other.encode())


def _written(key: str) -> str:
    kept = "".join(one for one in key if one.isascii() and (one.isalnum() or one in "_-"))
    return kept[:128] or "anybody"
