"""Affine maps of images: bilinear, black beyond the border, the centre (13.5, 13.5) kept."""

import numpy as np
import torch
import torch.nn.functional as F

SHEAR = 0.4
SCALE = 0.7
ROTATION = 0.4
SHIFT = 3


def shear(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shear by 0.4 radians to either side; the map is [[1, -sin], [0, cos]], as its library defined it in 2019."""
    angle = SHEAR * _signs(random, len(pixels))
    return warp(pixels, _matrices(1, -np.sin(angle), 0, np.cos(angle)))


def scale(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """Scale to 0.7 times the size."""
    return scaled(pixels, SCALE)


def rotate(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rotate by 0.4 radians to either side."""
    return rotated(pixels, ROTATION * _signs(random, len(pixels)))


def translate(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shift by 3 pixels along both axes, each to either side."""
    return shifted(pixels, SHIFT * _signs(random, len(pixels)), SHIFT * _signs(random, len(pixels)))


def scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Scale to ``factor`` times the size."""
    return warp(pixels, _matrices(np.full(len(pixels), 1 / factor), 0, 0, 1 / factor))


def rotated(pixels: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate each image by its angle in radians."""
    return warp(pixels, _matrices(np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)))


def shifted(pixels: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Shift each image by its whole or fractional number of pixels to the left and up, as the published map does.

    A map says where a pixel comes from, so a positive shift takes it from the right and from below.
    """
    return warp(pixels, _matrices(np.ones(len(pixels)), 0, 0, 1), right, down)


def warp(
    pixels: np.ndarray, matrices: np.ndarray, right: np.ndarray | float = 0, down: np.ndarray | float = 0
) -> np.ndarray:
    """Take each output pixel from ``matrix @ (x, y) + shift``, with x and y counted from the image's centre.

    Args:
        pixels: of shape ``(N, H, W)`` with H = W.
        matrices: of shape ``(N, 2, 2)``, in pixels.
        right, down: shifts in pixels, of shape ``(N,)`` or one for all.
    """
    half = (pixels.shape[1] - 1) / 2
    maps = np.zeros((len(pixels), 2, 3), dtype=np.float32)
    maps[:, :, :2] = matrices
    maps[:, 0, 2], maps[:, 1, 2] = np.asarray(right) / half, np.asarray(down) / half
    images = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32)).unsqueeze(1)
    grid = F.affine_grid(torch.from_numpy(maps), list(images.shape), align_corners=True)
    warped = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return warped.squeeze(1).numpy()


def _matrices(*entries: np.ndarray | float) -> np.ndarray:
    """Stack matrices from entries given row by row; at least one entry has the length of the batch."""
    return np.stack(np.broadcast_arrays(*entries), axis=-1).reshape(-1, 2, 2)


def _signs(random: np.random.Generator, count: int) -> np.ndarray:
    return random.choice([-1.0, 1.0], count)
