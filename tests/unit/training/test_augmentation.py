"""Random changes of training images."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from bench.data import datasets
from bench.records.recipe import Augmentation
from bench.training.augmentation import CHUNK, Augmenter, _transformed

Mnist = tuple[datasets.Split, datasets.Split]


@pytest.fixture
def images(mnist: Mnist) -> torch.Tensor:
    return mnist[0].images[: 2 * CHUNK + 7].unsqueeze(1)


def changed(images: torch.Tensor, seed: int = 0, **limits: float) -> torch.Tensor:
    result = images.clone()
    Augmenter(Augmentation.model_validate(limits), seed)(result)
    return result


def rolled(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Shift by slicing, pixel for pixel."""
    height, width = image.shape
    result = np.zeros_like(image)
    rows, columns = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    result[rows, columns] = image[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    return result


@pytest.mark.parametrize("limit", [1, 3, 14])
def test_each_image_is_shifted_by_whole_pixels_of_its_own(images: torch.Tensor, limit: int) -> None:
    result = changed(images, shift=limit)
    shifts = Augmenter(Augmentation(shift=limit), 0)._shifts(len(images)).tolist()
    for image, (down, right), shifted in zip(images[:, 0].numpy(), shifts, result[:, 0].numpy(), strict=True):
        assert (rolled(image, down, right) == shifted).all()
    assert {down for down, _ in shifts} == {right for _, right in shifts} == set(range(-limit, limit + 1))


def test_the_seed_settles_what_is_drawn_and_each_epoch_is_another(images: torch.Tensor) -> None:
    augmenter, again = (Augmenter(Augmentation(shift=2, rotation=10, scale=0.1), 5) for _ in range(2))
    first, second, same = images.clone(), images.clone(), images.clone()
    augmenter(first)
    augmenter(second)
    again(same)
    assert torch.equal(first, same)
    assert not torch.equal(first, second)
    assert not torch.equal(first, changed(images, seed=6, shift=2, rotation=10, scale=0.1))


@pytest.mark.parametrize(
    ("degrees", "scale", "down", "right"),
    [(0, 1, 2, -3), (15, 1, 0, 0), (-40, 1, 1, 2), (0, 1.2, 0, 0), (20, 0.8, 2, 1)],
)
def test_a_transform_is_that_of_scipy(
    images: torch.Tensor, degrees: float, scale: float, down: int, right: int
) -> None:
    angle = np.radians(degrees)
    transform = torch.tensor([[angle, scale, down, right]], dtype=torch.float32)
    result = _transformed(images[:1], transform)[0, 0].numpy()
    # rows run down, so that a positive angle turns to the right, clockwise
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    centre = np.array([13.5, 13.5])
    offset = centre - inverse @ (centre + np.array([down, right]))
    expected = ndimage.affine_transform(images[0, 0].numpy().astype(float), inverse, offset, order=1)
    inner = (slice(3, -3), slice(3, -3))  # at the border the two take other neighbours for black
    assert np.abs(result[inner] - expected[inner]).max() <= 1


def test_limits_are_kept() -> None:
    transforms = Augmenter(Augmentation(shift=2, rotation=15, scale=0.1), 0)._transforms(20_000)
    angle, scale, down, right = transforms.unbind(1)
    assert 14.9 < np.degrees(angle.abs().max().item()) <= 15
    assert (scale.min().item(), scale.max().item()) == pytest.approx((0.9, 1.1), abs=1e-3)
    assert set(down.tolist()) == set(right.tolist()) == {-2, -1, 0, 1, 2}
    assert abs(angle.mean()) < 0.01


def test_no_limit_is_no_change(images: torch.Tensor) -> None:
    assert torch.equal(changed(images), images)
    assert not Augmentation()
