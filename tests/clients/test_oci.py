"""Unmodified clients of registries read what `loopline push` has written there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loopline.loop import silent
from loopline.nouns.name import parse_pointer
from loopline.sdk.sharing import Sharing, shared_at
from tests.conftest import cannot
from tests.datasets.test_sending import many
from tests.sdk.test_sharing import Project

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients
FILES = {"a.csv": b"x\n1\n", "jan/b c.csv": b"y\n", "large": bytes(20 << 20)}


def pushed(host: str, home: Path, name: str, files: dict[str, bytes]) -> str:
    """Push files to a repository; give where they are, for other tools."""
    project = Project("flights", home / name, "ann")
    project.add(files)
    there = shared_at(f"oci://{host}/team/{name}", home, new=True)
    Sharing(project.client, there, report=silent).push(parse_pointer("data/flights", project="flights"))
    project.client.close()
    return f"{host}/team/{name}:main"


def test_oras_writes_the_files(client: Client, oci_host: str, tmp_path: Path) -> None:
    """A version of few files is pulled as files at their paths."""
    where = pushed(oci_host, tmp_path, "few", FILES)
    said = json.loads(client("oras", "oras_client.py", where, str(tmp_path / "out")))
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert said["annotations"]["vnd.loopline.asset"] == "data/flights"
    assert said["artifactType"] == "application/vnd.loopline.data.v1"


@pytest.mark.parametrize("files", [FILES, many(500)], ids=["few", "many"])
def test_skopeo_carries_a_version_to_another_repository(oci_host: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    """What it has copied is pulled from there as it was."""
    if shutil.which("skopeo") is None:
        cannot("there is no skopeo (Debian: apt-get install skopeo)")
    where = pushed(oci_host, tmp_path, f"from{len(files)}", files)
    looked = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{where}"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(looked.stdout)["annotations"]["org.opencontainers.image.version"] == "1"
    there = f"{oci_host}/copies/to{len(files)}"
    copy = ["skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--insecure-policy"]
    subprocess.run([*copy, f"docker://{where}", f"docker://{there}:main"], check=True, capture_output=True, timeout=60)
    bo = Project("trains", tmp_path / "bo", "bo")
    Sharing(bo.client, shared_at(f"oci://{there}", tmp_path / "here", new=False), report=silent).pull(
        parse_pointer("data/flights", project="trains")
    )
    assert bo.files() == files
    bo.client.close()
