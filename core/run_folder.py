"""Where a run keeps what: the layout of Inria's 3DGS, which viewers open, with files of our own beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import UserError
from core.files import make_folder

STAGES = "stages"
"""Where `core.stages` keeps what is done; it may be there before the run begins."""

ViewSet = Literal["train", "test"]
ImageKind = Literal["renders", "gt", "depth"]

HeldOut = Literal["carried", "predicted", "composite", "refined"]
"""How a video's held-out frames are drawn: the static scene, from poses carried along with those of their
neighbours, whose cameras the training moved; from exactly the predicted ones; as the first, with what moves
put back from the frames around; or the scene from poses found anew on static pixels."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run. Making one touches nothing.

    Args:
        path: the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The effective configuration; written first, so that its presence says 'a run lives here'."""
        return self.path / "config.json"

    @property
    def cfg_args(self) -> Path:
        """Inria's argument list as text, for viewers. Never evaluated here."""
        return self.path / "cfg_args"

    @property
    def cameras(self) -> Path:
        """All cameras, held-out ones first."""
        return self.path / "cameras.json"

    @property
    def input_points(self) -> Path:
        """The points that the run started from."""
        return self.path / "input.ply"

    @property
    def extrinsics(self) -> Path:
        """World-from-camera transforms of all views, sorted by image name, [N, 4, 4], OpenCV axes."""
        return self.path / "cam_extrinsics.npy"

    @property
    def camera_intrinsics(self) -> Path:
        """Intrinsics of all views, sorted by image name, [N, 3, 3], in pixels of the rendered images."""
        return self.path / "cam_intrinsics.npy"

    @property
    def partition(self) -> Path:
        """Which rows of the two above train and which are held out; the place in a list numbers images."""
        return self.path / "partition.json"

    @property
    def last_shutter(self) -> Path:
        """Where older runs have the shutter of their last iteration, and only that."""
        return self.path / "shutter.json"

    @property
    def last_exposure(self) -> Path:
        """The colour transforms of the last iteration, where Inria's code looks for them."""
        return self.path / "exposure.json"

    @property
    def checkpoint(self) -> Path:
        """The last whole state of the training."""
        return self.path / "checkpoints" / "last.pt"

    @property
    def log(self) -> Path:
        """One JSON object a line: scalars by step."""
        return self.path / "log.jsonl"

    @property
    def timing(self) -> Path:
        """How long the training took."""
        return self.path / "timing.json"

    @property
    def tensorboard(self) -> Path:
        """Event files."""
        return self.path / "tensorboard"

    @property
    def results(self) -> Path:
        """Mean scores of each method, in Inria's shape."""
        return self.path / "results.json"

    @property
    def per_view(self) -> Path:
        """Scores of each held-out view."""
        return self.path / "per_view.json"

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    @property
    def prediction(self) -> Path:
        """What was predicted of the video that the run began with; a capture of its own."""
        return self.path / "prediction"

    @property
    def camera_plot(self) -> Path:
        """The cameras' path in three projections."""
        return self.path / "camera_path.png"

    @property
    def showreel(self) -> tuple[Path, Path, Path]:
        """Videos: the static scene on the recovered path, on a smooth one, and beside what was filmed."""
        names = ("rendered.mp4", "rendered_smooth.mp4", "side_by_side.mp4")
        return self.path / names[0], self.path / names[1], self.path / names[2]

    def poses(self, iteration: int) -> Path:
        """Refined camera-from-world transforms of all views after an iteration, [C, 4, 4]."""
        return self.path / "pose" / f"pose_{iteration}.npy"

    def intrinsics(self, iteration: int) -> Path:
        """Refined intrinsics of all views after an iteration, [C, 3, 3], in pixels."""
        return self.path / "pose" / f"intrinsics_{iteration}.npy"

    def point_cloud(self, iteration: int) -> Path:
        """The Gaussians after an iteration."""
        return self.path / "point_cloud" / f"iteration_{iteration}" / "point_cloud.ply"

    def exposure(self, iteration: int) -> Path:
        """The 3x4 colour transform of each image after an iteration, where the run learned them."""
        return self.point_cloud(iteration).with_name("exposure.json")

    def shutter(self, iteration: int) -> Path:
        """For which share of the time between two frames the shutter is open, where the run found it."""
        return self.point_cloud(iteration).with_name("shutter.json")

    def source(self, identity: Mapping[str, Any]) -> Path:
        """The capture that a run was trained on.

        One that was predicted by the run itself lies in the run's own folder, wherever that is now.

        Args:
            identity: what the run's `config.json` holds.
        """
        named = Path(identity["source_path"])
        own = "video" in identity or not named.exists()
        return self.prediction if own and self.prediction.exists() else named

    def images(self, views: ViewSet, iteration: int, kind: ImageKind) -> Path:
        """The folder of `%05d.png`, in the order of the views."""
        return self.path / views / f"ours_{iteration}" / kind

    def held_out_renders(self, iteration: int, drawn: HeldOut) -> Path:
        """The renderings of held-out views; `images` has their photographs."""
        name = "test" if drawn == "carried" else f"test_{drawn}"
        return self.path / name / f"ours_{iteration}" / "renders"

    def iterations(self) -> list[int]:
        """The iterations whose Gaussians are saved, ascending."""
        folders = (self.path / "point_cloud").glob("iteration_*/point_cloud.ply")
        matches = (re.fullmatch(r"iteration_(\d+)", ply.parent.name) for ply in folders)
        return sorted(int(match[1]) for match in matches if match)

    def training_results(self) -> list[Path]:
        """All that a training and what follows it leave, to be removed before another one begins."""
        return [
            *(self.checkpoint.parent, self.log, self.timing, self.tensorboard, self.last_exposure),
            *(self.last_shutter, self.results, self.per_view, self.report, self.camera_plot, *self.showreel),
            *(self.path / name for name in ("point_cloud", "pose", "train", "test", "scores.json")),
            *(self.path / f"test_{drawn}" for drawn in ("predicted", "composite", "refined")),
            *(  # of a driving log
                self.path / name for name in ("street_scores.json", "videos", "ply", "edits")
            ),
        ]

    def last_iteration(self) -> int:
        """The latest iteration whose Gaussians are saved.

        Raises:
            UserError: there is none.
        """
        iterations = self.iterations()
        if not iterations:
            raise UserError(
                f"{self.path} holds no trained Gaussians (point_cloud/iteration_N/point_cloud.ply); "
                f"train first, or name another run folder"
            )
        return iterations[-1]

    def claim(self) -> None:
        """Make the folder for a new run.

        Raises:
            UserError: it holds files that no run of ours left there, or it cannot be written.
        """
        make_folder(self.path)
        strangers = [
            entry.name
            for entry in self.path.iterdir()
            if not entry.name.startswith(".") and entry.name != STAGES
        ]
        if strangers:
            raise UserError(
                f"{self.path} is not empty ({', '.join(sorted(strangers)[:3])}) and holds no config.json "
                "of a run; "
                f"choose a new or empty folder with -m"
            )
