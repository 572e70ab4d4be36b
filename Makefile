# One command each: `make book` builds the book, `make test` runs every test.
# Both set up what they need first: a virtual environment in .venv with the pinned versions of
# constraints.txt and, for the tests, a headless Chromium. Say `make help` for the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.avlib-installed
PORT ?= 8000

.PHONY: help setup browser book zip pdf links changed test test-package test-book serve lint notebooks new-chapter coverage constraints clean distclean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# Installed again only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@bash tools/setup.sh "$(VENV)"
	@touch "$(STAMP)"

setup: $(STAMP) ## the virtual environment, with the versions of constraints.txt

browser: ## Chromium and its driver, for the page tests
	@bash tools/browser.sh

book: $(STAMP) ## build the book; prints where it is
	@$(PY) tools/build_book.py

test: $(STAMP) browser ## every test: the package, then the book, the pages and the install
	@failed=0; \
	$(PY) -m pytest avlib -q --durations=5 || failed=1; \
	$(PY) -m pytest tests -q --durations=10 || failed=1; \
	exit $$failed

test-package: $(STAMP) ## only the package: numerics, shapes, properties (minutes)
	@$(PY) -m pytest avlib -q

test-book: $(STAMP) browser ## only the book, its pages in a browser, the install
	@$(PY) -m pytest tests -q

zip: book ## the book as one archive, to read without a network; with its SHA-256
	@$(PY) tools/make_zip.py

pdf: book browser ## the whole book on paper: _build/avlib-book-….pdf
	@$(PY) tools/make_pdf.py

links: book ## ask every address outside the book whether it is still there (needs a network)
	@$(PY) tools/check_links.py

changed: book ## list the pages that differ from BASE (default origin/main), for reviewers
	@$(PY) tools/changed_pages.py $(BASE)

serve: book ## build the book, then show it at http://localhost:8000 (PORT=… for another)
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lint: $(STAMP) ## style, spelling, types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/codespell
	@$(PY) -m mypy

notebooks: $(STAMP) ## the pages as notebooks for Colab, book/*.ipynb; commit them
	@$(PY) tools/make_notebooks.py

new-chapter: $(STAMP) ## begin a chapter from the template: NAME=my-chapter TITLE="About it"
	@$(PY) tools/new_chapter.py "$(NAME)" "$(TITLE)"

coverage: $(STAMP) ## the package's tests with branch coverage; report in htmlcov/
	@$(PY) -m pytest avlib -q --cov --cov-report=term --cov-report=html

constraints: $(STAMP) ## resolve constraints.txt anew (for maintainers)
	@$(PY) tools/constraints.py

clean: ## remove what was built; the virtual environment stays
	rm -rf _build book/_assets/vendor htmlcov .coverage .pytest_cache .ruff_cache .mypy_cache .hypothesis

distclean: clean ## remove the virtual environments too
	rm -rf "$(VENV)" .venv-colab
