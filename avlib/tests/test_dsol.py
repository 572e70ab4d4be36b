"""DSOL's first stage: map and losses by hand, gradients, sizes, and a tiny model that learns."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from avlib import dsol
from avlib.dsol import (
    POOLINGS,
    AudioNet,
    Localiser,
    Solos,
    StageOne,
    VisualNet,
    box_scores,
    config_from_json,
    contrastive_loss,
    cosine_map,
    encode,
    info_nce,
    localisation_loss,
    location_map,
    match,
    paper,
    pocket,
    pool_map,
    resize_map,
    similarities,
    train_step,
    trivial_maps,
)
from avlib.dsol.evaluation import Encoded, matching_intervals


def tiny(**changes):
    sizes = dict(
        frame_size=32, read_size=40, audio_width=4, visual_width=4, embedding=8,
        batch_size=8, negatives=3, clips=16, validation_clips=8, channels_last=False,
        precision="float32", visual_weights=None, instruments=("tuba", "flute"),
        steps=2, save_every=1, validate_every=1, warmup_steps=1,
    )  # fmt: skip
    return pocket().changed(**(sizes | changes))


@pytest.fixture(scope="module")
def rng():
    return torch.Generator().manual_seed(0)


# --- sizes


def test_the_published_number_of_parameters():
    """Counted in the authors' code, with the two heads that name 11 clusters."""
    heads = 2 * (512 * 11 + 11)
    assert sum(p.numel() for p in StageOne().parameters()) + heads == 22_522_391


def test_shapes_at_paper_size():
    with torch.inference_mode():
        sound = AudioNet().eval()(torch.zeros(1, 1, 201, 64))
        picture = VisualNet().eval()(torch.zeros(1, 3, 224, 224))
        maps, scores = Localiser()(sound, picture)
    assert (sound.shape, picture.shape) == ((1, 512), (1, 512, 14, 14))
    assert (maps.shape, scores.shape) == ((1, 14, 14), (1,))


def test_the_networks_are_those_of_the_supplement():
    """Stride gone from the last stage, no dilation, one channel in, the largest value out."""
    for net in (AudioNet(4), VisualNet(4)):
        block = net.features.layer4[0]
        assert block.conv1.stride == (1, 1)
        assert {c.dilation for c in net.modules() if isinstance(c, torch.nn.Conv2d)} == {(1, 1)}
    assert AudioNet(4).features.conv1.in_channels == 1
    net = AudioNet(4).eval()
    sound = torch.randn(2, 1, 201, 64, generator=torch.Generator().manual_seed(0))
    features = net.features(sound)
    assert features.shape == (2, 32, 13, 4)
    torch.testing.assert_close(net(sound), features.flatten(2).max(-1).values)


def test_the_paper_recipe():
    cfg = paper()
    train = cfg.train
    assert train.lrs == {"audio": 1e-4, "visual": 1e-4, "localiser": 1e-4}
    assert (train.optimiser, train.weight_decay, train.betas) == ("adam", 1e-4, (0.9, 0.999))
    assert (cfg.batch_size, cfg.negatives, cfg.frame_size, cfg.read_size) == (32, 1, 224, 256)
    assert (cfg.visual_weights, cfg.relu, cfg.location_bias) == ("imagenet", True, False)
    assert (cfg.omega, cfg.pooling, cfg.embedding, cfg.mels) == (5.0, "max", 128, 64)


def test_configs_survive_json_and_refuse_nonsense():
    for cfg in (paper(), pocket(), tiny(location_bias=True)):
        assert config_from_json(json.loads(json.dumps(asdict(cfg)))) == cfg
    with pytest.raises(ValueError, match="not of this version"):
        config_from_json(asdict(pocket()) | {"colour": "red"})
    with pytest.raises(ValueError, match="negatives must be from 1 to batch_size - 1 = 7"):
        tiny(negatives=8)
    with pytest.raises(ValueError, match="read_size=20"):
        tiny(read_size=20)
    with pytest.raises(TypeError, match="stepz"):
        tiny(stepz=3)


# --- the map


def test_cosine_map_by_hand():
    """3-4-5 triangles: cosines 0.6 and 0.8, and none with nothing."""
    audio = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
    visual = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 10.0, 0.0]]]).expand(2, 2, 3)[:, :, None]
    expected = torch.tensor([[[0.6, 0.8, 0.0]], [[0.0, -1.0, 0.0]]])
    torch.testing.assert_close(cosine_map(audio, visual), expected)


def test_cosine_map_equals_a_loop_and_ignores_length(rng):
    audio = torch.randn(3, 5, generator=rng)
    visual = torch.randn(3, 5, 2, 4, generator=rng)
    found = cosine_map(audio, visual)
    for b, y, x in np.ndindex(3, 2, 4):
        a, v = audio[b].tolist(), visual[b, :, y, x].tolist()
        dot = sum(p * q for p, q in zip(a, v, strict=True))
        lengths = math.sqrt(sum(p * p for p in a)) * math.sqrt(sum(q * q for q in v))
        assert found[b, y, x].item() == pytest.approx(dot / lengths, abs=1e-5)
    scale = torch.rand(3, 1, 2, 4, generator=rng) + 0.1
    torch.testing.assert_close(cosine_map(7 * audio, visual * scale), found)


def test_location_map_by_hand_and_its_bounds():
    found = location_map(torch.tensor([[0.0, 0.2, 1.0, -1.0]]), 5.0)
    expected = [0.5, 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-5)), 1 / (1 + math.exp(5))]
    torch.testing.assert_close(found, torch.tensor([expected]))
    assert location_map(torch.tensor([[0.4]]), 5.0, -2.0).item() == pytest.approx(0.5)
    assert location_map(torch.tensor([[0.7]]), 0.0).item() == 0.5  # no scale: nothing to see


def test_pooling_by_hand():
    """Logits 0 and log 3: cells 0.5 and 0.75, weights 1/4 and 3/4."""
    maps = torch.tensor([[[0.5, 0.75]]])
    expected = {"max": 0.75, "mean": 0.625, "softmax": 0.25 * 0.5 + 0.75 * 0.75}
    for kind in POOLINGS:
        assert pool_map(maps, kind).item() == pytest.approx(expected[kind])
    flat = torch.full((2, 3, 3), 0.3)
    for kind in POOLINGS:
        torch.testing.assert_close(pool_map(flat, kind), torch.full((2,), 0.3))
    with pytest.raises(ValueError, match="pooling must be one of"):
        pool_map(flat, "min")


def test_softmax_pooling_is_that_of_the_scaled_cosines(rng):
    cosines = 2 * torch.rand(4, 3, 5, generator=rng) - 1
    weights = (5 * cosines).flatten(1).softmax(1)
    maps = location_map(cosines, 5.0)
    torch.testing.assert_close(pool_map(maps, "softmax"), (weights * maps.flatten(1)).sum(1))


def test_maps_are_stretched_over_the_picture():
    small = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    large = resize_map(small, (4, 8))
    assert large.shape == (1, 4, 8)
    assert large[0, 0].tolist() == [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]
    torch.testing.assert_close(large[0, 3], large[0, 0])


def test_localiser_is_its_equation(rng):
    """Computed here with loops over places, for each documented switch."""
    audio = torch.randn(2, 6, generator=rng)
    visual = torch.randn(2, 5, 2, 3, generator=rng)
    for relu, bias, unit in ((True, False, True), (False, True, True), (True, True, False)):
        net = Localiser(5, 4, 6, relu=relu, bias=bias, normalise=unit)
        if bias:
            torch.nn.init.constant_(net.bias, -0.7)
        maps, scores = net(audio, visual)
        bend = torch.relu if relu else (lambda x: x)
        for b in range(2):
            a = net.audio2(bend(net.audio1(audio[b])))
            cells = []
            for y, x in np.ndindex(2, 3):
                w1, w2 = net.visual1.weight[:, :, 0, 0], net.visual2.weight[:, :, 0, 0]
                v = w2 @ bend(w1 @ visual[b, :, y, x] + net.visual1.bias) + net.visual2.bias
                length = a.norm() * v.norm() if unit else 1.0
                z = 5 * (a @ v) / length - (0.7 if bias else 0)
                assert maps[b, y, x].item() == pytest.approx(z.sigmoid().item(), abs=1e-5)
                cells.append(z.sigmoid().item())
            assert scores[b].item() == pytest.approx(max(cells), abs=1e-5)
        again = net.locate(net.all_cosines(audio, visual)).scores
        torch.testing.assert_close(again.diagonal(), scores)
    with pytest.raises(ValueError, match="pooling must be one of"):
        Localiser(pooling="sum")


def test_omega_starts_at_five_without_bias_and_is_learned():
    net = Localiser(4, 4)
    assert net.omega.item() == 5
    assert net.bias is None
    assert net.omega.requires_grad
    assert Localiser(4, 4, omega=2.0, bias=True).bias.item() == 0


# --- the losses


def test_localisation_loss_by_hand():
    matched, mismatched = torch.tensor([0.8, 0.5]), torch.tensor([0.1, 0.4])
    by_hand = -(math.log(0.8) + math.log(0.5) + math.log(0.9) + math.log(0.6)) / 4
    assert localisation_loss(matched, mismatched).item() == pytest.approx(by_hand)
    scores, labels = torch.cat([matched, mismatched]), torch.tensor([1.0, 1, 0, 0])
    bce = torch.nn.functional.binary_cross_entropy(scores, labels)
    torch.testing.assert_close(localisation_loss(matched, mismatched), bce)


def test_localisation_loss_at_its_limits():
    one, zero = torch.ones(2), torch.zeros(3)
    assert localisation_loss(one, zero).item() == 0
    assert localisation_loss(zero, one).item() == 100  # as torch: log 0 counts as -100
    # more wrong pairs do not outweigh the right ones
    few = localisation_loss(torch.tensor([0.7]), torch.tensor([0.2]))
    torch.testing.assert_close(localisation_loss(torch.tensor([0.7]), torch.full((9,), 0.2)), few)
    with pytest.raises(ValueError, match="0 matched and 3 mismatched"):
        localisation_loss(torch.ones(0), zero)


def test_gradient_of_the_localisation_loss():
    """dL/ds+ = -1 / (2 n s+), dL/ds- = 1 / (2 m (1 - s-))."""
    matched = torch.tensor([0.8, 0.5], requires_grad=True)
    mismatched = torch.tensor([0.1, 0.4, 0.9], requires_grad=True)
    localisation_loss(matched, mismatched).backward()
    torch.testing.assert_close(matched.grad, -1 / (4 * matched.detach()))
    torch.testing.assert_close(mismatched.grad, 1 / (6 * (1 - mismatched.detach())))


def test_info_nce_by_hand():
    """Similarities 1 and 0, temperature 1/log 2: every row is 2 : 1, every column 2 : 1."""
    own = contrastive_loss(torch.eye(2), temperature=1 / math.log(2))
    assert own.item() == pytest.approx(math.log(1.5))
    skew = torch.tensor([[1.0, 1.0], [0.0, 0.0]])  # rows undecided; columns 2 : 1 and 1 : 2
    rows = contrastive_loss(skew, 1 / math.log(2), symmetric=False)
    assert rows.item() == pytest.approx(math.log(2))
    both = contrastive_loss(skew, 1 / math.log(2))
    assert both.item() == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(1.5 * 3))


def test_info_nce_equals_a_loop(rng):
    audio, visual = torch.randn(5, 7, generator=rng), torch.randn(5, 7, generator=rng)
    total = 0.0
    for i in range(5):
        for query, keys in ((audio[i], visual), (visual[i], audio)):
            logits = [torch.cosine_similarity(query, key, dim=0).item() / 0.3 for key in keys]
            total += math.log(sum(math.exp(z - logits[i]) for z in logits)) / 10
    assert info_nce(audio, visual, 0.3).item() == pytest.approx(total, rel=1e-5)
    torch.testing.assert_close(info_nce(3 * audio, visual, 0.3), info_nce(audio, visual, 0.3))


def test_info_nce_at_its_limits(rng):
    same = torch.ones(6, 3)
    assert info_nce(same, same).item() == pytest.approx(math.log(6), rel=1e-5)
    assert info_nce(torch.eye(6), torch.eye(6), 0.01).item() == pytest.approx(0, abs=1e-6)
    # very warm: a guess, whatever the vectors
    audio, visual = torch.randn(6, 3, generator=rng), torch.randn(6, 3, generator=rng)
    assert info_nce(audio, visual, 1e4).item() == pytest.approx(math.log(6), rel=1e-3)
    # very cold: only the hardest rival of each row counts
    cosines = torch.tensor([[0.2, 0.5, 0.1], [0.0, 0.9, 0.3], [0.4, 0.1, 0.3]])
    cold = contrastive_loss(cosines, 1e-3, symmetric=False)
    assert cold.item() == pytest.approx((300 + 0 + 100) / 3, rel=1e-5)
    with pytest.raises(ValueError, match="2 sounds and 3 pictures"):
        contrastive_loss(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="temperature must be positive"):
        contrastive_loss(torch.zeros(2, 2), 0.0)


def test_gradient_of_info_nce_is_softmax_minus_truth(rng):
    similarities = torch.randn(4, 4, generator=rng, requires_grad=True)
    contrastive_loss(similarities, 0.5, symmetric=False).backward()
    expected = ((similarities.detach() / 0.5).softmax(1) - torch.eye(4)) / (4 * 0.5)
    torch.testing.assert_close(similarities.grad, expected)


# --- the step


def batch_of(seed, count=8, cfg=None):
    cfg = cfg or tiny()
    g = torch.Generator().manual_seed(seed)
    return {
        "sound": torch.randn(count, 1, 201, 64, generator=g),
        "picture": torch.randn(count, 3, cfg.frame_size, cfg.frame_size, generator=g),
    }


def test_step_is_the_papers_pairs():
    """Each sound with its own picture and with those after it, one forward pass a pair."""
    cfg, batch = tiny(), batch_of(0)
    model = StageOne(cfg).eval()
    with torch.no_grad():
        found = train_step(model.nets, batch, cfg)["localisation"]
        right = model(batch["sound"], batch["picture"]).scores
        wrong = [
            model(batch["sound"][i : i + 1], batch["picture"][[(i + r) % 8]]).scores
            for i in range(8)
            for r in (1, 2, 3)
        ]
    torch.testing.assert_close(found, localisation_loss(right, torch.cat(wrong)))


@pytest.mark.parametrize("changes", [{}, {"relu": False, "location_bias": True}])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_parameter_gets_a_gradient(changes, pooling):
    cfg = tiny(pooling=pooling, **changes)
    model = StageOne(cfg)
    train_step(model.nets, batch_of(1), cfg)["localisation"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_weights_are_drawn_from_the_seed():
    one, two, other = (StageOne(tiny(seed=s)) for s in (1, 1, 2))
    assert one.fingerprint() == two.fingerprint() != other.fingerprint()


def test_matching_alone_teaches_where():
    """Two kinds of sound; something of its kind lies at one place, something of no kind at another.

    Nobody says where, and the brightest cell of the map lies there all the same.
    """
    torch.manual_seed(1)
    net = Localiser(6, 32)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)

    def draw(seed):
        g = torch.Generator().manual_seed(seed)
        kind = torch.arange(16) % 2
        audio = 0.1 * torch.randn(16, 6, generator=g)
        audio[torch.arange(16), kind] += 3
        visual = 0.1 * torch.randn(16, 6, 9, generator=g)
        places = torch.rand(16, 9, generator=g).argsort(1)
        visual[torch.arange(16), 2 + kind, places[:, 0]] += 3
        visual[torch.arange(16), 4, places[:, 1]] += 3
        return audio, visual.view(16, 6, 3, 3), places[:, 0]

    for step in range(100):
        audio, visual, _ = draw(step)
        loss = localisation_loss(net(audio, visual).scores, net(audio, visual.roll(1, 0)).scores)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    audio, visual, place = draw(1000)
    with torch.no_grad():
        right, wrong = net(audio, visual), net(audio, visual.roll(1, 0))
    assert loss < 0.3
    assert bool((right.scores > 0.5).all())
    assert bool((wrong.scores < 0.5).all())
    assert torch.equal(right.maps.flatten(1).argmax(1), place)


# --- solos


@pytest.fixture(scope="module")
def solos():
    return Solos(tiny(), "test", 6)


def test_solos_are_a_function_of_seed_split_and_index(solos):
    again = Solos(tiny(), "test", 6)
    for key in ("sound", "picture", "box"):
        np.testing.assert_array_equal(np.asarray(again[3][key]), np.asarray(solos[3][key]))
    assert not torch.equal(solos[3]["sound"], Solos(tiny(seed=1), "test", 6)[3]["sound"])
    assert all(48 <= int(solos[i]["player"][-2:]) < 64 for i in range(6))
    with pytest.raises(IndexError, match="item 6 of 6"):
        solos[6]


def test_solos_are_never_a_rest_and_boxes_fit(solos):
    for i in range(6):
        one, item = solos.solo(i), solos[i]
        assert one.sound.shape == (16000,)
        assert np.abs(one.sound).max() > 0.01
        assert item["sound"].shape == (1, 201, 64)
        assert item["picture"].shape == (3, 32, 32)
        x0, y0, x1, y1 = item["box"]
        assert 0 <= x0 < x1 <= 32
        assert 0 <= y0 < y1 <= 32


def test_boxes_move_with_the_crop(solos):
    """The cropped picture lies somewhere in the whole one; the box moved by just that much."""
    for i in range(4):
        one, item = solos.solo(i), solos[i]
        places = [
            (x, y)
            for y, x in np.ndindex(9, 9)
            if np.array_equal(one.picture[y : y + 32, x : x + 32], item["frame"])
        ]
        assert len(places) == 1
        shift = np.float32([*places[0], *places[0]])
        np.testing.assert_allclose(item["box"], (one.box - shift).clip(0, 32))


def test_training_solos_never_end_and_look_different_each_time():
    cfg = tiny()
    train = Solos(cfg, "train", 4, train=True)
    first, second = [train[i] for i in range(4)], [train[i] for i in range(4, 8)]
    names = [sorted((item["category"], item["sound"].sum().item()) for item in turn)
             for turn in (first, second)]  # fmt: skip
    assert names[0] == names[1]  # every clip once a turn
    twin = next(item for item in second if torch.equal(item["sound"], first[0]["sound"]))
    assert not torch.equal(twin["picture"], first[0]["picture"])
    again = Solos(cfg, "train", 4, train=True)[5]
    assert torch.equal(again["picture"], second[1]["picture"])
    with pytest.raises(ValueError, match="augmented"):
        encode(StageOne(cfg), train)
    with pytest.raises(ValueError, match="no one box"):
        train.boxes()


# --- evaluation


def encoded(scores, labels):
    scores = torch.tensor(scores)
    n = len(scores)
    return Encoded(
        cosines=torch.zeros(n, n, 2, 2), scores=scores, maps=torch.ones(n, 2, 2),
        categories=tuple(labels),
        players=tuple(labels), boxes=np.tile(np.float32([0, 0, 4, 4]), (n, 1)), size=8,
    )  # fmt: skip


def test_matching_by_hand():
    found = match(
        encoded([[0.9, 0.6, 0.2], [0.7, 0.4, 0.1], [0.8, 0.3, 0.6]], ["flute", "flute", "tuba"])
    )
    assert found.recall == pytest.approx(2 / 3)
    assert found.rejection == pytest.approx(3 / 4)  # tuba's sound with the first flute is wrong
    assert found.accuracy == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert found.false_friends == 1.0
    assert found.picture_of_sound == pytest.approx(1 / 3)
    assert found.instrument_of_sound == pytest.approx(2 / 3)
    assert found.chance == pytest.approx((1 / 3, 5 / 9))
    with pytest.raises(ValueError, match="one instrument"):
        match(encoded([[0.9, 0.6], [0.7, 0.4]], ["flute", "flute"]))


def test_boxes_by_hand():
    """A map that is bright in the upper left quarter, where the box is."""
    maps = torch.zeros(1, 8, 8)
    maps[:, :4, :4] = 1
    boxes = np.float32([[0, 0, 4, 4]])
    assert box_scores(maps, boxes, 8)[0] == 1
    assert box_scores(torch.ones(1, 8, 8), boxes, 8)[0] == pytest.approx(0.25)
    trivial = trivial_maps(8, centre=0.5)
    assert trivial["centre box"].sum() == 16
    # the centre box shares a quarter of its 16 pixels with the player's 16
    assert box_scores(trivial["centre box"][None], boxes, 8)[0] == pytest.approx(4 / 28)


def test_the_size_of_the_centre_box_is_the_best_for_the_boxes_given():
    """A box of half the side, in the middle; and one so far out that the largest box is best."""
    middle = np.float32([[25, 25, 75, 75]])
    assert dsol.centre_side(middle, 100) == 0.5
    assert dsol.centre_side(np.float32([[40, 40, 60, 60]]), 100) == 0.2
    assert dsol.centre_side(np.float32([[0, 0, 100, 100]]), 100) == 0.9


def test_intervals_draw_the_players_of_the_sounds():
    """One player is always right, the other never: only whole players can be drawn."""
    found = encoded([[0.9, 0.6, 0.2], [0.7, 0.4, 0.1], [0.8, 0.3, 0.6]], ["flute", "flute", "tuba"])
    bounds = matching_intervals(found)
    assert bounds["recall"] == [0.5, 1.0]  # the flute's two sounds go together: 1/2 or 1
    assert set(bounds) == {
        "recall", "rejection", "false_friends", "picture_of_sound", "instrument_of_sound",
    }  # fmt: skip


def test_evaluation_of_a_set(solos):
    model = StageOne(tiny()).eval()
    found = encode(model, solos)
    items = [solos[i] for i in range(6)]
    with torch.no_grad():
        maps, scores = model(
            torch.stack([item["sound"] for item in items]),
            torch.stack([item["picture"] for item in items]),
        )
    torch.testing.assert_close(found.maps, maps, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.scores.diagonal(), scores, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(similarities(found), found.cosines.flatten(2).max(-1).values)
    np.testing.assert_array_equal(solos.boxes(), found.boxes)
    result = dsol.evaluate(model, solos, thresholds=(0.3,), centre=0.5)
    centre, mine = result["boxes"]["centre box at 0.3"], result["boxes"]["model at 0.3"]
    assert centre["iou_above_centre"] == [0, 0, 0]
    assert mine["iou_above_centre"][0] == pytest.approx(mine["iou"] - centre["iou"])
    assert centre["iou_95"][0] <= centre["iou"] <= centre["iou_95"][1]
    by_hand = box_scores(trivial_maps(32, 0.5)["centre box"].expand(6, -1, -1), found.boxes, 32)
    assert centre["iou"] == pytest.approx(by_hand.mean())
    low, high = result["matching_95"]["recall"]
    assert low <= result["matching"]["recall"] <= high
    assert set(result["boxes"]) == {
        f"{name} at 0.3" for name in ("model", "centre box", "whole image", "random map")
    }


# --- checkpoints


def test_training_resumes_and_what_it_saves_loads(tmp_path):
    cfg = tiny()
    model = dsol.train_localiser(cfg, tmp_path / "run")
    again = dsol.load(tmp_path / "run")
    assert again.fingerprint() == model.fingerprint()
    assert again.cfg == cfg
    record = json.loads((tmp_path / "run" / "model.json").read_text())
    assert record["steps"] == 2
    assert record["data"]["split"] == "train"
    with pytest.raises(FileNotFoundError, match="Give 'pocket'"):
        dsol.load(tmp_path / "nothing")


def test_names_of_the_room():
    assert set(dsol.PRESETS) == {"paper", "pocket"}
    for name in dsol.__all__:
        assert hasattr(dsol, name)
