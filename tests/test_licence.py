"""Licences are whole, every asset has its line of provenance, and one place holds the address."""

import csv
import subprocess
import tomllib

import pytest
import yaml

ASSETS = (".png", ".svg", ".jpg", ".webp", ".ogg", ".flac", ".mp3", ".npz", ".safetensors", ".woff")


@pytest.fixture(scope="module")
def tracked(root):
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [root / line for line in done.stdout.splitlines() if (root / line).is_file()]


def test_code_is_mit_and_text_is_cc_by(root):
    mit = (root / "LICENSE").read_text()
    assert mit.startswith("MIT License")
    assert "WITHOUT WARRANTY OF ANY KIND" in mit
    text = (root / "LICENSE-TEXT").read_text()
    assert "Creative Commons Attribution 4.0 International Public License" in text
    assert "Section 8 – Interpretation" in text or "Section 8 -- Interpretation" in text
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT"
    assert project["license-files"] == ["LICENSE", "LICENSE-TEXT"]


def test_every_asset_has_a_line_of_provenance(root, tracked):
    with (root / "book" / "provenance.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["path"] and row["licence"] and row["made_by"] for row in rows)
    covered = [row["path"] for row in rows]
    for path in tracked:
        name = path.relative_to(root).as_posix()
        if path.suffix in ASSETS:
            assert any(name == entry or name.startswith(f"{entry}/") for entry in covered), (
                f"{name}: add a line to book/provenance.csv that says where it comes from"
            )
    for entry in covered:
        assert (root / entry).exists(), f"book/provenance.csv names {entry}, which is not there"


def test_address_of_the_repository_stands_in_one_place(root, tracked):
    url = yaml.safe_load((root / "_config.yml").read_text())["repository"]["url"]
    owner_and_name = url.removeprefix("https://github.com/")
    assert owner_and_name.count("/") == 1
    holders = []
    for path in tracked:
        if path.suffix == ".ipynb":
            continue  # generated with the address: tests/test_colab_sync.py
        try:
            if owner_and_name in path.read_text():
                holders.append(path.relative_to(root).as_posix())
        except UnicodeDecodeError:
            continue  # an asset, not a text
    assert holders == ["_config.yml"]


def test_version_is_the_same_everywhere(root):
    import avlib

    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert avlib.__version__ == version
    assert citation["version"] == version
    assert f"## {version}" in (root / "CHANGELOG.md").read_text()


def test_citation_names_the_papers(root):
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"MIT", "CC-BY-4.0"} == set(citation["license"])
    titles = " ".join(reference["title"] for reference in citation["references"])
    for words in ("Sound of Pixels", "Co-Separating", "Discriminative Sounding", "SeCo"):
        assert words in titles


def test_large_files_are_large_for_a_reason(root, tracked):
    """The guard of pre-commit, on the tree as it is: nothing above 500 kB but what it names."""
    import re

    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    guard = next(hook for hook in hooks if hook["id"] == "large-files")
    assert "--maxkb=500" in guard["entry"]
    for path in tracked:
        name = path.relative_to(root).as_posix()
        if path.stat().st_size > 500 * 1024:
            assert re.search(guard["exclude"], name), f"{name} is {path.stat().st_size:,} bytes"
