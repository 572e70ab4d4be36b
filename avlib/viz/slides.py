"""A slider that walks through pictures made beforehand: interactive without a kernel."""

import html
import io
from collections.abc import Mapping

from matplotlib.figure import Figure
from PIL import Image

from avlib.viz.component import Component, data_uri, style, unique_id

_SCRIPT = """
(function (root) {
  const pictures = Array.from(root.querySelectorAll('img'));
  const slider = root.querySelector('input'), state = root.querySelector('output');
  const show = () => {
    const k = Number(slider.value), name = pictures[k].dataset.state;
    pictures.forEach((picture, i) => { picture.hidden = i !== k; });
    state.textContent = name;
    slider.setAttribute('aria-valuetext', name);
  };
  slider.addEventListener('input', show);
  root.querySelector('.avl-bar').hidden = false;
  show();
  root.dataset.ready = 'yes';
})"""


def picture_slider(
    pictures: Mapping[str, Figure],
    label: str,
    setting: str,
    descriptions: Mapping[str, str],
    start: int = 0,
) -> Component:
    """Show one of several pictures, chosen with a slider; without scripts all of them.

    Args:
        pictures: name of the state -> the plot, in the slider's order. The plots are closed.
        label: the name that stands above it.
        setting: what the slider sets.
        descriptions: name of the state -> what is to be seen, for who cannot see it.
        start: number of the state shown first.

    Raises:
        ValueError: no picture, a start that is not there, or a picture without a description.

    Example:
        >>> slider = picture_slider({"one": Figure()}, "Numbers", "number", {"one": "Nothing."})
        >>> slider.text
        'Pictures to slide through: Numbers. one: Nothing.'
    """
    if not 0 <= start < len(pictures):
        raise ValueError(f"start={start}, but there are {len(pictures)} pictures")
    if missing := [name for name in pictures if not descriptions.get(name)]:
        raise ValueError(f"pictures without a description: {missing}")
    images = {name: _webp(figure) for name, figure in pictures.items()}
    name = unique_id("slides", label)
    shown = "".join(
        f'<img alt="{html.escape(descriptions[state], quote=True)}" '
        f'data-state="{html.escape(state, quote=True)}" '
        f'src="{data_uri("image/webp", data)}">'
        for state, data in images.items()
    )
    whole = (
        f'<figure class="avl avl-slides" id="{name}">{style("player.css")}'
        f"<figcaption>{html.escape(label)}</figcaption>"
        f'<div class="avl-bar" hidden><label for="{name}-at">{html.escape(setting)}</label>'
        f'<input type="range" id="{name}-at" min="0" max="{len(images) - 1}" step="1" '
        f'value="{start}"><output for="{name}-at"></output></div>{shown}'
        f'<script>{_SCRIPT.strip()}(document.getElementById("{name}"));</script></figure>'
    )
    told = " ".join(f"{state}: {descriptions[state]}" for state in pictures)
    first = list(images.values())[start]
    return Component(whole, f"Pictures to slide through: {label}. {told}", lambda: _png(first))


def _webp(figure: Figure) -> bytes:
    """Draw a plot, small enough that a page can carry half a dozen."""
    import matplotlib.pyplot as plt

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    plt.close(figure)
    Image.open(drawn).convert("RGB").save(packed, "WEBP", quality=80, method=6)
    return packed.getvalue()


def _png(picture: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(buffer, "PNG")
    return buffer.getvalue()
