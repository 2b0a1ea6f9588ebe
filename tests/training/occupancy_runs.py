"""Trainings of micro networks on micro recordings, and how they are stopped."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.run_folder import RunFolder
from core.serialization import load_state
from generation.diffusion import SamplingConfig
from tests.generation.micro import CONDITIONAL, VAE
from training.dit import DitTraining
from training.hexplane_vae import VaeTraining
from training.loop import FitResult, LoopConfig
from training.network_fit import NetworkFitConfig

LOOP = LoopConfig(test_iterations=(), save_iterations=(), checkpoint_seconds=0.0, log_interval=1)

VAE_TRAINING = VaeTraining(
    model=VAE,
    class_weights="counted",
    fit=NetworkFitConfig(
        iterations=6,
        batch_size=4,
        learning_rate=1e-2,
        precision="float32",
        ema_decay=0.9,
        ema_warmup=True,
        loaders=1,
    ),
    loop=LOOP,
)

DIT_TRAINING = DitTraining(
    model=CONDITIONAL,
    normalize=True,
    legacy_driving=False,
    pictures=1,
    sampling=SamplingConfig(steps=2),
    evaluation_epochs=2.0,
    fit=NetworkFitConfig(
        iterations=6,
        batch_size=4,
        learning_rate=3e-3,
        precision="bfloat16",
        ema_decay=0.9,
        ema_warmup=True,
        loaders=1,
    ),
    loop=LOOP,
)


def assert_goes_on_to_the_same_end(
    task: type[Any], train: Callable[[Path], FitResult], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is stopped after a few steps and repeated ends with the bits of one that was not."""
    assert train(folder / "whole").stopped_by is None
    step = task.step

    def stopping(self: Any, number: int, *rest: Any) -> Any:
        if number == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(task, "step", stopping)
        stopped = train(folder / "stopped")
    assert (stopped.iterations, stopped.stopped_by) == (3, signal.SIGTERM)
    assert train(folder / "stopped").stopped_by is None
    whole, resumed = (state_of(folder / name) for name in ("whole", "stopped"))
    assert_same(whole, resumed)


def state_of(run: Path) -> dict[str, Any]:
    return load_state(RunFolder(run).checkpoint)["task"]


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Nested values are equal, tensors bit for bit."""
    if isinstance(one, Mapping):
        assert one.keys() == other.keys(), where
        for name in one:
            assert_same(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


def assert_close(one: Any, other: Any, where: str = "", tolerance: float = 1e-5) -> None:
    """Nested tensors are equal but for rounding."""
    for name in one:
        if isinstance(one[name], Mapping):
            assert_close(one[name], other[name], f"{where}.{name}", tolerance)
        elif isinstance(one[name], torch.Tensor):
            torch.testing.assert_close(
                one[name], other[name], rtol=tolerance, atol=tolerance, msg=lambda told: f"{where}: {told}"
            )


def gradients(task: Any) -> dict[str, torch.Tensor]:
    """Of the last step, by the names of the weights that have one."""
    named = task.fit.network.named_parameters()
    return {name: parameter.grad for name, parameter in named if parameter.grad is not None}


def short(config: Any, iterations: int) -> Any:
    """The same training with another number of steps."""
    return replace(config, fit=replace(config.fit, iterations=iterations))
