"""Which process this is and on which device it computes, alone or under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class World:
    """One process among those that train together.

    Attributes:
        rank: number of this process; rank 0 writes files and shows the progress bar.
        size: how many processes there are.
        device: where this one computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def agree(self, value: float) -> float:
        """Give every process the value that rank 0 has.

        Args:
            value: any number; only rank 0's counts.
        """
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, src=0)
        return shared.item()

    def mean(self, values: list[float]) -> list[float]:
        """Average each number over all processes.

        Args:
            values: as many in every process.
        """
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared)
        return (shared / self.size).tolist()

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()


def is_main() -> bool:
    """Whether this is the process that writes files, before or after `world` too."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def world(device: str = "auto") -> Iterator[World]:
    """Join the processes that `torchrun` started, or be the only one.

    Args:
        device: `"auto"` takes the GPU of this process if there is one, else the CPU; otherwise
            any name torch knows (`"cpu"`, `"cuda:1"`).

    Yields:
        The `World` of this process. The process group is left again at the end, unless it was
        there before.

    Example:
        >>> with world("cpu") as here:
        ...     here.rank, here.size, here.device.type
        (0, 1, 'cpu')
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    if device == "auto":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    place = torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    joins = size > 1 and not dist.is_initialized()
    if joins:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield World(rank, size, place)
    finally:
        if joins:
            dist.destroy_process_group()
