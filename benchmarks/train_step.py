"""Where the time of a Sound of Pixels training step goes, and what batching and layout save.

    $ OMP_NUM_THREADS=2 python benchmarks/train_step.py            # the pocket recipe
    $ OMP_NUM_THREADS=2 python benchmarks/train_step.py --paper    # two mixtures at paper size

Times are medians of core seconds (processor time of this process, all threads), so that a busy
machine disturbs them little; wall-clock seconds beside them. Ratios are measured side by side.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import librosa
import numpy as np
import torch
import torch.nn.functional as F

from avlib.data import train_loader
from avlib.sop import SoundOfPixels, paper, pocket, separation_loss, spectrograms, train_step
from avlib.sop.learning import training_mixes
from avlib.sop.networks import mask_logits


def measure(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median core seconds and median wall-clock seconds."""
    work()
    cores, walls = [], []
    for _ in range(repeats):
        core, wall = time.process_time(), time.perf_counter()
        work()
        cores.append(time.process_time() - core)
        walls.append(time.perf_counter() - wall)
    return statistics.median(cores), statistics.median(walls)


def released_spectrograms(waves, cfg):
    """The published way: librosa item by item on the CPU, then grid_sample with a grid."""
    flat = waves.flatten(0, -2).numpy()
    front = cfg.front_end
    mags = [
        np.abs(librosa.stft(w, n_fft=front.n_fft, hop_length=front.hop, pad_mode="reflect"))
        for w in flat
    ]
    mags = torch.from_numpy(np.stack(mags))[:, None]
    rows = (21 ** ((np.linspace(-1, 1, cfg.bins) + 1) / 2) - 11) / 10
    columns = np.linspace(-1, 1, mags.shape[-1])
    grid = np.stack(np.broadcast_arrays(columns[None, :], rows[:, None]), -1).astype(np.float32)
    grid = torch.from_numpy(grid)[None].expand(len(flat), -1, -1, -1)
    warped = F.grid_sample(mags, grid, align_corners=True)
    return warped.view(*waves.shape[:-1], cfg.bins, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paper", action="store_true", help="paper sizes, 2 mixtures")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.paper:
        cfg = paper().changed(batch_size=2, frame_weights=None, workers=0)
    else:
        cfg = pocket().changed(workers=0)
    mixes = training_mixes(cfg)
    loader = iter(train_loader(mixes, cfg.batch_size))
    batch = next(loader)
    model = SoundOfPixels(cfg)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=cfg.train.precision == "bfloat16")
    frames = batch["frames"]
    mixture_mag = spectrograms(batch["mixture"], cfg)
    source_mag = spectrograms(batch["waves"], cfg)

    def forward(model=model, enabled=autocast):
        with enabled:
            return train_step(model.nets, batch, cfg)["mask"]

    def ear():
        with torch.no_grad(), autocast:
            mask_logits(model.nets | {"frame": Blind()}, mixture_mag, frames, cfg)

    def eye():
        with torch.no_grad(), autocast:
            model.frame.pooled(frames.flatten(0, 1))

    class Blind:
        def pooled(self, frames):
            return torch.ones(len(frames), cfg.maps)

    def whole():
        loss = forward()
        optimiser.zero_grad()
        loss.backward()

    r = arguments.repeats
    data = measure(lambda: next(loader), r)
    front = measure(
        lambda: (spectrograms(batch["mixture"], cfg), spectrograms(batch["waves"], cfg)), r
    )
    sound, sight = measure(ear, r), measure(eye, r)
    with torch.no_grad():
        logits = mask_logits(model.nets, mixture_mag, frames, cfg)
    loss = measure(lambda: separation_loss(logits, source_mag, mixture_mag), r)
    both = measure(whole, r)
    fwd = measure(lambda: forward().detach(), r)
    step = measure(optimiser.step, r)
    rows = {
        "data (this process)": data,
        "STFT and warp": front,
        "U-Net, forward": sound,
        "frame network, forward": sight,
        "loss": loss,
        "backward": tuple(b - f for b, f in zip(both, fwd, strict=True)),
        "optimiser": step,
    }
    total = sum(core for core, _ in rows.values())
    mixes_a_step = cfg.batch_size * cfg.pairings
    print(f"{cfg.preset}: {cfg.batch_size} mixes drawn, {mixes_a_step} separated a step,")
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, ", end="")
    print(f"{torch.get_num_threads()} threads")
    print(f"{'':26}{'core s':>9}{'wall s':>9}{'share':>8}")
    for name, (core, wall) in rows.items():
        print(f"{name:26}{core:9.3f}{wall:9.3f}{core / total:8.0%}")
    print(f"{'step, data included':26}{total:9.3f}")

    released = measure(
        lambda: (
            released_spectrograms(batch["mixture"], cfg),
            released_spectrograms(batch["waves"], cfg),
        ),
        r,
    )
    torch.testing.assert_close(
        released_spectrograms(batch["mixture"], cfg), mixture_mag, rtol=1e-3, atol=1e-3
    )
    print(f"front end, item by item with librosa and grid_sample: {released[0] / front[0]:.1f} x")
    if cfg.channels_last:
        plain = SoundOfPixels(cfg.changed(channels_last=False))
        slow = measure(lambda: forward(plain).backward(), r)
        print(f"step without channels_last: {slow[0] / both[0]:.2f} x")
    if cfg.train.precision == "bfloat16":
        off = torch.autocast("cpu", enabled=False)
        slow = measure(lambda: forward(model, off).backward(), r)
        print(f"step in float32: {slow[0] / both[0]:.2f} x")


if __name__ == "__main__":
    main()
