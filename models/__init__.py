"""Architectures only: image tensors in, logits out.

Every module in this folder is imported, so a new file that registers a model needs no other edit.
"""

import importlib
import pkgutil

from models.registry import create_model, list_models, model_source, register_model

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["create_model", "list_models", "model_source", "register_model"]
