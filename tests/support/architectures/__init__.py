"""Small networks of many kinds, as people bring them; each is built without arguments and trains in plain PyTorch.

``CAPTURED`` can be captured; ``EAGER`` cannot, or nobody can prove that their code does nothing but compute.
"""

from torch import nn
from torch.nn.utils import parametrizations

from tests.support.architectures.pure import (
    Attention,
    CellOverRows,
    ComplexFourier,
    ConvTransposeHead,
    CountsInBuffer,
    Experts,
    FiveDimensions,
    OneLayerTwice,
    OverRows,
    ReluBySquareRoot,
    Residual,
    RoutedExperts,
    TiedWeights,
    Transformer,
    ViewAfterConv,
    small_cnn,
    small_mlp,
)
from tests.support.architectures.stateful import (
    AliasedMean,
    BuiltAtFirstBatch,
    CountsInPython,
    DrawsFromNumpy,
    DrawsFromPython,
    Hooked,
    IteratesOn,
    KeepsBuffer,
    KeepsMask,
    RunningMean,
    ShapedAtFirstBatch,
    old_weight_norm,
    pruned,
)

CAPTURED = {
    "plain_cnn": small_cnn,
    "batch_norm": lambda: small_cnn(nn.BatchNorm2d(6)),
    "group_norm": lambda: small_cnn(nn.GroupNorm(2, 6)),
    "instance_norm": lambda: small_cnn(nn.InstanceNorm2d(6, affine=True, track_running_stats=True)),
    "layer_norm": lambda: small_mlp(nn.LayerNorm(32)),
    "local_response_norm": lambda: small_cnn(nn.LocalResponseNorm(2)),
    "depthwise": lambda: small_cnn(nn.Conv2d(6, 6, 3, padding=1, groups=6)),
    "dilated": lambda: small_cnn(nn.Conv2d(6, 6, 3, padding=2, dilation=2)),
    "dropout": lambda: small_mlp(nn.Dropout(0.3)),
    "dropout_of_maps": lambda: small_cnn(nn.Dropout2d(0.3)),
    "alpha_dropout": lambda: small_mlp(nn.SELU(), nn.AlphaDropout(0.1)),
    "random_leak": lambda: small_mlp(nn.PReLU()),
    "own_activation": lambda: small_mlp(ReluBySquareRoot()),
    "view_after_conv": ViewAfterConv,
    "residual": Residual,
    "attention": Attention,
    "transformer": Transformer,
    "gru_cell": CellOverRows,
    "tied_weights": TiedWeights,
    "one_layer_twice": OneLayerTwice,
    "experts": Experts,
    "conv_transpose": ConvTransposeHead,
    "counts_in_buffer": CountsInBuffer,
    "five_dimensions": FiveDimensions,
}
EAGER = {
    "lstm": OverRows,
    "rnn": lambda: OverRows(nn.RNN),
    "routed_experts": RoutedExperts,
    "complex_fourier": ComplexFourier,
    "weight_norm": lambda: small_mlp(nn.Identity(), parametrizations.weight_norm(nn.Linear(32, 32))),
    "spectral_norm": lambda: small_mlp(parametrizations.spectral_norm(nn.Linear(32, 32))),
    "old_weight_norm": old_weight_norm,
    "pruned": pruned,
    "lazy_linear": lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(32), nn.ReLU(), nn.LazyLinear(10)),
    "counts_in_python": CountsInPython,
    "draws_from_python": DrawsFromPython,
    "draws_from_numpy": DrawsFromNumpy,
    "iterates_on": IteratesOn,
    "running_mean": RunningMean,
    "aliased_mean": AliasedMean,
    "shaped_at_first_batch": ShapedAtFirstBatch,
    "built_at_first_batch": BuiltAtFirstBatch,
    "keeps_mask": KeepsMask,
    "keeps_buffer": KeepsBuffer,
    "hooked": Hooked,
}
ARCHITECTURES = CAPTURED | EAGER
