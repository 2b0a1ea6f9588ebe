"""A network that sums up two consecutive frames of voxels in a few numbers, and the file it is kept in.

Published scores of generated occupancy come from networks that nobody else has. This one is small, trained
from a fixed seed on the reference data itself (`feature_training`), and kept with a description of how it
came about. Numbers compare only where the fingerprint of the network is the same.
"""

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import safetensors
import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from safetensors.torch import save_file
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_write, explain
from core.serialization import config_from_json, config_to_json

_DESCRIPTION = "description"
_EMBEDDING = 8


@dataclass(frozen=True)
class Description:
    """What a feature network is, and what it was trained on."""

    class_set: str
    """Name of the classes."""
    classes: int
    """How many there are."""
    voxel_m: tuple[float, float, float]
    """Edges of the voxels."""
    seconds_per_frame: float
    """Time between the two frames."""
    channels: int
    """Numbers of a cell behind the last down-sampling."""
    seed: int
    """Of its first weights and of the order of data."""
    steps: int
    """Of training."""
    sequences: int
    """It was trained on."""
    data_fingerprint: str
    """Of the voxels that it was trained on."""


class FeatureNetwork(nn.Module):
    """An autoencoder of the classes of two consecutive frames.

    Seeing two frames, it has to keep how things moved between them. Three strided convolutions make 8 x 8 x 8
    voxels one cell, whatever the size of the grid.

    Args:
        description: of this network; says its size.
    """

    centre: Tensor
    deviation: Tensor

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description
        width = description.channels
        self.embedding = nn.Embedding(description.classes, _EMBEDDING)
        widths = (2 * _EMBEDDING, max(8, width // 2), width, width)
        self.down = nn.ModuleList(nn.Conv3d(i, o, 3, stride=2, padding=1) for i, o in pairwise(widths))
        upward = (width, width, max(8, width // 2), 2 * description.classes)
        self.up = nn.ModuleList(nn.ConvTranspose3d(i, o, 2, stride=2) for i, o in pairwise(upward))
        # Features are told in standard deviations of the training set, so that none drowns the others.
        self.register_buffer("centre", torch.zeros(2 * width))
        self.register_buffer("deviation", torch.ones(2 * width))

    def encode(self, pairs: Integer[Tensor, "B 2 X Y Z"]) -> Float[Tensor, "B C x y z"]:
        """Cells of two frames.

        Args:
            pairs: classes in an earlier frame and in the next.
        """
        embedded = self.embedding(pairs.long())
        cells = embedded.permute(0, 1, 5, 2, 3, 4).flatten(1, 2)
        for layer in self.down[:-1]:
            cells = F.gelu(layer(cells))
        return self.down[-1](cells)

    def forward(self, pairs: Integer[Tensor, "B 2 X Y Z"]) -> Float[Tensor, "B K 2 X Y Z"]:
        """Logits of the classes of the same two frames, from the cells alone."""
        cells = self.encode(pairs)
        for layer in self.up:
            cells = layer(F.gelu(cells))
        x, y, z = pairs.shape[2:]
        return cells[..., :x, :y, :z].unflatten(1, (-1, 2))

    def summarise(self, classes: Integer[Tensor, "T X Y Z"]) -> Float[Tensor, "F"]:
        """Features of a sequence, before they are scaled: 2 C numbers.

        The first half are the cells of all pairs of consecutive frames, averaged over the grid and over time:
        what there is, and how it moves from frame to frame. The second half is by how much the same cell
        changes from one pair to the next, averaged likewise: how steadily it does. A single frame makes a
        pair with itself.
        """
        earlier, later = (classes, classes) if len(classes) == 1 else (classes[:-1], classes[1:])
        cells = self.encode(torch.stack([earlier, later], dim=1))
        changes = cells.diff(dim=0).abs().mean((2, 3, 4))
        change = changes.mean(0) if len(changes) else torch.zeros_like(cells[0, :, 0, 0, 0])
        return torch.cat([cells.mean((0, 2, 3, 4)), change])

    @torch.no_grad()
    def features(self, classes: Integer[Tensor, "T X Y Z"]) -> Float[Tensor, "F"]:
        """Features of a sequence in standard deviations of the training set."""
        return (self.summarise(classes.to(self.centre.device)) - self.centre) / self.deviation

    @property
    def fingerprint(self) -> str:
        """Twelve letters that only this network has."""
        return tensor_fingerprint([each for _, each in sorted(self.state_dict().items())])


def tensor_fingerprint(tensors: list[Tensor]) -> str:
    """The first twelve letters of a hash of all bytes."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()[:12]


def save_network(path: Path, network: FeatureNetwork) -> None:
    """Write a network with its description, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    tensors = {name: each.detach().cpu().contiguous() for name, each in network.state_dict().items()}
    described = {_DESCRIPTION: json.dumps(config_to_json(network.description))}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=described)


def load_network(path: Path) -> FeatureNetwork:
    """What `save_network` wrote.

    Raises:
        UserError: the file is missing, damaged, or another kind of file.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_DESCRIPTION)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if text is None:
            raise ValueError("it has no description")
        network = FeatureNetwork(config_from_json(Description, json.loads(text)))
        network.load_state_dict(tensors)
    except OSError as error:
        raise explain(error, path, "read") from error
    except (safetensors.SafetensorError, ValueError, RuntimeError, UserError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path} is no feature network ({first_line}); restore the file, or remove it and train one anew"
        ) from error
    return network.eval()
