"""The full-size network on pairs of images: time, and what rounding to bfloat16 changes.

python -m benchmarks.bench_predictor

Weights are noise of the scale at which activations keep their size; times do not depend on them. Beside the
time that passes stands the processors' time divided by their number: on a machine that others use too, it is
the better guess of what an idle one would take.
"""

import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measuring import write_result
from core import cli
from dynamic_predictor.network.inference import InferenceOptions, forecast, predict_pairs, prepare
from dynamic_predictor.network.model import MaskSides, Network, NetworkConfig, PairPrediction

GAIN = 1.5  # uniform weights of this over the square root of the fan-in keep the variance
DEPTH_BIAS = 1.0  # of the raw z: things are in front of the camera
_PRODUCTS = 20


@dataclass(frozen=True)
class BenchPredictor:
    """Measure pairs of images through the full-size network."""

    width: int = 512
    """Pixels."""
    height: int = 288
    """Pixels."""
    repeats: int = 3
    """Of each measurement; the best counts."""
    frames: int = 50
    """Of the clip whose time is added up."""
    directed_pairs: int = 450
    """Of that clip."""
    dynamic: MaskSides = "both"
    """Of which image of a pair moving things are asked for."""
    compare: bool = True
    """Also run one pair in float32 and compare."""
    out: Path | None = None
    """JSON file for the figures."""


def bench(command: BenchPredictor) -> None:
    """Print and write the figures."""
    network = _network()
    images = [_image(seed, command.height, command.width) for seed in range(2)]
    options = InferenceOptions(dynamic=command.dynamic)
    figures: dict[str, object] = {
        "width": command.width,
        "height": command.height,
        "dynamic": command.dynamic,
    }
    figures["product_gflops_a_thread"] = _product_rate()
    device = torch.device("cpu")
    expected: PairPrediction | None = None
    if command.compare:
        network = prepare(network, device, "float32")
        seconds, (_, expected) = _best(lambda: _one_pair(network, images, options), 1)
        figures |= _named("float32_pair", seconds)
    network = prepare(network, device)
    seconds, (_, found) = _best(lambda: _one_pair(network, images, options), command.repeats)
    figures |= _named("pair", seconds)
    if expected is not None:
        figures |= _differences(found, expected)
    figures |= _clip(network, images, command)
    figures["forecast_gib"] = (
        forecast(network, [(command.height, command.width)] * command.frames).total / 2**30
    )
    figures["peak_resident_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")
    write_result(command.out, figures)


def _network() -> Network:
    with torch.device("meta"):
        network = Network(NetworkConfig())
    network.to_empty(device="cpu")
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            scale = GAIN / math.sqrt(parameter[0].numel()) if parameter.dim() > 1 else 0.1
            parameter.uniform_(-scale, scale, generator=random)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1.0)
        for head in (network.downstream_head1, network.downstream_head2):
            head.get_parameter("dpt.head.4.bias")[2] = DEPTH_BIAS
    return network


def _image(seed: int, height: int, width: int) -> Tensor:
    """Smooth noise."""
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")[0] * 2 - 1


def _best(
    function: Callable[[], tuple[int, PairPrediction]], repeats: int
) -> tuple[Tensor, tuple[int, PairPrediction]]:
    """Seconds (passed, of a processor) of the fastest call after one that warms up, and what it returned."""
    result = function()
    times = []
    for _ in range(repeats):
        start = _clocks()
        result = function()
        times.append(_clocks() - start)
    return torch.stack(times).amin(0), result


def _clocks() -> Tensor:
    """Time, and the processors' time in this process divided by the number of threads."""
    processors = time.process_time() / torch.get_num_threads()
    return torch.tensor([time.perf_counter(), processors], dtype=torch.float64)


def _named(name: str, seconds: Tensor) -> dict[str, object]:
    return {f"{name}_s": float(seconds[0]), f"{name}_processor_s": float(seconds[1])}


def _product_rate() -> float:
    """GFLOP/s of a thread in a product of the encoder's size in bfloat16, by its processor time.

    How fast the machine is just then: where others share it, the figures beside it go with this one.
    """
    tokens, width = 1152, 1024
    x, weight = (torch.ones(rows, width, dtype=torch.bfloat16) for rows in (tokens, 4 * width))

    def seconds() -> float:
        start = time.process_time()
        torch.nn.functional.linear(x, weight)
        return time.process_time() - start

    return 2e-9 * tokens * width * 4 * width / min(seconds() for _ in range(_PRODUCTS))


def _one_pair(
    network: Network, images: list[Tensor], options: InferenceOptions
) -> tuple[int, PairPrediction]:
    [result] = predict_pairs(network, images, [(0, 1)], options)
    return result


def _clip(network: Network, images: list[Tensor], command: BenchPredictor) -> dict[str, object]:
    """A clip's time from that of its parts: encoding images, and decoding pairs of encoded ones.

    Two runs over pairs of the same two images differ in decoding alone.
    """
    options = InferenceOptions(dynamic=command.dynamic)

    def seconds(pairs: int) -> Tensor:
        edges = [(0, 1), (1, 0)] * (pairs // 2)
        start = _clocks()
        for _ in predict_pairs(network, images, edges, options):
            pass
        return _clocks() - start

    two = torch.stack([seconds(2) for _ in range(command.repeats)]).amin(0)
    six = torch.stack([seconds(6) for _ in range(command.repeats)]).amin(0)
    pair = (six - two) / 4
    image = (two - 2 * pair) / 2
    total = command.frames * image + command.directed_pairs * pair
    per_pair = total / command.directed_pairs
    named = {"image": image, "decoded_pair": pair, "clip": total, "clip_per_pair": per_pair}
    return {key: value for name, times in named.items() for key, value in _named(name, times).items()}


def _differences(found: PairPrediction, expected: PairPrediction) -> dict[str, object]:
    """Medians over pixels."""
    distance = torch.linalg.vector_norm(expected.pts3d_1, dim=-1)
    to_unit = math.log(2.0) / float(distance.log1p().median())
    figures: dict[str, object] = {
        "median_distance": float(distance.median()),
        "median_depth_difference": _depth_difference(found.pts3d_1, expected.pts3d_1),
        "median_depth_difference_at_unit_distance": _depth_difference(
            _rescaled(found.pts3d_1, to_unit), _rescaled(expected.pts3d_1, to_unit)
        ),
        "median_confidence_difference": float((found.conf_1 / expected.conf_1 - 1).abs().median()),
    }
    if found.dynamic_1 is not None and expected.dynamic_1 is not None:
        figures["largest_probability_difference"] = float((found.dynamic_1 - expected.dynamic_1).abs().max())
    return figures


def _depth_difference(found: Tensor, expected: Tensor) -> float:
    return float((found[..., 2] / expected[..., 2] - 1).abs().median())


def _rescaled(points: Tensor, factor: float) -> Tensor:
    """The points that a network puts out whose last layer of the point head is `factor` times as large.

    Published weights were trained on points at a mean distance of 1; noise says something larger. A distance
    is an exponential of what that layer puts out, so that its error grows with it.
    """
    distance = torch.linalg.vector_norm(points, dim=-1, keepdim=True)
    return points / distance * (factor * distance.log1p()).expm1()


if __name__ == "__main__":
    sys.exit(cli.run(bench, BenchPredictor, description=__doc__))
