"""Predictions, arrays and weights from a stranger: damaged, or with code inside."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from bench.common.errors import UserError
from bench.common.untrusted import MAX_BYTES
from bench.probes.rebuild import load_weights
from bench.recipes.recipe import ARTICLE
from bench.records.storage import load_predictions, runs_dir, save_run
from bench.training.model.weights import portable_weights
from models import create_model
from tests.support.damage import JSON, cut, overwritten
from tests.support.factories import make_predictions, make_run

IMAGES = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)


@st.composite
def broken_npz(draw: st.DrawFn, good: bytes) -> bytes:
    """A file of arrays, damaged: cut, overwritten, or with other arrays."""
    how = draw(st.sampled_from(["cut", "bytes", "arrays", "member"]))
    if how in ("cut", "bytes"):
        return draw(cut(good) if how == "cut" else overwritten(good, most=50))
    arrays = {name: np.asarray(array) for name, array in np.load(io.BytesIO(good)).items()}
    name = draw(st.sampled_from(sorted(arrays)))
    if how == "member":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for member in arrays:
                archive.writestr(
                    draw(st.sampled_from([f"{member}.npy", member, "../x.npy"])), draw(st.binary(max_size=200))
                )
        return buffer.getvalue()
    shape = draw(st.sampled_from([(), (0,), (3,), arrays[name].shape, (2, 28, 28), (*arrays[name].shape, 1)]))
    dtype = draw(st.sampled_from(["uint8", "int64", "float32", "<U3", "complex64", "datetime64[s]", "bool"]))
    arrays[name] = np.full(shape, 200 if dtype == "uint8" else 1).astype(dtype)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def packed(run_predictions: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **vars(run_predictions))
    return buffer.getvalue()


@pytest.mark.parametrize("cases", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_predictions_are_none_or_of_the_right_kind(
    tmp_path_factory: pytest.TempPathFactory, cases: int
) -> None:
    results, run = tmp_path_factory.mktemp("results"), make_run()
    save_run(results, run, make_predictions(), b"")
    assert run.artifacts is not None
    path = runs_dir(results, run.machine) / run.artifacts.predictions

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_npz(packed(make_predictions())))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        loaded = load_predictions(results, run)
        if loaded:
            assert loaded.labels.shape == loaded.predicted.shape == (10_000,)
            assert loaded.labels.dtype == loaded.predicted.dtype == loaded.example_images.dtype == np.uint8
            assert loaded.labels[loaded.example_index].shape == loaded.example_confidence.shape

    check()


def weights_of(model: nn.Module) -> bytes:
    return bytes(safetensors.torch.save(portable_weights(model)))


@st.composite
def broken_weights(draw: st.DrawFn, good: bytes) -> bytes:
    """A safetensors file, damaged: cut, overwritten, most often in its header, or with other tensors."""
    how = draw(st.sampled_from(["cut", "bytes", "header", "tensors"]))
    if how in ("cut", "bytes"):
        return draw(cut(good) if how == "cut" else overwritten(good, often_before=200))
    if how == "header":
        header = json.dumps(draw(JSON)).encode()
        return len(header).to_bytes(8, "little") + header + good[-1000:]
    shape = draw(st.lists(st.integers(0, 20), max_size=3))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.int8, torch.bool, torch.bfloat16]))
    names = draw(st.lists(st.sampled_from(["0.weight", "1.weight", "1.bias", "../x"]), unique=True))
    return bytes(safetensors.torch.save({name: torch.ones(shape, dtype=dtype) for name in names}))


@pytest.mark.parametrize("cases", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_weights_are_one_line_or_those_of_the_model(
    tmp_path_factory: pytest.TempPathFactory, cases: int
) -> None:
    path, model = tmp_path_factory.mktemp("weights") / "w.safetensors", create_model("softmax")

    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(broken_weights(weights_of(model)))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            load_weights(path, model, IMAGES, ARTICLE)
        except UserError as error:
            assert "\n" not in str(error)
            assert "w.safetensors" in str(error)

    check()


def test_weights_that_hold_pickled_code_do_not_run_it(tmp_path: Path) -> None:
    path, model = tmp_path / "w.safetensors", create_model("softmax")
    torch.save({"1.weight": Mark(tmp_path / "executed")}, path)
    with pytest.raises(UserError, match=r"the weights w\.safetensors are damaged"):
        load_weights(path, model, IMAGES, ARTICLE)
    assert not (tmp_path / "executed").exists()
    path.write_bytes(weights_of(create_model("mlp")))
    with pytest.raises(UserError, match="those of another architecture; remove the file and the model is trained"):
        load_weights(path, model, IMAGES, ARTICLE)
    path.write_bytes(weights_of(model))
    load_weights(path, model, IMAGES, ARTICLE)


class Mark:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def test_arrays_that_hold_pickled_code_do_not_run_it(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(), b"")
    assert run.artifacts is not None
    labels = np.array([Mark(tmp_path / "executed")], dtype=object)
    np.savez(
        runs_dir(tmp_path, run.machine) / run.artifacts.predictions, **(vars(make_predictions()) | {"labels": labels})
    )
    assert load_predictions(tmp_path, run) is None
    assert not (tmp_path / "executed").exists()


def test_arrays_that_unpack_to_more_than_there_is_memory_are_none(tmp_path: Path) -> None:
    run = make_run()
    save_run(tmp_path, run, make_predictions(), b"")
    assert run.artifacts is not None
    with (
        zipfile.ZipFile(runs_dir(tmp_path, run.machine) / run.artifacts.predictions, "w", zipfile.ZIP_DEFLATED) as bomb,
        bomb.open("labels.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(
            member,
            {"shape": (10**12,), "fortran_order": False, "descr": "|u1"},  # type: ignore[arg-type]
        )
        for _ in range(2 * MAX_BYTES // 2**20):
            member.write(bytes(2**20))
    assert load_predictions(tmp_path, run) is None
