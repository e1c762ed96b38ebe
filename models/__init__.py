"""Model architectures: image tensors in, logits out.

Every module in this folder is imported, so a new file that registers a model needs no other edit.
"""

import importlib
import pkgutil

from models.registry import create_model, list_models, model_source, register_control, register_model, source_sha256

for _module in pkgutil.iter_modules(__path__):
    try:
        importlib.import_module(f"{__name__}.{_module.name}")
    except Exception as error:
        raise ImportError(f"models/{_module.name}.py cannot be imported: {type(error).__name__}: {error}") from error

__all__ = ["create_model", "list_models", "model_source", "register_control", "register_model", "source_sha256"]
