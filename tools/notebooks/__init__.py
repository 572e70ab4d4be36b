"""From the book's pages to notebooks for Colab: `tools/make_notebooks.py` is the way in.

`parse` reads MyST Markdown into blocks, `book` knows what all pages know together (numbers,
labels, citations, addresses), `inline` turns roles and links into plain Markdown, `render` does
the same for directives, and `convert` makes cells.
"""
