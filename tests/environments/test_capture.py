from __future__ import annotations

import json
import os
import platform
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from loopline.environments import capture as capturing
from loopline.environments.capture import capture, metadata_folder
from loopline.environments.lock import Distribution, encode, normalise
from loopline.nouns.digest import digest_of

PLACE = "/srv/secret-place"


def install(site: Path, name: str, version: str, direct: dict[str, Any] | None = None) -> None:
    """Put down what an installer leaves."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    folder.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if direct is not None:
        folder.joinpath("direct_url.json").write_text(json.dumps(direct))


def test_it_finds_what_importlib_finds() -> None:
    """Names and versions are those of importlib.metadata, for all that is installed here."""
    found = capture()
    assert {one.name: one.version for one in found.distributions} == {
        normalise(one.metadata["Name"]): one.version for one in distributions()
    }
    assert found.python == platform.python_version()
    assert list(found.distributions) == sorted(found.distributions)


def test_a_hundred_distributions_take_no_time(tmp_path: Path) -> None:
    """At most 30 ms of CPU for 100 distributions on the first look."""
    for n in range(100):
        install(tmp_path, f"package{n}", "1.0")
    started = time.process_time()
    assert len(capture(path=[str(tmp_path)]).distributions) == 100
    assert time.process_time() - started < 0.03


def test_an_installation_is_seen_at_once(tmp_path: Path) -> None:
    """What was remembered about a folder does not outlive its change."""
    install(tmp_path, "one", "1.0")
    assert [d.name for d in capture(path=[str(tmp_path)]).distributions] == ["one"]
    assert str(tmp_path) in capturing._seen
    install(tmp_path, "two", "2.0")
    os.utime(tmp_path, ns=(1, 1))
    assert [d.name for d in capture(path=[str(tmp_path)]).distributions] == ["one", "two"]


@pytest.mark.parametrize(
    ("direct", "source", "reference"),
    [
        ({"url": f"file://{PLACE}/pkg", "dir_info": {"editable": True}}, "editable", ""),
        ({"url": f"file://{PLACE}/pkg", "dir_info": {}}, "folder", ""),
        (
            {"url": "https://ann:token@git.example.org/pkg.git", "vcs_info": {"vcs": "git", "commit_id": "9f3c"}},
            "vcs",
            "git+https://git.example.org/pkg.git@9f3c",
        ),
        ({"url": f"file://{PLACE}/pkg.git", "vcs_info": {"vcs": "git", "commit_id": "9f3c"}}, "vcs", ""),
        (
            {"url": "https://ann:token@example.org/pkg.whl?token=1", "archive_info": {}},
            "archive",
            "https://example.org/pkg.whl",
        ),
        ({"url": f"file://{PLACE}/pkg.whl", "archive_info": {}}, "archive", ""),
    ],
)
def test_direct_references_lose_paths_and_credentials(
    direct: dict[str, Any], source: str, reference: str, tmp_path: Path
) -> None:
    """PEP 610's address becomes a source and a public reference; nothing of this machine or its secrets is kept."""
    install(tmp_path, "pkg", "1.0", direct)
    found = capture(path=[str(tmp_path)])
    assert found.distributions == (Distribution("pkg", "1.0", source, reference),)  # type: ignore[arg-type]
    for word in (b"secret-place", b"token", b"ann"):
        assert word not in encode(found)


def test_the_first_on_the_path_wins(tmp_path: Path) -> None:
    """As in an import."""
    install(tmp_path / "a", "pkg", "1.0")
    install(tmp_path / "b", "Pkg", "2.0")
    paths = [str(tmp_path / "b"), str(tmp_path / "a"), str(tmp_path / "none")]
    assert [d.version for d in capture(path=paths).distributions] == ["2.0"]


def test_older_installations_are_found(tmp_path: Path) -> None:
    """An egg-info in site-packages is installed, one beside sources is a source tree in place."""
    for place in ("site-packages", "src"):
        folder = tmp_path / place / f"{place[:3]}.egg-info"
        folder.mkdir(parents=True)
        folder.joinpath("PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {place[:3]}\nVersion: 0.9\n")
    found = capture(path=[str(tmp_path / "site-packages"), str(tmp_path / "src")])
    assert [(d.name, d.version, d.source) for d in found.distributions] == [
        ("sit", "0.9", "registry"),
        ("src", "0.9", "editable"),
    ]


def test_the_projects_lock_files_and_name_are_recorded(tmp_path: Path) -> None:
    """Digests of uv.lock and requirements.txt, and the project itself is marked."""
    project = tmp_path / "project"
    project.mkdir()
    project.joinpath("pyproject.toml").write_text('[project]\nname = "My_Flights"\n')
    project.joinpath("uv.lock").write_bytes(b"version = 1\n")
    install(tmp_path / "site", "my_flights", "0.1", {"url": project.as_uri(), "dir_info": {"editable": True}})
    found = capture(project, path=[str(tmp_path / "site")])
    assert found.files == {"uv.lock": digest_of(b"version = 1\n")}
    assert found.distributions == (Distribution("my-flights", "0.1", "editable", "", project=True),)
    assert not capture(path=[str(tmp_path / "site")]).distributions[0].project


def test_metadata_folders_are_found_by_any_spelling(tmp_path: Path) -> None:
    """The folder of a distribution, or None."""
    install(tmp_path, "Some_Thing", "1.0")
    assert metadata_folder("some.thing", path=[str(tmp_path)]) == tmp_path / "Some_Thing-1.0.dist-info"
    assert metadata_folder("other", path=[str(tmp_path)]) is None
