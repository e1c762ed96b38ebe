"""What is known of torch: layers and functions that do nothing but compute, given their inputs, weights and buffers.

A layer may draw random numbers from torch's generator and update its buffers; both are part of a captured step.
"""

import builtins
import functools
import math
import types

import torch
import torch.nn.functional as F
from torch import nn

_FAMILIES = (
    "Identity Linear Bilinear Flatten Unflatten Embedding Sequential ModuleList ModuleDict ParameterList ParameterDict "
    "Conv{1}d Conv{2}d Conv{3}d ConvTranspose{1}d ConvTranspose{2}d ConvTranspose{3}d "
    "BatchNorm{1}d BatchNorm{2}d BatchNorm{3}d InstanceNorm{1}d InstanceNorm{2}d InstanceNorm{3}d "
    "LayerNorm GroupNorm RMSNorm LocalResponseNorm CrossMapLRN2d "
    "MaxPool{1}d MaxPool{2}d MaxPool{3}d AvgPool{1}d AvgPool{2}d AvgPool{3}d LPPool{1}d LPPool{2}d LPPool{3}d "
    "AdaptiveAvgPool{1}d AdaptiveAvgPool{2}d AdaptiveAvgPool{3}d AdaptiveMaxPool{1}d AdaptiveMaxPool{2}d "
    "AdaptiveMaxPool{3}d "
    "Dropout Dropout{1}d Dropout{2}d Dropout{3}d AlphaDropout FeatureAlphaDropout "
    "ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh Hardshrink Softshrink "
    "Tanhshrink Sigmoid LogSigmoid Tanh Softplus Softsign Threshold GLU Softmax LogSoftmax Softmin Softmax2d "
    "ZeroPad{1}d ZeroPad{2}d ZeroPad{3}d ConstantPad{1}d ConstantPad{2}d ConstantPad{3}d ReflectionPad{1}d "
    "ReflectionPad{2}d ReflectionPad{3}d ReplicationPad{1}d ReplicationPad{2}d ReplicationPad{3}d CircularPad{1}d "
    "CircularPad{2}d CircularPad{3}d PixelShuffle PixelUnshuffle ChannelShuffle Upsample UpsamplingNearest2d "
    "UpsamplingBilinear2d Fold Unfold CosineSimilarity "
    "MultiheadAttention TransformerEncoderLayer TransformerEncoder RNNCell GRUCell LSTMCell"
)
LAYERS = frozenset(
    getattr(nn, name.replace("{", "").replace("}", ""))
    for name in _FAMILIES.split()
    if hasattr(nn, name.replace("{", "").replace("}", ""))
) | {torch.nn.modules.linear.NonDynamicallyQuantizableLinear}
"""torch's layers whose forward pass changes nothing but buffers; no lazy ones and no recurrent networks."""

CONTEXTS = (torch.no_grad, torch.enable_grad, torch.autocast)

_BUILTINS = (
    "abs all any bool dict divmod enumerate float int isinstance len list map max min pow range reversed round set "
    "slice sorted str sum tuple zip ValueError TypeError RuntimeError AssertionError NotImplementedError"
)
BUILTINS = frozenset(getattr(builtins, name) for name in _BUILTINS.split())

MODULE_METHODS = frozenset({"children", "modules", "named_children", "named_modules", "parameters", "named_parameters"})
CONTAINER_METHODS = frozenset({"items", "keys", "values"})

_FORBIDDEN_FUNCTIONS = ("seed", "set_", "get_rng", "rng_state", "compile", "from_file", "import_", "load", "save")
_FORBIDDEN_METHODS = (
    "item tolist numpy backward register_hook register_post_accumulate_grad_hook retain_grad data_ptr storage "
    "untyped_storage set_ as_strided as_strided_ resize_ share_memory_ requires_grad_ is_contiguous stride dim_order "
    "apply_ map_ map2_ to_dense data grad grad_fn"
)
TENSOR_NAMES = frozenset(name for name in dir(torch.Tensor) if not name.startswith("_")) - set(
    _FORBIDDEN_METHODS.split()
)
"""Attributes and methods of a tensor that read or compute; those with an underscore at the end write into it."""


@functools.cache
def functions() -> frozenset[int]:
    """Collect the identities of torch's and math's functions that only compute, or draw from torch's generator."""
    spaces = (
        torch._C._VariableFunctions,
        torch._C._nn,
        F,
        torch.functional,
        torch.fft,
        torch.linalg,
        torch.special,
        math,
    )
    safe = set()
    for space in spaces:
        for name in dir(space):
            function = getattr(space, name)
            if _is_function(function) and not any(part in name for part in _FORBIDDEN_FUNCTIONS):
                safe.add(id(function))
                safe.add(id(getattr(torch, name, function)))
    return frozenset(safe | {id(context) for context in CONTEXTS} | {id(torch.tensor)})


def _is_function(value: object) -> bool:
    return isinstance(value, types.FunctionType | types.BuiltinFunctionType)
