"""Model architectures: image tensors in, logits out.

A new file in this folder that registers a model needs no other edit. Importing the package imports none of them: each
is imported when its models are first asked for, and one that cannot be imported costs itself alone.
"""

from models.registry import (
    ModelFileError,
    ModelSource,
    broken_models,
    create_model,
    list_models,
    load_model,
    model_source,
    register_control,
    register_model,
    source_sha256,
)

__all__ = [
    "ModelFileError",
    "ModelSource",
    "broken_models",
    "create_model",
    "list_models",
    "load_model",
    "model_source",
    "register_control",
    "register_model",
    "source_sha256",
]
