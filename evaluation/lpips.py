"""LPIPS: how different two images look, measured in the features of a network that names objects.

Ours reads the published weight files: the `lpips` package itself needs torchvision.

Source: R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018,
eq. 1.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.errors import UserError
from core.files import explain
from core.weights import (
    BACKBONE_FILES,
    FETCH_COMMAND,
    LINEAR_FILES,
    NetworkName,
    find_weights,
    weight_folders,
)


def _conv(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, padding: int = 1
) -> list[nn.Module]:
    return [nn.Conv2d(channels_in, channels_out, kernel, stride, padding), nn.ReLU()]


def _vgg16() -> list[list[nn.Module]]:
    """VGG-16 up to relu5_3 in stages; features are taken at the end of each.

    Source: K. Simonyan, A. Zisserman, "Very deep convolutional networks", ICLR 2015, table 1, column D.
    """
    return [
        _conv(3, 64) + _conv(64, 64),
        [nn.MaxPool2d(2), *_conv(64, 128), *_conv(128, 128)],
        [nn.MaxPool2d(2), *_conv(128, 256), *_conv(256, 256), *_conv(256, 256)],
        [nn.MaxPool2d(2), *_conv(256, 512), *_conv(512, 512), *_conv(512, 512)],
        [nn.MaxPool2d(2), *_conv(512, 512), *_conv(512, 512), *_conv(512, 512)],
    ]


def _alexnet() -> list[list[nn.Module]]:
    """AlexNet's convolutions in stages; features are taken at the end of each.

    Source: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
    """
    return [
        _conv(3, 64, kernel=11, stride=4, padding=2),
        [nn.MaxPool2d(3, 2), *_conv(64, 192, kernel=5, padding=2)],
        [nn.MaxPool2d(3, 2), *_conv(192, 384)],
        _conv(384, 256),
        _conv(256, 256),
    ]


class Lpips(nn.Module):
    """The distance of two images; made by `load_lpips`.

    Args:
        name: which network.
        like_inria: feed [0, 1] where the network expects [-1, 1], as Inria's evaluation does; only so can
            numbers be compared with those that the 3DGS literature prints.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, name: NetworkName = "vgg", like_inria: bool = True) -> None:
        super().__init__()
        stages = {"vgg": _vgg16, "alex": _alexnet}[name]()
        self.features = nn.Sequential(
            *(layer for stage in stages for layer in stage)
        )  # numbered as torchvision's
        self.taps = frozenset(sum(len(stage) for stage in stages[: i + 1]) - 1 for i in range(len(stages)))
        widths = [
            [layer for layer in stage if isinstance(layer, nn.Conv2d)][-1].out_channels for stage in stages
        ]
        self.linear = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths)
        self.like_inria = like_inria
        self.smallest_side = {"vgg": 16, "alex": 31}[
            name
        ]  # the last pooling then still has something to pool
        # Mean and deviation of ImageNet, carried over from [0, 1] to [-1, 1].
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1))
        self.requires_grad_(False)

    def forward(self, image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> float:
        """The distance of two images in [0, 1]; 0 for equal ones. No side may be below `smallest_side`."""
        return float(self.distance(image, target))

    def distance(self, image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> Float[Tensor, ""]:
        """The same distance, differentiable to both."""
        pair = torch.stack([image, target]).movedim(-1, 1)
        x = ((pair if self.like_inria else 2 * pair - 1) - self.shift) / self.scale
        distance, stage = image.new_zeros(()), 0
        for position, layer in enumerate(self.features):
            x = layer(x)
            if position in self.taps:
                # A norm, not the root of a sum: its derivative is zero, not undefined, where nothing is seen.
                unit = x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10)
                squared = (unit[0] - unit[1]).square().mean((1, 2))
                distance = distance + squared @ self.linear[stage]
                stage += 1
        return distance


def load_lpips(name: NetworkName = "vgg", like_inria: bool = True) -> Lpips | None:
    """The metric with its published weights, or None when their files are not on this machine.

    Raises:
        UserError: a file is there, but it does not hold such weights.
    """
    linear_path, backbone_path = _weight_files(name)
    if linear_path is None or backbone_path is None:
        return None
    metric = Lpips(name, like_inria)
    wanted = {f"lin{i}.model.1.weight": weight.view(1, -1, 1, 1) for i, weight in enumerate(metric.linear)}
    _fill(wanted, linear_path)
    _fill({f"features.{key}": value for key, value in metric.features.state_dict().items()}, backbone_path)
    return metric.eval()


def has_weights(name: NetworkName) -> bool:
    """Whether the published weights are on this machine."""
    return None not in _weight_files(name)


def how_to_get(name: NetworkName) -> str:
    """The sentence for a table without LPIPS."""
    files = f"{LINEAR_FILES[name]} and {BACKBONE_FILES[name]}"
    return f"no LPIPS without {files} in {weight_folders()[0]}; `{FETCH_COMMAND}` fetches them"


def _weight_files(name: NetworkName) -> tuple[Path | None, Path | None]:
    """Those of the channels, and those of the network."""
    return find_weights(LINEAR_FILES[name]), find_weights(BACKBONE_FILES[name])


def _fill(wanted: Mapping[str, Tensor], path: Path) -> None:
    """Copy the tensors of a file into `wanted`, in place. Others in the file (a classifier) are ignored."""
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise UserError(f"{path} is damaged; remove it and run `{FETCH_COMMAND}`") from error
    for key, tensor in wanted.items():
        value = stored.get(key) if isinstance(stored, Mapping) else None
        if not isinstance(value, Tensor) or value.shape != tensor.shape:
            raise UserError(
                f"{path} lacks {key} of shape {tuple(tensor.shape)}; remove it and run `{FETCH_COMMAND}`"
            )
        tensor.copy_(value)
