"""The little markup of the components' texts, made into HTML that is safe wherever it came from.

Components work without a network and without MathJax, also on Colab and in a file; their formulas
are therefore written with sub- and superscripts only.
"""

import html
import re

_CODE = re.compile(r"`([^`]+)`")
_LEVEL = re.compile(r"([_^])\{([^{}]*)\}")
_STRONG = re.compile(r"(?<![A-Za-z0-9*])\*\*(?=\S)(.+?)(?<=\S)\*\*(?![A-Za-z0-9*])", re.DOTALL)
_EMPHASIS = re.compile(
    r"(?<![A-Za-z0-9*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![A-Za-z0-9*])", re.DOTALL
)


def rich(text: str) -> str:
    """Turn a text with a little markup into HTML.

    Code between back quotes, ``*emphasis*``, ``**strong**``, ``x_{i}`` and ``x^{2}`` (nested as
    well) become elements, an empty line becomes a break; everything else, tags above all, is shown
    as it is written. Inside code nothing is interpreted. Stars between letters or spaces stay.

    Args:
        text: what is to be shown.

    Returns:
        HTML to be put between tags, not into an attribute (see `plain`).

    Example:
        >>> rich("*f* < 2^{k}: see `a<b>*c*`")
        '<em>f</em> &lt; 2<sup>k</sup>: see <code>a&lt;b&gt;*c*</code>'
        >>> rich("2 * 3 * 4 = 24")
        '2 * 3 * 4 = 24'
    """
    pieces = _CODE.split(text)
    # Every second piece stood between back quotes.
    return "".join(
        f"<code>{html.escape(piece)}</code>" if k % 2 else _marked(html.escape(piece))
        for k, piece in enumerate(pieces)
    )


def plain(text: str) -> str:
    """The same text without its markup, for attributes, posters and text-only readers.

    Example:
        >>> plain("*x*_{i} is **not** `y`^{2}")
        'x_i is not y^2'
    """
    pieces = _CODE.split(text)
    return "".join(piece if k % 2 else _stripped(piece) for k, piece in enumerate(pieces))


def _marked(escaped: str) -> str:
    """Markup of a piece without code whose special letters are escaped already."""
    tags = {"_": "sub", "^": "sup"}
    count = 1
    while count:  # from the innermost braces outwards
        escaped, count = _LEVEL.subn(
            lambda match: f"<{tags[match[1]]}>{match[2]}</{tags[match[1]]}>", escaped
        )
    escaped = _STRONG.sub(r"<strong>\1</strong>", escaped)
    escaped = _EMPHASIS.sub(r"<em>\1</em>", escaped)
    return re.sub(r"\n\s*\n", "<br><br>", escaped)


def _stripped(text: str) -> str:
    count = 1
    while count:
        text, count = _LEVEL.subn(r"\1\2", text)
    return _EMPHASIS.sub(r"\1", _STRONG.sub(r"\1", text))
