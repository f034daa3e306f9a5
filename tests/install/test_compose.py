"""The compose file, and the secrets that it mounts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

COMPOSE = ROOT / "install" / "compose"


def test_the_specification_finds_nothing_wrong(found: dict[str, Any]) -> None:
    """Every key and every name in the compose file is one that the Compose Specification or the file knows."""
    assert found["wrong"]["compose"] == []


def test_no_secret_stands_in_the_file(found: dict[str, Any]) -> None:
    """Passwords and keys come from files, also for the database and the store, and none has a default."""
    for name, service in found["compose"]["services"].items():
        for key, value in service.get("environment", {}).items():
            if key == "LOOPLINE_WEBHOOK_SECRETS":  # names a folder
                assert value == "/run/webhooks"
            elif re.search("PASSWORD|SECRET|TOKEN|USER_FILE|CREDENTIALS|LOOPLINE_DATABASE", key):
                assert value.removeprefix("file:").startswith("/run/secrets/"), f"{name}: {key}"
    text = (COMPOSE / "compose.yaml").read_text()
    assert not re.search(r"://[^\s/:@]+:[^\s/@]+@", text)


def test_every_image_has_a_version(found: dict[str, Any]) -> None:
    """Images of others are named with an exact version."""
    images = [one["image"] for one in found["compose"]["services"].values() if not one["image"].startswith("loopline")]
    assert len(images) == 3
    assert all(re.search(r":[\w.-]*\d[\w.-]*$", image) for image in images)


def test_only_the_server_is_reached_and_only_from_here(found: dict[str, Any]) -> None:
    """One port is published, on loopback unless somebody says otherwise; database and store have no way out."""
    published = {name: one["ports"] for name, one in found["compose"]["services"].items() if "ports" in one}
    assert published == {"server": ["127.0.0.1:4040:4040"]}
    assert found["compose"]["networks"]["inside"] == {"internal": True}
    assert [name for name, one in found["compose"]["services"].items() if "outside" in one["networks"]] == ["server"]


def test_our_containers_may_do_little(found: dict[str, Any]) -> None:
    """Server, worker and migration write only to their volume, and gain no privilege."""
    for name in ("server", "worker", "migrate"):
        service = found["compose"]["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_starts_before_what_it_needs(found: dict[str, Any]) -> None:
    """Server and worker wait for the migration and the bucket, those for a database and a store that answer."""
    services = found["compose"]["services"]
    done = {"condition": "service_completed_successfully"}
    for name in ("server", "worker"):
        assert services[name]["depends_on"] == {"migrate": done, "bucket": done}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["bucket"]["depends_on"] == {"objects": {"condition": "service_healthy"}}
    assert all("healthcheck" in services[name] for name in ("database", "objects"))


def test_secrets_are_made_once_and_kept_to_oneself(found: dict[str, Any], tmp_path: Path) -> None:
    """make-secrets makes every secret that is mounted, long and different, and a second call changes none of them."""
    made = make_secrets(tmp_path)
    files = {name: path.read_text() for name, path in made.items()}
    assert set(files) == set(found["compose"]["secrets"])
    assert len(files["database_password"]) == len(files["store_password"]) == 40
    assert files["database_password"] != files["store_password"]
    assert files["database_password"] in files["database_url"]
    assert files["store_user"] in files["store_keys"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = make_secrets(tmp_path)
    assert {name: path.read_text() for name, path in again.items()} == files


def test_files_with_signing_secrets_lie_where_the_server_looks(found: dict[str, Any], tmp_path: Path) -> None:
    """make-secrets makes the folder that the server has as LOOPLINE_WEBHOOK_SECRETS, and may read."""
    server = found["compose"]["services"]["server"]
    place = server["environment"]["LOOPLINE_WEBHOOK_SECRETS"]
    assert f"./secrets/webhooks:{place}:ro" in server["volumes"]
    make_secrets(tmp_path)
    assert (tmp_path / "secrets" / "webhooks").stat().st_mode & 0o777 == 0o755


def make_secrets(folder: Path) -> dict[str, Path]:
    """Run make-secrets in a folder of its own."""
    if not (folder / "make-secrets").exists():
        shutil.copy(COMPOSE / "make-secrets", folder)
    subprocess.run([str(folder / "make-secrets")], check=True, capture_output=True)
    return {path.name: path for path in (folder / "secrets").iterdir() if path.is_file()}
