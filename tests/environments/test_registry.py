from __future__ import annotations

from pathlib import Path

import pytest

from loopline.environments.registry import variables

ONE = "https://one.example/packages"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose home is empty."""
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
    }


def conf(path: Path, name: str = "pip.conf", section: str = "global", **options: str) -> tuple[Path, ...]:
    """Write one file as pip reads it: with dashes in the names of options."""
    file = path / name
    lines = [f"{option.replace('_', '-')} = {value}" for option, value in options.items()]
    file.write_text("\n".join([f"[{section}]", *lines, ""]))
    return (file,)


def test_pips_file_is_told_to_uv(home: dict[str, str], tmp_path: Path) -> None:
    """Index, extra indexes, links, hosts, certificate and time-out have their word in uv's language."""
    files = (
        *conf(tmp_path, index_url=ONE, extra_index_url="file:///A\n  file:///B", find_links="/w1 /w2"),
        *conf(tmp_path, "more.conf", "install", trusted_host="one.example", cert="/c.pem", timeout="9"),
    )
    assert variables(home, files=files) == {
        "UV_DEFAULT_INDEX": ONE,
        "UV_INDEX": "file:///A file:///B",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/w1,/w2",
        "UV_INSECURE_HOST": "one.example",
        "SSL_CERT_FILE": "/c.pem",
        "UV_HTTP_TIMEOUT": "9",
    }


def test_variables_are_stronger_than_files(home: dict[str, str], tmp_path: Path) -> None:
    """PIP_INDEX_URL wins over pip.conf, a later file over an earlier one."""
    files = conf(tmp_path, index_url="https://file.example")
    given = variables({**home, "PIP_INDEX_URL": "https://variable.example"}, files=files)
    assert given == {"UV_DEFAULT_INDEX": "https://variable.example"}
    later = conf(tmp_path, "later.conf", "install", index_url="https://later.example")
    assert variables(home, files=(*files, *later)) == {"UV_DEFAULT_INDEX": "https://later.example"}


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE"])
def test_a_uv_that_was_told_is_left_alone(name: str, home: dict[str, str], tmp_path: Path) -> None:
    """Where uv has its own configuration, pip's does not interfere."""
    assert variables({**home, name: "x"}, files=conf(tmp_path, index_url=ONE)) == {}


def test_a_uv_toml_counts_as_told(home: dict[str, str], tmp_path: Path) -> None:
    """The user's uv.toml decides alone."""
    folder = tmp_path / "config" / "uv"
    folder.mkdir(parents=True)
    folder.joinpath("uv.toml").write_text("")
    assert variables(home, files=conf(tmp_path, index_url=ONE)) == {}


def test_pips_own_places_are_read(home: dict[str, str], tmp_path: Path) -> None:
    """The user's pip.conf is found below HOME, and a named one is stronger."""
    own = tmp_path / "config" / "pip"
    own.mkdir(parents=True)
    conf(own, index_url="https://own.example")
    assert variables(home)["UV_DEFAULT_INDEX"] == "https://own.example"
    named = conf(tmp_path, index_url="https://named.example")[0]
    assert variables({**home, "PIP_CONFIG_FILE": str(named)})["UV_DEFAULT_INDEX"] == "https://named.example"


def test_damaged_files_count_for_nothing(home: dict[str, str], tmp_path: Path) -> None:
    """A pip.conf that does not parse is passed over."""
    file = tmp_path / "pip.conf"
    file.write_text("no section here\n")
    assert variables(home, files=(file,)) == {}
