"""Augmentations: each paper's sizes and chances, alike for all frames of one clip."""

import numpy as np
import pytest
import torch

from avlib.video import (
    CoSepAugment,
    DSOLAugment,
    SeCoAugment,
    SoPAugment,
    crop_box,
    denormalise,
    normalise,
)

ALL = [
    SoPAugment(),
    SoPAugment(size=112),
    SeCoAugment(),
    SeCoAugment(scale_jitter=True),
    SeCoAugment(size=64, resize=80),
    CoSepAugment(),
    DSOLAugment(size=56, resize=64),
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=180, width=240, seed=0):
    """Smooth colours that tell where they are: red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    blue = np.random.default_rng(seed).integers(0, 255, (height // 20, width // 20))
    blue = np.kron(blue, np.ones((20, 20)))[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, blue], -1).astype(np.uint8)


def clip(frames=4, **kwargs):
    return np.repeat(picture(**kwargs)[None], frames, 0)


def test_normalise_by_hand():
    frames = np.zeros((2, 1, 3, 3), np.uint8)
    frames[1, 0, 2] = [255, 51, 0]
    found = normalise(frames)
    assert found.shape == (3, 2, 1, 3)
    assert found.dtype == torch.float32
    want = [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    assert found[:, 1, 0, 2].tolist() == pytest.approx(want, abs=1e-6)
    assert torch.equal(found, normalise(torch.from_numpy(frames)))


def test_denormalise_undoes_every_value():
    frames = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert (denormalise(normalise(frames)) == frames).all()
    assert (denormalise(torch.full((3, 1, 2, 2), 100.0)) == 255).all()


@pytest.mark.parametrize("augment", ALL, ids=str)
def test_all_frames_of_a_clip_are_treated_alike(augment):
    frames = clip()
    seen = set()
    for seed in range(8):
        found = augment(frames, generator(seed))
        assert found.shape == (3, 4, augment.size, augment.size)
        assert found.dtype == torch.float32
        assert torch.equal(found, found[:, :1].expand_as(found))
        assert torch.equal(found, augment(frames, generator(seed)))
        seen.add(found.sum().item())
    assert len(seen) == 8  # another seed, another view


@pytest.mark.parametrize("augment", ALL, ids=str)
def test_the_global_random_state_is_not_touched(augment):
    before = torch.get_rng_state()
    augment(clip(), generator())
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(1)
    one = augment(clip(), generator())
    torch.manual_seed(2)
    assert torch.equal(one, augment(clip(), generator()))


@pytest.mark.parametrize("augment", ALL, ids=str)
def test_the_test_view_is_fixed_centred_and_upright(augment):
    frames = clip()
    found = augment.test(frames)
    assert found.shape == (3, 4, augment.size, augment.size)
    assert torch.equal(found, augment.test(frames))
    pixels = denormalise(found)[0].astype(int)
    middle = pixels[augment.size // 2, augment.size // 2, :2]
    assert np.abs(middle - 127).max() <= 3
    assert pixels[5, -5, 0] > pixels[5, 5, 0]  # not mirrored


def window_of(augment, frames, seed):
    """Left and top of a view in a clip whose size the augmentation does not change."""
    pixels = denormalise(augment(frames, generator(seed)))[0].astype(int)
    mirrored = pixels[0, 0, 0] > pixels[0, -1, 0]
    first = pixels[0, -1] if mirrored else pixels[0, 0]
    return first[0], first[1], bool(mirrored)


def test_crops_reach_every_border_and_half_are_mirrored():
    y, x = np.mgrid[:40, :40].astype(np.uint8)
    frames = np.stack([x, y, x], -1)[None]
    augment = SeCoAugment(size=32, resize=40)
    found = [window_of(augment, frames, seed) for seed in range(400)]
    lefts, tops, mirrored = zip(*found, strict=True)
    assert set(lefts) == set(tops) == set(range(9))  # 40 - 32, both ends included
    assert len({(a, b) for a, b, _ in found}) > 70  # of 81: drawn independently
    assert 160 < sum(mirrored) < 240


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_chance_of_a_mirror_image_is_an_argument(chance):
    frames = clip()
    for augment in (SoPAugment(flip=chance), SeCoAugment(flip=chance), CoSepAugment(flip=chance)):
        for seed in range(5):
            pixels = denormalise(augment(frames, generator(seed)))[0]
            assert (pixels[9, 9, 0] > pixels[9, -9, 0]) == (chance == 1.0)


def test_sound_of_pixels_sizes_keep_the_aspect():
    # 180 x 240 -> shorter side 246 = int(224*1.1): 246 x 328; the view is 224/328 of the width
    span = []
    for seed in range(5):
        pixels = denormalise(SoPAugment(flip=0)(clip(), generator(seed)))[0].astype(float)
        span.append(
            (pixels[112, -1, 0] - pixels[112, 0, 0], pixels[-1, 112, 1] - pixels[0, 112, 1])
        )
    assert np.allclose(span, [255 * 224 / 328, 255 * 224 / 246], atol=4)
    pixels = denormalise(SoPAugment().test(clip()))[0].astype(float)
    assert pixels[112, -1, 0] - pixels[112, 0, 0] == pytest.approx(255 * 180 / 240, abs=4)
    assert pixels[-1, 112, 1] - pixels[0, 112, 1] == pytest.approx(255, abs=6)


def test_seco_sizes():
    square = denormalise(SeCoAugment().test(clip()))[0].astype(float)  # 160 x 160 -> centre 128
    assert square[64, -1, 0] - square[64, 0, 0] == pytest.approx(255 * 0.8, abs=4)
    assert square[-1, 64, 1] - square[0, 64, 1] == pytest.approx(255 * 0.8, abs=4)
    jitter = SeCoAugment(scale_jitter=True, flip=0)
    fixed = denormalise(jitter.test(clip()))[0].astype(float)  # 146 x 194 -> centre 128
    assert fixed[-1, 64, 1] - fixed[0, 64, 1] == pytest.approx(255 * 128 / 146, abs=4)
    heights = []
    for seed in range(60):
        pixels = denormalise(jitter(clip(1), generator(seed)))[0].astype(float)
        heights.append((pixels[-1, 64, 1] - pixels[0, 64, 1]) / 255)
    assert min(heights) == pytest.approx(0.8, abs=0.03)  # shorter side 160
    assert max(heights) == pytest.approx(1.0, abs=0.03)  # shorter side 128


@pytest.mark.parametrize("kind", [CoSepAugment, DSOLAugment])
def test_object_crops_lose_their_aspect(kind):
    pixels = denormalise(kind(flip=0, colour=(1.0, 1.0))(clip(), generator()))[0].astype(float)
    spans = pixels[112, -1, 0] - pixels[112, 0, 0], pixels[-1, 112, 1] - pixels[0, 112, 1]
    assert spans == pytest.approx([255 * 224 / 256] * 2, abs=4)
    whole = denormalise(kind().test(clip()))[0].astype(float)
    assert whole[112, -1, 0] - whole[112, 0, 0] == pytest.approx(255, abs=4)


def test_brightness_and_colour_cover_their_range():
    """Grey shows the brightness factor alone; then red minus grey shows the colour factor."""
    grey = np.full((1, 64, 64, 3), 100, np.uint8)
    augment = CoSepAugment(size=32, resize=40)
    factors = np.array(
        [denormalise(augment(grey, generator(s)))[0, 0, 0, 0] / 100 for s in range(200)]
    )
    assert 0.69 <= factors.min() < 0.73
    assert 1.27 < factors.max() <= 1.31
    assert np.std(factors) == pytest.approx(0.6 / np.sqrt(12), abs=0.02)
    red = np.zeros((1, 64, 64, 3), np.uint8)
    red[..., 0], red[..., 1:] = 120, 80
    colours = []
    for seed in range(200):
        pixel = denormalise(augment(red, generator(seed)))[0, 0, 0].astype(float)
        brightness = (0.299 * pixel[0] + 0.701 * pixel[1]) / (0.299 * 120 + 0.701 * 80)
        colours.append((pixel[0] - pixel[1]) / brightness / 40)
    assert 0.65 <= min(colours) < 0.76
    assert 1.24 < max(colours) <= 1.36


def test_too_small_a_picture_is_said():
    with pytest.raises(ValueError, match="cannot crop 224x224"):
        CoSepAugment(resize=200)(clip(), generator())


def test_crop_box():
    frames = clip(2)
    cut = crop_box(frames, (10.4, 20.0, 30.6, 41.2))
    assert (cut == frames[:, 20:42, 10:31]).all()
    assert crop_box(frames, np.array([-5, -5, 500, 500])).shape == frames.shape
    with pytest.raises(ValueError, match="nothing inside"):
        crop_box(frames, (240, 0, 260, 10))
    whole = torch.from_numpy(frames)
    assert crop_box(whole, (0, 0, 8, 6)).shape == (2, 6, 8, 3)
