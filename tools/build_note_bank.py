"""Render the note bank of the Pocket Orchestra: avlib/orchestra/bank/*.flac and index.json.

    python tools/build_note_bank.py [SOUNDFONT] [--only violin,flute]

Needs the command `fluidsynth` and FluidR3_GM.sf2 (Debian packages fluidsynth and
fluid-soundfont-gm). Each instrument is played note by note, every four semitones over its range,
without reverb and chorus, at 48 kHz, one channel of it brought into tune and down to 16 kHz.
Sustained notes get a loop, the others end when they have died away. What is stored: 14-bit FLAC,
one file an instrument, and an index with, per note, where it lies, its loop and its level; per
instrument, its level and which samples of the SoundFont it was made from.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.interpolate import CubicSpline
from scipy.signal import butter, resample_poly, sosfilt, sosfiltfilt

from avlib.orchestra import sound
from avlib.orchestra.instruments import INSTRUMENTS, Instrument
from avlib.orchestra.score import melody
from avlib.orchestra.sound import bank

RATE = 16000  # of the bank
RENDER_RATE = 48000
VELOCITY = 104
SPACING = 4  # semitones between stored notes: every pitch is within two of one
SUSTAIN_S = 1.9  # how long a sustained note is held while rendering
RING_S = 2.6  # how long a note that dies away is followed
BITS = 14
PLACES = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/local/share/soundfonts/FluidR3_GM.sf2",
)
BANK = Path(__file__).resolve().parents[1] / "avlib" / "orchestra" / "bank"

# General MIDI programs, counted from 0. Erhu: see `_erhu`.
PROGRAMS = {
    "accordion": 21, "acoustic guitar": 25, "bagpipe": 109, "banjo": 105, "bassoon": 70,
    "cello": 42, "clarinet": 71, "electric bass": 33, "erhu": 40, "flute": 73, "guzheng": 107,
    "piano": 0, "pipa": 106, "saxophone": 65, "trumpet": 56, "tuba": 58, "ukulele": 24,
    "violin": 40, "xylophone": 13, "harp": 46, "harmonica": 22, "oboe": 68, "trombone": 57,
    "horn": 60,
}  # fmt: skip
DRUMS = {
    "drum": tuple(range(35, 52)),
    "congas": (60, 61, 62, 63, 64),
}
# Rendered from this many semitones below and brought up again: a smaller body.
RAISED = {"erhu": 4}


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("soundfont", nargs="?", type=Path, default=None)
    parser.add_argument("--only", default="", help="comma-separated instruments")
    options = parser.parse_args()
    soundfont = options.soundfont or next((Path(p) for p in PLACES if Path(p).exists()), None)
    if soundfont is None or not soundfont.exists():
        sys.exit(f"no SoundFont: install fluid-soundfont-gm or name FluidR3_GM.sf2; tried {PLACES}")
    names = options.only.split(",") if options.only else list(INSTRUMENTS)
    BANK.mkdir(parents=True, exist_ok=True)
    path = BANK / "index.json"
    index = json.loads(path.read_text()) if options.only and path.exists() else {}
    parts = SoundFont(soundfont)
    for name in names:
        index[name] = build(INSTRUMENTS[name], soundfont, parts, BANK)
        seconds = sum(note["length"] for note in index[name]["notes"]) / RATE
        print(f"{name:16s} {len(index[name]['notes']):3d} notes {seconds:6.1f} s")
    index = {name: index[name] for name in INSTRUMENTS if name in index}
    write_index(path, index)
    for name in names:
        index[name]["level"] = round(calibrate(name), 5)
    write_index(path, index)
    size = sum(p.stat().st_size for p in BANK.iterdir())
    print(f"{path.parent}: {size / 2**20:.2f} MiB")


def build(player: Instrument, soundfont: Path, parts: "SoundFont", out: Path) -> dict:
    """Render, trim, loop and store one instrument; its entry of the index."""
    name = player.name
    drums = DRUMS.get(name)
    pitches = drums or _pitches(player)
    raised = RAISED.get(name, 0)
    keys = [p - raised for p in pitches]
    sustained = player.technique in ("bowed", "blown") or name == "accordion"
    hold_s = SUSTAIN_S * 2 ** (raised / 12) if sustained else RING_S
    program = 0 if drums else PROGRAMS[name]
    waves = render(soundfont, program, keys, hold_s, percussion=drums is not None)
    if raised:
        waves = [_erhu(wave, raised) for wave in waves]
    notes, pieces, start = [], [], 0
    if not drums:
        waves = [_tune(wave, pitch) for wave, pitch in zip(waves, pitches, strict=True)]
    levels = [_loudness(wave) for wave in waves]
    middle = float(np.median(levels))
    for pitch, wave, level in zip(pitches, waves, levels, strict=True):
        wave = _trim(wave)
        loop = None
        if sustained:
            wave, loop = make_loop(wave[: int(SUSTAIN_S * RATE)], pitch)
        else:
            wave = _let_die(wave)
        peak = float(np.abs(wave).max())
        # Registers keep a third of their difference in level (in dB).
        gain = peak / level * (level / middle) ** (1 / 3)
        notes.append(
            {"pitch": pitch, "start": start, "length": len(wave), "loop": loop,
             "gain": round(gain, 5)}
        )  # fmt: skip
        pieces.append(wave / peak)
        start += len(wave)
    step = 2.0 ** (1 - BITS)
    whole = np.clip(np.round(np.concatenate(pieces) / step * 0.98), -(2 ** (BITS - 1)), None)
    path = out / f"{name.replace(' ', '_')}.flac"
    samples = (whole * 2 ** (16 - BITS)).astype(np.int16)
    soundfile.write(path, samples, RATE, subtype="PCM_16", compression_level=1.0)
    source = sorted(parts.samples(128 if drums else 0, program, keys))
    return {"file": path.name, "program": program, "percussion": drums is not None,
            "sustained": sustained, "level": 1.0, "source": source, "notes": notes}  # fmt: skip


def write_index(path: Path, index: dict) -> None:
    """Write the index, one line an instrument."""
    path.write_text(json.dumps(index, separators=(",", ":")).replace(']},"', ']},\n"') + "\n")


def calibrate(name: str) -> float:
    """Level that brings an instrument's melodies to the nominal RMS, while they sound.

    Played by 24 players of the training set, whose own levels are taken out.
    """
    bank.bank_index.cache_clear()
    bank.bank_notes.cache_clear()
    powers = []
    for player in range(24):
        notes = melody(name, 6.0, np.random.default_rng(player))
        wave = sound.play(notes, name, player, 6.0, RATE)
        frames = (wave[: len(wave) // 400 * 400].reshape(-1, 400).astype(float) ** 2).mean(1)
        sounding = frames[frames > frames.max() * 10**-3.5]
        powers.append(10 * np.log10(sounding.mean()) - sound.voice(name, player).level_db)
    return float(10 ** ((sound.NOMINAL_DB - np.mean(powers)) / 20))


def _pitches(player: Instrument) -> tuple[int, ...]:
    """Pitches to store: evenly over the range, at most `SPACING` apart."""
    count = -(-(player.high - player.low) // SPACING)
    first = player.low + (player.high - player.low - SPACING * (count - 1)) // 2
    return tuple(first + SPACING * i for i in range(count))


def render(
    soundfont: Path, program: int, keys: list[int], hold_s: float, percussion: bool
) -> list[np.ndarray]:
    """Play keys one after the other; one channel at `RATE`, one array a key, from its onset on."""
    slot_s = hold_s + 1.6
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "notes.mid", Path(folder) / "notes.wav"
        midi.write_bytes(_midi(program, keys, hold_s, slot_s, 9 if percussion else 0))
        command = ["fluidsynth", "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.5"]
        command += ["-r", str(RENDER_RATE), "-T", "wav", "-O", "float", "-F", str(wav)]
        subprocess.run([*command, str(soundfont), str(midi)], check=True, capture_output=True)
        wave, rate = soundfile.read(wav, dtype="float64", always_2d=True)
    if rate != RENDER_RATE:
        sys.exit(f"fluidsynth rendered at {rate} Hz instead of {RENDER_RATE} Hz")
    wave = resample_poly(wave, RATE, RENDER_RATE, axis=0)
    wave = sosfiltfilt(butter(2, 20, "highpass", fs=RATE, output="sos"), wave, axis=0)
    starts = [round((0.1 + i * slot_s - 0.005) * RATE) for i in range(len(keys))]
    waves = [_one_channel(wave[s : s + round((hold_s + 0.005) * RATE)]) for s in starts]
    for key, note in zip(keys, waves, strict=True):
        if not np.abs(note).max() > 1e-3:
            sys.exit(f"program {program} has no sound for key {key}")
    return waves


def _one_channel(wave: np.ndarray) -> np.ndarray:
    """The channel whose level is steadier: the sum of two microphones would beat."""
    if 10 * np.abs(wave).max(0).min() < np.abs(wave).max():  # panned: the near one
        return wave[:, np.argmax(np.abs(wave).max(0))]
    frames = wave[: len(wave) // 800 * 800].reshape(-1, 800, 2)
    level = 10 * np.log10((frames**2).mean(1) + 1e-12)
    return wave[:, np.argmin(np.abs(np.diff(level, axis=0)).sum(0))]


def _midi(program: int, keys: list[int], hold_s: float, slot_s: float, channel: int) -> bytes:
    """A Standard MIDI File: one track, 1000 ticks a second."""

    def delta(ticks: int) -> bytes:
        out = [ticks & 0x7F]
        while ticks := ticks >> 7:
            out.insert(0, (ticks & 0x7F) | 0x80)
        return bytes(out)

    track = b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")
    track += b"\x00" + bytes([0xC0 | channel, program])
    wait = 100
    for key in keys:
        hold = round(hold_s * 1000)
        track += delta(wait) + bytes([0x90 | channel, key, VELOCITY])
        track += delta(hold) + bytes([0x80 | channel, key, 0])
        wait = round(slot_s * 1000) - hold
    track += delta(wait) + b"\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 500)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track


def _erhu(wave: np.ndarray, raised: int) -> np.ndarray:
    """A violin made an erhu: a smaller body, a nasal tone, little below and above it.

    Resampling brings the rendering up by `raised` semitones and the body's resonances with it;
    then two resonances (about 1.1 and 2.6 kHz), as of a small snakeskin box, are added.
    """
    up, down = (4, 5) if raised == 4 else sys.exit("only four semitones are prepared")
    wave = resample_poly(wave, up, down)  # 1.25 against 1.26: `_tune` brings the rest
    body = sosfilt(butter(1, (900, 1400), "bandpass", fs=RATE, output="sos"), wave)
    nose = sosfilt(butter(1, (2300, 3000), "bandpass", fs=RATE, output="sos"), wave)
    wave = 0.35 * wave + 1.6 * body + 0.7 * nose
    return sosfilt(butter(1, 350, "highpass", fs=RATE, output="sos"), wave)


def _tune(wave: np.ndarray, pitch: int) -> np.ndarray:
    """Bring a note into tune: resampled by what it is off, through a spline at 64 kHz."""
    cents = cents_off(wave[: int(1.2 * RATE)], pitch)
    fine = resample_poly(wave, 4, 1)
    spline = CubicSpline(np.arange(len(fine)) / 4, fine)
    step = 2 ** (-cents / 1200)
    return spline(np.arange(int(len(wave) / step)) * step)


def cents_off(wave: np.ndarray, pitch: float, reach: float = 80.0) -> float:
    """By how many cents a note lies above its pitch.

    A comb of the first harmonics, weighted by 1 / harmonic, is laid over the spectrum and moved
    by up to `reach` cents until it catches most.
    """
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size)) ** 0.5
    cents = np.arange(-reach, reach + 0.5, 0.5)
    base = 440.0 * 2 ** ((pitch - 69 + cents / 100) / 12)
    score = np.zeros(len(cents))
    for harmonic in range(1, 9):
        at = base * harmonic * size / RATE
        if at[-1] < size // 2:
            score += np.interp(at, np.arange(len(spectrum)), spectrum) / harmonic
    return float(cents[np.argmax(score)])


def _trim(wave: np.ndarray) -> np.ndarray:
    """Cut what comes before the sound: up to 2 ms before 2 % of the peak is reached.

    What speaks slowly (a bow) is cut further in, so that it is well heard 50 ms after its onset;
    otherwise short notes would hardly be there.
    """
    size = np.abs(wave)
    start = int(np.argmax(size > 0.02 * size.max())) - RATE // 500
    level = np.sqrt(np.convolve(wave**2, np.full(RATE // 100, 100 / RATE))[: len(wave)])
    heard = int(np.argmax(level > 0.35 * _loudness(wave))) - RATE // 20
    fade = RATE // 1000 if start >= heard else RATE // 100
    wave = wave[max(0, start, heard) :].copy()
    wave[:fade] *= np.linspace(0, 1, fade, endpoint=False)
    return wave


def _loudness(wave: np.ndarray) -> float:
    """RMS of the loudest 0.3 s."""
    power = np.convolve(wave**2, np.full(int(0.3 * RATE), 1 / int(0.3 * RATE)), "same")
    return float(np.sqrt(power.max()))


def _let_die(wave: np.ndarray) -> np.ndarray:
    """Cut a note where it has fallen by 46 dB, and fade it out."""
    width = RATE // 50
    power = np.convolve(wave**2, np.full(width, 1 / width), "same")
    heard = np.flatnonzero(power > power.max() * 10**-4.6)
    wave = wave[: min(len(wave), int(heard[-1]) + width)].copy()
    fade = min(len(wave) // 3, RATE // 5)
    wave[-fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade))
    return wave


def make_loop(wave: np.ndarray, pitch: float) -> tuple[np.ndarray, list[int]]:
    """Find where a sustained note can go back without being heard, and prepare the seam.

    The end of the loop is compared with earlier places (normalised correlation over a dozen
    periods at least); the best match is taken, and the last stretch before the end is crossfaded
    into what precedes the start. 16 ms of what follows the start are kept after the end, so that
    the resampler sees the loop going on.

    Returns:
        The stored samples and [start, end) of the loop.
    """
    period = RATE / (440 * 2 ** ((pitch - 69) / 12))
    half = int(max(12 * period, 0.03 * RATE) / 2)
    best = (-2.0, 0, 0)
    for end in range(int(1.15 * RATE), int(1.5 * RATE), 331):
        tail = wave[end - half : end + half]
        for start in range(int(0.45 * RATE), int(0.8 * RATE)):
            head = wave[start - half : start + half]
            match = 2 * (head @ tail) / (head @ head + tail @ tail)
            best = max(best, (float(match), start, end))
    _, start, end = best
    cross = min(2 * half, start // 2)
    ramp = np.linspace(0, 1, cross)
    out = wave[:end].copy()
    out[end - cross :] = (1 - ramp) * wave[end - cross : end] + ramp * wave[start - cross : start]
    tail = wave[start : start + RATE // 62].copy()
    tail[-64:] *= np.linspace(1, 0, 64)
    return np.concatenate([out, tail]), [start, end]


class SoundFont:
    """Just enough of the SF2 format to tell which samples a key is played from."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        at = data.rindex(b"pdta") + 4
        self.chunks: dict[str, bytes] = {}
        while at + 8 <= len(data) and len(self.chunks) < 9:
            size = struct.unpack_from("<I", data, at + 4)[0]
            self.chunks[data[at : at + 4].decode()] = data[at + 8 : at + 8 + size]
            at += 8 + size

    def _zones(self, kind: str, first: int, last: int) -> list[dict[int, int]]:
        """Generators (number -> amount) of the zones [first, last) of a preset or instrument."""
        bags = list(struct.iter_unpack("<HH", self.chunks[kind + "bag"]))
        generators = list(struct.iter_unpack("<HH", self.chunks[kind + "gen"]))
        return [dict(generators[bags[b][0] : bags[b + 1][0]]) for b in range(first, last)]

    def samples(self, bank: int, program: int, keys: list[int]) -> set[str]:
        """Names of the samples that these keys of a program are played from."""
        presets = list(struct.iter_unpack("<20sHHHIII", self.chunks["phdr"]))
        instruments = list(struct.iter_unpack("<20sH", self.chunks["inst"]))
        headers = list(struct.iter_unpack("<20sIIIIIBbHH", self.chunks["shdr"]))
        (k,) = [k for k, p in enumerate(presets[:-1]) if p[1:3] == (program, bank)]
        names = set()
        for zone in self._zones("p", presets[k][3], presets[k + 1][3]):
            if 41 not in zone or not (inside := [key for key in keys if _plays(zone, key)]):
                continue
            i = zone[41]
            for part in self._zones("i", instruments[i][1], instruments[i + 1][1]):
                if 53 in part and any(_plays(part, key) for key in inside):
                    names.add(headers[part[53]][0].split(b"\0")[0].decode("latin-1"))
        return names


def _plays(zone: dict[int, int], key: int) -> bool:
    """Whether a zone's ranges of key (generator 43) and velocity (44) take in this note."""
    keys, velocities = zone.get(43, 127 << 8), zone.get(44, 127 << 8)
    return (keys & 255) <= key <= (keys >> 8) and (
        (velocities & 255) <= VELOCITY <= (velocities >> 8)
    )


if __name__ == "__main__":
    main()
