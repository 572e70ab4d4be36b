"""The makers' tools: their examples are true, and what they print is right."""

import doctest
import subprocess

import pytest
from conftest import load_tool

TOOLS = ("book_extension", "build_book", "changed_pages", "check_book", "check_links")


@pytest.mark.parametrize("name", TOOLS)
def test_examples_in_docstrings_are_true(name):
    result = doctest.testmod(load_tool(name))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit."""

    def git(*words):
        name = ("-c", "user.name=A", "-c", "user.email=a@b.c")
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "book").mkdir()
    (tmp_path / "avlib" / "tests").mkdir(parents=True)
    (tmp_path / "book" / "masks.md").write_text("a")
    (tmp_path / "book" / "sound.md").write_text("a")
    (tmp_path / "avlib" / "tests" / "test_a.py").write_text("")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return tmp_path


def test_changed_pages_are_those_whose_source_changed(repository):
    changed = load_tool("changed_pages")
    assert changed.pages_of(changed.changed_files("HEAD", repository)) == ([], False)
    (repository / "book" / "masks.md").write_text("b")
    (repository / "avlib" / "tests" / "test_a.py").write_text("x = 1")
    pages, package = changed.pages_of(changed.changed_files("HEAD", repository))
    assert pages == ["book/masks"]
    assert not package  # tests change no page
    text = changed.as_html(pages, package, "<main>")
    assert '<a href="book/masks.html">' in text
    assert "&lt;main&gt;" in text
    with pytest.raises(RuntimeError, match="cannot compare with nowhere"):
        changed.changed_files("nowhere", repository)


def test_docstrings_become_what_sphinx_reads():
    extension = load_tool("book_extension")
    lines = [
        "Of `stft`: $|X|$ and ``$kept$``.",
        "",
        "$$L = \\sum_n",
        "|M_n|$$",
        "A formula $a",
        "+ b$ runs on.",
        ">>> x = `a`",
        "Traceback (most recent call last):",
        "    ...",
        "ValueError: no",
    ]
    extension.docstring(None, "function", "f", None, None, lines)
    text = "\n".join(lines)
    assert lines[0] == "Of ``stft``: :math:`|X|` and ``$kept$``."
    assert ".. math::\n\n   L = \\sum_n |M_n|" in text
    assert "A formula :math:`a + b` runs on." in text
    assert ">>> x = `a`\nValueError: no" in text


def test_no_localiser_is_shipped_from_a_changed_tree():
    """A record names a commit; with changed files nobody could repeat what it says."""
    train = load_tool("train_dsol")
    assert train.clean_commit("30c33bf") == "30c33bf"
    for found in ("30c33bf-dirty", None):
        with pytest.raises(SystemExit, match="could not be repeated"):
            train.clean_commit(found)
