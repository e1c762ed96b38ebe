"""Multi-layer perceptron: the image as a vector, two hidden layers."""

from torch import nn

from models.registry import register_model


@register_model
def mlp(num_classes: int = 10) -> nn.Module:
    """784-256-128-num_classes with ReLU; 235,146 parameters for ten classes."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, num_classes),
    )
