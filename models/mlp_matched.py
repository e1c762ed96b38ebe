"""The MLP with as many parameters as the CNN: the control for "is it only more parameters?"."""

from torch import nn

from models.registry import register_control


@register_control
def mlp_matched(num_classes: int = 10) -> nn.Module:
    """784-530-num_classes with ReLU; 421,360 parameters for ten classes, the CNN has 421,642."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 530),
        nn.ReLU(),
        nn.Linear(530, num_classes),
    )
