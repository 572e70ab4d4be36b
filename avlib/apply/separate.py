"""`separate_video`: a trained Sound of Pixels on somebody's video file."""

import json
import math
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from tqdm.auto import tqdm

import avlib
from avlib import sop
from avlib.apply import outputs
from avlib.apply.plot import plot_separation
from avlib.apply.regions import Numbers, Region, RegionError, choose_regions, cut_out
from avlib.apply.truth import find_truth, score
from avlib.apply.windows import OverlapAdd, cut_windows, window_starts
from avlib.audio import FrontEnd
from avlib.video import VideoError, iter_frames, normalise, probe, read_audio
from avlib.video.write import AAC_RATES, write_video

# Windows that go through the network together: more is no faster on a CPU.
BATCH = 4
SILENT = 1e-5


@dataclass(frozen=True)
class VideoFile:
    """A video with pictures and sound; the fields are those of `avlib.video.Probe`."""

    path: str
    seconds: float
    width: int
    height: int
    fps: float
    frames: int
    constant_rate: bool
    video_seconds: float
    rate: int
    audio_seconds: float


@dataclass(frozen=True)
class Separation:
    """What `separate_video` made.

    Attributes:
        folder: where the files are.
        regions: the players' places in the picture.
        waves: their sounds, in the same order.
        mixture: the sound as it was, at the same rate.
        rate: samples per second of both.
        notes: what the user should know about it, in sentences.
        scores: SDR of each player and of the mixture, in dB, where the truth is known.
        seconds: wall-clock seconds it took.
    """

    folder: Path
    regions: tuple[Region, ...]
    waves: Float[np.ndarray, "player sample"] = field(repr=False)
    mixture: Float[np.ndarray, " sample"] = field(repr=False)
    rate: int
    notes: tuple[str, ...]
    scores: dict[str, Any] | None
    seconds: float

    def summary(self) -> str:
        """What to print at the end: the scores, if any, and where the results are."""
        lines = [] if self.scores is None else score_table(self.scores)
        for number, region in enumerate(self.regions, 1):
            lines.append(f"{self.folder / f'player-{number}.wav'}  {region.label}")
        lines.append(f"{self.folder / outputs.PAGE}  open this in a browser and click the players")
        return "\n".join(lines)


def separate_video(
    path: str | Path,
    *,
    out: str | Path | None = None,
    boxes: Sequence[Numbers] = (),
    points: Sequence[Numbers] = (),
    halves: bool = False,
    names: Sequence[str] = (),
    model: "str | Path | sop.SoundOfPixels" = "pocket",
    overwrite: bool = False,
    truth: bool = False,
    device: str = "auto",
    progress: bool = False,
) -> Separation:
    """Separate the players of a video file of any length and size.

    The sound is read at the model's rate (11,025 Hz) and cut into windows of 65,535 samples (5.9 s)
    that overlap by half. Of each window the model sees pictures from the same time, cut out around
    each player, and gives each player a mask; the masked mixture, with the mixture's phase, is put
    together again by overlap-add. Writes, into a folder that is complete or absent:
    `player-1.wav` ..., `players.mp4`, `players.html`, `spectrograms.png` and `separate.json`.

    Args:
        path: the video file.
        out: folder for the results; None: the file's name with "-players", in the working folder.
        boxes: x1, y1, x2, y2 of each player, in pixels of the picture as displayed.
        points: x, y of each player instead.
        halves: the left and the right half instead; also what is taken if nothing is given.
        names: what to call the players.
        model: a checkpoint, "pocket" for the shipped one, or a model.
        overwrite: write into a folder that holds other things.
        truth: score against the stems beside a clip that `avlib orchestra export` wrote.
        device: "auto", "cpu", "cuda", "mps".
        progress: show progress bars.

    Returns:
        The sounds, and where the files are.

    Raises:
        VideoError: not a video, no sound, only silence.
        RegionError: fewer than two players, or a box that is empty or outside the picture.
        OutputError: the folder holds something else.
        TruthError: `truth`, but there is none beside the file, or it does not fit.
    """
    began = time.monotonic()
    path = Path(path)
    info = _usable(path)
    try:
        regions, how = choose_regions(info.width, info.height, boxes, points, halves, names)
    except RegionError as error:
        raise RegionError(f"{path}: {error}") from None
    folder = Path(out) if out is not None else Path(f"{path.stem}-players")
    outputs.check_output(folder, path, overwrite)
    known = find_truth(path, regions) if truth else None
    net = model if isinstance(model, sop.SoundOfPixels) else sop.load(model)
    net = net.to(_device(device))
    rate = net.cfg.front_end.rate

    mixture = read_audio(path, rate, 0.0, info.seconds).wave
    if np.abs(mixture).max(initial=0.0) < SILENT:
        raise VideoError(f"{path}: its sound is silence; there is nothing to separate")
    waves = separate_waves(net, path, info, mixture, regions, progress=progress)
    scores = score(known, waves, mixture, rate, regions) if known is not None else None
    notes = _notes(info, how, regions, net.cfg.front_end)
    seconds = time.monotonic() - began
    result = Separation(folder, regions, waves, mixture, rate, notes, scores, seconds)
    settings = {
        "players_given_as": how,
        "model": "a model in memory" if isinstance(model, sop.SoundOfPixels) else str(model),
        "preset": net.cfg.preset,
        "device": str(next(net.parameters()).device),
        "rate": rate,
        "window": net.cfg.front_end.samples,
        "hop": net.cfg.front_end.samples // 2,
        "pictures": {
            "count": net.cfg.frames,
            "spacing_s": net.cfg.frame_spacing_s,
            "size": net.cfg.frame_size,
        },
    }
    _write(result, path, info, settings, progress)
    return result


def separate_waves(
    net: "sop.SoundOfPixels",
    path: Path,
    info: VideoFile,
    mixture: Float[np.ndarray, " sample"],
    regions: Sequence[Region],
    *,
    progress: bool = False,
) -> Float[np.ndarray, "player sample"]:
    """The players' sounds, window by window, put together by overlap-add.

    Args:
        net: the model, on its device.
        path: the video file, for its pictures.
        info: what `probe` says about it.
        mixture: its sound, at the model's rate.
        regions: the players' places.
        progress: show a progress bar.
    """
    window = net.cfg.front_end.samples
    # Half a window from one to the next, so all but the ends is heard twice.
    starts = window_starts(len(mixture), window, window // 2)
    whole = OverlapAdd(len(regions), len(mixture), window)
    pictures = _pictures(net.cfg, path, info, starts, regions)
    pieces = cut_windows(mixture, window, starts)
    device = next(net.parameters()).device
    with tqdm(total=len(starts), unit="window", desc="separating", disable=not progress) as bar:
        for first in range(0, len(starts), BATCH):
            some = starts[first : first + BATCH]
            waves = torch.from_numpy(np.stack([next(pieces) for _ in some])).to(device)
            frames = torch.stack([next(pictures) for _ in some]).to(device)
            found = sop.separate(net, waves, frames).cpu().numpy()
            for start, piece in zip(some, found, strict=True):
                whole.add(start, piece)
            bar.update(len(some))
    return whole.result()


def _pictures(
    cfg: "sop.SoPConfig",
    path: Path,
    info: VideoFile,
    starts: Sequence[int],
    regions: Sequence[Region],
) -> Iterator[Float[torch.Tensor, "player channel frame size size"]]:
    """For every window, each player's pictures from the time of that window.

    Windows overlap, so their picture times interleave: all are asked for once, in order, and a
    picture is kept only until the last window that needs it.
    """
    last = (info.frames - 1) / info.fps if info.constant_rate else info.video_seconds - 1e-3
    times = [np.clip(picture_times(cfg, start), 0.0, last) for start in starts]
    asked = np.unique(np.concatenate(times))
    shown = zip(asked, iter_frames(path, asked), strict=True)
    kept: dict[float, np.ndarray] = {}
    for window in times:
        while not kept or max(kept) < window[-1]:
            at, frame = next(shown)
            cuts = [cut_out(frame[None], region.seen, cfg.frame_size)[0] for region in regions]
            kept[at] = np.stack(cuts)
        stacked = np.stack([kept[at] for at in window], axis=1)
        yield torch.stack([normalise(player) for player in stacked])
        kept = {at: cuts for at, cuts in kept.items() if at >= window[0]}


def picture_times(cfg: "sop.SoPConfig", start: int) -> Float[np.ndarray, " frame"]:
    """When the pictures of a window are taken: symmetric about its middle, as in training.

    Args:
        cfg: of the model.
        start: first sample of the window.

    Returns:
        Seconds from the first picture; may lie outside the video.

    Example:
        >>> picture_times(sop.paper(), 0).round(2).tolist()
        [-0.03, 2.97, 5.97]
    """
    middle = (start + cfg.front_end.samples / 2) / cfg.front_end.rate
    return middle + (np.arange(cfg.frames) - (cfg.frames - 1) / 2) * cfg.frame_spacing_s


def _usable(path: Path) -> VideoFile:
    """Look into the file; raise if there is nothing to separate in it."""
    info = probe(path)
    if info.width is None:
        raise VideoError(f"{path}: has sound but no pictures; give a video that shows the players")
    if info.rate is None:
        raise VideoError(f"{path}: has pictures but no sound; give a video with a sound track")
    return VideoFile(**{item.name: getattr(info, item.name) for item in fields(VideoFile)})


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _notes(
    info: VideoFile, how: str, regions: Sequence[Region], front_end: FrontEnd
) -> tuple[str, ...]:
    """What the user should know about this result."""
    notes = []
    if how == "halves by default":
        notes.append(
            "no players were given, so the left and the right half of the picture were taken for "
            "two players; the model hears better when --boxes or --points say where they are"
        )
    window = front_end.samples / front_end.rate
    if info.seconds < window - 1e-3:
        notes.append(
            f"the video is {info.seconds:.2f} s long, shorter than the {window:.2f} s that the "
            "model hears at a time; silence was added at the end, and cut off again afterwards"
        )
    if abs(info.video_seconds - info.audio_seconds) > 0.1:
        notes.append(
            f"pictures last {info.video_seconds:.2f} s and sound {info.audio_seconds:.2f} s; only "
            f"the first {info.seconds:.2f} s, which both cover, were used"
        )
    for region in regions:
        side = max(region.box[2] - region.box[0], region.box[3] - region.box[1])
        if side < 48:
            notes.append(f"{region.label} is only {side:.0f} pixels large; expect little of it")
    return tuple(notes)


def score_table(scores: dict[str, Any]) -> list[str]:
    """Scores against the stems as lines of a table."""
    names = ("sdr", "sir", "sar", "mixture_sdr", "sdr_gain")
    lines = [f"{'player':<20}{'SDR':>9}{'SIR':>9}{'SAR':>9}{'mixture':>9}{'gain':>9}"]
    for row in scores["players"]:
        cells = ["silent" if row[n] is None else f"{row[n]:.2f}" for n in names]
        lines.append(f"{row['label']:<20.20}" + "".join(f"{cell:>9}" for cell in cells))
    lines.append("dB, against the stems; mixture: SDR of the sound before separation")
    return lines


def _write(
    result: Separation, path: Path, info: VideoFile, settings: dict[str, Any], progress: bool
) -> None:
    """Write all files into a folder that is complete or absent."""
    labels = [region.label for region in result.regions]
    with outputs.complete_or_absent(result.folder) as folder:
        for number, wave in enumerate(result.waves, 1):
            outputs.write_wave(folder / f"player-{number}.wav", wave, result.rate)
        poster = _write_video(folder / outputs.VIDEO, path, info, result.regions, progress)
        plot_separation(folder / outputs.PLOT, result.mixture, result.waves, result.rate, labels)
        rows = result.scores["players"] if result.scores else [{"sdr": None}] * len(labels)
        embedded = outputs.write_page(
            folder,
            title=path.name,
            regions=result.regions,
            waves=result.waves,
            mixture=result.mixture,
            rate=result.rate,
            poster=poster,
            scores=["" if r["sdr"] is None else f"SDR {r['sdr']:.1f} dB" for r in rows],
            notes=[*result.notes, *_how_made(settings)],
        )
        record = _record(result, path, info, settings | {"page_carries_media": embedded})
        record["files"] = sorted([*(p.name for p in folder.iterdir()), outputs.RECORD])
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (folder / outputs.RECORD).write_text(text, encoding="utf-8")


def _write_video(
    target: Path, path: Path, info: VideoFile, regions: Sequence[Region], progress: bool
) -> np.ndarray:
    """Write the video with its boxes, one picture in memory at a time; returns the first one."""
    fps = info.fps if info.constant_rate else min(max(round(info.fps), 10), 60)
    count = max(1, math.floor(info.seconds * fps + 1e-6))
    times = np.minimum(np.arange(count) / fps, info.video_seconds - 1e-3)
    first: list[np.ndarray] = []
    rate = info.rate if info.rate in AAC_RATES else 44100
    wave = read_audio(path, rate, 0.0, info.seconds).wave
    bar = tqdm(
        iter_frames(path, times), total=count, unit="picture", desc="drawing", disable=not progress
    )
    write_video(target, outputs.drawn_frames(iter(bar), regions, first.append), fps, wave, rate)
    return first[0]


def _how_made(settings: dict[str, Any]) -> list[str]:
    """Sentences for the page."""
    return [
        f"Model: Sound of Pixels ({settings['model']}). It looks at each player's box, and keeps "
        "the parts of the sound that fit what it sees; it can be wrong, and leave some of the "
        "others in.",
        f"The players' sounds are mono at {settings['rate']:,} samples per second, so nothing "
        f"above {settings['rate'] / 2000:.1f} kHz is left; Everyone is the sound of the video "
        "itself.",
        f"Separated in windows of {settings['window'] / settings['rate']:.1f} s that overlap by "
        "half, put together by overlap-add; the phase is the mixture's.",
        f"Written by avlib {avlib.__version__}; all settings are in {outputs.RECORD}.",
    ]


def _record(
    result: Separation, path: Path, info: VideoFile, settings: dict[str, Any]
) -> dict[str, Any]:
    """What was done, as JSON."""
    players = []
    for number, (region, wave) in enumerate(zip(result.regions, result.waves, strict=True), 1):
        rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
        players.append(
            asdict(region)
            | {"wav": f"player-{number}.wav", "rms_db": round(20 * math.log10(rms + 1e-12), 2)}
        )
    return {
        "schema": outputs.SCHEMA,
        "version": 1,
        "input": asdict(info) | {"path": str(path.resolve())},
        "players": players,
        "settings": settings,
        "truth": result.scores,
        "notes": list(result.notes),
        "seconds": round(result.seconds, 2),
        "versions": {
            "avlib": avlib.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
