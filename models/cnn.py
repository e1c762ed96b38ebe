"""The article's convolutional network: two convolutions, two poolings, two linear layers."""

from torch import nn

from models.registry import register_model


@register_model
def cnn(num_classes: int = 10) -> nn.Module:
    """conv3x3 32, conv3x3 64, each with 2x2 max-pool and ReLU, then 3136-128-num_classes; 421,642 parameters.

    The article puts ReLU before the pooling. Both are monotonic, so the order does not change the function or
    its gradient; after the pooling ReLU touches a quarter of the elements.
    """
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, num_classes),
    )
