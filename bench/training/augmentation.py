"""Change the training images of an epoch at random: shifted, rotated, scaled; on the device, as uint8.

What is drawn comes from the seed, on the CPU, so that every device sees the same images up to rounding.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from bench.records.recipe import Augmentation

CHUNK = 500
"""Images that are changed at once: what is computed on the way stays small."""


class Augmenter:
    """Random changes of images up to the limits of a recipe."""

    def __init__(self, limits: Augmentation, seed: int) -> None:
        self._limits = limits
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, images: torch.Tensor) -> None:
        """Change ``images``, uint8 of shape ``(N, 1, H, W)``, in place, each in its own way."""
        if self._limits.rotation or self._limits.scale:
            transforms = self._transforms(len(images)).to(images.device)
            for part, transform in _chunks(images, transforms):
                part.copy_(_transformed(part, transform))
        elif self._limits.shift:
            shifts = self._shifts(len(images)).to(images.device)
            for part, shift in _chunks(images, shifts):
                part.copy_(_shifted(part, shift, self._limits.shift))

    def _shifts(self, count: int) -> torch.Tensor:
        """Draw whole pixels down and to the right for each image, int64 of shape ``(count, 2)``."""
        limit = self._limits.shift
        return torch.randint(-limit, limit + 1, (count, 2), generator=self._generator)

    def _transforms(self, count: int) -> torch.Tensor:
        """Draw a transform for each image, as ``(count, 4)``: radians, scale, shift down, shift to the right."""
        angle, scale = (2 * torch.rand(2, count, generator=self._generator) - 1).unbind()
        angle = angle * math.radians(self._limits.rotation)
        return torch.column_stack([angle, 1 + scale * self._limits.scale, self._shifts(count)])


def _chunks(images: torch.Tensor, draws: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return zip(torch.split(images, CHUNK), torch.split(draws, CHUNK), strict=True)


def _shifted(images: torch.Tensor, shifts: torch.Tensor, limit: int) -> torch.Tensor:
    """Shift each image by whole pixels, at most ``limit`` along each axis.

    In images with a black border a shifted image is one stretch of bytes, which is copied whole; what lies right of it
    in each row is then cut off.
    """
    count, _, height, width = images.shape
    bordered = F.pad(images, (limit, limit, limit, limit))
    rows, stride = bordered.shape[2:]
    stretches = F.pad(bordered.flatten(), (0, height * stride)).unfold(0, height * stride, 1)
    first = torch.arange(count, device=images.device) * rows * stride
    first += (limit - shifts[:, 0]) * stride + limit - shifts[:, 1]
    return stretches.index_select(0, first).view(count, 1, height, stride)[..., :width]


def _transformed(images: torch.Tensor, transforms: torch.Tensor) -> torch.Tensor:
    """Scale and rotate each image about its centre, then shift it; between pixels by bilinear interpolation."""
    angle, scale, down, right = transforms.unbind(1)
    height, width = images.shape[2:]
    # the matrix leads from a place in the result to one in the image, in halves of the image's size
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    x, y = -right * 2 / width, -down * 2 / height
    rows = [torch.stack([cos, -sin, cos * x - sin * y], 1), torch.stack([sin, cos, sin * x + cos * y], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False).round_()
