"""SeCo's table as data: three splits, three kinds of sight, the losses, online matching."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

from avlib.data.splits import SPLITS, category_split
from avlib.tables.core import Data, Job, Row, Stage, Table, Versus
from avlib.tables.seco_recipe import STEPS, SeCoRecipe, SoundOfPixelsRecipe

SIGHTS = ("video", "skeleton", "image")
SEEDS = (0, 1, 2)

BEATS = "On categories never heard in training, SeCo separates better than Sound of Pixels."
SAME_GRID = "So it does where both have the same grid (ours)."
MATCHES = "Online matching improves on the same model without it (T = 0)."
SEPARATOR = "Online matching improves on T = 0 if it moves the separator only (ours)."
BOTH = "Both consistency terms help: more than none, more than either alone."
SWITCHES = "As in the released code, or the other way, against the default: each switch by itself."
SEES = "True joints separate better than joints as a pose estimator gives them."

ABOUT = (
    "Two solos by players never heard in training, of categories never heard in training, "
    "mixed and separated by sight (pairs as in SeCo's protocol, on the Pocket Orchestra; 6 s "
    "at 11,025 Hz). Every model is trained on the 16 other categories, and its weights are "
    "chosen on validation pairs of those. The number of steps T and the step size of online "
    "matching are chosen by a rehearsal: a model with the same sight and both terms, trained "
    "without five of the 16, is tried on pairs of these five, by validation players, with the "
    "terms of the row. Sound of Pixels has its own recipe and networks, and SeCo's world: in "
    "pocket the same 16 categories, as many mixes in at most as many minutes, and whole "
    "pictures, as SeCo; in paper the batches and the weights to start from that are its own. "
    "SeCo's pocket recipe has 64 rows of frequency and Sound of Pixels' 128, with one more level "
    'of the U-Net; rows "on Sound of Pixels\' grid", in up to 15 minutes, and "on SeCo\'s grid" '
    "set them equal. "
    "In pocket all players rise and sink with the pitch that is heard (real ones do so less, "
    "and less reliably), and those of training also play larger and smaller instruments of "
    "their kind: make_scene's expression and transpose, see the orchestra's data card; in "
    "paper neither. That pocket does so was tried out with training categories of S1 held "
    "out, flute and ukulele among them, which S2 and S3 test. A number on the orchestra is "
    "not one on MUSIC: orderings may carry over, decibels do not."
)


def _family(
    name: str, title: str, recipe: SeCoRecipe, steps: Iterable[int], control: bool = False
) -> Iterator[Row]:
    """A row for each number of steps of online matching."""
    for t in steps:
        yield Row(
            name if t == 0 else f"{name}-T{t}",
            title if t == 0 else f"{title}, T = {t}",
            replace(recipe, steps=t),
            family=name,
            modality=recipe.modality,
            control=control,
        )


TERMS = {
    "none": "no consistency",
    "inter": "inter-modal",
    "intra": "intra-modal",
    "both": "both terms",
}


def _rows() -> Iterator[Row]:
    yield Row("sound-of-pixels", "Sound of Pixels", SoundOfPixelsRecipe())
    coarse, title = SoundOfPixelsRecipe(coarse=True), "Sound of Pixels on SeCo's grid"
    yield Row("sound-of-pixels-coarse", title, coarse, control=True)
    for modality, (consistency, words) in product(SIGHTS, TERMS.items()):
        joints = " (true joints)" if modality == "skeleton" else ""
        name, title = f"seco-{consistency}-{modality}", f"SeCo {modality}{joints}, {words}"
        steps = (0,) if consistency == "none" else STEPS
        yield from _family(name, title, SeCoRecipe(consistency, modality), steps)
    for variant, words, switches in (
        ("frozen-encoder", "encoder not trained (as released)", {"train_encoder": False}),
        ("sum-distance", "distance summed", {"distance": "sum"}),
        ("log-masked", "encoder hears log(mask x magnitude)", {"encoder_input": "log_masked"}),
    ):
        recipe = SeCoRecipe("both", "video", 0, variant, switches)
        title = f"SeCo video, both terms, {words}"
        yield from _family(f"seco-both-video-{variant}", title, recipe, (0,))
    yield from _controls()


def _controls() -> Iterator[Row]:
    untrained = SeCoRecipe("none", "video", 5)
    yield Row(
        "seco-none-video-untrained-encoder-T5",
        "SeCo video, no consistency, untrained encoder, T = 5, beta as for a trained one",
        untrained,
        modality="video",
        control=True,
    )
    noise = {"joint_noise": "estimator"}
    yield from _family(
        "seco-both-skeleton-noisy",
        "SeCo skeleton (noisy joints), both terms",
        SeCoRecipe("both", "skeleton", 0, "noisy", noise),
        (0,),
    )
    yield from _family(
        "seco-both-skeleton-noisy-test",
        "SeCo skeleton (true joints, noisy when tested), both terms",
        SeCoRecipe("both", "skeleton", noisy_test=True),
        (0,),
    )
    yield from _family(
        "seco-both-skeleton-separator",
        "SeCo skeleton (true joints), both terms, only the separator moves",
        SeCoRecipe("both", "skeleton", adapt=("separator",)),
        STEPS[1:],
    )
    yield from _family(
        "seco-both-skeleton-fine",
        "SeCo skeleton (true joints), both terms, on Sound of Pixels' grid",
        SeCoRecipe("both", "skeleton", 0, "fine", fine=True),
        STEPS,
    )
    for consistency, modality in (("none", "skeleton"), ("both", "video")):
        joints = " (true joints)" if modality == "skeleton" else ""
        yield from _family(
            f"seco-{consistency}-{modality}-fine",
            f"SeCo {modality}{joints}, {TERMS[consistency]}, on Sound of Pixels' grid",
            SeCoRecipe(consistency, modality, 0, "fine", fine=True),
            (0,),
        )
    yield from _family(
        "seco-both-skeleton-fine-separator",
        "SeCo skeleton (true joints), both terms, on Sound of Pixels' grid, only separator moves",
        SeCoRecipe("both", "skeleton", 0, "fine", adapt=("separator",), fine=True),
        STEPS[1:],
    )
    oracle = SeCoRecipe("both", "attributes")
    title = "SeCo, oracle attributes ({steps} steps), both terms"
    yield from _family("seco-both-attributes", title, oracle, (0,), control=True)


def _data() -> Iterator[Data]:
    for sources, split in product((2, 3), SPLITS):
        unseen = ", ".join(category_split(split)[1])
        what = "pairs" if sources == 2 else "triples"
        name = f"seco-{split}" if sources == 2 else f"seco-{split}-N{sources}"
        yield Data(name, f"{split}, {what} of the unseen {unseen}", split, sources)


ROWS = tuple(_rows())
DATA = tuple(_data())
_BY_FAMILY: dict[str, list[str]] = {}
for _row in ROWS:
    _BY_FAMILY.setdefault(_row.family or _row.name, []).append(_row.name)


def _jobs(
    families: Iterable[str],
    splits: Iterable[str] = ("S1",),
    preset: str = "pocket",
    seeds: Iterable[int] = (0,),
    more: str = "",
) -> tuple[Job, ...]:
    return tuple(
        Job(row, f"seco-{split}{more}", preset, seed)
        for seed, split, family in product(seeds, splits, families)
        for row in _BY_FAMILY[family]
    )


HEADLINE = ("sound-of-pixels", "seco-both-video", "seco-both-skeleton")
SINGLE = tuple(f"seco-{c}-{m}" for m in ("video", "skeleton") for c in ("none", "inter", "intra"))
IMAGE = tuple(f"seco-{c}-image" for c in ("both", "none", "inter", "intra"))
SPECIAL = (
    "seco-both-attributes",
    "seco-both-skeleton-noisy",
    "seco-both-skeleton-noisy-test",
    "seco-both-video-frozen-encoder",
    "seco-both-video-sum-distance",
    "seco-both-video-log-masked",
    "seco-none-video-untrained-encoder-T5",
)
SEPARATOR_ONLY = ("seco-both-skeleton-separator", "seco-both-skeleton-fine-separator")
SAME_GRIDS = ("sound-of-pixels-coarse", "seco-both-skeleton-fine")
ALSO_FINE = ("seco-none-skeleton-fine", "seco-both-video-fine")
OTHERS = ("S2", "S3")

STAGES = (
    Stage("Split 1, headline", _jobs(HEADLINE)),
    Stage("Splits 2 and 3, headline", _jobs(HEADLINE, OTHERS)),
    Stage("Split 1, controls and switches", _jobs(SPECIAL)),
    Stage("Both on the same grid", _jobs(SAME_GRIDS, SPLITS) + _jobs(ALSO_FINE)),
    Stage("Matching that moves the separator only", _jobs(SEPARATOR_ONLY, SPLITS)),
    Stage("Split 1, single terms, video and skeleton", _jobs(SINGLE)),
    Stage("Split 1, image", _jobs(IMAGE)),
    Stage(
        "Further seeds of the headline",
        _jobs((*HEADLINE, "seco-both-skeleton-fine"), SPLITS, seeds=SEEDS[1:]),
    ),
    Stage("Splits 2 and 3, all other rows", _jobs((*SPECIAL, *ALSO_FINE, *SINGLE, *IMAGE), OTHERS)),
    Stage("Three sources", _jobs((*HEADLINE, "seco-none-video"), SPLITS, more="-N3")),
    Stage("Paper size", _jobs((*HEADLINE, "seco-both-image"), SPLITS, "paper")),
)


def _comparisons() -> Iterator[Versus]:
    for modality in SIGHTS:
        both = f"seco-both-{modality}"
        for t in STEPS:
            yield Versus(f"{both}-T{t}" if t else both, "sound-of-pixels", BEATS)
            yield Versus(f"{both}-T{t}" if t else both, "sound-of-pixels-coarse", SAME_GRID)
        yield Versus(f"seco-none-{modality}", "sound-of-pixels")
    for modality, consistency, t in product(SIGHTS, ("both", "inter", "intra"), STEPS[1:]):
        family = f"seco-{consistency}-{modality}"
        yield Versus(f"{family}-T{t}", family, MATCHES if consistency == "both" else "")
    yield Versus("sound-of-pixels", "sound-of-pixels-coarse")
    yield Versus("seco-none-video-untrained-encoder-T5", "seco-none-video")
    fine = "seco-both-skeleton-fine"
    for t in STEPS:
        yield Versus(f"{fine}-T{t}" if t else fine, "sound-of-pixels", SAME_GRID)
    for t in STEPS[1:]:
        yield Versus(f"{fine}-T{t}", fine, MATCHES)
        yield Versus(f"{fine}-separator-T{t}", fine, SEPARATOR)
        yield Versus(f"{fine}-separator-T{t}", "sound-of-pixels", SAME_GRID)
        moved = f"seco-both-skeleton-separator-T{t}"
        yield Versus(moved, "seco-both-skeleton", SEPARATOR)
        yield Versus(moved, "sound-of-pixels", BEATS)
        yield Versus(moved, "sound-of-pixels-coarse", SAME_GRID)
    yield Versus(fine, "seco-both-skeleton")
    yield Versus(fine, "seco-none-skeleton-fine", BOTH)
    yield Versus("seco-both-video-fine", "seco-both-video")
    yield Versus("seco-both-video-fine", "sound-of-pixels", SAME_GRID)
    for modality, consistency in product(SIGHTS, ("none", "inter", "intra")):
        yield Versus(f"seco-both-{modality}", f"seco-{consistency}-{modality}", BOTH)
    for variant in ("frozen-encoder", "sum-distance", "log-masked"):
        yield Versus(f"seco-both-video-{variant}", "seco-both-video", SWITCHES)
    yield Versus("seco-both-skeleton", "seco-both-skeleton-noisy", SEES)
    yield Versus("seco-both-skeleton", "seco-both-skeleton-noisy-test", SEES)


TABLE = Table(
    "seco",
    "SeCo: instruments never heard in training",
    ABOUT,
    ROWS,
    DATA,
    ("pocket", "paper"),
    STAGES,
    tuple(_comparisons()),
)
"""The table. SeCo's main paper was not at hand: its figures are not sourced, only its claims."""
