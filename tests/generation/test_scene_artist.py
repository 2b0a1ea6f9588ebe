"""Wishes are fulfilled: clips follow one another, kept voxels are kept, conditions are those asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import UserError
from generation.diffusion import SamplingConfig
from generation.dit import Conditions, DitConfig
from generation.scene_artist import SceneArtist, aligned, joined, poses_of
from generation.scene_sampler import SceneSampler
from generation.wishes import Wishes
from scene.occupancy.classes import CARLASC, OCC3D_WAYMO
from scene.occupancy.driving import Command, trajectory
from scene.occupancy.files import write_occupancy
from scene.occupancy.sequence import Grid, Occupancy
from tests.generation.micro import CONDITIONAL, GRID, UNCONDITIONAL, loaded_dit, loaded_vae
from tests.scene.occupancy.recordings import poses_on_arc


class Watched(SceneSampler):
    """Remembers what it was asked for."""

    def __init__(self, config: DitConfig = CONDITIONAL, *, legacy_driving: bool = False) -> None:
        super().__init__(
            loaded_vae(), loaded_dit(config, legacy_driving=legacy_driving), SamplingConfig(steps=2)
        )
        self.asked: list[tuple[list[int], Conditions]] = []
        self.drawn: list[Tensor] = []

    def rollouts(self, seed: int, indices: Any, conditions: Any = None, *rest: Any) -> Tensor:
        self.asked.append((list(indices), conditions))
        self.drawn.append(super().rollouts(seed, indices, conditions, *rest))
        return self.drawn[-1]


def scene(frames: int = 4, **changes: Any) -> Occupancy:
    random = torch.Generator().manual_seed(frames)
    classes = torch.randint(11, (frames, *GRID.size), generator=random).byte()
    names = tuple(f"{40 + frame:06d}" for frame in range(frames))
    found = Occupancy(classes, CARLASC, GRID, classes == 2, poses_on_arc(frames, 0.1), names, 0.1)
    return replace(found, **changes)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A scene of six frames, of which the last four count."""
    write_occupancy(tmp_path / "scene.npz", scene(6))
    return tmp_path / "scene.npz"


def test_scenes_are_theirs_whatever_is_drawn_beside_them() -> None:
    artist = SceneArtist(Watched(), Wishes(command="cycle", clips=2), seed=3)
    together = artist.draw(range(4))
    alone = [SceneArtist(Watched(), Wishes(command="cycle", clips=2), seed=3).draw([k])[0] for k in range(4)]
    for one, other in zip(together, alone, strict=True):
        assert one.facts == other.facts
        assert (one.scene.classes != other.scene.classes).float().mean() < 1e-3  # ties may fall either way
    assert [drawn.facts["command"] for drawn in together] == ["static", "forward", "left", "right"]
    assert len({drawn.scene.classes.numpy().tobytes() for drawn in together}) == 4


def test_clips_go_on_from_the_clip_before() -> None:
    sampler = Watched()
    (drawn,) = SceneArtist(sampler, Wishes(clips=3), seed=0).draw([5])
    assert len(drawn.scene) == 12
    assert drawn.scene.frame_names == tuple(f"{frame:06d}" for frame in range(12))
    befores = [conditions.hexplane for _, conditions in sampler.asked]
    assert befores[0] is None
    assert torch.equal(befores[1], sampler.drawn[0])
    assert torch.equal(befores[2], sampler.drawn[1])
    assert torch.equal(drawn.scene.classes[4:8], sampler.scenes(sampler.drawn[1])[0])
    assert len({numbers[0] for numbers, _ in sampler.asked}) == 3  # each clip has noise of its own
    (shorter,) = SceneArtist(Watched(), Wishes(clips=2), seed=0).draw([5])
    assert torch.equal(shorter.scene.classes, drawn.scene.classes[:8])


def test_a_scene_follows_the_last_frames_of_another(stored: Path) -> None:
    sampler = Watched()
    SceneArtist(sampler, Wishes(follows=stored), seed=0).draw([0, 1])
    expected = sampler.encoded(scene(6).classes[None, 2:])
    assert torch.equal(sampler.asked[0][1].hexplane, expected.expand(2, -1, -1, -1))


def test_commands() -> None:
    sampler = Watched()
    SceneArtist(sampler, Wishes(command="right"), seed=0).draw([0, 1])
    assert sampler.asked[0][1].command.tolist() == [Command.RIGHT] * 2
    SceneArtist(sampler, Wishes(), seed=0).draw([0])
    assert sampler.asked[1][1].command is None


def test_layouts_are_chosen_by_the_seed_the_scene_and_the_clip(tmp_path: Path) -> None:
    for number in range(8):
        layout = np.zeros((4, 4, 4), np.uint8)
        layout.flat[number] = 1
        np.savez(tmp_path / f"{number}.npz", layout=layout)
    wishes = Wishes(layout=tmp_path, clips=4)
    sampler = Watched()
    one, two = SceneArtist(sampler, wishes, seed=0).draw([0, 1])
    told = [one.facts["layouts"], two.facts["layouts"]]
    used = [
        [f"{int(conditions.layout[row].flatten().argmax())}.npz" for _, conditions in sampler.asked]
        for row in range(2)
    ]
    assert told == used
    assert len({*used[0], *used[1]}) > 2
    assert SceneArtist(Watched(), wishes, seed=0).draw([1])[0].facts["layouts"] == used[1]
    assert SceneArtist(Watched(), wishes, seed=1).draw([1])[0].facts["layouts"] != used[1]


def test_layouts_of_different_sizes_are_told(tmp_path: Path) -> None:
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", layout=np.zeros((4, 4 + number, 4), np.uint8))
    artist = SceneArtist(Watched(), Wishes(layout=tmp_path), seed=0)
    with pytest.raises(UserError, match="layouts of one size were expected"):
        artist.draw(range(8))


def test_trajectories_are_conditions_and_poses(tmp_path: Path) -> None:
    rows = trajectory(poses_on_arc(4, 0.1)).float()
    np.save(tmp_path / "t.npy", torch.stack([rows, 2 * rows]).numpy())
    sampler = Watched()
    artist = SceneArtist(sampler, Wishes(trajectory=tmp_path / "t.npy"), seed=0)
    assert artist.count(16) == 2
    first, second = artist.draw([0, 1])
    assert torch.equal(sampler.asked[0][1].trajectory, torch.stack([rows, 2 * rows]))
    assert first.scene.world_from_ego is not None
    torch.testing.assert_close(trajectory(first.scene.world_from_ego).float(), rows)
    np.testing.assert_allclose(second.facts["trajectory"], 2 * rows)


@pytest.mark.parametrize("legacy_driving", [False, True])
def test_trajectories_of_dynamiccity_are_turned_for_transformers_that_see_from_the_vehicle(
    tmp_path: Path, legacy_driving: bool
) -> None:
    poses = poses_on_arc(4, 0.1)
    world = trajectory(poses, legacy=True).float()
    np.save(tmp_path / "t.npy", world[None].numpy())
    sampler = Watched(legacy_driving=legacy_driving)
    wishes = Wishes(trajectory=tmp_path / "t.npy", legacy_trajectory=True)
    (drawn,) = SceneArtist(sampler, wishes, seed=0).draw([0])
    expected = world if legacy_driving else trajectory(poses).float()
    torch.testing.assert_close(sampler.asked[0][1].trajectory[0], expected)
    assert drawn.scene.world_from_ego is not None
    ahead = trajectory(drawn.scene.world_from_ego).float()  # the same drive either way
    torch.testing.assert_close(ahead, trajectory(poses).float())


def test_poses_of_rows_are_the_poses_again() -> None:
    rows = trajectory(poses_on_arc(6, -0.2)).float()
    torch.testing.assert_close(trajectory(poses_of(rows)).float(), rows)
    torch.testing.assert_close(aligned(rows), rows)


def test_painting_in_keeps_every_other_voxel(stored: Path) -> None:
    original = scene(6).frames(slice(2, 6))
    (drawn,) = SceneArtist(Watched(), Wishes(inpaint=stored, box=(4, 12, 0, 8)), seed=0).draw([0])
    anew = torch.zeros(original.classes.shape, dtype=torch.bool)
    anew[:, 4:12, 0:8] = True
    assert torch.equal(drawn.scene.classes[~anew], original.classes[~anew])
    assert not torch.equal(drawn.scene.classes[anew], original.classes[anew])
    assert drawn.scene.frame_names == original.frame_names
    assert torch.equal(drawn.scene.world_from_ego, original.world_from_ego)
    assert drawn.scene.grid == GRID
    assert drawn.facts["inpaint"] == "scene.npz"


def test_a_mask_says_where_to_paint_in_space_and_time(stored: Path, tmp_path: Path) -> None:
    original = scene(6).frames(slice(2, 6))
    mask = torch.zeros(original.classes.shape, dtype=torch.bool)
    mask[2:, :, 8:, 2:] = True
    np.save(tmp_path / "mask.npy", mask.numpy())
    wishes = Wishes(inpaint=stored, mask=tmp_path / "mask.npy")
    (drawn,) = SceneArtist(Watched(UNCONDITIONAL), wishes, seed=0).draw([0])
    assert torch.equal(drawn.scene.classes[~mask], original.classes[~mask])
    assert not torch.equal(drawn.scene.classes[mask], original.classes[mask])


@pytest.mark.parametrize(
    ("axis", "shift", "size", "origin"),
    [
        ("x", None, (24, 16, 8), (-3.2, -3.2, -2.0)),
        ("x", -4, (20, 16, 8), (-4.8, -3.2, -2.0)),
        ("y", 6, (16, 22, 8), (-3.2, -3.2, -2.0)),
        ("y", -8, (16, 24, 8), (-3.2, -6.4, -2.0)),
    ],
)
def test_painting_out_widens_the_grid_and_keeps_the_scene(
    stored: Path, axis: Any, shift: int | None, size: tuple[int, ...], origin: tuple[float, ...]
) -> None:
    original = scene(6).frames(slice(2, 6))
    wishes = Wishes(outpaint=stored, axis=axis, shift=shift)
    (drawn,) = SceneArtist(Watched(UNCONDITIONAL), wishes, seed=0).draw([0])
    wider = drawn.scene
    assert wider.grid.size == size
    assert wider.grid.origin_m == pytest.approx(origin)
    assert wider.grid.voxel_m == GRID.voxel_m
    # A place of the world keeps its class: where a voxel of the original lies in the wider grid.
    starts = [
        round((old - new) / edge)
        for old, new, edge in zip(GRID.origin_m, wider.grid.origin_m, GRID.voxel_m, strict=True)
    ]
    x, y, z = (slice(start, start + length) for start, length in zip(starts, GRID.size, strict=True))
    assert torch.equal(wider.classes[:, x, y, z], original.classes)
    assert torch.equal(wider.world_from_ego, original.world_from_ego)


def test_what_was_painted_beyond_the_rim_lies_beyond_the_rim() -> None:
    original = scene()
    moved = torch.arange(16, dtype=torch.uint8).view(1, 16, 1, 1).expand(4, 16, 16, 8)
    ahead = joined(original, moved, "x", 4)
    assert ahead.classes[0, 16:, 0, 0].tolist() == [12, 13, 14, 15]
    behind = joined(original, moved, "x", -4)
    assert behind.classes[0, :4, 0, 0].tolist() == [0, 1, 2, 3]
    assert torch.equal(behind.classes[:, 4:], original.classes)
    assert behind.grid == Grid((20, 16, 8), (GRID.origin_m[0] - 4 * 0.4, -3.2, -2.0), GRID.voxel_m)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"clips": 2}, "--clips needs a transformer that was trained with --hexplane"),
        ({"follows": Path("scene.npz")}, "--follows needs a transformer that was trained with --hexplane"),
        ({"command": "left"}, "--command needs a transformer that was trained with --command"),
        ({"trajectory": Path("t.npy")}, "--trajectory needs .* --trajectory; this one was not"),
        ({"layout": Path("l.npz")}, "--layout needs .* --layout; this one was not"),
    ],
)
def test_what_was_not_learned_cannot_be_asked(wishes: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        SceneArtist(Watched(UNCONDITIONAL), Wishes(**wishes), seed=0)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"box": (0, 17, 0, 4)}, r"--box 0 17 0 4: a part of 16 x 16 voxels"),
        ({"box": (4, 4, 0, 4)}, r"with X0 < X1 and Y0 < Y1"),
        ({"box": (-1, 4, 0, 4)}, r"--box -1 4 0 4"),
        ({"shift": 3}, r"--shift 3: a multiple of 2 voxels was expected"),
        ({"shift": 16}, r"a window of 8 cells along x can move by 1 to 7 cells, got 8"),
        ({"shift": 0}, r"can move by 1 to 7 cells, got 0"),
    ],
)
def test_parts_that_cannot_be_painted_are_told(stored: Path, wishes: dict, sentence: str) -> None:
    painted = {"inpaint": stored} if "box" in wishes else {"outpaint": stored}
    with pytest.raises(UserError, match=sentence):
        SceneArtist(Watched(UNCONDITIONAL), Wishes(**painted, **wishes), seed=0)


def test_scenes_that_do_not_suit_the_networks_are_told(tmp_path: Path) -> None:
    short, other = tmp_path / "short.npz", tmp_path / "other.npz"
    write_occupancy(short, scene(3))
    write_occupancy(other, scene(4, class_set=OCC3D_WAYMO))
    wide = tmp_path / "wide.npz"
    classes = torch.zeros(4, 20, 16, 8, dtype=torch.uint8)
    grid = Grid((20, 16, 8), GRID.origin_m, GRID.voxel_m)
    write_occupancy(wide, Occupancy(classes, CARLASC, grid))
    for path, sentence in (
        (short, r"short\.npz has 3 frames of .*; at least 4"),
        (wide, r"frames of \(20, 16, 8\) voxels"),
        (other, r"other\.npz has the classes occ3d-waymo, the autoencoder carlasc"),
        (tmp_path / "none.npz", r"none\.npz"),
    ):
        with pytest.raises(UserError, match=sentence):
            SceneArtist(Watched(), Wishes(follows=path), seed=0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seconds_per_frame": 0.5}, r"has a frame each 0\.5 s, the autoencoder learned one each 0\.1 s"),
        ({"grid": replace(GRID, voxel_m=(0.2, 0.2, 0.4))}, r"has voxels of \(0\.2, 0\.2, 0\.4\) m"),
    ],
)
def test_scenes_of_another_scale_are_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    write_occupancy(tmp_path / "scene.npz", scene(6, **changes))
    with pytest.raises(UserError, match=told):
        SceneArtist(Watched(), Wishes(follows=tmp_path / "scene.npz"), seed=0)
