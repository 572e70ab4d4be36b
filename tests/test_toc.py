"""Sources and contents agree; what a chapter must hold is in ``test_template.py``."""

import re


def test_every_source_is_in_the_contents_and_every_entry_is_there(root, build_book):
    sources = {str(p.relative_to(root).with_suffix("")) for p in (root / "book").rglob("*.md")}
    entries = build_book.toc_pages()
    assert set(entries) == sources
    assert len(entries) == len(set(entries))
    assert entries[0] == "book/index"


def test_entries_name_their_ending(root):
    """Without it, a notebook beside its source makes two files for one entry."""
    text = (root / "_toc.yml").read_text()
    files = re.findall(r"(?:root|file): (\S+)", text)
    assert files
    assert all(file.endswith(".md") for file in files)
