"""Scenes as they are wished for: conditions, clips that follow one another, parts that are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Float64, UInt8
from torch import Tensor

from core.errors import UserError
from core.randomness import generator
from generation.diffusion import Known
from generation.dit import Conditions
from generation.painting import inpainting, outpainting
from generation.rollout import unroll
from generation.scene_sampler import SceneSampler
from generation.wishes import Wishes, layout_files, read_layout, read_mask, read_trajectories
from scene.occupancy.driving import Command, trajectory
from scene.occupancy.files import read_occupancy
from scene.occupancy.sequence import Occupancy, same_pace

_CLIPS = 1 << 16
"""More clips than any scene has: a clip's noise is numbered by its scene and its place in it."""


@dataclass(frozen=True)
class Drawn:
    """A scene.

    Args:
        number: of the sample.
        scene: its voxels.
        facts: what was asked of it, as JSON values.
    """

    number: int
    scene: Occupancy
    facts: dict[str, Any]


class SceneArtist:
    """Draws scenes that fulfil wishes.

    Args:
        sampler: the networks.
        wishes: what is asked.
        seed: of all scenes.

    Raises:
        UserError: a file cannot be read, or the transformer has not learned what is asked.
    """

    def __init__(self, sampler: SceneSampler, wishes: Wishes, seed: int) -> None:
        self.sampler = sampler
        self.wishes = wishes
        self.seed = seed
        self.model = sampler.dit.model.config
        self._check()
        frames = self.model.frames
        self.layouts = layout_files(wishes.layout) if wishes.layout else []
        self.trajectories = read_trajectories(wishes.trajectory, frames) if wishes.trajectory else None
        converts = wishes.legacy_trajectory and not sampler.dit.facts.legacy_driving
        if self.trajectories is not None and converts:
            self.trajectories = torch.stack([aligned(rows) for rows in self.trajectories])
        followed = self._scene(wishes.follows) if wishes.follows else None
        self.follows = None if followed is None else sampler.encoded(followed.classes[None])
        painted = wishes.inpaint or wishes.outpaint
        self.original = self._scene(painted) if painted else None
        self.anew = self._anew() if wishes.inpaint else None
        self.known = self._known() if self.original else None

    def count(self, wanted: int) -> int:
        """How many scenes are drawn: as many as are wanted, or as there are trajectories."""
        return wanted if self.trajectories is None else len(self.trajectories)

    def draw(self, numbers: Sequence[int], on_clip: Callable[[], None] = lambda: None) -> list[Drawn]:
        """Draw some scenes.

        Args:
            numbers: of the samples.
            on_clip: is told when a clip of all of them is done.

        Raises:
            UserError: a layout cannot be read, or there are more steps than the network was trained with.
        """
        commands = self._commands(numbers)
        previous = None if self.follows is None else self.follows.expand(len(numbers), -1, -1, -1)
        clips: list[Tensor] = []
        names: list[list[str]] = [[] for _ in numbers]
        for clip in range(self.wishes.clips):
            layouts = self._layouts(numbers, clip, names)
            conditions = self._conditions(numbers, commands, layouts, previous)
            noises = [number * _CLIPS + clip for number in numbers]
            previous = self.sampler.rollouts(self.seed, noises, conditions, self.known)
            clips.append(self.sampler.scenes(previous))
            on_clip()
        voxels = torch.cat(clips, 1)
        return [
            Drawn(number, self._finished(voxels[row], number), self._facts(number, commands, row, names[row]))
            for row, number in enumerate(numbers)
        ]

    def _check(self) -> None:
        wishes, model = self.wishes, self.model
        for flag, wanted, learned in (
            ("--clips", wishes.clips > 1, model.hexplane),
            ("--follows", wishes.follows is not None, model.hexplane),
            ("--command", wishes.command != "none", model.command),
            ("--trajectory", wishes.trajectory is not None, model.trajectory),
            ("--layout", wishes.layout is not None, model.layout),
        ):
            if wanted and not learned:
                condition = "hexplane" if flag in ("--clips", "--follows") else flag.removeprefix("--")
                raise UserError(
                    f"{flag} needs a transformer that was trained with --{condition}; this one was not"
                )

    def _commands(self, numbers: Sequence[int]) -> list[Command] | None:
        name = self.wishes.command
        if name == "none":
            return None
        if name == "cycle":
            return [Command(number % len(Command)) for number in numbers]
        return [Command[name.upper()]] * len(numbers)

    def _layouts(
        self, numbers: Sequence[int], clip: int, names: Sequence[list[str]]
    ) -> UInt8[Tensor, "B T u v"] | None:
        """A layout for each scene; its file's name is added to the scene's names."""
        if not self.layouts:
            return None
        chosen: list[Tensor] = []
        for number, told in zip(numbers, names, strict=True):
            random = generator(self.seed, "layout", number * _CLIPS + clip)
            path = self.layouts[int(torch.randint(len(self.layouts), (), generator=random))]
            chosen.append(read_layout(path, self.model.frames))
            if chosen[-1].shape != chosen[0].shape:
                raise UserError(
                    f"{path} has {list(chosen[-1].shape[1:])} squares and another layout "
                    f"{list(chosen[0].shape[1:])}; layouts of one size were expected"
                )
            told.append(path.name)
        return torch.stack(chosen)

    def _conditions(
        self,
        numbers: Sequence[int],
        commands: list[Command] | None,
        layouts: UInt8[Tensor, "B T u v"] | None,
        previous: Float[Tensor, "B C H W"] | None,
    ) -> Conditions:
        rows = None if self.trajectories is None else self.trajectories[list(numbers)]
        return Conditions(
            hexplane=previous if self.model.hexplane else None,
            layout=layouts,
            trajectory=rows,
            command=None if commands is None else torch.tensor([int(each) for each in commands]),
        ).to(self.sampler.device)

    def _facts(
        self, number: int, commands: list[Command] | None, row: int, layouts: list[str]
    ) -> dict[str, Any]:
        wishes = self.wishes
        facts: dict[str, Any] = {"clips": wishes.clips}
        if commands is not None:
            facts["command"] = commands[row].name.lower()
        if self.trajectories is not None:
            facts["trajectory"] = self.trajectories[number].tolist()
        if layouts:
            facts["layouts"] = layouts
        for name in ("follows", "inpaint", "outpaint"):
            path = getattr(wishes, name)
            if path is not None:
                facts[name] = path.name
        return facts

    def _finished(self, voxels: UInt8[Tensor, "T X Y Z"], number: int) -> Occupancy:
        """A scene with its grid and poses; kept parts are those of the original."""
        vae = self.sampler.vae
        if self.original is None:
            return Occupancy(
                voxels,
                vae.classes,
                vae.grid,
                world_from_ego=None if self.trajectories is None else poses_of(self.trajectories[number]),
                frame_names=tuple(f"{frame:06d}" for frame in range(len(voxels))),
                seconds_per_frame=vae.seconds_per_frame,
            )
        if self.anew is not None:
            kept = torch.where(self.anew, voxels, self.original.classes)
            return replace(self.original, classes=kept, invalid=None)
        return joined(self.original, voxels, self.wishes.axis, self._shift())

    def _scene(self, path: Path) -> Occupancy:
        """A scene's last frames, as many as the networks take."""
        scene = read_occupancy(path)
        config = self.sampler.vae.network.config
        if len(scene) < config.frames or scene.grid.size != config.spatial_size:
            raise UserError(
                f"{path} has {len(scene)} frames of {scene.grid.size} voxels; at least {config.frames} "
                f"frames of {config.spatial_size} were expected"
            )
        if scene.class_set != self.sampler.vae.classes:
            raise UserError(
                f"{path} has the classes {scene.class_set.name}, the autoencoder "
                f"{self.sampler.vae.classes.name}"
            )
        vae = self.sampler.vae
        if scene.grid.voxel_m != vae.grid.voxel_m:
            raise UserError(
                f"{path} has voxels of {scene.grid.voxel_m} m, the autoencoder learned {vae.grid.voxel_m}"
            )
        if not same_pace(scene.seconds_per_frame, vae.seconds_per_frame):
            raise UserError(
                f"{path} has a frame each {scene.seconds_per_frame:g} s, the autoencoder learned one each "
                f"{vae.seconds_per_frame:g} s; give a scene that was encoded or drawn by it"
            )
        return scene.frames(slice(len(scene) - config.frames, len(scene)))

    def _anew(self) -> Bool[Tensor, "T X Y Z"]:
        assert self.original is not None
        shape = tuple(self.original.classes.shape)
        if self.wishes.mask is not None:
            return read_mask(self.wishes.mask, shape)
        assert self.wishes.box is not None
        x0, x1, y0, y1 = self.wishes.box
        if not (0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[2]):
            raise UserError(
                f"--box {x0} {x1} {y0} {y1}: a part of {shape[1]} x {shape[2]} voxels, with X0 < X1 and "
                "Y0 < Y1, was expected"
            )
        anew = torch.zeros(shape, dtype=torch.bool)
        anew[:, x0:x1, y0:y1] = True
        return anew

    def _shift(self) -> int:
        """Voxels that the window moves by: whole cells of the planes."""
        config = self.sampler.vae.network.config
        axis = "xyz".index(self.wishes.axis)
        length, cells = config.spatial_size[axis], config.latent_size[1 + axis]
        shift = length // 2 if self.wishes.shift is None else self.wishes.shift
        if shift % (length // cells):
            raise UserError(f"--shift {shift}: a multiple of {length // cells} voxels was expected")
        return shift

    def _known(self) -> Known:
        assert self.original is not None
        planes = unroll(self.sampler.encoded(self.original.classes[None]), self.model.size)
        if self.anew is not None:
            return inpainting(planes, ~self.anew)
        config = self.sampler.vae.network.config
        axis = "xyz".index(self.wishes.axis)
        per_cell = config.spatial_size[axis] // config.latent_size[1 + axis]
        return outpainting(planes, self.wishes.axis, self._shift() // per_cell)


def aligned(rows: Float[Tensor, "T 3"]) -> Float[Tensor, "T 3"]:
    """A trajectory of DynamicCity seen from its first frame."""
    return trajectory(poses_of(rows)).to(rows.dtype)


def poses_of(rows: Float[Tensor, "T 3"]) -> Float64[Tensor, "T 4 4"]:
    """Poses on a plane from x, y and yaw."""
    x, y, yaw = rows.double().unbind(1)
    poses = torch.eye(4, dtype=torch.float64).repeat(len(rows), 1, 1)
    poses[:, 0, 0] = poses[:, 1, 1] = yaw.cos()
    poses[:, 1, 0], poses[:, 0, 1] = yaw.sin(), -yaw.sin()
    poses[:, 0, 3], poses[:, 1, 3] = x, y
    return poses


def joined(original: Occupancy, moved: UInt8[Tensor, "T X Y Z"], axis: str, shift: int) -> Occupancy:
    """A scene and its continuation as one: where they overlap, the original.

    Args:
        original: the scene.
        moved: of the same size, further along an axis.
        axis: x or y.
        shift: voxels; negative = towards smaller coordinates.
    """
    dim = 1 + "xyz".index(axis)
    length = original.classes.shape[dim]
    fresh = moved.narrow(dim, length - shift, shift) if shift > 0 else moved.narrow(dim, 0, -shift)
    parts = (original.classes, fresh) if shift > 0 else (fresh, original.classes)
    classes = torch.cat(parts, dim)
    size, origin = list(original.grid.size), list(original.grid.origin_m)
    size[dim - 1] += abs(shift)
    origin[dim - 1] += min(shift, 0) * original.grid.voxel_m[dim - 1]
    grid = replace(
        original.grid, size=(size[0], size[1], size[2]), origin_m=(origin[0], origin[1], origin[2])
    )
    return replace(original, classes=classes, grid=grid, invalid=None)
