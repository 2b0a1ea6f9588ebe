"""Features of sequences of occupancy: by a network, by counting, and by pictures from above."""

import inspect
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from core.errors import UserError
from evaluation.feature_network import FeatureNetwork
from scene.occupancy.pictures import bird_eye
from scene.occupancy.sequence import Occupancy

COUNTED = "counted"
"""The name of `counted_features` in reports."""


def network_features(network: FeatureNetwork, sequences: Sequence[Occupancy]) -> Float[Tensor, "N F"]:
    """Features by a trained network: see `FeatureNetwork.summarise`.

    Raises:
        UserError: the sequences have other classes or voxels than the network was trained on.
    """
    for each in sequences:
        _check(network, each)
    return torch.stack([network.features(each.classes) for each in sequences])


def counted_features(sequences: Sequence[Occupancy]) -> Float[Tensor, "N F"]:
    """Features that no network has a part in, as a second opinion.

    Square roots of: the share of each class in each layer of height and in each quarter of the ground plan,
    over all frames, and for each class the share of voxels that become it from one frame to the next. The
    root lets rare classes be heard, and makes distances those of Hellinger.
    """
    return torch.stack([_counted(each) for each in sequences])


def _counted(sequence: Occupancy) -> Float[Tensor, "F"]:
    classes, count = sequence.classes, len(sequence.class_set)
    x, y = (size // 2 for size in sequence.grid.size[:2])
    quarters = [
        part for half in (classes[:, :x], classes[:, x:]) for part in (half[:, :, :y], half[:, :, y:])
    ]
    regions = [*classes.unbind(3), *quarters]
    shares = [region.flatten().long().bincount(minlength=count) / region.numel() for region in regions]
    later, changed = classes[1:], classes[1:] != classes[:-1]
    arrivals = later[changed].long().bincount(minlength=count) / max(later.numel(), 1)
    return torch.cat([*shares, arrivals]).float().sqrt()


def load_picture_network(path: Path) -> torch.jit.ScriptModule:
    """A network for `picture_features` that its owner has as TorchScript.

    Such a file is a program; it is run, so that it must come from someone who is trusted.

    Raises:
        UserError: the file is missing or no TorchScript.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist; a TorchScript file from images to features was expected")
    try:
        return torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path} is no TorchScript module ({first_line}); export it with torch.jit"
        ) from error


@torch.no_grad()
def picture_features(
    network: torch.jit.ScriptModule, sequences: Sequence[Occupancy], pixels_per_voxel: int = 4
) -> Float[Tensor, "N F"]:
    """Features of the frames from above, averaged over time.

    Args:
        network: takes uint8 images [N,3,H,W] and returns features [N,F], as the TorchScript export of the
            Inception network of TensorFlow (2015-12-05) does when asked to by `return_features=True`.
        sequences: to be looked at.
        pixels_per_voxel: edge of a voxel in the pictures.

    Raises:
        UserError: the network refuses the images, or returns something else.
    """
    extra = {"return_features": True} if _takes(network, "return_features") else {}
    rows = []
    for each in sequences:
        pictures = [torch.from_numpy(bird_eye(each, t, pixels_per_voxel)) for t in range(len(each))]
        images = torch.stack(pictures).permute(0, 3, 1, 2)
        try:
            found = network(images, **extra)
        except RuntimeError as error:
            last_line = str(error).strip().splitlines()[-1]
            raise UserError(
                f"the picture network does not take uint8 images {list(images.shape)} ({last_line})"
            ) from error
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images):
            came = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise UserError(
                f"the picture network returned {came} for {len(images)} images; [N,F] was expected"
            )
        rows.append(found.float().mean(0))
    return torch.stack(rows)


def _takes(network: torch.jit.ScriptModule, argument: str) -> bool:
    schema = getattr(network.forward, "schema", None)
    if schema is None:
        return argument in inspect.signature(network.forward).parameters
    return any(each.name == argument for each in schema.arguments)


def _check(network: FeatureNetwork, sequence: Occupancy) -> None:
    wanted, grid = network.description, sequence.grid
    same_voxels = all(abs(a - b) < 1e-6 for a, b in zip(grid.voxel_m, wanted.voxel_m, strict=True))
    if (sequence.class_set.name, len(sequence.class_set)) != (wanted.class_set, wanted.classes):
        raise UserError(
            f"the feature network was trained on classes {wanted.class_set!r} ({wanted.classes}), the "
            f"sequences have {sequence.class_set.name!r} ({len(sequence.class_set)}); train another network"
        )
    if not same_voxels:
        raise UserError(
            f"the feature network was trained on voxels of {wanted.voxel_m} m, the sequences have "
            f"{grid.voxel_m} m; train another network"
        )
