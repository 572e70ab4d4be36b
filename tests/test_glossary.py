"""The glossary knows every word that chapters look up; the notation table names real code."""

import importlib
import inspect
import re

import pytest

NEEDED = """spectrogram, mask, short-time Fourier transform, mixture, source, stem, ratio mask,
binary mask, log-frequency warp, SDR, mix-and-separate, permutation problem, class activation map,
receptive field, dilation, stride, detection, IoU, non-maximum suppression, correspondence, InfoNCE,
temperature, false negative, shortcut, U-Net, skip connection, bottleneck, conditioning, FiLM,
cosine similarity, localisation map, success curve, AUC, bootstrap, oracle, phase, window, hop,
self-supervision"""
TERM = re.compile(r"\{term\}`([^`]+)`")


@pytest.fixture(scope="module")
def page(root):
    return (root / "book" / "notation-and-glossary.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def glossary(page):
    """Entries: the names of one thing -> its definition."""
    body = re.search(r":::\{glossary\}\n(.*?)\n:::", page, re.DOTALL).group(1)
    entries = {}
    for block in re.split(r"\n\s*\n", body.strip()):
        lines = block.split("\n")
        names = tuple(line for line in lines if not line.startswith(" "))
        entries[names] = " ".join(line.strip() for line in lines if line.startswith(" "))
    return entries


@pytest.fixture(scope="module")
def names(glossary):
    return [name for group in glossary for name in group]


def sentences(text):
    text = re.sub(r"\{cite\}`[^`]+`", "", text)
    return len(re.findall(r"[.?](?=\s|$)", text))


def looked_up(text):
    """What a page's {term} roles lead to: `phases <phase>` leads to phase."""
    for inside in TERM.findall(text):
        target = re.search(r"<(.+)>$", inside)
        yield target.group(1) if target else inside


def test_every_needed_word_is_there_once_and_in_order(names):
    missing = [word for word in re.split(r",\s+", NEEDED) if word not in names]
    assert missing == []
    assert len(set(names)) == len(names)


def test_entries_are_sorted_as_a_reader_looks_for_them(glossary):
    first = [group[0].lower() for group in glossary]
    assert first == sorted(first)


def test_every_entry_is_short_and_says_where_to_read_on(glossary, root):
    labels = set()
    for path in (root / "book").glob("*.md"):
        labels |= set(re.findall(r"^\(([\w-]+)\)=", path.read_text(encoding="utf-8"), re.M))
    for group, text in glossary.items():
        targets = re.findall(r"\{ref\}`(?:[^`<]*<)?([\w-]+)>?`", text)
        assert targets, f"{group[0]} does not say where it is treated"
        assert set(targets) <= labels, f"{group[0]} points to {set(targets) - labels}"
        assert 1 <= sentences(text) <= 4, f"{group[0]}: {sentences(text)} sentences"
        assert text.endswith((".", "`")), group[0]


def test_every_word_that_a_page_looks_up_is_defined(root, names):
    pages = sorted((root / "book").glob("*.md"))
    assert len(pages) > 8
    for path in pages:
        undefined = set(looked_up(path.read_text(encoding="utf-8"))) - set(names)
        assert not undefined, f"{path.name} looks up {sorted(undefined)}"


def test_words_are_looked_up_at_all(root):
    used = [w for path in (root / "book").glob("*.md") for w in looked_up(path.read_text("utf-8"))]
    assert len(set(used)) > 20


def code_names(page):
    """Every name in the last columns of the notation tables."""
    table = page[page.index("(sec-notation)=") : page.index("(sec-letters-twice)=")]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    for row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))]
        assert len(cells) == 4, row
        if cells[3] != "name in the code":
            yield from re.findall(r"`([^`]+)`", cells[3])


def resolve(name):
    """What `package.module.thing(argument)` names; fails where there is none."""
    dotted, _, argument = name.rstrip(")").partition("(")
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        break
    for part in parts[cut:]:
        fields = getattr(found, "__dataclass_fields__", {})
        if part in fields:
            found = fields[part]
        else:
            assert hasattr(found, part), f"{name}: there is no {part}"
            found = getattr(found, part)
    if argument:
        assert argument in inspect.signature(found).parameters, f"{name}: no argument {argument}"
    return found


def test_every_name_of_the_notation_is_in_avlib(page):
    found = list(code_names(page))
    assert len(found) > 30
    for name in found:
        assert name.startswith("avlib."), name
        resolve(name)


def rows_of(page, first):
    """The cells of the table whose heading begins with a word."""
    body = page.partition(f"\n| {first} | ")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in body]


def pitch_named(name):
    """The number of a note: C4 is 60."""
    letter, octave = re.fullmatch(r"([A-G]♯?)(\d)", name).groups()
    return 12 * (int(octave) + 1) + "C C♯ D D♯ E F F♯ G G♯ A A♯ B".split().index(letter)


def test_notes_have_the_numbers_names_and_frequencies_of_the_table(page):
    rows = rows_of(page, "note number")
    assert len(rows) == 9
    for number, name, hertz, _ in rows:
        assert pitch_named(name) == int(number)
        assert f"{440 * 2 ** ((int(number) - 69) / 12):.1f}" == hertz


def test_ranges_of_the_instruments_are_those_of_the_orchestra(page):
    from avlib.orchestra.instruments import INSTRUMENTS, MUSIC11

    rows = rows_of(page, "instrument")
    assert tuple(row[0] for row in rows) == MUSIC11
    for name, technique, lowest, low_hz, highest, high_hz in rows:
        known = INSTRUMENTS[name]
        assert (technique, pitch_named(lowest)) == (known.technique, known.low)
        assert pitch_named(highest) == known.high
        for pitch, hertz in ((known.low, low_hz), (known.high, high_hz)):
            assert f"{440 * 2 ** ((pitch - 69) / 12):.0f}" == hertz


@pytest.mark.parametrize(
    "wrong", ["avlib.audio.stft(hopp)", "avlib.audio.FrontEnd.hopp", "avlib.dsol.cosine_maps"]
)
def test_a_name_that_is_gone_would_be_noticed(wrong):
    with pytest.raises(AssertionError, match=re.escape(wrong)):
        resolve(wrong)
