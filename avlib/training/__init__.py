"""Training: the loop on one screen, exact resume, one device or several.

==============  ==========================================================================
``loop``        `fit`: the loop, and `TrainConfig`, which says everything about it
``run``         `Run`: the folder of a training run: log, config, checkpoints, resume
``checkpoint``  safetensors with a JSON beside it, complete or absent; nothing is unpickled
``recipe``      config from a record, the end of a run, where a checkpoint is, which weights
``batches``     `Batches`: endless batches whose position is the number of the step
``world``       which process and device this is, alone or under torchrun
==============  ==========================================================================

The same script runs on one device and on several::

    python train.py
    torchrun --standalone --nproc_per_node=4 train.py
"""

from avlib.training.batches import Batches, to_device
from avlib.training.checkpoint import load_checkpoint, provenance, save_checkpoint, write_json
from avlib.training.loop import Progress, TrainConfig, fit, learning_rate_factor, parameter_groups
from avlib.training.recipe import (
    cut_short,
    find_checkpoint,
    fingerprint,
    finish,
    read_config,
    training_record,
)
from avlib.training.run import Run, settings_changed
from avlib.training.world import World, is_main, world

__all__ = [
    "Batches",
    "Progress",
    "Run",
    "TrainConfig",
    "World",
    "cut_short",
    "find_checkpoint",
    "fingerprint",
    "finish",
    "fit",
    "is_main",
    "learning_rate_factor",
    "load_checkpoint",
    "parameter_groups",
    "provenance",
    "read_config",
    "save_checkpoint",
    "settings_changed",
    "to_device",
    "training_record",
    "world",
    "write_json",
]
