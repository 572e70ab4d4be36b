"""The picture of a separation: the spectrogram of the mixture and of every player."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from avlib.audio import stft
from avlib.viz.page import colour, numbered

RANGE_DB = 70.0


def spectrogram_db(
    wave: Float[np.ndarray, " sample"], columns: int = 1200
) -> Float[np.ndarray, "freq column"]:
    """Magnitude in dB of the Sound of Pixels front end, at most `columns` wide.

    A longer sound is read in `columns` equal stretches, and the loudest of each is shown, so that
    an hour needs no more memory or pixels than a minute.

    Example:
        >>> spectrogram_db(np.zeros(65535, np.float32)).shape
        (512, 256)
    """
    hop, step = 256, 256 * 4096
    pieces = []
    for start in range(0, max(len(wave), 1), step):
        piece = wave[start : start + step]
        piece = np.pad(piece, (0, max(0, 1022 - len(piece))))
        magnitude = stft(torch.from_numpy(np.ascontiguousarray(piece)), n_fft=1022, hop=hop).abs()
        # A centred frame at the very end belongs to the next piece.
        last = start + step >= len(wave)
        pieces.append(magnitude.numpy()[:, : None if last else step // hop])
    whole = np.concatenate(pieces, axis=1)
    if whole.shape[1] > columns:
        edges = np.linspace(0, whole.shape[1], columns, endpoint=False).astype(int)
        whole = np.maximum.reduceat(whole, edges, axis=1)
    return 20 * np.log10(np.maximum(whole, 1e-6))


def plot_separation(
    path: Path,
    mixture: Float[np.ndarray, " sample"],
    waves: Float[np.ndarray, "player sample"],
    rate: int,
    labels: Sequence[str],
) -> None:
    """Write a PNG with the spectrogram of the mixture above those of the players.

    All share one scale of colours, so what is brighter is louder across pictures too.

    Args:
        path: of the PNG.
        mixture: the sound as it was.
        waves: one sound a player.
        rate: Hz.
        labels: one a player.
    """
    import matplotlib
    import seaborn
    from matplotlib.figure import Figure

    panels = [("Everyone", mixture, "#3d4650")]
    panels += [
        (numbered(k, label), wave, colour(k))
        for k, (label, wave) in enumerate(zip(labels, waves, strict=True), 1)
    ]
    pictures = [spectrogram_db(wave) for _, wave, _ in panels]
    top = float(pictures[0].max())
    extent = (0.0, len(mixture) / rate, 0.0, rate / 2000)
    with matplotlib.rc_context(
        {**seaborn.axes_style("ticks"), **seaborn.plotting_context("notebook")}
    ):
        # A Figure of its own, not pyplot's: nothing global is opened, and no display is needed.
        figure = Figure(figsize=(10, 1.2 + 1.9 * len(panels)), layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axis, picture, (title, _, tint) in zip(axes, pictures, panels, strict=True):
            image = axis.imshow(
                picture,
                origin="lower",
                aspect="auto",
                extent=extent,
                cmap="magma",
                vmin=top - RANGE_DB,
                vmax=top,
                interpolation="nearest",
            )
            # parse_math=False: a player may be called "$5$".
            axis.set_title(title, loc="left", color=tint, fontweight="bold", parse_math=False)
            axis.set_ylabel("kHz")
            seaborn.despine(ax=axis)
        axes[-1].set_xlabel("time (s)")
        bar = figure.colorbar(image, ax=list(axes), pad=0.015, aspect=40)
        bar.set_label("level (dB)")
        figure.savefig(path, dpi=110, format="png")
