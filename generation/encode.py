"""`python -m generation.encode --vae WEIGHTS -s SOURCE -o LATENTS`: a data set through the autoencoder.

Repeated, the command writes the shards that are missing or damaged. Under `torchrun` processes share them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from core import cli
from core.distributed import Team, joined
from core.errors import UserError
from core.progress import Progress, quiet_unless, say
from core.randomness import generator
from generation.latents import SPLITS, LatentFacts, Split, is_whole, shard_path, write_facts, write_shard
from generation.legacy_dumps import LegacyDumps
from generation.precision import autocast
from generation.rollout import LatentSize, roll_out, unroll
from generation.vae.checkpoints import LoadedVae, load_vae
from generation.vae.model import HexplaneVae
from scene.datasets.occupancy import open_occupancy
from scene.occupancy.layouts import layout
from scene.occupancy.scenes import OccupancyData
from scene.occupancy.sequence import Occupancy
from scene.occupancy.windows import Windows

_TIMES_AGREE = 0.05
"""Share of a frame that times of two data sets may differ by and count as the same."""


@dataclass(frozen=True)
class EncodeCommand:
    """Write the latents of a data set, with what a diffusion transformer may be conditioned by."""

    vae: Path
    """Weights of the autoencoder: ours, or a published .ckpt."""
    source: Annotated[Path, cli.flag("-s", "--source-path")]
    """Occupancy: a folder of CarlaSC, of our towns, of lidar made into occupancy, or of Occ3D."""
    output: Annotated[Path, cli.flag("-o")]
    """Folder of the latents."""
    skip: int | None = None
    """Frames left out between two of a window; by default the windows take as long as those that the
    autoencoder has learned."""
    stride: int = 1
    """Frames from the start of a window to the start of the next."""
    down_size: int = 4
    """Columns of voxels along the edge of a layout's square."""
    windows_per_shard: int = 256
    """Windows of a file."""
    batch_size: int = 4
    """Windows encoded together."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the layers compute in."""
    save_rollout: bool = False
    """Also write a file for each window as DynamicCity does: rollout/DATA/VAE/SPLIT/SCENE/FRAME.npz."""
    save_layout: int = 0
    """Also write layouts as DynamicCity does, with squares of so many columns; 0 = none."""
    save_voxel: int = 0
    """Also decode so many windows of each split, and write them beside the true ones; 0 = none."""
    seed: int = 0
    """Of the choice of windows to decode."""

    def __post_init__(self) -> None:
        for name in ("stride", "down_size", "windows_per_shard", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: at least 1 was expected, got {getattr(self, name)}")
        for name in ("skip", "save_layout", "save_voxel", "seed"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name}: a number from 0 on was expected, got {getattr(self, name)}")


def encode(command: EncodeCommand) -> None:
    """Write latents, or those that are missing.

    Raises:
        UserError: weights or scenes cannot be read or do not go together, or a file cannot be written.
    """
    with joined() as team, quiet_unless(team.leads):
        loaded = load_vae(command.vae)
        data = open_occupancy(command.source)
        check_fits(command, loaded, data)
        skip = skip_of(loaded, data) if command.skip is None else command.skip
        windows: dict[Split, Windows] = {
            split: Windows(scenes, loaded.network.config.frames, skip, command.stride)
            for split, scenes in zip(SPLITS, (data.train, data.test), strict=True)
            if scenes
        }
        facts = facts_of(command, loaded, data, windows, skip)
        write_facts(command.output, facts)  # each process does, so that each sees what is wrong
        has_poses = all(scene.world_from_ego is not None for scene in (*data.train, *data.test))
        encoder = _Encoder(command, loaded.network.to(team.device), facts, has_poses, team)
        for split in SPLITS:
            if split in windows:
                encoder.write_split(split, windows[split])
        team.wait()
        say(f"{facts.train_windows} and {facts.test_windows} windows are in {command.output}")


def skip_of(loaded: LoadedVae, data: OccupancyData) -> int:
    """How many frames windows leave out to run as fast as those that an autoencoder has learned.

    Raises:
        UserError: the data set's frames are too far apart.
    """
    seconds = (*data.train, *data.test)[0].seconds_per_frame
    steps = loaded.seconds_per_frame / seconds
    if round(steps) < 1 or abs(steps - round(steps)) > _TIMES_AGREE:
        raise UserError(
            f"the autoencoder has learned frames {loaded.seconds_per_frame:g} s apart and those of this data "
            f"set are {seconds:g} s apart; give --skip 0 to encode them nevertheless"
        )
    return round(steps) - 1


def check_fits(command: EncodeCommand, loaded: LoadedVae, data: OccupancyData) -> None:
    """Raise UserError where a data set's voxels suit neither an autoencoder nor the layouts' squares."""
    for scene in (*data.train, *data.test):
        for flag, edge in (("--down-size", command.down_size), ("--save-layout", command.save_layout)):
            if edge > min(scene.grid.size[:2]):
                raise UserError(
                    f"{flag} {edge}: at most {min(scene.grid.size[:2])} was expected, as scene {scene.name} "
                    "has no more columns"
                )
        if scene.grid.size != loaded.network.config.spatial_size:
            raise UserError(
                f"scene {scene.name} has {scene.grid.size} voxels and the autoencoder takes "
                f"{loaded.network.config.spatial_size}; train one on this data set, or give the one that was"
            )
        if scene.grid.voxel_m != loaded.grid.voxel_m:
            raise UserError(
                f"scene {scene.name} has voxels of {scene.grid.voxel_m} m and the autoencoder learned "
                f"{loaded.grid.voxel_m}; give one that was trained on this data set"
            )
        if scene.class_set != loaded.classes:
            raise UserError(
                f"scene {scene.name} has the classes {scene.class_set.name} and the autoencoder "
                f"{loaded.classes.name}; give one that was trained on this data set"
            )


def facts_of(
    command: EncodeCommand, loaded: LoadedVae, data: OccupancyData, windows: dict[Split, Windows], skip: int
) -> LatentFacts:
    """What the folder's `latents.json` will say."""
    scene = (*data.train, *data.test)[0]
    config = loaded.network.config
    return LatentFacts(
        vae=loaded.fingerprint,
        vae_path=str(command.vae.absolute()),
        data=data.name,
        classes=loaded.classes.name,
        grid=scene.grid,
        seconds_per_frame=scene.seconds_per_frame * (1 + skip),
        frames=config.frames,
        skip=skip,
        stride=command.stride,
        size=config.latent_size,
        channels=config.latent_channels,
        down_size=command.down_size,
        windows_per_shard=command.windows_per_shard,
        train_scenes=tuple(scene.name for scene in data.train),
        test_scenes=tuple(scene.name for scene in data.test),
        train_windows=len(windows["train"]) if "train" in windows else 0,
        test_windows=len(windows["test"]) if "test" in windows else 0,
    )


class _Encoder:
    def __init__(
        self, command: EncodeCommand, network: HexplaneVae, facts: LatentFacts, has_poses: bool, team: Team
    ) -> None:
        self.command = command
        self.network = network
        self.facts = facts
        self.has_poses = has_poses
        self.team = team
        self.legacy = LegacyDumps(
            command.output,
            facts.data,
            command.vae.stem,
            facts.frames,
            rollouts=command.save_rollout,
            layouts=command.save_layout,
        )

    def write_split(self, split: Split, windows: Windows) -> None:
        """This process's shards of a split that are not there yet, and the further files."""
        shards = range(self.team.rank, self.facts.shards(split), self.team.size)
        missing = [shard for shard in shards if not self._is_done(split, shard, windows)]
        batches = sum(
            -(-len(self.facts.shard_rows(split, shard)) // self.command.batch_size) for shard in missing
        )
        with Progress(batches, label=f"{split} batches") as bar:
            for shard in missing:
                self._write_shard(split, shard, windows, bar)
        if self.team.leads and self.command.save_voxel:
            self._write_voxels(split, windows)

    def _is_done(self, split: Split, shard: int, windows: Windows) -> bool:
        rows = self.facts.shard_rows(split, shard)
        dumped = all(self.legacy.are_there(split, *windows.place(row)) for row in rows)
        return dumped and is_whole(shard_path(self.command.output, split, shard), len(rows))

    def _write_shard(self, split: Split, shard: int, windows: Windows, bar: Progress) -> None:
        rows = self.facts.shard_rows(split, shard)
        scenes = self.facts.scenes(split)
        columns: dict[str, list[Tensor]] = {"rollout": [], "world_from_ego": [], "layout": []}
        for first in range(0, len(rows), self.command.batch_size):
            batch = rows[first : first + self.command.batch_size]
            read = [windows[row] for row in batch]
            rollouts = self._encoded(read).half()
            columns["rollout"] += rollouts
            if self.has_poses:
                poses = [window.world_from_ego for window in read]
                columns["world_from_ego"] += [each for each in poses if each is not None]
            columns["layout"] += [layout(w.classes, w.class_set, self.facts.down_size) for w in read]
            for row, window, rollout in zip(batch, read, rollouts, strict=True):
                self.legacy.write(split, *windows.place(row), window, rollout)
            bar.advance()
        places = [windows.place(row) for row in rows]
        tensors = {name: torch.stack(column) for name, column in columns.items() if column}
        tensors["scene"] = torch.tensor([scenes.index(scene.name) for scene, _ in places])
        tensors["first"] = torch.tensor([first for _, first in places])
        write_shard(shard_path(self.command.output, split, shard), tensors)

    @torch.no_grad()
    def _encoded(self, windows: Sequence[Occupancy]) -> Float[Tensor, "N C H W"]:
        voxels = torch.stack([window.classes for window in windows]).to(self.team.device)
        with autocast(self.team.device, self.command.precision):
            mean = self.network.encode(voxels).mean
        return roll_out({plane: values.float() for plane, values in mean.items()}).cpu()

    def _write_voxels(self, split: Split, windows: Windows) -> None:
        """Windows at random, and what comes back through the bottleneck."""
        random = generator(self.command.seed, f"voxels {split}")
        chosen = torch.randperm(len(windows), generator=random)[: self.command.save_voxel]
        for number, row in enumerate(chosen.tolist()):
            window = windows[row]
            planes = unroll(self._encoded([window]).to(self.team.device), LatentSize(*self.facts.size))
            with autocast(self.team.device, self.command.precision):
                rebuilt = self.network.classes(planes)[0].cpu()
            self.legacy.write_voxels(split, number, window.classes, rebuilt)


def main(args: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    return cli.run(encode, EncodeCommand, args=args, prog="python -m generation.encode")


if __name__ == "__main__":
    sys.exit(main())
