"""Structure from motion on the still parts of frames: cameras, points, and which frames see which points."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray
from torch import Tensor

from core.errors import UserError
from core.files import explain
from core.folders import OTHER_TEMPORARY_FOLDER, check_space
from core.images import encode
from dynamic_predictor.classical.structure_child import StructureRequest

GUESS = 1.2
"""The focal length to begin with, in long sides of the image; COLMAP's own guess."""

_FRAME_BYTES = 2**20  # of a frame's features and matches in COLMAP's database, roughly
_ANSWER = "structure.npz"
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Structure:
    """What structure from motion found.

    Args:
        viewmats: camera-from-world; the identity where a frame is not registered.
        registered: frames with a camera.
        focal_px: one for all frames, in pixels of the frames; the principal point is the centre.
        error_px: mean reprojection error.
        xyz: points in the world.
        rgb: their colours.
        frames: of each observation, its frame.
        points: its point.
        pixels: its place (x, y), pixel centres at +0.5.
    """

    viewmats: Float[Tensor, "N 4 4"]
    registered: Bool[Tensor, " N"]
    focal_px: float
    error_px: float
    xyz: Float[Tensor, "P 3"]
    rgb: UInt8[Tensor, "P 3"]
    frames: Int[Tensor, " O"]
    points: Int[Tensor, " O"]
    pixels: Float[Tensor, "O 2"]


def structure_from_motion(
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    dynamic_masks: Sequence[Bool[ndarray, "H W"]],
    *,
    focal_px: float | None = None,
    seed: int = 0,
) -> Structure | None:
    """Cameras and points of a clip, or None if no two frames could be related.

    Args:
        frames: in the order of time.
        dynamic_masks: True where no feature may be taken.
        focal_px: known focal length in pixels.
        seed: of RANSAC.

    Raises:
        UserError: the disk of temporary files has no room, or memory is short.

    Source: J. Schönberger and J.-M. Frahm, "Structure-from-Motion Revisited", 2016; L. Pan et al., "Global
    Structure-from-Motion Revisited", 2024, where the incremental method leaves frames out.
    """
    height, width = frames[0].shape[:2]
    needed = len(frames) * (_FRAME_BYTES + 3 * height * width)
    check_space(Path(tempfile.gettempdir()), needed, "structure from motion", OTHER_TEMPORARY_FOLDER)
    request = StructureRequest(focal_px, GUESS * max(height, width), torch.get_num_threads(), seed)
    with tempfile.TemporaryDirectory(prefix="structure-") as name:
        folder = Path(name)
        try:
            _write(folder, frames, dynamic_masks, request)
        except OSError as error:
            raise explain(error, folder) from error
        _run_child(folder)
        answer = folder / _ANSWER
        return _read(answer) if answer.exists() else None


def _write(
    folder: Path,
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    dynamic_masks: Sequence[Bool[ndarray, "H W"]],
    request: StructureRequest,
) -> None:
    """What the process reads. Images are encoded here, as cv2.imwrite does not tell when the disk is full."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for row, (frame, dynamic) in enumerate(zip(frames, dynamic_masks, strict=True)):
        picture = encode(frame.numpy(), ".png", cv2.IMWRITE_PNG_COMPRESSION, 1)
        (folder / "images" / f"{row:05d}.png").write_bytes(picture)
        still = encode(np.where(dynamic, 0, 255).astype(np.uint8), ".png")
        (folder / "masks" / f"{row:05d}.png.png").write_bytes(still)
    (folder / "request.json").write_text(json.dumps(asdict(request)), encoding="utf-8")


def _run_child(folder: Path) -> None:
    """Run the process to its end; it does not outlive this one, whose end closes its standard input."""
    log = folder / "log.txt"
    command = [sys.executable, "-m", "dynamic_predictor.classical.structure_child", str(folder)]
    with log.open("wb") as file, subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=file, stderr=file
    ) as child:  # fmt: skip
        try:
            code = child.wait()
        finally:
            child.kill()
            child.wait()
    if code != 0:
        check_space(folder, _FRAME_BYTES, "structure from motion", OTHER_TEMPORARY_FOLDER)
    if code == -signal.SIGKILL:
        raise UserError("structure from motion was killed, as happens when memory is short; use fewer frames")
    # Another negative code is COLMAP's own abort where it gives up; what counts is whether it left an answer.
    if code > 0 and not (folder / _ANSWER).exists():
        told = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        raise RuntimeError(f"structure from motion failed:\n{told}")


def _read(path: Path) -> Structure:
    with np.load(path, allow_pickle=False) as arrays:
        return Structure(
            viewmats=torch.from_numpy(arrays["viewmats"]).float(),
            registered=torch.from_numpy(arrays["registered"]),
            focal_px=float(arrays["focal_px"]),
            error_px=float(arrays["error_px"]),
            xyz=torch.from_numpy(arrays["xyz"]).float(),
            rgb=torch.from_numpy(arrays["rgb"]),
            frames=torch.from_numpy(arrays["frames"]),
            points=torch.from_numpy(arrays["points"]),
            pixels=torch.from_numpy(arrays["pixels"]).float(),
        )
