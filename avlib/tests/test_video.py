"""Reading and writing video: every picture and sample where its time says.

Files are made here with PyAV directly, not with `write_video`, wherever reading is tested: a
mistake in both would otherwise cancel.
"""

import tracemalloc
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib import video
from avlib.video import (
    VideoError,
    picture,
    probe,
    read_audio,
    read_clip,
    read_frames,
    sound,
    write_video,
)

BITS, CELL = 10, 16
FINE = {"movie_timescale": "44100"}  # start delays in MP4 are rounded to this


def numbered(k):
    """A picture whose ten columns, black or white, are the bits of its number."""
    bits = (k >> np.arange(BITS)) & 1
    row = np.repeat(bits * 255, CELL).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (32, BITS * CELL, 3)).copy()


def number_of(frame):
    """The number a decoded picture shows."""
    height, width = frame.shape[:2]
    cells = frame.reshape(height, BITS, width // BITS, 3)[:, :, width // BITS // 4 : -2]
    return int(((cells.mean((0, 2, 3)) > 128) << np.arange(BITS)).sum())


def numbers(frames):
    return [number_of(f) for f in frames]


def make(
    path,
    count=40,
    *,
    fps=10,
    gop=1000,
    bframes=0,
    codec="libx264",
    stamps=None,
    base=None,
    wave=None,
    rate=44100,
    sound="aac",
    sound_start=0,
    pictures=numbered,
    options=None,
    rotate=None,
):
    """A file with pictures at `stamps` (units of 1/fps) and sound from sample `sound_start`."""
    base = base or Fraction(1) / Fraction(fps)
    stamps = range(count) if stamps is None else stamps
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream(codec, rate=Fraction(fps))
        stream.codec_context.time_base = base
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = bframes
        if codec == "libx264":
            stream.options = {"crf": "10", "preset": "veryfast", "sc_threshold": "0"}
        first = pictures(0)
        stream.height, stream.width, stream.pix_fmt = *first.shape[:2], "yuv420p"
        if rotate:
            stream.set_display_rotation(rotate)
        track = None
        if wave is not None:
            track = out.add_stream(sound, rate=rate)
            track.layout = "mono"
        for k, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(pictures(k), format="rgb24")
            frame.pts, frame.time_base = int(stamp), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if track is not None:
            for packet in encoded(track, wave, rate, sound_start):
                out.mux(packet)
    return path


def encoded(track, wave, rate, start, size=None):
    kind = track.codec_context.format.name if track.codec_context.format else "fltp"
    data = np.clip(wave, -1, 1).astype(np.float32)[None]
    if kind.startswith("s16"):
        data = (data * 32767).astype(np.int16)
    elif kind.startswith("s32"):
        data = (data * (2**31 - 256)).astype(np.int32)
    block = av.AudioFrame.from_ndarray(data, format=kind, layout="mono")
    block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
    return [*track.encode(block), *track.encode(None)]


def clicks(count, fps, rate, every=5):
    """A short tick exactly at the time of each `every`-th picture."""
    wave = np.zeros(round(count / fps * rate), np.float32)
    for k in range(0, count, every):
        at = round(k / fps * rate)
        wave[at : at + 3] = [0.9, -0.5, 0.2][: len(wave) - at]
    return wave


# ---------------------------------------------------------------- which picture


@pytest.mark.parametrize("bframes", [0, 3])
@pytest.mark.parametrize("first", [0, 37])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts"])
def test_a_one_keyframe_clip_gives_the_pictures_asked_for(tmp_path, name, first, bframes):
    path = make(tmp_path / name, 200, bframes=bframes, stamps=range(first, first + 200))
    with av.open(str(path)) as file:
        keys = sum(p.is_keyframe for p in file.demux(video=0) if p.pts is not None)
    assert keys == 1
    wanted = [0, 25, 60, 120, 199, 3, 60]
    assert numbers(read_frames(path, indices=wanted)) == wanted
    assert numbers(read_frames(path, np.array(wanted) / 10)) == wanted


@pytest.mark.parametrize("fps", [4, 25, Fraction(30000, 1001), 50])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_times_on_the_grid_survive_the_rounding_of_stamps(tmp_path, name, fps):
    # Matroska rounds 1/29.97 s to whole milliseconds, sometimes upwards
    path = make(tmp_path / name, 90, fps=fps, gop=12, bframes=2)
    info = probe(path)
    assert info.frames == 90
    assert info.constant_rate
    assert info.fps == pytest.approx(float(fps), rel=1e-4)
    assert numbers(read_frames(path, np.arange(90) / float(fps))) == list(range(90))


@pytest.fixture(scope="module")
def many_keys(tmp_path_factory):
    return make(tmp_path_factory.mktemp("keys") / "a.mp4", 300, fps=25, gop=12, bframes=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 11.999), min_size=1, max_size=6))
def test_the_picture_on_the_screen_at_any_times_in_any_order(many_keys, times):
    want = [int(np.floor(t * 25 + 25e-4)) for t in times]
    if any(abs(t * 25 - round(t * 25)) < 5e-3 for t in times):
        return  # within a stamp's rounding of the change: either is right
    assert numbers(read_frames(many_keys, times)) == want


def test_far_pictures_are_reached_by_a_jump_not_by_decoding_all(many_keys, monkeypatch):
    decoded = []
    forward = picture._Reader._next

    def counted(self):
        decoded.append(1)
        return forward(self)

    monkeypatch.setattr(picture._Reader, "_next", counted)
    assert numbers(read_frames(many_keys, indices=[1, 290])) == [1, 290]
    assert len(decoded) < 12  # of 300, 12 from key-frame to key-frame


def test_a_seek_that_lands_late_is_noticed(many_keys, monkeypatch):
    """A container whose seek goes to the key-frame after the one asked for, as naive code finds."""
    straight = picture._Reader._seek

    def late(self, stamp):
        return straight(self, stamp + 12 * 512)  # a picture lasts 512 units in this file

    monkeypatch.setattr(picture._Reader, "_seek", late)
    assert numbers(read_frames(many_keys, indices=[100])) == [100]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "mpeg4"), ("a.webm", "libvpx"), ("a.mp4", "libx264")]
)
def test_other_codecs(tmp_path, name, codec):
    path = make(tmp_path / name, 30, codec=codec)
    assert numbers(read_frames(path, indices=[29, 0, 13])) == [29, 0, 13]
    assert probe(path).constant_rate


def test_variable_rate_goes_by_time_stamps(tmp_path):
    stamps = [0, 100, 200, 1000, 1100, 3000]  # ms
    path = make(
        tmp_path / "a.mp4",
        fps=10,
        base=Fraction(1, 1000),
        stamps=stamps,
        wave=np.zeros(44100 * 4, np.float32),
    )
    info = probe(path)
    assert info.constant_rate is False
    assert info.frames == 6
    times = [0.0, 0.15, 0.2, 0.9, 0.999, 1.0, 1.05, 2.9, 3.0]
    assert numbers(read_frames(path, times)) == [0, 1, 2, 2, 2, 3, 3, 4, 5]
    assert numbers(read_frames(path, indices=[4, 5, 3])) == [4, 5, 3]
    clip = read_clip(path, 0.5, 2, fps=2)
    assert numbers(clip.frames) == [2, 3, 4, 4]
    with pytest.raises(VideoError, match=r"a\.mp4.*rate varies.*fps="):
        read_clip(path, 0.5, 2)


def test_a_dropped_picture_makes_the_rate_variable(tmp_path):
    path = make(tmp_path / "a.mp4", stamps=[k for k in range(40) if k != 17])
    assert probe(path).constant_rate is False


def test_sizes_are_resized_as_asked(tmp_path):
    path = make(tmp_path / "a.mp4", 3)
    assert read_frames(path, [0]).shape == (1, 32, 160, 3)
    assert read_frames(path, [0], size=16).shape == (1, 16, 80, 3)
    assert read_frames(path, [0], size=(20, 80)).shape == (1, 20, 80, 3)
    assert numbers(read_frames(path, indices=[2, 1], size=(16, 320))) == [2, 1]


def test_a_phones_rotation_is_applied(tmp_path):
    corner = np.zeros((32, 64, 3), np.uint8)
    corner[:16, :32] = 255
    for angle, turns in ((90, 1), (-90, 3), (180, 2)):
        path = make(tmp_path / f"{angle}.mp4", 3, pictures=lambda k: corner, rotate=angle)
        want = np.rot90(corner, turns).astype(int)
        found = read_frames(path, [0.1])
        info = probe(path)
        assert (info.height, info.width) == want.shape[:2] == found.shape[1:3]
        assert np.abs(found[0] - want).max() < 20


def test_reading_little_of_much_needs_little_memory(tmp_path):
    path = make(tmp_path / "a.mp4", 400, gop=50)
    probe(path)
    tracemalloc.start()
    read_frames(path, indices=[5, 390])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * numbered(0).nbytes


def test_a_whole_film_is_refused_with_the_remedy(tmp_path, monkeypatch):
    path = make(tmp_path / "a.mp4", 40)
    monkeypatch.setattr(picture, "MAX_BYTES", 100_000)
    with pytest.raises(VideoError, match=r"a\.mp4: 40 pictures.*size="):
        read_frames(path, indices=range(40))
    assert [number_of(f) for f in video.iter_frames(path, np.arange(40) / 10)] == list(range(40))


def test_a_replaced_file_is_looked_at_again(tmp_path):
    path = make(tmp_path / "a.mp4", 10)
    assert probe(path).frames == 10
    make(path, 20)
    assert probe(path).frames == 20


# ---------------------------------------------------------------- which sample


def flash(k):
    return np.full((32, 32, 3), 255 if k % 5 == 0 else 0, np.uint8)


@pytest.mark.parametrize(
    ("name", "sound", "rate"),
    [
        ("a.mp4", "aac", 44100),
        ("a.mp4", "aac", 11025),
        ("a.mp4", "aac", 48000),
        ("a.mkv", "aac", 44100),
        ("a.ts", "aac", 48000),
        ("a.mkv", "flac", 48000),
        ("a.mkv", "libopus", 48000),
        ("a.mp4", "libmp3lame", 44100),
        ("a.mov", "pcm_s16le", 44100),
    ],
)
@pytest.mark.parametrize(("first", "late"), [(0, 0), (3, 0), (0, 0.2)])
def test_a_click_comes_with_each_flash(tmp_path, name, sound, rate, first, late):
    """Pictures and sound keep step whatever the codec's priming and the streams' starts."""
    if late and name == "a.mov":
        pytest.skip("the muxer of .mov starts PCM at zero")
    fps, count = 10, 60
    wave = clicks(count, fps, rate)
    shifted = wave[round(late * rate) :]
    path = make(
        tmp_path / name,
        count,
        stamps=range(first, first + count),
        wave=shifted,
        rate=rate,
        sound=sound,
        sound_start=round((first / fps + late) * rate),
        pictures=flash,
        options={"movie_timescale": str(rate)} if name == "a.mp4" else {},
    )
    rounding = 1 + rate // 1000 if name == "a.mkv" and (first or late) else 1
    assert probe(path).audio_start_s == pytest.approx(late, abs=1400 / rate)  # priming
    clip = read_clip(path, 0.5, 4.0, fps=fps)
    assert clip.rate == rate
    assert len(clip.wave) == 4 * rate
    lit = [k for k, f in enumerate(clip.frames) if f.mean() > 128]
    assert lit == list(range(0, 40, 5))
    for k in lit:
        at = round(k / fps * rate)
        low = max(0, at - 200)
        found = low + int(np.abs(clip.wave[low : at + 200]).argmax())
        assert abs(found - at) <= rounding, (k, found - at)


@pytest.mark.parametrize("new", [11025, 16000, 48000])
def test_resampled_clicks_stay_in_place(tmp_path, new):
    fps, count, rate = 10, 60, 44100
    path = make(tmp_path / "a.mp4", count, wave=clicks(count, fps, rate), pictures=flash)
    clip = read_clip(path, 1.0, 4.0, fps=fps, rate=new)
    assert len(clip.wave) == 4 * new
    for k in range(5, 40, 5):
        at = round(k / fps * new)
        found = at - 100 + int(np.abs(clip.wave[at - 100 : at + 100]).argmax())
        assert abs(found - at) <= 1


@pytest.mark.parametrize("rate", [None, 11025, 16000])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_part_equals_the_same_part_of_the_whole(tmp_path, name, rate):
    rng = np.random.default_rng(0)
    wave = (0.2 * rng.standard_normal(44100 * 8)).astype(np.float32)
    path = make(tmp_path / name, 80, wave=wave)
    whole, found = read_audio(path, rate)
    for start, seconds in ((0.0, 1.0), (3.21, 2.0), (5.0, 1.5)):
        part = read_audio(path, rate, start, seconds).wave
        first = round(start * found)
        want = whole[first : first + round(seconds * found)]
        assert np.abs(part - want).max() < 1e-6


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_after_a_jump_the_samples_are_in_place(tmp_path, monkeypatch, name):
    t = np.arange(44100 * 8) / 44100
    wave = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 1234 * t * (1 + t / 99))
    path = make(tmp_path / name, 80, wave=wave)
    whole = read_audio(path).wave
    monkeypatch.setattr(sound, "_JUMP_S", 0.0)
    started = []
    decode = sound._mono
    monkeypatch.setattr(sound, "_mono", lambda frame: started.append(1) or decode(frame))
    part = read_audio(path, None, 5.0, 1.0).wave
    assert len(started) < 3 * 44  # of 44 blocks a second: not from the beginning
    assert np.abs(part - whole[5 * 44100 : 6 * 44100]).max() < 1e-4


def test_every_sample_of_a_lossless_track_comes_back(tmp_path):
    wave = np.random.default_rng(0).uniform(-0.9, 0.9, 48000 * 3).astype(np.float32)
    path = make(tmp_path / "a.mkv", 30, wave=wave, rate=48000, sound="flac")
    found = read_audio(path).wave
    assert found.shape == wave.shape
    assert np.abs(found - wave).max() < 1e-4  # 16 or 24 bits


def test_before_a_late_sound_there_is_silence(tmp_path):
    wave = 0.5 * np.sin(np.arange(44100 * 3) ** 1.1 / 9)
    path = make(tmp_path / "a.mp4", 40, wave=wave, sound_start=22050, options=FINE)
    info = probe(path)
    assert info.audio_start_s == pytest.approx(0.5 - 1024 / 44100, abs=1e-4)  # AAC's priming
    found = read_audio(path).wave
    assert np.abs(found[: 22050 - 1024]).max() == 0
    assert np.corrcoef(found[22050 + 4410 : 22050 + 44100], wave[4410:44100])[0, 1] > 0.9


def test_stereo_is_averaged(tmp_path):
    t = np.arange(44100) / 44100
    left, right = 0.5 * np.sin(2 * np.pi * 440 * t), 0.1 * np.cos(2 * np.pi * 1000 * t)
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as out:
        track = out.add_stream("pcm_s16le", rate=44100)
        track.layout = "stereo"
        data = np.stack([left, right], 1).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(
            (data * 32768).astype(np.int16), format="s16", layout="stereo"
        )
        block.sample_rate = 44100
        out.mux(track.encode(block))
        out.mux(track.encode(None))
    found = read_audio(path)
    assert np.abs(found.wave - (left + right) / 2).max() < 1e-4


def test_resampling_is_in_place_and_keeps_only_what_fits():
    t = np.arange(48000) / 48000
    low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 7000 * t)
    both = video.resample((low + high).astype(np.float32), 48000, 11025)
    want = np.sin(2 * np.pi * 1000 * np.arange(11025) / 11025)
    assert np.abs(both - want)[200:-200].max() < 2e-3
    click = np.zeros(4800, np.float32)
    click[480] = 1  # 0.01 s
    assert int(video.resample(click, 48000, 16000).argmax()) == 160
    pair = video.resample(np.stack([click, click * 2]), 48000, 16000)
    assert np.allclose(pair[1], 2 * pair[0])


def test_a_hole_in_the_sound_is_an_error(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        track = out.add_stream("aac", rate=44100)
        track.layout = "mono"
        for start in (0, 100_000):
            for packet in _part(track, start):
                out.mux(packet)
        out.mux(track.encode(None))
    with pytest.raises(VideoError, match=r"a\.mp4.*hole.*aresample"):
        read_audio(path)


def _part(track, start):
    data = np.full((1, 44032), 0.1, np.float32)
    block = av.AudioFrame.from_ndarray(data, format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = 44100, start, Fraction(1, 44100)
    return track.encode(block)


# ---------------------------------------------------------------- what is wrong with a file


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    wave = (0.1 * np.random.default_rng(0).standard_normal(44100 * 4)).astype(np.float32)
    return make(tmp_path_factory.mktemp("good") / "good.mp4", 40, wave=wave)


def test_probe_says_what_is_there(good):
    info = probe(good)
    assert (info.width, info.height, info.frames, info.fps) == (160, 32, 40, 10)
    assert (info.rate, info.channels, info.video_codec, info.audio_codec) == (
        44100,
        1,
        "h264",
        "aac",
    )
    assert info.video_seconds == pytest.approx(4.0)
    assert info.audio_seconds == pytest.approx(4.0, abs=1e-4)
    assert info.seconds == pytest.approx(4.0, abs=1e-4)


def test_the_whole_clip_at_its_own_rate(good):
    clip = read_clip(good)
    assert numbers(clip.frames) == list(range(40))
    assert len(clip.wave) == 44100 * 4
    assert numbers(read_clip(good, 1, 2, frames=4).frames) == [10, 15, 20, 25]


def test_not_a_file(tmp_path):
    with pytest.raises(VideoError, match=r"nothing\.mp4: no such file"):
        probe(tmp_path / "nothing.mp4")
    with pytest.raises(VideoError, match="is a folder"):
        read_clip(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match=r"empty\.mp4: is empty"):
        read_frames(tmp_path / "empty.mp4", [0])
    (tmp_path / "text.mp4").write_text("dear diary " * 500)
    with pytest.raises(VideoError, match=r"text\.mp4: not a video"):
        read_audio(tmp_path / "text.mp4")


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_named(tmp_path, good, fast, part):
    """With the index at the end nothing opens; with it in front only the packets are missing."""
    whole = good
    if fast:
        wave = (0.1 * np.random.default_rng(0).standard_normal(44100 * 4)).astype(np.float32)
        whole = make(tmp_path / "b.mp4", 40, wave=wave, options={"movflags": "faststart"})
    data = whole.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: int(len(data) * part)])
    for read in (probe, read_clip, read_audio):
        with pytest.raises(VideoError, match=r"cut\.mp4.*(cut off).*(again)"):
            read(path)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_truncation_in_other_containers(tmp_path, name):
    codec = "mpeg4" if name == "a.avi" else "libx264"
    data = make(tmp_path / name, 100, codec=codec).read_bytes()
    path = tmp_path / f"cut-{name}"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(VideoError, match=r"cut-a.*cut off"):
        probe(path)


def test_damaged_bytes_are_noticed_not_shown(tmp_path, good):
    """Forty flipped bytes: a plain error, or every picture is still right."""
    whole, rng = good.read_bytes(), np.random.default_rng(0)
    refused = []
    for trial in range(8):
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(100, len(data) - 3000, 40)] ^= 0xFF
        path = tmp_path / f"{trial}.mp4"
        path.write_bytes(data.tobytes())
        try:
            assert numbers(read_clip(path).frames) == list(range(40))
        except VideoError as err:
            refused.append(str(err))
    assert len(refused) > 4
    assert all(".mp4" in text and "again" in text for text in refused)
    assert "permission" not in "".join(refused)


def test_a_format_that_cannot_jump_is_read_from_the_beginning(many_keys, monkeypatch):
    class Stuck:
        def __init__(self, container):
            self.container = container
            self.streams, self.decode = container.streams, container.decode

        def seek(self, *args, **kwargs):
            raise av.error.PermissionError(1, "Operation not permitted")

    opened = picture.open_media

    @contextmanager
    def stuck(path):
        with opened(path) as container:
            yield Stuck(container)

    monkeypatch.setattr(picture, "open_media", stuck)
    assert numbers(read_frames(many_keys, indices=[100, 290])) == [100, 290]


def test_without_sound_or_pictures(tmp_path):
    silent = make(tmp_path / "silent.mp4", 10)
    with pytest.raises(VideoError, match=r"silent\.mp4.*no sound.*read_frames"):
        read_clip(silent)
    with pytest.raises(VideoError, match=r"silent\.mp4.*no sound"):
        read_audio(silent)
    assert numbers(read_frames(silent, [0.5])) == [5]
    blind = tmp_path / "blind.m4a"
    with av.open(str(blind), "w", format="mp4") as out:
        track = out.add_stream("aac", rate=44100)
        track.layout = "mono"
        for packet in encoded(track, np.zeros(44100), 44100, 0):
            out.mux(packet)
    for read in (read_clip, lambda p: read_frames(p, [0])):
        with pytest.raises(VideoError, match=r"blind\.m4a.*no pictures"):
            read(blind)
    assert len(read_audio(blind).wave) == 44100


def test_shorter_than_asked(good):
    with pytest.raises(VideoError, match=r"good\.mp4.*2\.500 to 4\.500 s.*0 to 4\.000"):
        read_clip(good, 2.5, 2.0, fps=4)
    with pytest.raises(VideoError, match=r"good\.mp4.*ends at 4\.000 s"):
        read_audio(good, 11025, 3.5, 1.0)
    with pytest.raises(VideoError, match=r"good\.mp4.*end at 4\.000 s"):
        read_frames(good, [1.0, 4.0])
    with pytest.raises(VideoError, match=r"good\.mp4.*no picture 40"):
        read_frames(good, indices=[40])
    with pytest.raises(VideoError, match="before its first"):
        read_frames(good, [-0.2])
    with pytest.raises(VideoError, match="start at 0"):
        read_audio(good, None, -1.0, 0.5)
    with pytest.raises(VideoError, match="asked for"):
        read_clip(good, -1.0, 0.5, fps=4)


def test_contradictory_questions(good):
    with pytest.raises(ValueError, match="either"):
        read_frames(good)
    with pytest.raises(ValueError, match="not both"):
        read_clip(good, 0, 1, fps=4, frames=4)
    with pytest.raises(ValueError, match="ascend"):
        list(video.iter_frames(good, [1.0, 0.5]))


# ---------------------------------------------------------------- writing


def test_what_is_written_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(11025 * 3) / 11025
    wave = (0.4 * np.sin(2 * np.pi * 330 * t) + 0.01 * rng.standard_normal(len(t))).astype(
        np.float32
    )
    frames = np.stack([numbered(k) for k in range(12)])
    write_video(tmp_path / "a.mp4", frames, 4, wave, 11025)
    clip = read_clip(tmp_path / "a.mp4")
    assert numbers(clip.frames) == list(range(12))
    assert clip.wave.shape == wave.shape
    assert clip.rate == 11025
    error = (clip.wave - wave)[2048:]
    assert 10 * np.log10((wave[2048:] ** 2).sum() / (error**2).sum()) > 20
    assert np.abs(clip.frames.astype(int) - frames).mean() < 5
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_come_back(tmp_path):
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 64, 200], [250, 250, 250]])
    frames = np.broadcast_to(colours.astype(np.uint8)[:, None, None], (5, 32, 32, 3))
    write_video(tmp_path / "a.mp4", frames, 5)
    found = read_frames(tmp_path / "a.mp4", indices=range(5)).mean((1, 2))
    assert np.abs(found - colours).max() < 4


def test_the_same_pictures_give_the_same_file(tmp_path):
    frames = (numbered(k) for k in range(6))
    write_video(tmp_path / "a.mp4", frames, 4)
    write_video(tmp_path / "b.mp4", np.stack([numbered(k) for k in range(6)]), 4)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert probe(tmp_path / "a.mp4").frames == 6


def test_a_fractional_rate_is_written(tmp_path):
    write_video(tmp_path / "a.mp4", np.zeros((60, 32, 32, 3), np.uint8), 30000 / 1001)
    assert probe(tmp_path / "a.mp4").fps == pytest.approx(30000 / 1001, rel=1e-6)
    assert probe(tmp_path / "a.mp4").constant_rate


def test_an_interrupted_write_leaves_what_was_there(tmp_path):
    write_video(tmp_path / "a.mp4", np.zeros((2, 32, 32, 3), np.uint8), 4)
    before = (tmp_path / "a.mp4").read_bytes()

    def film():
        yield np.zeros((32, 32, 3), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", film(), 4)
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


FILM = np.zeros((4, 32, 32, 3), np.uint8)
SILENCE = np.zeros(11025, np.float32)


@pytest.mark.parametrize(
    ("frames", "fps", "wave", "rate", "says"),
    [
        (FILM[:, :31], 4, None, None, "even sizes.*32x32"),
        (FILM.astype(np.float32), 4, None, None, "float32"),
        (FILM[..., :1], 4, None, None, r"\(H, W, 3\)"),
        (FILM[:0], 4, None, None, "no pictures"),
        (FILM, 0, None, None, "positive"),
        (FILM, float("nan"), None, None, "positive"),
        (FILM, 4, SILENCE, None, "belong together"),
        (FILM, 4, SILENCE, 11000, "AAC has no rate of 11000"),
        (FILM, 4, SILENCE * np.nan, 11025, "not finite"),
        (FILM, 4, SILENCE[:0], 11025, "one channel"),
        (FILM, 1, SILENCE, 11025, "4.000 s of pictures but 1.000 s of sound"),
        ([FILM[0], FILM[0, :16]], 4, None, None, "picture 1 is"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, frames, fps, wave, rate, says):
    with pytest.raises(VideoError, match=rf"a\.mp4.*{says}"):
        write_video(tmp_path / "a.mp4", frames, fps, wave, rate)
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_be_written(tmp_path):
    with pytest.raises(VideoError, match="no folder"):
        write_video(tmp_path / "no" / "a.mp4", FILM, 4)
    with pytest.raises(VideoError, match=r"ends in \.mp4"):
        write_video(tmp_path / "a.gif", FILM, 4)
