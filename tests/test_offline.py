"""The book without a network: out of its archive, with sound, maths, search and quizzes; on paper.

The archive is unpacked somewhere else, so that nothing can come from the folder it was built in.
"""

import hashlib
import io
import re
import unicodedata
import zipfile

import pytest
from conftest import complaints, load_tool, open_page, requested
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser
CHAPTERS = load_tool("build_book").chapters()


@pytest.fixture(scope="module")
def archive(book):
    return load_tool("make_zip").make_zip(book.root)


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory):
    """The one folder of the archive, at a path with a space and an accent."""
    folder = tmp_path_factory.mktemp("dés archives")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    (top,) = folder.iterdir()
    return top


def test_archive_is_whole_the_same_each_time_and_brings_its_licences(book, archive):
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert archive.with_suffix(".zip.sha256").read_text() == f"{digest}  {archive.name}\n"
    again = load_tool("make_zip").make_zip(book.root)
    assert hashlib.sha256(again.read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        names = {name.split("/", 1)[1] for name in packed.namelist()}
    assert {"index.html", "LICENSE", "LICENSE-TEXT", "provenance.csv"} <= names
    assert {f"{page}.html" for page in CHAPTERS} <= names
    assert "_static/vendor/mathjax/NOTICE.txt" in names
    assert not [name for name in names if "mathjax" in name and name.endswith(".map")]


def test_no_archive_without_a_book(tmp_path, root):
    (tmp_path / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    with pytest.raises(FileNotFoundError, match="make book"):
        load_tool("make_zip").make_zip(tmp_path)


def test_it_opens_at_its_first_page_and_leads_through_the_chapters(browser, unpacked):
    open_page(browser, unpacked / "index.html")
    WebDriverWait(browser, 20).until(lambda b: "book/index.html" in b.current_url)
    browser.find_element(By.CSS_SELECTOR, "a.right-next").click()
    WebDriverWait(browser, 20).until(lambda b: CHAPTERS[0] in b.current_url)
    assert complaints(browser) == []
    assert requested(browser) == []


def test_formulas_are_set_with_fonts_from_the_folder(browser, unpacked):
    open_page(browser, unpacked / "book" / "sound.html")
    WebDriverWait(browser, 60).until(
        lambda b: b.execute_script(
            "return document.querySelectorAll('mjx-container').length >= "
            "document.querySelectorAll('.math').length"
        )
    )
    fonts = browser.execute_async_script(
        "const done = arguments[0]; document.fonts.ready.then(() => done("
        "Array.from(document.fonts).filter(f => f.status === 'loaded').map(f => f.family)))"
    )
    assert any(font.startswith("MJX") for font in fonts)
    assert any("Font Awesome" in font for font in fonts) or browser.find_elements(
        By.CSS_SELECTOR, "svg.svg-inline--fa"
    )
    assert requested(browser) == []


def test_sound_plays(browser, unpacked):
    open_page(browser, unpacked / "book" / "welcome.html")
    player = browser.find_element(By.CSS_SELECTOR, "figure.avl[data-seconds][id]")
    WebDriverWait(browser, 20).until(lambda b: player.get_attribute("data-ready"))
    play = player.find_element(By.CLASS_NAME, "avl-play")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", play)
    play.click()  # as a reader's own hand: a page may not begin by itself
    seek = player.find_element(By.CLASS_NAME, "avl-seek")
    WebDriverWait(browser, 20).until(
        lambda b: float(b.execute_script("return arguments[0].value", seek)) > 0.1
    )
    play.click()
    assert complaints(browser) == []
    assert requested(browser) == []


def test_search_finds(browser, unpacked):
    open_page(browser, f"{unpacked}/search.html?q=spectrogram")
    WebDriverWait(browser, 60).until(
        lambda b: len(b.find_elements(By.CSS_SELECTOR, "#search-results li a")) > 1
    )
    found = [
        a.get_attribute("href")
        for a in browser.find_elements(By.CSS_SELECTOR, "#search-results li a")
    ]
    assert any("book/sound.html" in link for link in found)
    assert complaints(browser) == []
    assert requested(browser) == []


def test_a_quiz_answers(browser, unpacked):
    open_page(browser, unpacked / "book" / "welcome.html")
    quizzes = browser.find_elements(By.CSS_SELECTOR, "figure.avl[data-kind=quiz]")
    assert quizzes
    quiz = quizzes[0]
    WebDriverWait(browser, 20).until(lambda b: quiz.get_attribute("data-ready"))
    before = quiz.text
    radio = quiz.find_element(By.CSS_SELECTOR, "input[type=radio]")
    browser.execute_script("arguments[0].click()", radio)
    for button in quiz.find_elements(By.TAG_NAME, "button")[:1]:
        browser.execute_script("arguments[0].click()", button)
    WebDriverWait(browser, 20).until(lambda b: quiz.text != before)
    assert complaints(browser) == []
    assert requested(browser) == []


@pytest.fixture(scope="module")
def paper(book, browser):
    """The PDF, read back. (`browser` skips where there is none.)"""
    from pypdf import PdfReader

    made = load_tool("make_pdf").make_pdf(book.root)
    return PdfReader(io.BytesIO(made.read_bytes()))


@pytest.mark.slow
def test_the_book_on_paper(book, paper, build_book):
    # "ff" is one letter in print
    letters = [unicodedata.normalize("NFKC", page.extract_text()) for page in paper.pages]
    texts = [" ".join(text.split()) for text in letters]
    whole = " ".join(texts)
    assert len(texts) >= 8 * len(CHAPTERS)
    for name in build_book.toc_pages():
        html = book.page(name).read_text()
        heading = re.search(r"<h1>((?:(?!<h1>).)*?)<a class=\"headerlink", html, re.S)[1]
        title = re.sub(r"<[^>]+>", "", heading)
        title = " ".join(title.replace("’", "'").split())
        at = [number for number, text in enumerate(texts, 1) if title in text.replace("’", "'")]
        assert len(at) >= 2, f"{title} stands on pages {at}"  # in the contents and at its place
        contents = " ".join(texts[1:3]).replace("’", "'")
        number = re.search(re.escape(title) + r"\s*(\d+)", contents)
        assert number, title
        assert int(number[1]) in at[1:], title
    assert "Traceback" not in whole
    assert "mjx-merror" not in whole
    assert whole.count("To hear it and to work it") >= 2 * len(CHAPTERS)
    assert "Solutions" in whole
    assert len(paper.outline) > 3
    assert paper.trailer["/Root"]["/MarkInfo"]["/Marked"]


@pytest.mark.slow
def test_paper_keeps_every_sound_described(paper, book):
    """Posters stand in for players; nothing of a page that only a browser can show is left."""
    printed = (book.root / "_build" / "print.html").read_text()
    assert "<audio" not in printed
    assert 'class="avl ' not in printed
    assert printed.count('class="component"') >= 2 * len(CHAPTERS)
    posters = re.findall(r'<div class="component"><img alt="" src="data:image/png', printed)
    assert len(posters) == printed.count('class="component"')
