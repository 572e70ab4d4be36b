"""A long sound in windows of the model's length, and back together by weighted overlap-add."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float


def window_starts(samples: int, window: int, hop: int) -> list[int]:
    """First sample of every window: each `hop` samples, and one that ends where the sound ends.

    Args:
        samples: length of the sound.
        window: length of a window.
        hop: from one window to the next; at most half a window, so that every sample but those
            at the two ends is heard by two windows.

    Returns:
        Starts in rising order; `[0]` for a sound no longer than a window.

    Raises:
        ValueError: a length that is not positive, or a hop above half a window.

    Example:
        >>> window_starts(25, window=10, hop=5)
        [0, 5, 10, 15]
        >>> window_starts(7, window=10, hop=5)
        [0]
    """
    if samples < 1 or hop < 1 or window < 2 * hop:
        raise ValueError(
            f"cannot cut {samples} samples into windows of {window} every {hop}: "
            "all must be positive, and the hop at most half a window"
        )
    last = max(samples - window, 0)
    return [*range(0, last, hop), last]


def fade(window: int) -> Float[np.ndarray, " window"]:
    """Weight of each sample of a window: a Hann bump that never reaches zero.

    Example:
        >>> fade(4).round(3).tolist()
        [0.147, 0.853, 0.853, 0.147]
    """
    rise = np.sin(np.pi * (np.arange(window) + 0.5) / window) ** 2
    return rise * (1 - 1e-3) + 1e-3 * 0.5


def cut_windows(
    wave: Float[np.ndarray, " sample"], window: int, starts: Iterable[int]
) -> Iterator[Float[np.ndarray, " window"]]:
    """The windows of a wave; one that is too short is filled up with silence at its end.

    Example:
        >>> [w.tolist() for w in cut_windows(np.ones(3, np.float32), 4, [0])]
        [[1.0, 1.0, 1.0, 0.0]]
    """
    for start in starts:
        piece = wave[start : start + window]
        yield np.pad(piece, (0, window - len(piece)))


class OverlapAdd:
    """Add windows up again, each weighted by `fade`, and divide by the sum of the weights.

    Wherever the windows agree the result is exactly what they agree on.

    Args:
        sources: how many sounds run side by side.
        samples: length of the result; what windows have beyond it (silence) is dropped.
        window: length of a window.

    Example:
        >>> whole = OverlapAdd(sources=1, samples=6, window=4)
        >>> for start in window_starts(6, window=4, hop=2):
        ...     whole.add(start, np.full((1, 4), 3.0, np.float32))
        >>> whole.result().tolist()
        [[3.0, 3.0, 3.0, 3.0, 3.0, 3.0]]
    """

    def __init__(self, sources: int, samples: int, window: int) -> None:
        self._sum = np.zeros((sources, samples), np.float64)
        self._weight = np.zeros(samples, np.float64)
        self._fade = fade(window)

    def add(self, start: int, waves: Float[np.ndarray, "source window"]) -> None:
        """Add one window that begins at sample `start`."""
        stop = min(start + waves.shape[1], len(self._weight))
        self._sum[:, start:stop] += (waves * self._fade)[:, : stop - start]
        self._weight[start:stop] += self._fade[: stop - start]

    def result(self) -> Float[np.ndarray, "source sample"]:
        """The sounds, float32.

        Raises:
            ValueError: some sample was in no window.
        """
        if not self._weight.all():
            gap = int(np.flatnonzero(self._weight == 0)[0])
            raise ValueError(f"sample {gap} was in no window")
        return (self._sum / self._weight).astype(np.float32)
