"""From items to batches: which items, in which process, and what was left out.

The sampler hands out absolute numbers, so a worker needs to know nothing about epochs, a run
that stopped at step s goes on with item s x batch, and r processes with batches of b see
together exactly what one process with batches of r x b sees.
"""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from avlib.data.mixing import MixAndSeparate, collate


class TrainSampler(Sampler[int]):
    """Absolute item numbers, ascending, without end unless told: no mix ever comes back.

    Items are independent draws already, so there is nothing to shuffle.

    Args:
        length: items of an epoch; only says when one ends (`epoch`).
        start: first item: for a run that goes on at step s, s x batch x world.
        stop: item before which to stop (default: never).
        rank: number of this process.
        world: number of processes.

    Raises:
        ValueError: settings that make no sense.

    Example:
        >>> list(TrainSampler(4, start=2, stop=10, rank=1, world=2))
        [3, 5, 7, 9]
    """

    def __init__(
        self, length: int, start: int = 0, stop: int | None = None, rank: int = 0, world: int = 1
    ) -> None:
        if length < 1 or start < 0 or not 0 <= rank < world:
            raise ValueError(f"length={length}, start={start}, rank={rank} of world={world}")
        self.length, self.start, self.stop = length, start, stop
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[int]:
        item = self.start + self.rank
        while self.stop is None or item < self.stop:
            yield item
            item += self.world

    def __len__(self) -> int:
        if self.stop is None:
            raise TypeError("this sampler has no end; give stop=")
        return len(range(self.start + self.rank, self.stop, self.world))

    def epoch(self, item: int) -> int:
        """Tell which epoch an item belongs to."""
        return item // self.length


class MixLoader(DataLoader[dict[str, Any]]):
    """A DataLoader of mixes that keeps account of what was left out.

    With ``on_error="skip"`` each clip that could not be read is added to the set's `missing`
    in this process, whatever the number of workers, and reported on stderr once. A pass through
    an evaluation set starts a new account.
    """

    dataset: MixAndSeparate

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        if not self.dataset.train:
            self.dataset.missing.clear()
        for batch in super().__iter__():
            self.dataset.account(batch)
            if "waves" in batch:
                yield batch


def train_loader(
    dataset: MixAndSeparate,
    batch_size: int,
    *,
    start_step: int = 0,
    steps: int | None = None,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    pin_memory: bool = False,
) -> MixLoader:
    """Load training batches from step `start_step` on.

    Args:
        dataset: with ``train=True``.
        batch_size: mixes of this process's batch.
        start_step: batches that were taken before.
        steps: batch before which to stop (default: never).
        workers: processes that make items; 0: this one. The items are the same.
        rank: number of this process.
        world: number of processes.
        pin_memory: for copies to a GPU that do not wait.

    Raises:
        ValueError: an evaluation set.
    """
    if not dataset.train:
        raise ValueError("this set is for evaluation (train=False); use eval_loader")
    items = batch_size * world
    stop = None if steps is None else steps * items
    sampler = TrainSampler(len(dataset), start_step * items, stop, rank, world)
    return _loader(dataset, batch_size, sampler, workers, pin_memory)


def eval_loader(
    dataset: MixAndSeparate,
    batch_size: int,
    *,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    pin_memory: bool = False,
) -> MixLoader:
    """Load an evaluation set once; the processes share it out without padding or repeating.

    Raises:
        ValueError: a training set.
    """
    if dataset.train:
        raise ValueError("this set is for training (train=True); use train_loader")
    sampler = TrainSampler(len(dataset), 0, len(dataset), rank, world)
    return _loader(dataset, batch_size, sampler, workers, pin_memory)


def _loader(
    dataset: MixAndSeparate, batch_size: int, sampler: TrainSampler, workers: int, pin: bool
) -> MixLoader:
    return MixLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin,
        worker_init_fn=start_worker,
        # a generator of its own: a DataLoader draws from the global one even without workers
        generator=torch.Generator().manual_seed(dataset.seed),
    )


def start_worker(worker: int) -> None:
    """Prepare a DataLoader worker: one thread, and global random states of its own.

    Nothing here draws from global random states; a user's own transform might.

    Args:
        worker: its number (torch's seed already depends on it).
    """
    import cv2

    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)  # noqa: NPY002
    random.seed(seed)
    cv2.setNumThreads(0)
