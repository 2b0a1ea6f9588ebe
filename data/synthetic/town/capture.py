"""Drives through towns in CarlaSC's format: raw classes, counts of observations, poses, times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.files import write_json
from core.progress import Progress
from data.synthetic.files import new_folder
from data.synthetic.town.canvas import Levels
from data.synthetic.town.labels import CHANNELS
from data.synthetic.town.town import TRAFFIC, Town, make_town
from data.synthetic.town.traffic import DT_S
from data.synthetic.town.voxels import Window, voxelise
from data.synthetic.workers import each

_BOTTOM_M, _TOP_M = -2.0, 1.0
_PLACES = ("Train", "Test")


@dataclass(frozen=True)
class TownCapture:
    """Make drives through procedural towns as voxels with classes, in the layout of CarlaSC."""

    out: Path
    """The folder to make; it must not exist or be empty."""
    scenes: int = 8
    """Drives to learn from, each in a town of its own."""
    test_scenes: int = 2
    """Drives to score on, in yet other towns."""
    frames: int = 120
    """Of a drive, ten a second."""
    seed: int = 0
    """Of towns and traffic; the same seed gives the same bytes."""
    grid: tuple[int, int, int] = (128, 128, 8)
    """Voxels forward, to the side, and up."""
    voxel_m: float = 0.4
    """Horizontal edge of a voxel in metres; upwards, the grid always spans the 3 m from -2 to 1."""
    workers: int = 0
    """Processes; 0 means one for each processor."""

    def check(self) -> None:
        """Refuse what cannot be made.

        Raises:
            UserError: a number is out of its range.
        """
        if self.scenes < 0 or self.test_scenes < 0 or self.scenes + self.test_scenes == 0:
            raise UserError(
                f"--scenes {self.scenes} --test-scenes {self.test_scenes}: at least one was expected"
            )
        if self.scenes + self.test_scenes > 99:
            raise UserError("--scenes and --test-scenes: at most 99 towns together have names")
        if not 2 <= self.frames <= 100_000:
            raise UserError(f"--frames {self.frames}: 2 to 100000 were expected")
        if self.seed < 0 or self.workers < 0:
            raise UserError(f"--seed {self.seed} --workers {self.workers}: neither may be negative")
        if not all(8 <= side <= 512 for side in self.grid[:2]) or not 4 <= self.grid[2] <= 64:
            raise UserError(f"--grid {self.grid}: 8 to 512 voxels sideways and 4 to 64 upwards were expected")
        if not 0.1 <= self.voxel_m <= 0.4:
            raise UserError(f"--voxel-m {self.voxel_m}: 0.1 to 0.4 were expected, as walls are 0.6 m thick")


@dataclass(frozen=True)
class TownWriter:
    """Makes one scene after the other; each is a function of the settings and its number."""

    settings: TownCapture
    folder: Path

    def write(self, number: int) -> str:
        """Make scene `number` and return its name."""
        settings = self.settings
        traffic = tuple(TRAFFIC)[number % len(TRAFFIC)]
        split = _PLACES[number >= settings.scenes]
        layers = settings.grid[2]
        levels = Levels(_BOTTOM_M, (_TOP_M - _BOTTOM_M) / layers, layers)
        town = make_town((settings.seed, number), traffic, settings.frames, levels)
        name = f"Town{number + 1:02d}_{traffic}"
        scene = self.folder / "Cartesian" / split / name / "cartesian"
        (scene / "evaluation").mkdir(parents=True)
        window = Window(settings.grid[:2], settings.voxel_m)
        for frame in range(settings.frames):
            labels, observed = voxelise(town, frame, window)
            (scene / "evaluation" / f"{frame:06d}.label").write_bytes(labels.astype("<u4").tobytes())
            (scene / "evaluation" / f"{frame:06d}.bin").write_bytes(observed.astype("<f4").tobytes())
        write_json(scene / "evaluation" / "params.json", _parameters(settings))
        _write_rows(scene / "poses.txt", _poses(town))
        _write_rows(scene / "times.txt", DT_S * np.arange(settings.frames)[:, None])
        return name


def make_towns(settings: TownCapture) -> None:
    """Write the drives.

    Raises:
        UserError: the settings cannot be met, or the folder cannot be written.
    """
    settings.check()
    count = settings.scenes + settings.test_scenes
    with new_folder(settings.out) as folder, Progress(count, label="drives") as progress:
        for _ in each(TownWriter(settings, folder).write, count, settings.workers):
            progress.advance()


def _parameters(settings: TownCapture) -> dict[str, object]:
    half = [round(side * settings.voxel_m / 2, 9) for side in settings.grid[:2]]
    return {
        "num_channels": CHANNELS,
        "grid_size": list(settings.grid),
        "min_bound": [-half[0], -half[1], _BOTTOM_M],
        "max_bound": [*half, _TOP_M],
        "coordinates": "cartesian",
    }


def _poses(town: Town) -> np.ndarray:
    """Rows of 3 x 4 matrices that take the vehicle's frame to that of the first moment."""
    yaw, xy = town.drives.yaw[:, 0], town.drives.xy[:, 0]
    turn = yaw - yaw[0]
    moved = xy - xy[0]
    poses = np.zeros((len(yaw), 3, 4))
    poses[:, 0, 0], poses[:, 0, 1] = np.cos(turn), -np.sin(turn)
    poses[:, 1, 0], poses[:, 1, 1] = np.sin(turn), np.cos(turn)
    poses[:, 2, 2] = 1
    poses[:, 0, 3] = np.cos(yaw[0]) * moved[:, 0] + np.sin(yaw[0]) * moved[:, 1]
    poses[:, 1, 3] = np.cos(yaw[0]) * moved[:, 1] - np.sin(yaw[0]) * moved[:, 0]
    return poses.reshape(-1, 12)


def _write_rows(path: Path, rows: np.ndarray) -> None:
    path.write_text(
        "".join(" ".join(f"{value:.9g}" for value in row) + "\n" for row in rows), encoding="utf-8"
    )
