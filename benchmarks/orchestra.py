"""How fast scenes are made, where the time goes, and how much of the notes 4 fps still shows.

$ OMP_NUM_THREADS=1 python benchmarks/orchestra.py
$ OMP_NUM_THREADS=1 python benchmarks/orchestra.py --reading   # also the (slow) reading table
$ OMP_NUM_THREADS=1 python benchmarks/orchestra.py --cues      # only: what tells the category

Times are CPU seconds of this process (other work on the machine does not count), best of
several rounds; 6 s of audio, 24 frames of 128 x 128.
"""

import sys
import time
from collections import defaultdict

import numpy as np

import avlib.orchestra.scene as scene
from avlib.orchestra import INSTRUMENTS, MUSIC11, PLAYERS, make_scene
from avlib.orchestra.ink import paint
from avlib.orchestra.instruments import instrument
from avlib.orchestra.perform import perform
from avlib.orchestra.performer.timeline import Timeline
from avlib.orchestra.score import melody

NAMES = tuple(INSTRUMENTS)
GOAL = {1: 100.0, 2: 50.0}
PARTS = {
    "_scores": "melodies",
    "_sound": "sound",
    "draw_room": "room",
    "perform": "motion and shapes",
    "_place": "points to pixels",
    "paint": "painting",
    "sounding_at": "who sounds",
}


def cpu_seconds(work, rounds=4):
    best = np.inf
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def casts(players, count=52):
    return [tuple(NAMES[(k + 7 * p) % len(NAMES)] for p in range(players)) for k in range(count)]


def speed():
    for players in (1, 2, 4):
        work = casts(players)

        def run(work=work):
            for k, cast in enumerate(work):
                make_scene(k, cast)

        run()
        rate = len(work) / cpu_seconds(run)
        goal = f"  {rate / GOAL[players]:.2f} x the goal" if players in GOAL else ""
        print(f"{players} player{'s' if players > 1 else ' '}: {rate:6.1f} clips/s per core{goal}")


def parts():
    spent = defaultdict(float)

    def timed(name):
        inner = getattr(scene, name)

        def outer(*args, **kwargs):
            start = time.process_time()
            result = inner(*args, **kwargs)
            spent[name] += time.process_time() - start
            return result

        return inner, outer

    kept = {}
    for name in PARTS:
        kept[name], outer = timed(name)
        setattr(scene, name, outer)
    work = casts(1, 104)
    start = time.process_time()
    for k, cast in enumerate(work):
        make_scene(k, cast)
    total = time.process_time() - start
    for name, inner in kept.items():
        setattr(scene, name, inner)
    print(f"\none solo clip: {1e3 * total / len(work):.2f} ms of CPU")
    for name, words in PARTS.items():
        print(f"  {words:18s} {1e3 * spent[name] / len(work):6.2f} ms  {spent[name] / total:4.0%}")


def painting():
    """All frames of a shape in one call, against frame after frame."""
    back = np.full((128, 128, 3), 120, np.uint8)
    inks = []
    for name in NAMES:
        notes = melody(name, 6.0, np.random.default_rng(0))
        act = perform(name, 1, notes, np.arange(24) / 4, 6.0, np.random.default_rng(0))
        inks.append(act.sketch.ink(128.0, 0j))

    def one_by_one():
        for ink in inks:
            for frame in range(24):
                ink.draw_frame(back.copy(), frame)

    def together():
        for ink in inks:
            paint(back, [ink], 24)

    slow, fast = cpu_seconds(one_by_one), cpu_seconds(together)
    print(f"\npainting shape by shape is {slow / fast:.2f} x as fast as frame by frame")


def reading_of(name, seeds=40, held_out=10):
    """Correlations of ridge regression from joints at 4 fps with the truth, unseen melodies."""
    inputs, targets = [], []
    times = np.arange(24) / 4
    for seed in range(seeds):
        notes = melody(name, 6.0, np.random.default_rng(seed))
        joints = perform(name, seed, notes, times, 6.0, np.random.default_rng(seed)).joints
        joints = np.concatenate([joints.real, joints.imag], 1)
        step = joints[1:] - joints[:-1]
        inputs.append(np.concatenate([joints[1:], step, np.abs(step)], 1))
        line = Timeline(notes, instrument(name), times)
        on = [any(n.onset_s <= t < n.onset_s + n.duration_s for n in notes) for t in times]
        new = [
            max([n.velocity for n in notes if t - 0.25 < n.onset_s <= t], default=0) for t in times
        ]
        targets.append(np.stack([np.array(on, float), line.level(), line.pitch(), new], 1)[1:])
    x, y = (np.concatenate(part[:-held_out]) for part in (inputs, targets))
    mean, spread = x.mean(0), x.std(0) + 1e-4
    x = np.c_[(x - mean) / spread, np.ones(len(x))]
    weights = np.linalg.solve(x.T @ x + 30 * np.eye(x.shape[1]), x.T @ y)
    tried, truth = (np.concatenate(part[-held_out:]) for part in (inputs, targets))
    guess = np.c_[(tried - mean) / spread, np.ones(len(tried))] @ weights
    return [np.corrcoef(guess[:, k], truth[:, k])[0, 1] for k in range(truth.shape[1])]


def reading():
    print("\nread from joints at 4 fps    a note sounds  loudness  pitch  began within 0.25 s")
    rows = []
    for name in NAMES:
        rows.append(reading_of(name))
        print(f"  {name:26s} " + "  ".join(f"{r:9.2f}" for r in rows[-1]))
    print(f"  {'mean':26s} " + "  ".join(f"{r:9.2f}" for r in np.mean(rows, 0)))


HEAD = [0, 1, 14, 15, 16, 17]  # nose, neck, eyes, ears
SIDE = 128


def silent_solos(scenes=2):
    """What is seen of each silent player, alone: name -> (scene, player, feature), pictures of 1 s.

    All features in pixels or grey levels; joints where they are in the picture.
    """
    seen = {cue: {} for cue in ("head", "head, from the neck", "all joints", "mean colour")}
    for index, name in enumerate(NAMES):
        rows = defaultdict(list)
        for player in range(64):
            for k in range(scenes):
                seed = (index * 64 + player) * scenes + k
                one = make_scene(
                    seed, (name,), (0,), players=(player,), seconds=1.0, frame_times=[0.5]
                )
                joints = one.joints[0, 0, :, :2]
                rows["head"].append(joints[HEAD].ravel())
                rows["head, from the neck"].append((joints[HEAD] - joints[1]).ravel())
                rows["all joints"].append(joints.ravel())
                rows["mean colour"].append(one.frames.mean((0, 1, 2)))
        for cue, values in rows.items():
            seen[cue][name] = np.array(values).reshape(64, scenes, -1)
    return seen


def told(groups):
    """Accuracy on test players after training players: (nearest centroid, 15 neighbours).

    Distances are Mahalanobis, of the covariance within classes; 0.1 pixel squared is added to it.
    """
    learn, tried = (
        [group[list(PLAYERS[split])].reshape(-1, group.shape[-1]) for group in groups]
        for split in ("train", "test")
    )
    within = np.mean([np.cov(rows.T) for rows in learn], 0)
    root = np.linalg.cholesky(np.linalg.inv(within + 0.1 * np.eye(len(within))))
    learn, tried = ([rows @ root for rows in part] for part in (learn, tried))
    truth = np.repeat(np.arange(len(tried)), [len(rows) for rows in tried])
    label = np.repeat(np.arange(len(learn)), [len(rows) for rows in learn])

    def gaps(points):
        everybody = np.concatenate(tried)
        cross = everybody @ points.T
        return (everybody**2).sum(1)[:, None] - 2 * cross + (points**2).sum(1)

    centroid = gaps(np.stack([rows.mean(0) for rows in learn])).argmin(1)
    near = label[np.argpartition(gaps(np.concatenate(learn)), 15, axis=1)[:, :15]]
    votes = np.stack([(near == k).sum(1) for k in range(len(learn))], 1).argmax(1)
    return np.mean(centroid == truth), np.mean(votes == truth), len(truth)


def cues():
    """What of a silent player, alone in the picture, tells which instrument they hold."""
    seen = silent_solos()
    techniques = [instrument(name).technique for name in NAMES]
    print("category of silent players, held-out players     nearest centroid  15 neighbours")
    for words, names in (("26 categories", NAMES), ("MUSIC-11", MUSIC11)):
        for cue, groups in seen.items():
            centroid, near, count = told([groups[name] for name in names])
            print(f"  {words:14s} {cue:28s} {centroid:17.3f} {near:14.3f}   of {count}")
        print(f"  {words:14s} {'chance':28s} {1 / len(names):17.3f} {1 / len(names):14.3f}")
    for cue, groups in seen.items():
        by_technique = []
        for technique in sorted(set(techniques)):
            rows = [groups[n] for n, t in zip(NAMES, techniques, strict=True) if t == technique]
            by_technique.append(np.concatenate(rows, 1))
        centroid, near, _ = told(by_technique)
        print(f"  {'6 techniques':14s} {cue:28s} {centroid:17.3f} {near:14.3f}")
    most = max(techniques.count(t) for t in techniques) / len(techniques)
    print(f"  {'6 techniques':14s} {'always the most frequent':28s} {most:17.3f} {most:14.3f}")


if __name__ == "__main__":
    if "--cues" in sys.argv:
        cues()
        sys.exit()
    speed()
    parts()
    painting()
    if "--reading" in sys.argv:
        reading()
