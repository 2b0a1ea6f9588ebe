"""Latents of many windows in files: written once by the autoencoder, read at random by the diffusion.

A folder has `latents.json`, which says whose latents they are, and for each split shards of a few hundred
windows, each a safetensors file:

    rollout         [N, C, H, W]   float16, the mean of the posterior as a padded rollout
    world_from_ego  [N, T, 4, 4]   float64; not there where poses are unknown
    layout          [N, T, u, v]   uint8, vehicles from above
    scene, first    [N]            int64, place of the scene in `latents.json`, first frame of the window
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from jaxtyping import Float16, Float64, UInt8
from safetensors.torch import save_file
from torch import Tensor

from core.errors import UserError
from core.files import atomic_write, explain, make_folder, read_json, write_json
from core.serialization import config_from_json, config_to_json
from generation.rollout import LatentSize
from scene.occupancy.sequence import Grid

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True)
class LatentFacts:
    """What all latents of a folder share."""

    vae: str
    """Fingerprint of the autoencoder."""
    vae_path: str
    """Where its weights were."""
    data: str
    """Name of the data set."""
    classes: str
    """Name of the set of classes."""
    grid: Grid
    """Where the voxels lie."""
    seconds_per_frame: float
    """Time from one frame of a window to the next."""
    frames: int
    """Frames of a window (T)."""
    skip: int
    """Frames left out between two of a window."""
    stride: int
    """Frames from the start of a window to that of the next."""
    size: tuple[int, int, int, int]
    """Cells of the planes along t, x, y, z."""
    channels: int
    """Of the planes."""
    down_size: int
    """Columns of voxels along the edge of a layout's square."""
    windows_per_shard: int
    """Windows of every shard but a split's last."""
    train_scenes: tuple[str, ...]
    """Names of the scenes to learn from."""
    test_scenes: tuple[str, ...]
    """Names of the scenes to score on."""
    train_windows: int
    """How many windows there are to learn from."""
    test_windows: int
    """How many there are to score on."""

    def windows(self, split: Split) -> int:
        """Windows of a split."""
        return self.train_windows if split == "train" else self.test_windows

    def scenes(self, split: Split) -> tuple[str, ...]:
        """Names of a split's scenes."""
        return self.train_scenes if split == "train" else self.test_scenes

    def shards(self, split: Split) -> int:
        """Shards of a split."""
        return -(-self.windows(split) // self.windows_per_shard)

    def shard_rows(self, split: Split, shard: int) -> range:
        """The windows of a shard."""
        first = shard * self.windows_per_shard
        return range(first, min(first + self.windows_per_shard, self.windows(split)))


@dataclass(frozen=True)
class Latent:
    """A window's latents and what is known about it.

    Args:
        rollout: padded rollout of the planes.
        world_from_ego: the vehicle's poses, where they are known.
        layout: vehicles from above, 0 or 1.
        scene: name of the scene.
        first: the window's first frame there.
    """

    rollout: Float16[Tensor, "C H W"]
    world_from_ego: Float64[Tensor, "T 4 4"] | None
    layout: UInt8[Tensor, "T u v"]
    scene: str
    first: int


def facts_path(folder: Path) -> Path:
    """Where a folder says whose latents it holds."""
    return folder / "latents.json"


def shard_path(folder: Path, split: Split, shard: int) -> Path:
    """Where a shard lies."""
    return folder / split / f"{shard:05d}.safetensors"


def write_facts(folder: Path, facts: LatentFacts) -> None:
    """Write `latents.json`; a folder that holds the same latents already is left as it is.

    Raises:
        UserError: the folder holds other latents, or cannot be written.
    """
    if facts_path(folder).exists():
        found = replace(read_facts(folder), vae_path=facts.vae_path)  # the same weights may have moved
        if found != facts:
            names = [name for name in config_to_json(facts) if getattr(found, name) != getattr(facts, name)]
            raise UserError(
                f"{folder} holds other latents ({', '.join(names)} differ); choose another, or remove it"
            )
        return
    make_folder(folder)
    write_json(facts_path(folder), config_to_json(facts))


def read_facts(folder: Path) -> LatentFacts:
    """What `latents.json` says.

    Raises:
        UserError: it is missing or damaged.
    """
    path = facts_path(folder)
    if not path.exists():
        raise UserError(
            f"{folder} holds no latents.json; write latents with `python -m generation.encode` first"
        )
    return config_from_json(LatentFacts, read_json(path), f"{path}: ")


def write_shard(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a shard, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    make_folder(path.parent)
    with atomic_write(path) as temporary:
        try:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)
        except (OSError, safetensors.SafetensorError) as error:
            raise UserError(f"{path} cannot be written ({error}); free some space") from error


def is_whole(path: Path, windows: int) -> bool:
    """Whether a shard is there with all its windows; False where it is missing or damaged."""
    if not path.exists():
        return False
    try:
        with safetensors.safe_open(path, "pt") as file:
            return file.get_slice("rollout").get_shape()[0] == windows
    except (OSError, safetensors.SafetensorError):
        return False


class LatentSplit:
    """The latents of a split, read from their shards when they are asked for.

    Args:
        folder: of the latents.
        split: which of them.

    Raises:
        UserError: `latents.json` or a shard is missing or damaged.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.split: Split = split
        self.facts = read_facts(folder)
        self._shards: dict[int, Any] = {}
        place: dict[tuple[int, int], int] = {}
        for shard in range(self.facts.shards(split)):
            rows = self.facts.shard_rows(split, shard)
            scenes, firsts = (self._tensor(shard, name).tolist() for name in ("scene", "first"))
            if len(scenes) != len(rows):
                raise self._broken(shard, f"it has {len(scenes)} windows where {len(rows)} were expected")
            place.update(zip(zip(scenes, firsts, strict=True), rows, strict=True))
        self._place = place
        self._where = {row: key for key, row in place.items()}

    def __len__(self) -> int:
        return self.facts.windows(self.split)

    def __getitem__(self, row: int) -> Latent:
        shard, inside = divmod(row, self.facts.windows_per_shard)
        scene, first = self._where[row]
        poses = self._row(shard, "world_from_ego", inside) if self.has_poses else None
        return Latent(
            rollout=self._row(shard, "rollout", inside),
            world_from_ego=poses,
            layout=self._row(shard, "layout", inside),
            scene=self.facts.scenes(self.split)[scene],
            first=first,
        )

    @property
    def size(self) -> LatentSize:
        """Of the planes."""
        return LatentSize(*self.facts.size)

    @property
    def has_poses(self) -> bool:
        """Whether the vehicle's poses are known."""
        return len(self) > 0 and "world_from_ego" in self._open(0).keys()  # noqa: SIM118 (it is no mapping)

    def previous(self, row: int) -> int | None:
        """The window that ends where another begins, in the same scene; None if there is none."""
        scene, first = self._where[row]
        return self._place.get((scene, first - self.facts.frames * (self.facts.skip + 1)))

    def rollouts(self, rows: list[int]) -> Float16[Tensor, "N C H W"]:
        """Several rollouts."""
        return torch.stack([self[row].rollout for row in rows])

    def _open(self, shard: int) -> Any:
        if shard not in self._shards:
            path = shard_path(self.folder, self.split, shard)
            try:
                # The handle stays open: rows are then read through a map of the file into memory.
                self._shards[shard] = safetensors.safe_open(path, "pt").__enter__()
            except OSError as error:
                raise explain(error, path, "read") from error
            except safetensors.SafetensorError as error:
                raise self._broken(shard, str(error)) from error
        return self._shards[shard]

    def _tensor(self, shard: int, name: str) -> Tensor:
        try:
            return self._open(shard).get_tensor(name)
        except safetensors.SafetensorError as error:
            raise self._broken(shard, str(error)) from error

    def _row(self, shard: int, name: str, row: int) -> Tensor:
        try:
            return self._open(shard).get_slice(name)[row]
        except safetensors.SafetensorError as error:
            raise self._broken(shard, str(error)) from error

    def _broken(self, shard: int, reason: str) -> UserError:
        path = shard_path(self.folder, self.split, shard)
        return UserError(
            f"{path} is damaged ({reason}); repeat `python -m generation.encode`, which mends it"
        )
