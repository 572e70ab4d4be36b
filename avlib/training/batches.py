"""Endless batches whose position is the number of the training step."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate


class Batches:
    """Batches of a dataset, for ever, from any step on.

    Which items step *s* sees is a function of *s* alone, so a resumed run goes on with the very
    batch that the stopped one would have seen, however many workers either has; and the union of
    the batches of all processes is the same for any number of processes.

    Args:
        dataset: a map-style dataset.
        batch_size: items of one step, all processes together.
        collate: makes a batch of a list of items.
        workers: worker processes that prepare batches; 0 prepares them in this one.
        fresh: the dataset answers every index from 0 on, beyond its length too, and no two
            alike (mix-and-separate): step *s* takes items `s * batch_size` and on, and training
            never repeats one. Otherwise each epoch is a new permutation of the dataset.
        seed: of the permutations.
        worker_init: called with its number in each worker process when it starts.

    Raises:
        ValueError: an empty dataset, or a batch larger than it (if not `fresh`).

    Example:
        >>> batches = Batches([10, 11, 12, 13], batch_size=2, fresh=True)
        >>> next(batches(1))
        tensor([12, 13])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        *,
        collate: Callable[[list], Any] = default_collate,
        workers: int = 0,
        fresh: bool = False,
        seed: int = 0,
        worker_init: Callable[[int], None] | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        if not fresh and len(dataset) < batch_size:
            raise ValueError(
                f"the dataset has {len(dataset)} items, fewer than one batch of {batch_size}; "
                "use a smaller batch or more data"
            )
        self.dataset: Dataset = dataset
        self.batch_size = batch_size
        self.collate = collate
        self.workers = workers
        self.fresh = fresh
        self.seed = seed
        self.worker_init = worker_init

    def indices(self, step: int, rank: int = 0, size: int = 1) -> list[int]:
        """Say which items process `rank` of `size` sees at `step`.

        Raises:
            ValueError: the batch cannot be shared out evenly among the processes.
        """
        if self.batch_size % size:
            raise ValueError(
                f"a batch of {self.batch_size} cannot be shared by {size} processes; "
                "take a multiple of the number of processes"
            )
        if self.fresh:
            first = step * self.batch_size
            batch = list(range(first, first + self.batch_size))
        else:
            # The rest of an epoch that does not fill a batch is left out of that epoch.
            per_epoch = len(self.dataset) // self.batch_size  # type: ignore[arg-type]
            epoch, position = divmod(step, per_epoch)
            order = self._order(epoch)
            batch = order[position * self.batch_size : (position + 1) * self.batch_size]
        share = self.batch_size // size
        return batch[rank * share : (rank + 1) * share]

    def __call__(self, step: int, rank: int = 0, size: int = 1) -> Iterator[Any]:
        """Iterate over the batches of steps `step`, `step + 1`, ... without end."""
        loader = DataLoader(
            self.dataset,
            batch_sampler=_StepSampler(self, step, rank, size),
            collate_fn=self.collate,
            num_workers=self.workers,
            worker_init_fn=self.worker_init,
            # a generator of its own: drawing the workers' seeds leaves the global state alone
            generator=torch.Generator().manual_seed(self.seed),
            pin_memory=torch.cuda.is_available(),
        )
        return iter(loader)

    def _order(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.dataset), generator=generator).tolist()  # type: ignore[arg-type]


class _StepSampler:
    """The endless sequence of index lists that a DataLoader asks for."""

    def __init__(self, batches: Batches, step: int, rank: int, size: int) -> None:
        self.batches, self.step, self.rank, self.size = batches, step, rank, size

    def __iter__(self) -> Iterator[list[int]]:
        step = self.step
        while True:
            yield self.batches.indices(step, self.rank, self.size)
            step += 1


def to_device(batch: Any, device: torch.device) -> Any:
    """Move every tensor of a nest of mappings, lists and tuples; leave the rest alone.

    Example:
        >>> to_device({"x": torch.zeros(1), "name": ["a"]}, torch.device("cpu"))
        {'x': tensor([0.]), 'name': ['a']}
    """
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(to_device(value, device) for value in batch)
    return batch
