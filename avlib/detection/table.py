"""The detections of one clip as columns, and Co-Separation's files of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import ArrayLike

COSEP_CLASSES = (
    "banjo",
    "cello",
    "drum",
    "guitar",
    "harp",
    "harmonica",
    "oboe",
    "piano",
    "saxophone",
    "trombone",
    "trumpet",
    "violin",
    "flute",
    "accordion",
    "horn",
)
"""Classes of Co-Separation's detector: class id k of its files is `COSEP_CLASSES[k - 1]`."""

COLUMNS = ("frame_index", "class_id", "confidence", "x1", "y1", "x2", "y2")
"""Columns of a file of detections (Gao & Grauman 2019, authors' code)."""

MOST_IDS = 2**24
"""Whole numbers up to this are exact in float32, the type of the files."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one clip, one row a detection.

    Attributes:
        frame: which picture, from 0; Co-Separation's files count from 1.
        class_id: which category; Co-Separation's are from 1 (`COSEP_CLASSES`), 0 is nothing.
        confidence: how sure the detector is, from 0 to 1.
        boxes: left, top, right, bottom in pixels.
        size: (height, width) of the pictures in pixels.

    Raises:
        ValueError: columns of different length, a box without area or outside the picture, a
            confidence outside [0, 1], a negative frame or class.

    Example:
        >>> found = Detections([0], [13], [0.95], [[10, 20, 60, 90]], size=(128, 128))
        >>> len(found), COSEP_CLASSES[found.class_id[0] - 1]
        (1, 'flute')
    """

    frame: Int64[np.ndarray, " detection"]
    class_id: Int64[np.ndarray, " detection"]
    confidence: Float32[np.ndarray, " detection"]
    boxes: Float32[np.ndarray, "detection 4"]
    size: tuple[int, int]

    def __init__(
        self,
        frame: ArrayLike,
        class_id: ArrayLike,
        confidence: ArrayLike,
        boxes: ArrayLike,
        size: tuple[int, int],
    ) -> None:
        put = object.__setattr__
        put(self, "frame", _whole(frame, "frame"))
        put(self, "class_id", _whole(class_id, "class_id"))
        put(self, "confidence", np.array(confidence, np.float32).reshape(-1))
        put(self, "boxes", np.array(boxes, np.float32).reshape(-1, 4))
        put(self, "size", (int(size[0]), int(size[1])))
        self._check()
        for column in (self.frame, self.class_id, self.confidence, self.boxes):
            column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.frame)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return self.size == other.size and np.array_equal(self.rows(), other.rows())

    def __getitem__(self, which: ArrayLike | slice | int) -> "Detections":
        """Some of the detections: a slice, an index or several, or True and False for each."""
        rows = which if isinstance(which, slice) else np.atleast_1d(np.asarray(which))
        if isinstance(rows, np.ndarray) and not rows.size:
            rows = rows.astype(np.int64)  # an empty list is an array of floats
        return Detections(
            self.frame[rows], self.class_id[rows], self.confidence[rows], self.boxes[rows],
            self.size,
        )  # fmt: skip

    def rows(self) -> Float32[np.ndarray, "detection 7"]:
        """The columns of a file (`COLUMNS`), frames counted as here, from 0.

        Example:
            >>> Detections([0], [2], [1.0], [[1, 2, 3, 4]], (9, 9)).rows().tolist()
            [[0.0, 2.0, 1.0, 1.0, 2.0, 3.0, 4.0]]
        """
        head = np.stack([self.frame, self.class_id, self.confidence], axis=1)
        return np.concatenate([head, self.boxes], axis=1).astype(np.float32)

    @classmethod
    def from_rows(
        cls, rows: ArrayLike, size: tuple[int, int], first_frame: int = 0
    ) -> "Detections":
        """Make detections of rows as in `COLUMNS`.

        Args:
            rows: (detection, 7); none at all is a clip in which nothing was found.
            size: (height, width) of the pictures in pixels.
            first_frame: number that the rows give to the first picture.

        Raises:
            ValueError: not seven columns, or see the class.

        Example:
            >>> Detections.from_rows([[1, 2, 0.5, 1, 2, 3, 4]], (9, 9), first_frame=1).frame
            array([0])
        """
        table = np.asarray(rows, np.float64)
        if table.size == 0:
            table = table.reshape(0, len(COLUMNS))
        if table.ndim != 2 or table.shape[1] != len(COLUMNS):
            raise ValueError(
                f"detections are rows of {len(COLUMNS)} columns ({', '.join(COLUMNS)}), "
                f"not {table.shape}"
            )
        return cls(table[:, 0] - first_frame, table[:, 1], table[:, 2], table[:, 3:], size)

    @classmethod
    def read(cls, path: str | Path, size: tuple[int, int], first_frame: int = 1) -> "Detections":
        """Read a clip's file of Co-Separation: one ``.npy`` array with the columns `COLUMNS`.

        Args:
            path: the file.
            size: (height, width) of the pictures in pixels; the file does not say.
            first_frame: number of the first picture in the file, 1 in Co-Separation's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it does not hold detections; the message names the file.
        """
        try:
            rows = np.load(path, allow_pickle=False)
            return cls.from_rows(rows, size, first_frame)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path} does not hold detections: {error}") from error

    def write(self, path: str | Path, first_frame: int = 1) -> None:
        """Write a file that `read` and Co-Separation's code can read.

        Args:
            path: the file, which ends in ``.npy``.
            first_frame: number that the first picture gets in the file.

        Raises:
            ValueError: another ending, which NumPy would change.
        """
        if Path(path).suffix != ".npy":
            raise ValueError(f"{path}: a file of detections ends in .npy")
        rows = self.rows()
        rows[:, 0] += first_frame
        np.save(path, rows, allow_pickle=False)

    def _check(self) -> None:
        lengths = {len(self.frame), len(self.class_id), len(self.confidence), len(self.boxes)}
        if len(lengths) != 1:
            raise ValueError(f"columns of different length: {sorted(lengths)} detections")
        if min(self.size) < 1:
            raise ValueError(f"size={self.size}: it is (height, width) in pixels")
        height, width = self.size
        x1, y1, x2, y2 = self.boxes.T
        good = (
            ((x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height), "leaves the picture"),
            ((x2 > x1) & (y2 > y1), "has no area (boxes are left, top, right, bottom)"),
            ((self.confidence >= 0) & (self.confidence <= 1), "has a confidence outside 0 to 1"),
            ((self.frame >= 0) & (self.class_id >= 0), "has a negative frame or class"),
            (np.maximum(self.frame, self.class_id) <= MOST_IDS, "has too large a number"),
        )
        for fine, what in good:
            if not fine.all():  # a NaN is not fine either
                k = int(np.flatnonzero(~fine)[0])
                raise ValueError(
                    f"detection {k} {what}: frame {self.frame[k]}, class {self.class_id[k]}, "
                    f"confidence {self.confidence[k]}, box {self.boxes[k].tolist()}, picture "
                    f"{width} x {height}"
                )


def _whole(values: ArrayLike, name: str) -> np.ndarray:
    """Whole numbers as int64; a file keeps them as floats."""
    array = np.array(values).reshape(-1)
    rounded = np.nan_to_num(array.astype(np.float64), nan=-1.5, posinf=-1.5, neginf=-1.5)
    if (rounded != np.round(rounded)).any():
        raise ValueError(f"{name} must be whole numbers, not {array.tolist()[:8]}")
    return rounded.astype(np.int64)
