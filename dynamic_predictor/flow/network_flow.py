"""Flow by a published network: its weight file, its sizes, its device."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from core.devices import best_device
from core.errors import UserError
from core.files import explain
from core.weights import find_weights, weight_folders
from dynamic_predictor.flow.layers import SCALE
from dynamic_predictor.flow.raft import Raft
from dynamic_predictor.flow.sea_raft import SeaRaft

FlowNetworkName = Literal["raft", "sea-raft"]

# The coarsest level of the correlation pyramid, at 1/64 of the size, needs a pixel.
_LEAST_SIDE = 64


@dataclass(frozen=True)
class Published:
    """A network as its authors publish it.

    Args:
        file: name of the weight file.
        network: makes it.
        refinements: how many steps it takes by default.
    """

    file: str
    network: Callable[[], nn.Module]
    refinements: int


PUBLISHED: Mapping[FlowNetworkName, Published] = {
    "raft": Published("raft-sintel.pth", Raft, refinements=20),
    "sea-raft": Published("Tartan-C-T-TSKH-spring540x960-M.pth", SeaRaft, refinements=4),
}


class NetworkFlow:
    """Flow by RAFT or SEA-RAFT.

    Args:
        network: takes two images, a number of refinements, and a guess or None.
        refinements: how many steps it takes.
        device: where it computes, wherever the frames are.
    """

    def __init__(self, network: nn.Module, refinements: int, device: torch.device) -> None:
        self._network = network.eval().to(device)
        self._refinements = refinements
        self._device = device

    @torch.inference_mode()
    def __call__(
        self,
        source: UInt8[Tensor, "H W 3"],
        target: UInt8[Tensor, "H W 3"],
        initial: Float[Tensor, "H W 2"] | None = None,
    ) -> Float[Tensor, "H W 2"]:
        """Displacements (x, y) in pixels from the source's pixels, on the source's device.

        Args:
            source: sRGB, 8 bit, of any size.
            target: of the same size.
            initial: a guess to start from.
        """
        height, width = source.shape[:2]
        top, left = ((_padded(side) - side) // 2 for side in (height, width))
        images = [_padded_planes(frame.to(self._device).float() / 127.5 - 1) for frame in (source, target)]
        guess = None
        if initial is not None:
            guess = F.avg_pool2d(_padded_planes(initial.to(images[0])), SCALE) / SCALE
        flow = self._network(*images, self._refinements, guess)[0]
        return flow[:, top : top + height, left : left + width].permute(1, 2, 0).to(source.device)


def _padded(side: int) -> int:
    return max(_LEAST_SIDE, -(-side // SCALE) * SCALE)


def _padded_planes(image: Float[Tensor, "H W C"]) -> Float[Tensor, "1 C h w"]:
    """An image as planes whose sides suit the networks: its border is repeated outwards on all sides."""
    spare = [_padded(side) - side for side in image.shape[:2]]
    left, top = spare[1] // 2, spare[0] // 2
    pads = (left, spare[1] - left, top, spare[0] - top)
    return F.pad(image.permute(2, 0, 1)[None], pads, mode="replicate")


def load_flow(name: FlowNetworkName, refinements: int | None = None) -> NetworkFlow:
    """A network with its published weights.

    Args:
        name: which network.
        refinements: how many steps it takes; by default as many as its authors' tools take.

    Raises:
        UserError: its weight file is not there, or is not what it should be.
    """
    published = PUBLISHED[name]
    path = find_weights(published.file) or find_weights(f"{Path(published.file).stem}.safetensors")
    fetch = f"python -m data.download_weights {name}"
    if path is None:
        raise UserError(
            f"--flow {name} needs {published.file} in {weight_folders()[0]}; `{fetch}` fetches it (licence: "
            "BSD-3-Clause), and --flow dis needs no file"
        )
    network = published.network()
    try:
        fill(network, _read(path))
    except OSError as error:
        raise explain(error, path, "read") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, SafetensorError) as error:
        raise UserError(f"{path} does not hold the weights of {name}; remove it and run `{fetch}`") from error
    steps = published.refinements if refinements is None else refinements
    return NetworkFlow(network, steps, best_device())


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def fill(network: nn.Module, stored: object) -> None:
    """Copy published weights into a network; every name and shape has to fit.

    Args:
        network: is changed.
        stored: a state dict; names may begin with `module.`, as they do when a network ran on several GPUs.
            Of a tensor with two names one is enough, since safetensors keep one.

    Raises:
        ValueError: it is no state dict, a name has no place, or a tensor is missing.
        RuntimeError: a shape does not fit.
    """
    if not isinstance(stored, Mapping):
        raise ValueError("a state dict was expected")
    weights = {str(name).removeprefix("module."): value for name, value in stored.items()}
    own = network.state_dict(keep_vars=True)
    filled = {id(own[name]) for name in weights if name in own}
    strange = [name for name in weights if name not in own]
    missing = [name for name, tensor in own.items() if id(tensor) not in filled]
    if strange or missing:
        raise ValueError(f"names without a place: {strange[:3]}; tensors that are missing: {missing[:3]}")
    network.load_state_dict(weights, strict=False)
