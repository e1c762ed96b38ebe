"""Each corruption against its definition; the random ones with the same draws or by their moments."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from skimage import filters, transform
from skimage.feature import canny

from bench.data import datasets
from bench.data.corruptions import blur, cache, geometry, lines, noise, weather
from bench.data.corruptions.mnist_c import CORRUPTIONS, corrupt, to_uint8

MNIST_C = [
    *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness"),
    *("translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges"),
]


@pytest.fixture(scope="session")
def digits(mnist: tuple[datasets.Split, datasets.Split]) -> np.ndarray:
    """The first 200 test images, uint8."""
    return mnist[1].images[:200].numpy()


@pytest.fixture(scope="session")
def pixels(digits: np.ndarray) -> np.ndarray:
    return digits.astype(np.float32) / 255


def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def single(row: int, column: int) -> np.ndarray:
    image = np.zeros((1, 28, 28), dtype=np.float32)
    image[0, row, column] = 1
    return image


def test_they_are_the_fifteen_of_the_paper() -> None:
    assert list(CORRUPTIONS) == MNIST_C


@pytest.mark.parametrize("name", MNIST_C)
def test_a_seed_repeats_another_differs_and_the_originals_stay(digits: np.ndarray, name: str) -> None:
    before = digits.copy()
    first, again, other = (corrupt(digits, name, seed) for seed in (0, 0, 1))
    assert np.array_equal(digits, before)
    assert first.dtype == np.uint8
    assert first.shape == digits.shape
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name in ("scale", "brightness", "stripe", "canny_edges"))
    assert (first != digits).any(axis=(1, 2)).all()


def test_an_unknown_corruption_is_a_key_error(digits: np.ndarray) -> None:
    with pytest.raises(KeyError, match="snow"):
        corrupt(digits, "snow", 0)


def test_pixels_are_clipped_and_rounded() -> None:
    assert to_uint8(np.array([-1, 0, 0.5, 1, 2, 100.4 / 255])).tolist() == [0, 0, 128, 255, 255, 100]


def test_shot_noise_has_the_moments_of_a_third_of_a_poisson_count() -> None:
    noisy = noise.shot_noise(np.full((200, 28, 28), 0.6, dtype=np.float32), generator())
    assert noisy.mean() == pytest.approx(0.6, abs=0.01)
    assert noisy.var() == pytest.approx(0.6 / 3, abs=0.01)
    assert np.allclose(noisy * 3, np.rint(noisy * 3), atol=1e-5)


def test_impulse_noise_hits_17_percent_half_black_half_white() -> None:
    noisy = noise.impulse_noise(np.full((200, 28, 28), 0.5, dtype=np.float32), generator())
    assert (noisy == 1).mean() == pytest.approx(0.085, abs=0.003)
    assert (noisy == 0).mean() == pytest.approx(0.085, abs=0.003)


def test_gaussian_noise_has_its_deviation() -> None:
    assert (noise.gaussian_noise(np.zeros((200, 28, 28)), generator(), 0.3)).std() == pytest.approx(0.3, abs=0.003)


def test_glass_blur_runs_down_the_columns_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blur, "GLASS_PASSES", 0)
    blurred = blur.glass_blur(single(14, 14), generator())[0]
    assert (blurred[:, [13, 15]] == 0).all()
    assert blurred[13, 14] == blurred[15, 14] > 0.1
    twice = filters.gaussian(np.floor(filters.gaussian(single(14, 14)[0], sigma=(0.7, 0)) * 255) / 255, sigma=(0.7, 0))
    assert np.allclose(blurred, twice, atol=1e-6)


def test_glass_blur_swaps_neighbours_and_loses_none(monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray) -> None:
    monkeypatch.setattr(blur, "GLASS_SIGMA", 0)
    swapped = blur.glass_blur(pixels, generator())
    assert np.allclose(np.sort(swapped.reshape(len(pixels), -1)), np.sort(pixels.reshape(len(pixels), -1)), atol=1e-6)
    assert (swapped != pixels).any(axis=(1, 2)).all()
    assert np.allclose(swapped[:, 0, 0], pixels[:, 0, 0]), "the first row and column are never reached"


def test_motion_blur_leaves_half_a_gaussian_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blur, "MOTION_ANGLE", 0.0)
    blurred = blur.motion_blur(single(14, 24), generator())[0]
    weights = np.exp(-(np.arange(21) ** 2) / 18)
    assert np.allclose(blurred[14, 24:3:-1], weights / weights.sum(), atol=1e-6)
    assert (np.delete(blurred, 14, axis=0) == 0).all()


def test_motion_blur_keeps_within_45_degrees() -> None:
    blurred = blur.motion_blur(np.repeat(single(14, 20), 500, axis=0), generator())
    rows, columns = np.nonzero(blurred.sum(axis=0) > 1e-6)
    assert (np.abs(rows - 14) <= np.abs(columns - 20)).all()
    assert np.abs(rows - 14).max() > 8


def inverse_map(matrix: list[list[float]]) -> transform.ProjectiveTransform:
    """The matrix as skimage's map of coordinates (x, y), about the centre (13.5, 13.5)."""
    linear = np.array(matrix)
    full = np.eye(3)
    full[:2, :2] = linear
    full[:2, 2] = 13.5 - linear @ (13.5, 13.5)
    return transform.ProjectiveTransform(full)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("name", ["shear", "rotate", "scale"])
def test_geometry_is_skimages_warp(pixels: np.ndarray, name: str, sign: int) -> None:
    sine, cosine = np.sin(0.4 * sign), np.cos(0.4)
    matrix = {
        "shear": [[1, -sine], [0, cosine]],
        "rotate": [[cosine, -sine], [sine, cosine]],
        "scale": [[1 / 0.7, 0], [0, 1 / 0.7]],
    }[name]
    expected = np.stack([transform.warp(image, inverse_map=inverse_map(matrix)) for image in pixels])
    random = generator()
    signs = generator().choice([-1.0, 1.0], len(pixels))  # what the corruption draws first
    corrupted = CORRUPTIONS[name](pixels, random)
    chosen = signs == sign if name != "scale" else np.full(len(pixels), True)
    assert np.allclose(corrupted[chosen], expected[chosen], atol=1e-4)
    assert chosen.sum() > 50


def test_a_translated_image_is_the_shifted_array(digits: np.ndarray) -> None:
    moved = corrupt(digits, "translate", 0)
    padded = np.pad(digits, ((0, 0), (3, 3), (3, 3)))
    candidates = {
        (down, right): padded[:, 3 + down : 31 + down, 3 + right : 31 + right]
        for down, right in product((-3, 3), repeat=2)
    }
    hits = {location: (moved == shifted).all(axis=(1, 2)) for location, shifted in candidates.items()}
    assert np.sum(list(hits.values()), axis=0).min() == 1
    assert all(hit.sum() > 20 for hit in hits.values()), "every direction occurs"


@pytest.mark.parametrize("name", ["scale", "rotate", "shear"])
def test_the_centre_stays_where_it_is(name: str) -> None:
    rows, columns = np.mgrid[:28, :28]
    blob = np.exp(-((rows - 13.5) ** 2 + (columns - 13.5) ** 2) / 18).astype(np.float32)[None]
    changed = CORRUPTIONS[name](blob, generator())[0]
    for axis in (rows, columns):
        assert (changed * axis).sum() / changed.sum() == pytest.approx(13.5, abs=0.01)


def test_a_quarter_turn_is_exact_and_scaling_scales_the_area(pixels: np.ndarray) -> None:
    turned = geometry.rotated(pixels, np.full(len(pixels), np.pi / 2))
    assert np.allclose(turned, np.rot90(pixels, axes=(1, 2)), atol=1e-4)
    assert geometry.scaled(pixels, 0.7).sum() / pixels.sum() == pytest.approx(0.49, abs=0.01)


def test_brightness_and_stripe_are_arithmetic(digits: np.ndarray) -> None:
    assert np.abs(corrupt(digits, "brightness", 0) - np.minimum(digits + 127.5, 255)).max() <= 0.5
    striped = corrupt(digits, "stripe", 0)
    outer = np.r_[0:7, 21:28]
    assert np.array_equal(striped[:, :, outer], 255 - digits[:, :, outer])
    assert np.array_equal(striped[:, :, 7:21], digits[:, :, 7:21])


def test_fog_is_three_parts_plasma_to_one_part_digit(pixels: np.ndarray) -> None:
    foggy = weather.fog(pixels[:16], generator())
    cloud = weather.plasma(16, 256, 1.4, generator())[:, :28, :28]
    brightest = pixels[:16].max(axis=(1, 2), keepdims=True)
    assert np.allclose(foggy, (pixels[:16] + 3 * cloud) * brightest / (brightest + 3), atol=1e-6)
    assert (weather.fog(np.zeros((1, 28, 28), dtype=np.float32), generator()) == 0).all()


def test_plasma_fills_the_range_and_without_noise_interpolates() -> None:
    clouds = weather.plasma(4, 64, 1.4, generator())
    assert (clouds.min(axis=(1, 2)) == 0).all()
    assert (clouds.max(axis=(1, 2)) == 1).all()
    smooth = weather.plasma(1, 16, 1e9, generator())[0]  # noise in the first step alone: a 2 x 2 grid of heights
    corner, centre, right, below = smooth[0, 0], smooth[8, 8], smooth[0, 8], smooth[8, 0]
    assert smooth[4, 4] == pytest.approx((corner + centre + right + below) / 4, abs=1e-5)
    assert smooth[0, 4] == pytest.approx((2 * smooth[4, 4] + corner + right) / 4, abs=0.26)


def test_spatter_is_grey_mud_where_blurred_noise_is_high(pixels: np.ndarray) -> None:
    spattered = weather.spatter(pixels[:5], generator())
    drops = generator().normal(0.65, 0.3, (5, 28, 28))
    for image, drop, result in zip(pixels, drops, spattered, strict=False):
        mud = filters.gaussian((filters.gaussian(drop, sigma=1) > 0.65).astype(np.float32), sigma=1.5)
        mud[mud < 0.8] = 0
        assert np.allclose(result, image * (1 - mud) + 63 / 255 * mud, atol=1e-5)


def test_a_line_is_brightest_on_itself_and_ends_before_its_last_column() -> None:
    drawn = lines.line(0, 10, 27, 10)
    assert (drawn[10, :27] == 1).all()
    assert drawn[11, 5] == drawn[9, 5] == pytest.approx(1 + np.log(1 - 1 / 2.3))
    assert (drawn[13] == 0).all()
    assert (drawn[:, 27] == 0).all()
    sloped = lines.line(0, 0, 27, 27)
    assert (np.diag(sloped)[:27] == 1).all()


def test_a_dotted_line_is_off_for_two_columns_and_on_for_two() -> None:
    drawn = lines.dotted_line(np.zeros((300, 28, 28), dtype=np.float32), generator())
    lit = (drawn > 0).any(axis=1)
    assert (lit == ((np.arange(28) // 2 % 2 == 1) & (np.arange(28) < 27))).all()
    starts = drawn[:, :, 2].argmax(axis=1)
    assert starts.min() <= 1
    assert starts.max() >= 25


def test_a_zigzag_turns_every_four_pixels_and_keeps_to_its_columns() -> None:
    level = lines._zigzag(first_row=13, rise=0)
    assert [int(level[:, column].argmax()) for column in (4, 8, 12, 16)] == [15, 11, 15, 11]
    assert (level[:, :2] == 0).all()
    assert (level[:, 25:] == 0).all()
    drawn = lines.zigzag(np.zeros((500, 28, 28), dtype=np.float32), generator())
    assert (drawn[:, :, :2] == 0).all()
    assert len(np.unique(drawn.reshape(500, -1), axis=0)) > 150, "270 of them exist"


def test_canny_edges_are_skimages(digits: np.ndarray) -> None:
    edges = corrupt(digits[:20], "canny_edges", 0)
    assert set(np.unique(edges)) == {0, 255}
    assert all(np.array_equal(edge > 0, canny(image / 255)) for edge, image in zip(edges, digits, strict=False))


def test_a_corrupted_set_is_drawn_once_and_a_damaged_one_again(
    digits: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.corrupted(digits, "fog", 0, tmp_path)
    assert np.array_equal(first, corrupt(digits, "fog", 0))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "corrupt", lambda *_: pytest.fail("drawn again"))
        assert np.array_equal(cache.corrupted(digits, "fog", 0, tmp_path), first)
    (path,) = tmp_path.rglob("*.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert np.array_equal(cache.corrupted(digits, "fog", 0, tmp_path), first)
    assert path.read_bytes() != bytes(content), "mended"


def test_other_images_and_seeds_have_files_of_their_own(digits: np.ndarray, tmp_path: Path) -> None:
    for images, seed in ((digits, 0), (digits, 1), (digits[:50], 0)):
        assert np.array_equal(cache.corrupted(images, "rotate", seed, tmp_path), corrupt(images, "rotate", seed))
    assert len(list(tmp_path.rglob("*.npy"))) == 3


def test_a_cache_that_cannot_be_written_costs_time_alone(digits: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / cache.FOLDER).write_text("no folder")
    assert np.array_equal(cache.corrupted(digits, "rotate", 0, tmp_path), corrupt(digits, "rotate", 0))
