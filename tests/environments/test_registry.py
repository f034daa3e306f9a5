from __future__ import annotations

from pathlib import Path

import pytest

from loopline.environments.registry import variables


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose home is empty."""
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
    }


def conf(path: Path, text: str) -> tuple[Path, ...]:
    """Write one pip.conf."""
    file = path / "pip.conf"
    file.write_text(text)
    return (file,)


def test_pips_file_is_told_to_uv(home: dict[str, str], tmp_path: Path) -> None:
    """Index, extra indexes, links, hosts, certificate and time-out have their word in uv's language."""
    text = (
        "[global]\nindex-url = https://one.example/simple\nextra-index-url = file:///a\n  file:///b\n"
        "find_links = /w1 /w2\n[install]\ntrusted-host = one.example\ncert = /c.pem\ntimeout = 9\n"
    )
    assert variables(home, files=conf(tmp_path, text)) == {
        "UV_DEFAULT_INDEX": "https://one.example/simple",
        "UV_INDEX": "file:///a file:///b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/w1,/w2",
        "UV_INSECURE_HOST": "one.example",
        "SSL_CERT_FILE": "/c.pem",
        "UV_HTTP_TIMEOUT": "9",
    }


def test_variables_are_stronger_than_files(home: dict[str, str], tmp_path: Path) -> None:
    """PIP_INDEX_URL wins over pip.conf, a later file over an earlier one."""
    files = conf(tmp_path, "[global]\nindex-url = https://file.example\n")
    given = variables({**home, "PIP_INDEX_URL": "https://variable.example"}, files=files)
    assert given == {"UV_DEFAULT_INDEX": "https://variable.example"}
    later = tmp_path / "later.conf"
    later.write_text("[install]\nindex-url = https://later.example\n")
    assert variables(home, files=(*files, later)) == {"UV_DEFAULT_INDEX": "https://later.example"}


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE"])
def test_a_uv_that_was_told_is_left_alone(name: str, home: dict[str, str], tmp_path: Path) -> None:
    """Where uv has its own configuration, pip's does not interfere."""
    assert variables({**home, name: "x"}, files=conf(tmp_path, "[global]\nindex-url = https://pip.example\n")) == {}


def test_a_uv_toml_counts_as_told(home: dict[str, str], tmp_path: Path) -> None:
    """The user's uv.toml decides alone."""
    folder = tmp_path / "config" / "uv"
    folder.mkdir(parents=True)
    folder.joinpath("uv.toml").write_text("")
    assert variables(home, files=conf(tmp_path, "[global]\nindex-url = https://pip.example\n")) == {}


def test_pips_own_places_are_read(home: dict[str, str], tmp_path: Path) -> None:
    """The user's pip.conf is found below HOME, and a named one is stronger."""
    own = tmp_path / "config" / "pip"
    own.mkdir(parents=True)
    own.joinpath("pip.conf").write_text("[global]\nindex-url = https://own.example\n")
    assert variables(home)["UV_DEFAULT_INDEX"] == "https://own.example"
    named = conf(tmp_path, "[global]\nindex-url = https://named.example\n")[0]
    assert variables({**home, "PIP_CONFIG_FILE": str(named)})["UV_DEFAULT_INDEX"] == "https://named.example"


def test_damaged_files_count_for_nothing(home: dict[str, str], tmp_path: Path) -> None:
    """A pip.conf that does not parse is passed over."""
    assert variables(home, files=conf(tmp_path, "no section here\n")) == {}
