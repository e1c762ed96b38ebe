"""Make shuffled, normalised batches of uint8 tensors, resident on the device.

The images stay uint8 until a batch is used: a quarter of the memory traffic of float32, and one gather per epoch
puts them in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bench.recipes.recipe import Recipe


@dataclass(frozen=True)
class DeviceData:
    """Data on the training device: ``images`` uint8 of shape ``(N, 1, 28, 28)``, ``labels`` int64 of shape ``(N,)``."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, start: int, stop: int) -> "DeviceData":
        """View the images from ``start`` to before ``stop``."""
        return DeviceData(self.images[start:stop], self.labels[start:stop])

    def reordered(self, order: torch.Tensor) -> "DeviceData":
        """Copy the data in the given order; ``order`` int64 of shape ``(N,)`` on the same device."""
        # index_select copies whole images; indexing looks at each pixel and takes five times as long (LOG.md)
        return DeviceData(self.images.index_select(0, order), self.labels.index_select(0, order))

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Iterate over views of at most ``batch_size`` images; the last partial batch is kept."""
        return zip(torch.split(self.images, batch_size), torch.split(self.labels, batch_size), strict=True)


def to_device(images: torch.Tensor, labels: torch.Tensor, device: torch.device) -> DeviceData:
    """Move uint8 images of shape ``(N, 28, 28)`` and their labels to ``device``, adding the channel axis."""
    return DeviceData(images.unsqueeze(1).to(device), labels.to(device))


def epoch_order(size: int, generator: torch.Generator) -> torch.Tensor:
    """Draw a permutation of ``range(size)`` on the CPU, so that every device sees the same order."""
    return torch.randperm(size, generator=generator)


def normalise(images: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    """Convert uint8 pixels of any shape to the recipe's float32: ``(x / 255 - mean) / std``."""
    scale = 1 / (255 * recipe.pixel_std)
    shift = recipe.pixel_mean / recipe.pixel_std
    return images.to(torch.float32).mul_(scale).sub_(shift)
