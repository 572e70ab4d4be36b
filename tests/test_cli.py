"""The command line from outside: help, errors, exit codes, Ctrl-C, and the way from end to end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "AVLIB_DEBUG"} | {
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "100",
    "MPLBACKEND": "agg",
}


def avlib(*words, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "avlib", *map(str, words)],
        cwd=cwd,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def tone(frequency, seconds, rate=11025):
    wave = 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return wave.astype(np.float32)


def film(path, seconds, fps=10, width=64, height=48, sound=True):
    from avlib.video import write_video

    frames = np.zeros((round(seconds * fps), height, width, 3), np.uint8)
    frames[:, :, : width // 2] = 90
    wave = tone(440, seconds) if sound else None
    write_video(path, frames, fps, wave, 11025 if sound else None)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained model of the pocket size: what it separates is not asked here."""
    from avlib import sop

    cfg = sop.pocket().changed(maps=4, sound_width=4, frame_width=4, frame_size=32)
    return sop.save(sop.SoundOfPixels(cfg), tmp_path_factory.mktemp("model") / "tiny", {})


class TestHelp:
    def test_answers_at_once_and_without_torch(self, tmp_path):
        took = []
        for _ in range(3):
            began = time.monotonic()
            done = avlib("--help", cwd=tmp_path)
            took.append(time.monotonic() - began)
        assert done.returncode == 0
        assert min(took) < 1.0
        code = "import sys; from avlib.cli import main; main(['separate', '--help'])"
        code = f"try:\n {code}\nexcept SystemExit: pass\nsys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0

    @pytest.mark.parametrize(
        "words",
        [
            "doctor",
            "orchestra preview",
            "orchestra export",
            "orchestra validate",
            "train sop",
            "evaluate sop",
            "train seco",
            "evaluate seco",
            "separate",
            "tables list",
            "tables run",
            "tables show",
        ],
    )
    def test_teaches(self, words, tmp_path):
        done = avlib(*words.split(), "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert f"usage: avlib {words} " in done.stdout
        assert f"\n  avlib {words}" in done.stdout  # an example, on a line of its own
        # every flag has a sentence
        flags = re.findall(r"│ (-[^│]*?)│", done.stdout)
        assert flags
        text = re.sub(r"[│╰╭─╮╯]", " ", done.stdout)
        for flag in re.findall(r"--[a-z]+", "".join(flags)):
            assert re.search(rf"{flag}[^.]*?[A-Za-z].*?\.", text, re.DOTALL), flag

    def test_examples_are_understood(self):
        """Every example in every help text parses."""
        import shlex

        from avlib.cli.dispatch import COMMANDS, TEXTS, parse

        def leaves(tree):
            for branch in tree.values():
                yield from leaves(branch) if isinstance(branch, dict) else [branch]

        texts = [command.TEXT for command in leaves(COMMANDS)] + list(TEXTS.values())
        examples = re.findall(r"^  avlib (.*?)(?:   .*)?$", "\n".join(texts), re.MULTILINE)
        assert len(examples) > 15
        for example in examples:
            parse(shlex.split(example))

    @pytest.mark.parametrize("words", [["orchestra"], ["train"], ["evaluate"], ["tables"], []])
    def test_a_half_command_shows_what_there_is(self, words, tmp_path):
        done = avlib(*words, cwd=tmp_path)
        assert done.returncode == 0
        assert "subcommands" in done.stdout

    def test_version(self, tmp_path):
        done = avlib("--version", cwd=tmp_path)
        assert re.fullmatch(r"avlib \d+\.\d+\.\d+\S*\n", done.stdout)


class TestErrors:
    @pytest.mark.parametrize(
        "words",
        [
            ["separat"],
            ["separate"],
            ["separate", "a.mp4", "--boxs", "1,2,3,4"],
            ["orchestra", "export", "x", "--count", "many"],
            ["train", "sop", "--preset", "huge"],
        ],
    )
    def test_wrong_usage(self, words, tmp_path):
        done = avlib(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "--help" in done.stderr
        assert "Traceback" not in done.stderr

    def test_bad_input_is_one_line_with_the_file_and_the_remedy(
        self, tmp_path, checkpoint, monkeypatch, capsys
    ):
        """In this process, because importing torch a dozen times would take minutes."""
        from avlib.cli import main

        film(tmp_path / "mute.mp4", 1.0, sound=False)
        film(tmp_path / "good.mp4", 1.0)
        (tmp_path / "text.mp4").write_text("no video")
        soundfile.write(tmp_path / "song.wav", tone(440, 1.0), 11025)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "thesis.txt").write_text("years")
        before = sorted(os.listdir(tmp_path))
        cases = [
            (["absent.mp4"], "absent.mp4: no such file"),
            (["text.mp4"], "text.mp4: not a video"),
            (["mute.mp4"], "mute.mp4: has pictures but no sound"),
            (["song.wav"], "song.wav: has sound but no pictures"),
            (["good.mp4", "--boxes", "0,0,30,40", "30,0,99,40"], "99,40 is outside the picture"),
            (["good.mp4", "--boxes", "0,0,30,40", "30,0,30,40"], "30,0,30,40 is empty"),
            (["good.mp4", "--boxes", "0,0,30,40"], "at least two"),
            (["good.mp4", "--boxes", "0,0,30", "1,2,3,4"], "'0,0,30' is not x1,y1,x2,y2"),
            (["good.mp4", "--points", "9,9", "9,99"], "point 9,99 is outside"),
            (["good.mp4", "--out", "full"], "full: holds other files"),
            (["good.mp4", "--truth"], "good.mp4: --truth is for"),
            (["good.mp4", "--device", "gpu"], "--device gpu: give auto"),
            (["good.mp4", "--checkpoint", "nowhere"], "nowhere"),
        ]
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("AVLIB_DEBUG", raising=False)
        monkeypatch.setattr(signal, "signal", lambda *given: None)
        for words, told in cases:
            given = words if "--checkpoint" in words else [*words, "--checkpoint", str(checkpoint)]
            assert main(["separate", *given]) == 2, words
            said = capsys.readouterr()
            assert told in said.err, (words, said.err)
            assert said.err.startswith("avlib: ")
            assert said.err.count("\n") == 1, said.err
            assert said.out == ""
        assert sorted(os.listdir(tmp_path)) == before
        assert os.listdir(tmp_path / "full") == ["thesis.txt"]

    def test_in_a_process_of_its_own(self, tmp_path):
        (tmp_path / "text.mp4").write_text("no video")
        done = avlib("separate", "text.mp4", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("avlib: text.mp4: not a video")

    @pytest.mark.parametrize("debug", [{"AVLIB_DEBUG": "1"}, {}])
    def test_the_traceback_is_there_when_asked_for(self, debug, tmp_path):
        flags = [] if debug else ["--debug"]
        done = avlib("orchestra", "preview", "sheet.txt", *flags, cwd=tmp_path, **debug)
        assert done.returncode == 2
        assert "Traceback" in done.stderr

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["preview", "sheet.txt"], "sheet.txt: give a name that ends in .png"),
            (["preview", "nowhere/sheet.png"], "there is no folder nowhere"),
            (["validate", "nowhere"], "nowhere"),
            (["export", "x", "--players", "5"], "5"),
            (["export", "x", "--instruments", "kazoo", "violin"], "kazoo"),
        ],
    )
    def test_orchestra(self, words, told, tmp_path, monkeypatch, capsys):
        from avlib.cli import main

        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("AVLIB_DEBUG", raising=False)
        monkeypatch.setattr(signal, "signal", lambda *given: None)
        assert main(["orchestra", *words]) == 2
        said = capsys.readouterr()
        assert told in said.out + said.err
        assert "Traceback" not in said.err
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class TestFailures:
    """What is not the user's fault is 1, and never a traceback unless asked for."""

    def test_in_process(self, monkeypatch, capsys):
        from avlib.cli import dispatch
        from avlib.cli.orchestra import Doctor

        monkeypatch.setattr(signal, "signal", lambda *given: None)
        monkeypatch.delenv("AVLIB_DEBUG", raising=False)
        for error, code, told in (
            (RuntimeError("out of\nluck"), 1, "avlib: RuntimeError: out of luck\n"),
            (OSError(28, "No space left on device", "a.mp4"), 1, "avlib: a.mp4: No space left"),
            (ValueError("a.mp4: bad; mend it"), 2, "avlib: a.mp4: bad; mend it\n"),
            (MemoryError(), 1, "not enough memory"),
            (KeyboardInterrupt(), 130, "Ctrl-C"),
        ):

            def fail(self, error=error):
                raise error

            monkeypatch.setattr(Doctor, "run", fail)
            assert dispatch.main(["doctor"]) == code
            said = capsys.readouterr().err
            assert told in said
            assert "Traceback" not in said
            if code != 130:
                dispatch.main(["doctor", "--debug"])
                assert "Traceback" in capsys.readouterr().err

    def test_a_reader_who_leaves_is_no_error(self, tmp_path):
        command = f"{sys.executable} -m avlib separate --help | head -c 10"
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_nothing_is_left(number, tmp_path, checkpoint):
    film(tmp_path / "long.mp4", 60.0, fps=25, width=320, height=240)
    process = subprocess.Popen(
        [sys.executable, "-m", "avlib", "separate", "long.mp4", "--checkpoint", str(checkpoint)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    said = b""
    while b"drawing" not in said:  # the WAVs are written by now, the MP4 is being written
        piece = process.stderr.read1()
        assert piece, said
        said += piece
    assert len(os.listdir(tmp_path)) == 2
    process.send_signal(number)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert b"Traceback" not in rest
    assert os.listdir(tmp_path) == ["long.mp4"]


def test_preview(tmp_path):
    import cv2

    done = avlib("orchestra", "preview", "sheet.png", "--size", 48, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "sheet.png\n")
    assert os.listdir(tmp_path) == ["sheet.png"]
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[1] == 6 * 48
    assert sheet.std() > 20


def test_exported_then_separated_as_a_strangers_file(tmp_path, checkpoint):
    """Export, validate, separate by boxes, compare with the stems; then damage and validate."""
    export = ["orchestra", "export", "duets", "--count", 2, "--seconds", 2, "--fps", 10]
    done = avlib(*export, "--size", 96, "--workers", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = avlib("orchestra", "validate", "duets", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "duets: OK, 2 clips\n")

    clip = sorted((tmp_path / "duets" / "clips").iterdir())[0]
    known = json.loads((clip / "annotations.json").read_text())
    means = np.array(known["boxes"], float).mean(0).clip(0, 96)
    boxes = [",".join(f"{v:.1f}" for v in box) for box in means]
    words = ["--boxes", *boxes[::-1], "--names", "first", "second", "--out", "out", "--truth"]
    media = clip / "media.mp4"
    done = avlib("separate", media, *words, "--checkpoint", checkpoint, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "players.html" in done.stdout
    assert "silence was added" in done.stderr
    record = json.loads((tmp_path / "out" / "separate.json").read_text())
    assert [p["label"] for p in record["players"]] == ["first", "second"]
    # the boxes were given in reverse
    assert [row["player"] for row in record["truth"]["players"]] == known["players"][::-1]
    mixture = [row["mixture_sdr"] for row in record["truth"]["players"]]
    assert np.isfinite([value for value in mixture if value is not None]).all()
    for name in record["files"]:
        assert (tmp_path / "out" / name).stat().st_size > 500

    media.unlink()
    done = avlib("orchestra", "validate", "duets", cwd=tmp_path)
    assert done.returncode == 2
    assert "media.mp4" in done.stdout


@pytest.mark.slow
def test_trained_resumed_and_evaluated(tmp_path):
    train = ["train", "sop", "--preset", "pocket", "--workers", 0, "--out", "run"]
    done = avlib(*train, "--steps", 2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{Path('run') / 'model.safetensors'}\n"
    record = json.loads((tmp_path / "run" / "model.json").read_text())
    assert record["steps"] == 2
    # the same command has nothing left to do; another seed is another run
    again = avlib(*train, "--steps", 2, cwd=tmp_path)
    assert again.returncode == 0
    assert "going on from step-00000002" in again.stderr
    other = avlib(*train, "--steps", 2, "--seed", 1, cwd=tmp_path)
    assert other.returncode == 2
    assert "seed" in other.stderr
    never = avlib(*train, "--steps", 2, "--resume", "never", cwd=tmp_path)
    assert never.returncode == 2
    assert "run: holds a run already" in never.stderr

    done = avlib("evaluate", "sop", "--checkpoint", "run", "--pairs", 3, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for row in ("model", "mixture", "ideal binary mask", "ideal ratio mask", "3 pairs", "test"):
        assert row in done.stdout
    written = tmp_path / done.stdout.splitlines()[-1]
    record = json.loads(written.read_text())
    assert record["count"] == 3
    assert record["scores"]["sdr_gain"].keys() == {"mean", "low", "high"}
    ideal = record["baselines"]["ideal binary mask"]["sdr"]["mean"]
    assert ideal > record["baselines"]["mixture"]["sdr"]["mean"] + 3
    assert len(written.with_suffix(".csv").read_text().splitlines()) == 1 + 3 * 4


@pytest.mark.slow
def test_trained_on_a_folder_of_clips(tmp_path):
    """Solos of both splits in one folder; a folder without validation clips says so."""
    export = ["orchestra", "export", "solos", "--players", 1, "--fps", 4, "--size", 64]
    export += ["--rate", 11025, "--workers", 1]
    assert avlib(*export, "--split", "train", "--count", 3, cwd=tmp_path).returncode == 0
    train = ["train", "sop", "--data", "solos", "--steps", 1, "--workers", 0, "--out", "run"]
    done = avlib(*train, cwd=tmp_path)
    assert done.returncode == 2
    assert "validation" in done.stderr
    assert avlib(*export, "--split", "validation", "--count", 2, cwd=tmp_path).returncode == 0
    done = avlib(*train, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run" / "model.json").read_text())
    assert record["data"] == {"name": "ClipFolder", "split": "train"}
    assert record["validation_loss"] > 0
