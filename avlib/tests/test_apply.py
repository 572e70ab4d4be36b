"""A stranger's video file: regions, windows, truth, files, and all of it together."""

import json
import os
import re

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib import sop
from avlib.apply import OutputError, Region, RegionError, TruthError, outputs, separate_video
from avlib.apply.plot import spectrogram_db
from avlib.apply.regions import around_point, choose_regions, cut_out, parse_numbers
from avlib.apply.separate import picture_times
from avlib.apply.truth import match
from avlib.apply.windows import OverlapAdd, cut_windows, fade, window_starts
from avlib.clipfolder import ClipRecord, write_clip
from avlib.video import VideoError, probe, read_audio, read_frames, write_video
from avlib.viz.page import loudness, separate_page

RATE = 11025


@pytest.fixture(scope="module")
def tiny():
    """An untrained model that is small enough for a test: windows of 16,383 samples (1.5 s)."""
    front_end = type(sop.pocket().front_end)(RATE, 16383, 1022, 256)
    cfg = sop.pocket().changed(
        front_end=front_end, maps=4, depth=5, sound_width=4, frame_width=4, frame_size=32
    )
    return sop.SoundOfPixels(cfg).eval()


def tone(frequency, seconds, rate=RATE):
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def film(seconds, fps=10, width=64, height=48):
    """Left half: 4 x the number of the picture. Right half: 200 less that."""
    frames = np.zeros((round(seconds * fps), height, width, 3), np.uint8)
    for k, frame in enumerate(frames):
        frame[:, : width // 2] = 4 * k
        frame[:, width // 2 :] = 200 - 4 * k
    return frames


@pytest.fixture(scope="module")
def duet(tmp_path_factory):
    path = tmp_path_factory.mktemp("duet") / "my duet.mp4"
    wave = tone(440, 4.0) + tone(1320, 4.0)
    write_video(path, film(4.0), 10, wave.astype(np.float32), RATE)
    return path


class TestRegions:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"boxes": [(10, 10, 10, 40), (30, 0, 60, 40)]}, "is empty"),
            ({"boxes": [(0, 0, 30, 40), (60, 40, 30, 10)]}, "x1 < x2"),
            ({"boxes": [(0, 0, 30, 40), (30, 0, 65, 40)]}, "64 x 48"),
            ({"boxes": [(-1, 0, 30, 40), (30, 0, 60, 40)]}, "outside the picture"),
            ({"boxes": [(0, 0, 30, 40), (30, 0, 60, 7)]}, "too small"),
            ({"boxes": [(0, 0, 30, 40)]}, "at least two"),
            ({"points": [(20, 20)]}, "at least two"),
            ({"points": [(20, 20), (64, 20)]}, "outside the picture"),
            ({"points": [(20, 20), (40, 20)], "halves": True}, "not as several"),
            ({"names": ["violin"]}, "1 names for 2"),
        ],
    )
    def test_what_cannot_be_used_says_why(self, given, told):
        with pytest.raises(RegionError, match=re.escape(told)):
            choose_regions(64, 48, **given)

    @pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "", "1;2;3;4"])
    def test_no_box(self, text):
        with pytest.raises(RegionError, match="x1,y1,x2,y2"):
            parse_numbers(text, "box")

    def test_names_and_how(self):
        regions, how = choose_regions(64, 48, boxes=[(0, 0, 30, 40), (30, 0, 64, 48)], names="ab")
        assert how == "boxes"
        assert [r.label for r in regions] == ["a", "b"]
        assert regions[1].box == (30.0, 0.0, 64.0, 48.0)
        assert choose_regions(64, 48)[1] == "halves by default"
        assert choose_regions(64, 48, halves=True)[1] == "halves"

    @settings(deadline=None, max_examples=60)
    @given(st.data())
    def test_region_around_a_point_is_inside_and_holds_it(self, data):
        width, height = data.draw(st.integers(16, 2000)), data.draw(st.integers(16, 2000))
        x = data.draw(st.floats(0, width, exclude_max=True))
        y = data.draw(st.floats(0, height, exclude_max=True))
        x1, y1, x2, y2 = around_point((x, y), width, height, data.draw(st.integers(2, 5)))
        assert -1e-6 <= x1 <= x <= x2 <= width + 1e-6
        assert -1e-6 <= y1 <= y <= y2 <= height + 1e-6

    def test_what_the_model_sees(self):
        """Boxes with a margin, squares around points, the middle squares of halves."""
        boxes = choose_regions(200, 100, boxes=[(20, 20, 60, 90), (100, 20, 180, 60)])[0]
        assert boxes[0].seen == pytest.approx((16, 13, 64, 97))
        assert boxes[1].seen == pytest.approx((92, 16, 188, 64))
        assert boxes[0].box == (20.0, 20.0, 60.0, 90.0)
        points = choose_regions(200, 100, points=[(10, 50), (150, 50)])[0]
        assert [p.seen for p in points] == [(0.0, 0.0, 100.0, 100.0), (100.0, 0.0, 200.0, 100.0)]
        halves = choose_regions(80, 100, names=["a", "b"])[0]
        assert [h.seen for h in halves] == [(0.0, 30.0, 40.0, 70.0), (40.0, 30.0, 80.0, 70.0)]
        assert halves[1].box == (40.0, 0.0, 80.0, 100.0)

    def test_cut_out_shows_the_player_and_not_the_neighbour(self):
        frames = film(0.3)
        left, right = (cut_out(frames, r.box, 32) for r in choose_regions(64, 48)[0])
        assert left.shape == (3, 32, 32, 3)
        for k in range(3):
            assert (left[k] == 4 * k).all()
            assert (right[k] == 200 - 4 * k).all()

    def test_cut_out_keeps_the_aspect(self):
        """A disc stays a disc: as wide as it is high, in a box twice as high as wide."""
        y, x = np.mgrid[:80, :60]
        disc = (255 * ((x - 20) ** 2 + (y - 40) ** 2 < 15**2)).astype(np.uint8)
        cut = cut_out(np.repeat(disc[None, ..., None], 3, axis=-1), (0.0, 0.0, 40.0, 80.0), 40)
        ink = cut[0, :, :, 0] > 127
        assert abs(ink.any(0).sum() - ink.any(1).sum()) <= 1
        assert ink.any(0).sum() == pytest.approx(15, abs=1)


class TestWindows:
    @settings(deadline=None, max_examples=80)
    @given(st.integers(1, 400), st.integers(2, 100), st.integers(0, 2**32 - 1))
    def test_cut_and_added_up_again_is_the_same(self, samples, window, seed):
        wave = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
        starts = window_starts(samples, window, max(1, window // 2))
        whole = OverlapAdd(2, samples, window)
        for start, piece in zip(starts, cut_windows(wave, window, starts), strict=True):
            assert piece.shape == (window,)
            whole.add(start, np.stack([piece, -2 * piece]))
        np.testing.assert_allclose(whole.result(), np.stack([wave, -2 * wave]), atol=1e-6)

    def test_where_windows_disagree_they_fade(self):
        whole = OverlapAdd(1, 6, 4)
        whole.add(0, np.zeros((1, 4), np.float32))
        whole.add(2, np.ones((1, 4), np.float32))
        a, b = fade(4)[2], fade(4)[0]
        expected = [0, 0, b / (a + b), 1 - b / (a + b), 1, 1]
        np.testing.assert_allclose(whole.result()[0], expected, rtol=1e-6)

    def test_gap_is_an_error(self):
        whole = OverlapAdd(1, 10, 4)
        whole.add(0, np.ones((1, 4), np.float32))
        with pytest.raises(ValueError, match="sample 4 was in no window"):
            whole.result()

    def test_hop_above_half_a_window(self):
        with pytest.raises(ValueError, match="half a window"):
            window_starts(100, window=10, hop=6)


def test_pictures_come_from_the_time_of_their_window():
    cfg = sop.paper()  # 3 pictures, 3 s apart; 65,535 samples are 5.944 s
    np.testing.assert_allclose(picture_times(cfg, RATE * 10), [9.972, 12.972, 15.972], atol=1e-3)


def test_match_finds_the_players_whatever_their_order():
    left, right = choose_regions(100, 50)[0]
    boxes = np.array([[55.0, 5.0, 95.0, 45.0], [5.0, 5.0, 45.0, 45.0]])
    assert match([left, right], boxes, "x") == [1, 0]
    assert match([right, left], boxes, "x") == [0, 1]
    with pytest.raises(TruthError, match="covers 25% of the player"):
        # 10 of the player's 40 columns
        match([left, Region("r", (85.0, 0.0, 100.0, 50.0))], boxes, "x")


class TestPage:
    def test_loudness_by_hand(self):
        # 12 dB down is a quarter of 48 dB; silence and all below the floor is 0
        wave = np.concatenate([np.full(10, 1.0), np.full(10, 10 ** (-12 / 20)), np.zeros(10)])
        assert loudness(wave, 10, 1.0, per_second=1.0) == [100, 75, 0]
        assert len(loudness(np.ones(100_000), 10, 1.0, at_most=50)) == 50

    def test_strange_names_stay_text(self):
        from html.parser import HTMLParser

        name = "<img src=x onerror=alert(1)>\"&'{{NOTES}}</script>.mp4"
        from avlib.viz.page import PagePlayer

        player = PagePlayer(name, (0.0, 0.0, 0.5, 1.0), "data:,", "player-1.wav", [1, 2], name)
        page = separate_page(
            title=name,
            video="a%20b.mp4",
            poster="data:,",
            size=(64, 48),
            seconds=1.0,
            levels=[1],
            players=[player, player],
            plot="data:,",
            notes=[name],
        )
        seen = []

        class Reader(HTMLParser):
            def handle_starttag(self, tag, attrs):
                seen.append((tag, dict(attrs)))

        Reader().feed(page)
        assert [attrs["src"] for tag, attrs in seen if tag == "img"] == ["data:,"]
        assert not [attrs for _, attrs in seen if any(key.startswith("on") for key in attrs)]
        assert sum(tag == "script" for tag, _ in seen) == 2
        assert "&#x27;{{NOTES}}&lt;/script&gt;.mp4 – who plays what</title>" in page
        data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))
        assert data["players"][0]["label"] == name
        assert not re.search(r"https?://", page)


class TestPlot:
    def test_a_tone_is_a_line_at_its_pitch(self):
        picture = spectrogram_db(tone(2756.25, 2.0).astype(np.float32))  # a quarter of the rate
        assert picture.shape[0] == 512
        assert (picture[:, 5:-5].argmax(axis=0) == round(2756.25 / (RATE / 1022))).all()

    def test_a_long_sound_is_no_wider_and_hides_no_click(self):
        wave = np.zeros(256 * 4096 * 2 + 5000, np.float32)
        wave[1_500_000] = 1.0
        picture = spectrogram_db(wave, columns=100)
        assert picture.shape == (512, 100)
        loud = picture.max(axis=0) > -60
        assert loud.sum() in (1, 2)
        assert loud.argmax() == pytest.approx(1_500_000 / len(wave) * 100, abs=1.5)


class TestFiles:
    def test_complete_or_absent(self, tmp_path):
        for error in (KeyboardInterrupt, RuntimeError):

            def half(error=error):
                with outputs.complete_or_absent(tmp_path / "out") as folder:
                    (folder / "half").write_text("half")
                    raise error

            with pytest.raises(error):
                half()
            assert os.listdir(tmp_path) == []

    def test_foreign_files_are_not_touched(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("years")
        video = tmp_path / "a.mp4"
        with pytest.raises(OutputError, match="--overwrite"):
            outputs.check_output(tmp_path / "out", video, overwrite=False)
        outputs.check_output(tmp_path / "out", video, overwrite=True)
        with outputs.complete_or_absent(tmp_path / "out") as folder:
            (folder / outputs.RECORD).write_text("{}")
        assert sorted(os.listdir(tmp_path / "out")) == [outputs.RECORD, "thesis.txt"]
        assert os.listdir(tmp_path) == ["out"]

    def test_odd_pictures_are_padded_not_moved(self):
        frame = np.random.default_rng(0).integers(0, 255, (49, 65, 3), np.uint8)
        drawn = outputs.draw_regions(frame, [Region("a", (10.0, 10.0, 40.0, 40.0))])
        assert drawn.shape == (50, 66, 3)
        np.testing.assert_array_equal(drawn[:9, :65], frame[:9])
        np.testing.assert_array_equal(drawn[15:35, 15:35], frame[15:35, 15:35])
        assert (drawn[10, 10:40] == (0, 104, 163)).all()
        assert (drawn[39, 10:40] == (0, 104, 163)).all()


class TestSeparateVideo:
    def test_writes_everything(self, duet, tiny, tmp_path):
        result = separate_video(duet, model=tiny, out=tmp_path / "out", names=["violin", "<flute>"])
        assert sorted(os.listdir(tmp_path)) == ["out"]
        files = sorted(os.listdir(tmp_path / "out"))
        record = json.loads((tmp_path / "out" / "separate.json").read_text())
        assert files == record["files"]
        assert files[:2] == ["player-1.wav", "player-2.wav"]
        assert [p["label"] for p in record["players"]] == ["violin", "<flute>"]
        assert record["settings"]["players_given_as"] == "halves by default"
        assert any("--boxes" in note for note in result.notes)
        for k in (0, 1):
            wave, rate = soundfile.read(tmp_path / "out" / f"player-{k + 1}.wav")
            assert (rate, len(wave)) == (RATE, 4 * RATE)
            np.testing.assert_allclose(wave, result.waves[k], atol=2 / 2**15)
        drawn = tmp_path / "out" / "players.mp4"
        info = probe(drawn)
        assert (info.frames, info.width, info.height, info.video_codec) == (40, 64, 48, "h264")
        assert info.audio_codec == "aac"
        middle = read_frames(drawn, indices=[20])[0]
        assert abs(int(middle[24, 16].mean()) - 80) < 4  # the picture
        red, _, blue = middle[0, 10:20].mean(0)
        assert blue - red > 50  # the box; the picture is grey
        page = (tmp_path / "out" / "players.html").read_text(encoding="utf-8")
        assert "my duet.mp4" in page
        assert page.count("data:audio/wav;base64,") == 2
        assert page.count("data:video/mp4;base64,") == 1
        assert not re.search(r"https?://", page)

    def test_each_window_gets_its_own_pictures_and_sound(self, duet, tiny, tmp_path, monkeypatch):
        """The model's part is played by a function that knows what it must be given."""
        seen = []

        def separate(model, mixture, frames):
            values = frames[:, :, 0].mean(dim=(-2, -1)) * 0.229 + 0.485
            seen.extend(zip(mixture.numpy(), (255 * values).numpy(), strict=True))
            return mixture[:, None] * values.mean(-1)[..., None]

        monkeypatch.setattr(sop, "separate", separate)
        result = separate_video(duet, model=tiny, out=tmp_path / "out")
        starts = window_starts(4 * RATE, 16383, 8191)
        assert len(seen) == len(starts) > 3
        wave = read_audio(duet, RATE, 0.0, 4.0).wave
        for start, (heard, values) in zip(starts, seen, strict=True):
            np.testing.assert_array_equal(heard, wave[start : start + 16383])
            times = np.clip((start + 8191.5) / RATE + np.array([-0.75, 0.75]), 0, 3.9)
            shown = np.floor(times * 10 + 1e-6)
            np.testing.assert_allclose(values[0], 4 * shown, atol=4)
            np.testing.assert_allclose(values[1], 200 - 4 * shown, atol=4)
        assert result.waves.shape == (2, 4 * RATE)

    def test_windows_may_share_pictures(self, duet, tmp_path, monkeypatch):
        """Pictures further apart than a window is long: many are the first or the last."""
        front_end = type(sop.pocket().front_end)(RATE, 16383, 1022, 256)
        cfg = sop.pocket().changed(
            front_end=front_end, maps=4, depth=5, sound_width=4, frame_width=4, frame_size=32,
            frames=3, frame_spacing_s=3.0,
        )  # fmt: skip
        seen = []

        def separate(model, mixture, frames):
            values = 255 * (frames[:, 0, 0].mean(dim=(-2, -1)) * 0.229 + 0.485)
            seen.extend(values.numpy())
            return mixture[:, None].expand(-1, 2, -1)

        monkeypatch.setattr(sop, "separate", separate)
        separate_video(duet, model=sop.SoundOfPixels(cfg), out=tmp_path / "out")
        firsts = np.array([values[0] for values in seen])
        lasts = np.array([values[2] for values in seen])
        assert (np.abs(firsts[:4]) < 4).all()  # before the video begins: its first picture
        assert (np.abs(lasts - 4 * 39) < 4).sum() >= 3  # after its end: its last

    def test_again_replaces_and_other_video_does_not(self, duet, tiny, tmp_path):
        out = tmp_path / "out"
        boxes = [(0, 0, 20, 48), (20, 0, 40, 48), (40, 0, 64, 48)]
        separate_video(duet, model=tiny, out=out, boxes=boxes)
        assert (out / "player-3.wav").exists()
        separate_video(duet, model=tiny, out=out)
        assert not (out / "player-3.wav").exists()
        other = tmp_path / "other.mp4"
        other.write_bytes(duet.read_bytes())
        with pytest.raises(OutputError, match="another video"):
            separate_video(other, model=tiny, out=out)

    def test_large_media_stay_beside_the_page(self, duet, tiny, tmp_path, monkeypatch):
        write = outputs.write_page
        monkeypatch.setattr(outputs, "write_page", lambda *a, **k: write(*a, **k, embed_bytes=1000))
        separate_video(duet, model=tiny, out=tmp_path / "out")
        page = (tmp_path / "out" / "players.html").read_text(encoding="utf-8")
        assert 'src="players.mp4"' in page
        assert 'src="player-2.wav"' in page
        assert "data:audio" not in page

    def test_short_video_is_padded_and_told(self, tiny, tmp_path):
        path = tmp_path / "short.mp4"
        write_video(path, film(0.5), 10, tone(500, 0.5).astype(np.float32), RATE)
        result = separate_video(path, model=tiny, out=tmp_path / "out")
        assert result.waves.shape == (2, round(0.5 * RATE))
        assert any("0.50 s long, shorter than the 1.49 s" in note for note in result.notes)

    def test_strange_but_whole_files(self, tiny, tmp_path):
        """Odd sizes, a rate that AAC does not know, a frame rate that varies, another container."""
        path = tmp_path / "strange.mkv"
        with av.open(str(path), "w") as container:
            video = container.add_stream("ffv1", rate=30)
            video.width, video.height, video.pix_fmt = 65, 49, "yuv444p"
            audio = container.add_stream("pcm_s16le", rate=20000, layout="stereo")
            clock = 0
            for k in range(30):
                frame = av.VideoFrame.from_ndarray(
                    np.full((49, 65, 3), 5 * k, np.uint8), format="rgb24"
                )
                frame.pts = clock
                clock += 1 + k % 3
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            wave = (3e4 * np.stack([tone(400, 2.0, 20000)] * 2)).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(wave.T.reshape(1, -1).copy(), "s16", "stereo")
            sound.sample_rate, sound.pts = 20000, 0
            container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
        assert not probe(path).constant_rate
        separate_video(path, model=tiny, out=tmp_path / "out")
        info = probe(tmp_path / "out" / "players.mp4")
        assert (info.width, info.height, info.rate) == (66, 50, 44100)
        assert info.seconds == pytest.approx(probe(path).seconds, abs=1 / 15)

    def test_what_cannot_be_separated_says_why(self, tiny, tmp_path):
        mute, dumb, text = (tmp_path / name for name in ("mute.mp4", "dumb.mp4", "text.mp4"))
        write_video(mute, film(1.0), 10)
        write_video(dumb, film(1.0), 10, np.zeros(RATE, np.float32), RATE)
        soundfile.write(tmp_path / "song.wav", tone(400, 1.0), RATE)
        text.write_text("this is no video")
        for path, told in (
            (mute, "no sound"),
            (dumb, "silence"),
            (tmp_path / "song.wav", "no pictures"),
            (text, "not a video"),
            (tmp_path / "absent.mp4", "no such file"),
        ):
            with pytest.raises(VideoError, match=told) as error:
                separate_video(path, model=tiny, out=tmp_path / "out")
            assert str(path) in str(error.value)
            assert "\n" not in str(error.value)
        assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Player 0 stands on the right and plays noise, player 1 on the left and is a tone."""
    rng = np.random.default_rng(5)
    stems = np.stack([0.1 * rng.standard_normal(3 * RATE), tone(700, 3.0)]).astype(np.float32)
    boxes = np.array([[36, 2, 62, 46], [2, 2, 28, 46]], np.float32)
    record = ClipRecord(
        clip="duet",
        frames=film(3.0),
        fps=10,
        mixture=stems.sum(0),
        rate=RATE,
        categories=["flute", "violin"],
        players=["flute-01", "violin-02"],
        stems=stems,
        boxes=np.broadcast_to(boxes, (30, 2, 4)),
    )
    folder = tmp_path_factory.mktemp("clips")
    return write_clip(folder, record)


class TestTruth:
    def test_scores_are_those_of_the_right_player(self, clip, tiny, tmp_path, monkeypatch):
        folder = clip

        def separate(model, mixture, frames):
            """Left: all of the mixture. Right: nothing but the noise, at half its level."""
            low = np.fft.rfft(mixture.numpy())
            spectrum = np.fft.rfftfreq(mixture.shape[-1], 1 / RATE)
            low[:, np.abs(spectrum - 700) < 10] = 0
            noise = np.fft.irfft(low, mixture.shape[-1])
            return mixture.new_tensor(np.stack([mixture.numpy(), 0.5 * noise], axis=1))

        monkeypatch.setattr(sop, "separate", separate)
        media = folder / "media.mp4"
        result = separate_video(media, model=tiny, out=tmp_path / "out", truth=True)
        left, right = result.scores["players"]
        assert (left["player"], right["player"]) == ("violin-02", "flute-01")
        assert (left["category"], right["category"]) == ("violin", "flute")
        assert left["sdr_gain"] == pytest.approx(0, abs=0.1)  # the mixture itself
        # the tone's power is 0.045, the noise's 0.01; the filter forgives no noise, but the
        # mixture's SDR is at least the ratio of the powers
        assert 6.5 < left["mixture_sdr"] < 12
        assert right["sdr"] > 8 > right["mixture_sdr"]
        assert result.scores["sdr_gain"] == pytest.approx(
            (left["sdr_gain"] + right["sdr_gain"]) / 2
        )
        assert "gain" in result.summary()
        page = (tmp_path / "out" / "players.html").read_text(encoding="utf-8")
        assert f"SDR {right['sdr']:.1f} dB" in page

    def test_no_truth_or_another_number_of_players(self, clip, duet, tiny, tmp_path):
        with pytest.raises(TruthError, match="--truth is for"):
            separate_video(duet, model=tiny, out=tmp_path / "out", truth=True)
        boxes = [(0, 0, 20, 48), (20, 0, 40, 48), (40, 0, 64, 48)]
        media = clip / "media.mp4"
        with pytest.raises(TruthError, match="3 players were given, but 2 play"):
            separate_video(media, model=tiny, out=tmp_path / "out", boxes=boxes, truth=True)
