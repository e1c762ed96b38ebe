"""Linear probe: the same softmax head is trained on every kind of feature."""

import torch
import torch.nn.functional as F
from torch import nn

EPOCHS = 10
BATCH_SIZE = 128
LEARNING_RATE = 1e-3
EVALUATION_BATCH = 1_000
RECIPE = f"Adam {LEARNING_RATE:g}, batch {BATCH_SIZE}, {EPOCHS} epochs"


def linear_probe_predictions(
    train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, num_classes: int, seed: int
) -> torch.Tensor:
    """Train the head on features ``train`` ``(N, D)`` with ``labels`` ``(N,)``; predict labels of ``test``: ``(M,)``.

    Features are centred, each by its mean over ``train``, and all divided by one number, so that their mean variance
    is 1: kinds of features of any size meet the same learning rate, and rare ones are not blown up.
    """
    torch.manual_seed(seed)
    head = nn.Linear(train.shape[1], num_classes).to(train.device)
    optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE, fused=True)
    mean = train.mean(dim=0)
    size = train.var(dim=0).mean().sqrt().clamp_min(1e-12)
    order = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(train), generator=order).to(train.device), BATCH_SIZE):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(head((train[chosen] - mean) / size), labels[chosen]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    with torch.no_grad():
        parts = torch.split(test, EVALUATION_BATCH)
        return torch.cat([head((part - mean) / size).argmax(dim=1) for part in parts])
