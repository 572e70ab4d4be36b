"""Draw the pictures of the README and of the landing page anew: ``python tools/make_figures.py``.

The contact sheet is that of ``avlib orchestra preview`` with 256 colours, so that it stays small.
"""

from pathlib import Path

from PIL import Image

from avlib.orchestra.preview import contact_sheet

FIGURES = Path(__file__).resolve().parent.parent / "book" / "figures"


def main() -> None:
    """Write ``orchestra.png``."""
    sheet = Image.fromarray(contact_sheet(size=200, columns=7))
    target = FIGURES / "orchestra.png"
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)
    print(f"{target}: {sheet.size[0]} x {sheet.size[1]}, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
