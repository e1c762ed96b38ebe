"""Training recipes. One recipe serves every model, so that only the architecture differs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Settings of training other than the model, the data, the seed and the device.

    Pixels x in [0, 255] reach the model as ``(x / 255 - pixel_mean) / pixel_std``. The last partial batch is kept
    and the weights of the last epoch are the result.
    """

    name: str
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    pixel_mean: float
    pixel_std: float
    precision: str


ARTICLE = Recipe(
    name="article",
    optimizer="adam",
    learning_rate=1e-3,
    batch_size=128,
    epochs=10,
    pixel_mean=0.5,
    pixel_std=0.5,
    precision="fp32",
)
"""The article's training: Adam 1e-3, batch 128, 10 epochs, pixels to [-1, 1], cross-entropy, 60,000 images.

Expected test accuracy after the last epoch: softmax 91.7-92.8 %, mlp 97.3-98.3 %, cnn 98.8-99.3 %.
``python -m bench run --suite article`` measures it.
"""

RECIPES = {recipe.name: recipe for recipe in (ARTICLE,)}
PRECISIONS = ("fp32", "tf32", "bf16")
