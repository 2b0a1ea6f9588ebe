"""The HexPlane VAE against its plain form, which does the same layer by layer: time and peak memory.

python -m benchmarks.bench_vae

Both have the same weights; the plain form is that of the tests. The forward pass is timed in one process, one
form after the other in every round; a training step in a process for each form, so that peaks of memory are
their own. Beside the time that passes stands the processors' time divided by the threads: on a machine that
others use too, it is the better guess of what an idle one would take.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.measuring import Timing, write_result
from core import cli
from core.errors import UserError
from generation.precision import Precision, autocast
from generation.vae.config import HexplaneVaeConfig
from generation.vae.losses import VaeLossConfig, vae_losses
from generation.vae.model import HexplaneVae, Posterior
from tests.generation.vae.plain_form import AttentionKernel, PlainVae, softmax_attention

Pass = Callable[[Tensor], tuple[Posterior, Tensor]]

FORMS: dict[str, tuple[str, Precision]] = {
    "plain_float32": ("plain", "float32"),
    "ours_float32": ("ours", "float32"),
    "ours_bfloat16": ("ours", "bfloat16"),
}


@dataclass(frozen=True)
class BenchVae:
    """Measure encoding and decoding, and a training step."""

    frames: int = 16
    """Of a sequence."""
    width: int = 128
    """Voxels along x and y."""
    height: int = 8
    """Voxels along z."""
    batch: int = 1
    """Sequences at a time."""
    train_frames: int = 16
    """Of a sequence in a training step; 0 = no training steps."""
    train_width: int = 128
    """Voxels along x and y in a training step."""
    repeats: int = 5
    """Rounds of forward passes after one that warms up; 0 = none."""
    train_repeats: int = 3
    """Training steps after one that warms up."""
    threads: int = 2
    """Of torch."""
    attention: Literal["fused", "softmax"] = "fused"
    """Of the plain form: torch's fused kernel, as DynamicCity has one for GPUs, or one that holds all scores
    (at full size twice 8.6 GB)."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchVae) -> None:
    """Print and write the figures."""
    figures: dict[str, Any] = {"sizes": {**asdict(command), "out": None}}
    if command.train_frames:
        # First, while this process is small: a child's peak is not below that of the parent it comes from.
        figures["train_step"] = {form: _in_a_process(command, form) for form in FORMS}
    if command.repeats:
        figures["forward"] = _forward(command)
    for part in ("train_step", "forward"):
        for form, found in figures.get(part, {}).items():
            print(f"{part:11} {form:14} {_sentence(found)}")
    write_result(command.out, figures)


def _in_a_process(command: BenchVae, form: str) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(_train_steps, command, form).result()
    except BrokenProcessPool as error:
        raise UserError(
            f"the training step of {form} was ended by the system, usually for want of memory; choose "
            "smaller --train-frames or --train-width"
        ) from error


def _train_steps(command: BenchVae, form: str) -> dict[str, Any]:
    """Times of forward, losses and backward, and the peak of memory of all that."""
    torch.set_num_threads(command.threads)
    size = (command.train_frames, command.train_width, command.train_width, command.height)
    config, voxels = _config(size), _voxels(command.batch, size)
    run = _passes(config, command.attention, (form,))[form]
    weights = torch.ones(config.num_classes)

    def step() -> float:
        posterior, scores = run(voxels)
        total = vae_losses(scores, voxels, posterior, weights).total(VaeLossConfig())
        total.backward()
        return float(total.detach())

    before = _peak_gib()
    loss = step()
    clocks = [_clocks(step) for _ in range(command.train_repeats)]
    memory = {"peak_gib_before": before, "peak_gib": _peak_gib()}
    return {**_timings(clocks), "first_loss": loss, **memory}


def _peak_gib() -> float:
    """Resident memory of this process at most, up to now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@torch.no_grad()
def _forward(command: BenchVae) -> dict[str, Any]:
    """Times of voxels to scores, in turn, and how far the forms agree."""
    torch.set_num_threads(command.threads)
    size = (command.frames, command.width, command.width, command.height)
    voxels = _voxels(command.batch, size)
    passes = _passes(_config(size), command.attention, tuple(FORMS))
    expected = passes["plain_float32"](voxels)[1]
    agreement = {form: _agreement(run(voxels)[1], expected) for form, run in passes.items()}
    clocks: dict[str, list[tuple[float, float]]] = {form: [] for form in passes}
    for _ in range(command.repeats):
        for form, run in passes.items():
            clocks[form].append(_clocks(lambda run=run: run(voxels)))
    return {form: {**_timings(clocks[form]), **agreement[form]} for form in passes}


def _config(size: tuple[int, int, int, int]) -> HexplaneVaeConfig:
    return HexplaneVaeConfig(frames=size[0], spatial_size=size[1:], dropout=0.0)


def _voxels(batch: int, size: tuple[int, ...]) -> Tensor:
    """Half of them free, the others of any class."""
    random = torch.Generator().manual_seed(0)
    classes = torch.randint(12, (batch, *size), generator=random, dtype=torch.uint8)
    return classes * torch.randint(2, classes.shape, generator=random, dtype=torch.uint8)


def _passes(config: HexplaneVaeConfig, attention: str, forms: tuple[str, ...]) -> dict[str, Pass]:
    """Voxels to posterior and scores of its mean, by form, all with the same weights."""
    torch.manual_seed(0)
    ours = HexplaneVae(config)
    with torch.no_grad():
        for parameter in ours.parameters():
            if not parameter.any():  # those that begin at zero take part too
                parameter.normal_(std=0.05)
    kernel: AttentionKernel = F.scaled_dot_product_attention if attention == "fused" else softmax_attention
    passes: dict[str, Pass] = {}
    for form in forms:
        kind, precision = FORMS[form]
        if kind == "plain":
            plain = PlainVae(config, kernel)
            plain.load_state_dict(ours.state_dict())
            passes[form] = _plain_pass(plain)
        else:
            passes[form] = _our_pass(ours, precision)
    return passes


def _plain_pass(network: PlainVae) -> Pass:
    def run(voxels: Tensor) -> tuple[Posterior, Tensor]:
        mean, log_variance, scores = network(voxels)
        return Posterior(mean, log_variance), scores

    return run


def _our_pass(network: HexplaneVae, precision: Precision) -> Pass:
    def run(voxels: Tensor) -> tuple[Posterior, Tensor]:
        with autocast(voxels.device, precision):
            posterior = network.encode(voxels)
            return posterior, network.decode(posterior.mean)

    return run


def _clocks(function: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds that passed, and of the processors divided by the threads."""
    start, start_of_processors = time.perf_counter(), time.process_time()
    function()
    passed, busy = time.perf_counter() - start, time.process_time() - start_of_processors
    return 1e3 * passed, 1e3 * busy / torch.get_num_threads()


def _timings(clocks: list[tuple[float, float]]) -> dict[str, Any]:
    passed, busy = ([pair[which] for pair in clocks] for which in (0, 1))
    return {"ms": asdict(Timing.of(passed)), "processor_ms": asdict(Timing.of(busy))}


def _agreement(scores: Tensor, expected: Tensor) -> dict[str, float]:
    return {
        "largest_difference": float((scores.float() - expected).abs().max()),
        "same_class": float((scores.argmax(2) == expected.argmax(2)).double().mean()),
    }


def _sentence(found: dict[str, Any]) -> str:
    rest = ", ".join(f"{name} {value:.5g}" for name, value in found.items() if isinstance(value, float))
    return f"{Timing(**found['ms'])}, processors {found['processor_ms']['median']:.0f} ms; {rest}"


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchVae, description=__doc__))
