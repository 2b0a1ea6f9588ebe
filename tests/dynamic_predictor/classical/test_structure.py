"""Structure from motion of a room, and how the process that does it ends."""

import errno
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from core.errors import UserError
from dynamic_predictor.classical import structure
from dynamic_predictor.classical.structure import structure_from_motion
from tests.dynamic_predictor.classical.rooms import photograph, walk

SIZE, FOCAL, COUNT = (240, 160), 200.0, 6


def unmasked(frames: list[torch.Tensor]) -> list[np.ndarray]:
    return [np.zeros(tuple(frame.shape[:2]), bool) for frame in frames]


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False])
def test_cameras_of_a_room_are_found(known: bool) -> None:
    cameras = walk(COUNT, size=SIZE, focal=FOCAL)
    frames = [photograph(cameras[row]) for row in range(COUNT)]
    masks = unmasked(frames)
    masks[1][:, :60] = True
    found = structure_from_motion(frames, masks, focal_px=FOCAL if known else None)
    assert found is not None
    assert found.registered.all()
    assert found.error_px < 1
    assert found.focal_px == pytest.approx(FOCAL, rel=1e-9 if known else 0.1)
    assert len(found.xyz) == len(found.rgb) > 50
    # The world is free: relative rotations, and ratios of distances, are not.
    first, exact = (
        viewmats[:, :3, :3] @ viewmats[0, :3, :3].T for viewmats in (found.viewmats, cameras.viewmats)
    )
    assert Rotation.from_matrix((first @ exact.mT).numpy()).magnitude().max() < 0.02
    places, exact_places = torch.linalg.inv(found.viewmats)[:, :3, 3], cameras.centers
    steps, exact_steps = (torch.pdist(one) for one in (places, exact_places))
    torch.testing.assert_close(steps / steps.max(), exact_steps / exact_steps.max(), atol=0.03, rtol=0)
    # Observations are where the points are seen, and none is in the mask.
    rows = found.frames
    viewmats = found.viewmats[rows]
    in_camera = (viewmats[:, :3, :3] @ found.xyz[found.points][..., None])[..., 0] + viewmats[:, :3, 3]
    seen = found.focal_px * in_camera[:, :2] / in_camera[:, 2:] + torch.tensor(SIZE) / 2
    assert (seen - found.pixels).norm(dim=-1).mean() == pytest.approx(found.error_px, rel=0.05)
    assert found.pixels[rows == 1, 0].min() > 60
    assert found.pixels[rows == 0, 0].min() < 60


@pytest.mark.slow
def test_noise_has_no_structure() -> None:
    random = torch.Generator().manual_seed(0)
    frames = [torch.randint(0, 256, (64, 96, 3), dtype=torch.uint8, generator=random) for _ in range(3)]
    assert structure_from_motion(frames, unmasked(frames)) is None


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test puts the process's code."""
    folder = tmp_path / "dynamic_predictor" / "classical"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    monkeypatch.setattr(structure, "_ROOT", tmp_path)
    return folder / "structure_child.py"


FRAMES = [torch.zeros(16, 16, 3, dtype=torch.uint8) for _ in range(2)]


def test_a_process_that_fails_is_told_with_its_words(child: Path) -> None:
    child.write_text("raise OSError('the disk is full of sand')")
    with pytest.raises(RuntimeError, match="disk is full of sand"):
        structure_from_motion(FRAMES, unmasked(FRAMES))


def test_what_a_process_answered_counts_however_it_ends(child: Path) -> None:
    child.write_text(
        "import pathlib, sys\n"
        "import numpy as np\n"
        "arrays = dict(viewmats=np.eye(4)[None], registered=np.ones(1, bool), focal_px=3.0, error_px=0.5)\n"
        "arrays |= dict(xyz=np.zeros((1, 3)), rgb=np.zeros((1, 3), np.uint8), pixels=np.zeros((1, 2)))\n"
        "arrays |= dict(frames=np.zeros(1, np.int64), points=np.zeros(1, np.int64))\n"
        "np.savez(pathlib.Path(sys.argv[1]) / 'structure.npz', **arrays)\n"
        "raise ValueError('the second attempt failed')\n"
    )
    found = structure_from_motion(FRAMES, unmasked(FRAMES))
    assert found is not None
    assert found.focal_px == 3.0


def test_a_process_that_aborts_without_an_answer_found_nothing(child: Path) -> None:
    child.write_text("import os; os.abort()")
    assert structure_from_motion(FRAMES, unmasked(FRAMES)) is None


def test_a_full_disk_is_one_sentence(child: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    child.write_text("raise SystemExit('it should not have been asked')")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(UserError, match=r"cannot write .*structure-.*: the disk is full"):
            structure_from_motion(FRAMES, unmasked(FRAMES))
    child.write_text("import os; os.abort()")  # as COLMAP does when its database does not fit
    for free in ([2**20], [2**40, 2**19]):
        left = iter(free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, left=left: SimpleNamespace(free=next(left)))
        with pytest.raises(UserError, match=r"structure from motion will take about .* in TMPDIR"):
            structure_from_motion(FRAMES, unmasked(FRAMES))


def test_a_killed_process_is_told(child: Path) -> None:
    child.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(UserError, match="memory is short"):
        structure_from_motion(FRAMES, unmasked(FRAMES))


def test_the_process_gets_pictures_masks_and_request(child: Path, tmp_path: Path) -> None:
    child.write_text(
        f"import pathlib, shutil, sys\nshutil.copytree(sys.argv[1], {str(tmp_path / 'copy')!r})\n"
    )
    frame = torch.arange(16 * 24 * 3).reshape(16, 24, 3).to(torch.uint8)
    mask = np.zeros((16, 24), bool)
    mask[:4] = True
    assert structure_from_motion([frame, frame], [mask, ~mask], focal_px=31.5, seed=4) is None
    # Read by those who wrote them, these would prove nothing.
    from PIL import Image  # noqa: PLC0415

    copy = tmp_path / "copy"
    np.testing.assert_array_equal(np.asarray(Image.open(copy / "images" / "00001.png")), frame.numpy())
    np.testing.assert_array_equal(np.asarray(Image.open(copy / "masks" / "00000.png.png")) == 0, mask)
    assert '"focal_px": 31.5' in (copy / "request.json").read_text()
    assert '"seed": 4' in (copy / "request.json").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself")
def test_the_process_ends_with_an_interruption(child: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    child.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(started)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )

    def interrupt() -> None:
        while not started.exists() or not started.read_text():
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored
    try:
        waiting.start()
        with pytest.raises(KeyboardInterrupt):
            structure_from_motion(FRAMES, unmasked(FRAMES))
    finally:
        signal.signal(signal.SIGINT, before)
    waiting.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
