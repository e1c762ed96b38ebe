"""Networks whose forward pass does nothing but compute; some can be captured, some cannot."""

import math

import torch
import torch.nn.functional as F
from torch import nn

Tensor = torch.Tensor


def small_cnn(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, stride=2), *between, nn.ReLU(), nn.Flatten(), nn.Linear(6 * 144, 10)
    )  # fmt: skip


def small_mlp(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), *between, nn.ReLU(), nn.Linear(32, 10))


class Body(nn.Module):
    """A hidden layer and a head, for networks that differ in what happens between."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(784, 32), nn.Linear(32, 10)

    def between(self, signal: Tensor) -> Tensor:
        return signal

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.between(self.first(images.flatten(1)).relu()))  # type: ignore[no-any-return]


class ViewAfterConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 8, 5)
        self.head = nn.Linear(8 * 16, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = F.max_pool2d(self.deep(F.max_pool2d(self.conv(images).relu(), 2)).relu(), 2)
        return self.head(maps.view(-1, 8 * 16))  # type: ignore[no-any-return]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1) for _ in range(2)])
        self.head = nn.Linear(8, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        for block in self.blocks:
            shortcut = maps
            maps = block(maps.relu())
            maps += shortcut
        return self.head(maps.mean(dim=(2, 3)))  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(28, 16), nn.Linear(16, 10)
        self.places = nn.Parameter(torch.zeros(28, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images.squeeze(1)) + self.places
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(tokens.mean(1))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 16, 7, stride=7)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 1), nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(self.patches(images).flatten(2).transpose(1, 2)).mean(1))  # type: ignore[no-any-return]


class OverRows(nn.Module):
    def __init__(self, kind: type[nn.RNNBase] = nn.LSTM) -> None:
        super().__init__()
        self.rows, self.head = kind(28, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.rows(images.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]


class CellOverRows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(28, 16), nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        state = images.new_zeros(len(images), 16)
        for row in images.squeeze(1).unbind(1):
            state = self.cell(row, state)
        return self.head(state)  # type: ignore[no-any-return]


class TiedWeights(Body):
    def between(self, signal: Tensor) -> Tensor:
        return F.linear(F.linear(signal, self.first.weight.t()), self.first.weight) / 28


class OneLayerTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(32, 32)
        self.stack = nn.ModuleList([nn.Linear(784, 32), self.shared, self.shared, nn.Linear(32, 10)])

    def forward(self, images: Tensor) -> Tensor:
        signal = images.flatten(1)
        for layer in self.stack[:-1]:
            signal = layer(signal).relu()
        return self.stack[-1](signal)  # type: ignore[no-any-return]


class Experts(Body):
    """Soft mixture of experts: every image passes all, weighted by a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(32, 3), nn.ModuleList([nn.Linear(32, 32) for _ in range(3)])

    def between(self, signal: Tensor) -> Tensor:
        outputs = torch.stack([expert(signal) for expert in self.experts], dim=1)
        return (self.gate(signal).softmax(1).unsqueeze(2) * outputs).sum(1)


class RoutedExperts(Experts):
    """Each image passes the expert its gate prefers: sizes depend on the values."""

    def between(self, signal: Tensor) -> Tensor:
        choice = self.gate(signal).argmax(1)
        output = torch.zeros_like(signal)
        for number, expert in enumerate(self.experts):
            rows = (choice == number).nonzero().flatten()
            output = output.index_add(0, rows, expert(signal[rows]))
        return output


class ConvTransposeHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 4, 4, stride=4), nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.head = nn.Linear(2 * 196, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.up(self.down(images).relu()).reshape(len(images), -1))  # type: ignore[no-any-return]


class ComplexFourier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.randn(28, 15, dtype=torch.complex64) * 0.1 + 1)
        self.head = nn.Linear(784, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.fft.irfft2(torch.fft.rfft2(images) * self.filter, s=(28, 28)).flatten(1))  # type: ignore[no-any-return]


class CountsInBuffer(Body):
    """Warms a branch up by a buffer that counts steps."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.steps: Tensor

    def between(self, signal: Tensor) -> Tensor:
        if self.training:
            self.steps.add_(1)
        return signal * (self.steps / 10).clamp(max=1)


class FiveDimensions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv3d(1, 4, (1, 5, 5), stride=(1, 3, 3)), nn.Linear(4 * 64, 10)
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 8, 8))

    def forward(self, images: Tensor) -> Tensor:
        return self.head((self.conv(images.unsqueeze(2)) * self.scale).flatten(1).relu())  # type: ignore[no-any-return]


class ReluBySquareRoot(nn.Module):
    def forward(self, signal: Tensor) -> Tensor:
        return (signal.abs() + signal) / math.sqrt(2)
