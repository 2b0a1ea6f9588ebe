"""Jobs on tiny captures, and options with which they take seconds."""

from dataclasses import replace
from pathlib import Path

from bulk.job_options import Gates, JobOptions
from bulk.jobs import Job, SceneSource
from bulk.readiness import ReadinessConfig
from bulk.stages import STAGE_WORK
from scene.splits import PARTITION_FILE
from tests.training.captures import tiny_capture, write_capture

VIEWS = 20
LENIENT = ReadinessConfig(
    least_views=4, least_train_views=2, least_test_views=2, least_points=0, allow_missing_model=True
)
"""What captures of eight views without a COLMAP model have."""
LENIENT_FLAGS = (
    "--least-views", "4", "--least-test-views", "2", "--least-points", "0", "--allow-missing-model",
)  # fmt: skip
IMAGES = "images_4"

OPTIONS = JobOptions(
    iterations=12,
    sh_degree=1,
    gates=Gates(
        gate_psnr=5.0, gate_train_psnr=5.0, gate_gaussians=10, gate_size=(16, 16), gate_unsupported=1.0
    ),
)


def make_source(folder: Path) -> Path:
    """A capture of 20 views of 32 x 24 pixels, named as DL3DV names frames."""
    capture = tiny_capture(VIEWS)
    names = tuple(f"frame_{view + 1:05d}.png" for view in range(VIEWS))
    assert not (folder / PARTITION_FILE).exists()
    return write_capture(folder, replace(capture, image_names=names))


def make_job(source: Path, root: Path, split: float = 0.5, subset: str = "1K") -> Job:
    scene = SceneSource(source.name, subset, source, "images", "dl3dv")
    return Job(scene, split, root)


def do(job: Job, *stages: str, options: JobOptions = OPTIONS) -> dict[str, dict]:
    """Do stages one after the other; what each returned."""
    return {stage: dict(STAGE_WORK[stage](job, options)) for stage in stages}


def write_root(root: Path, names: tuple[str, ...], subset: str = "1K", views: int = 8) -> Path:
    """Captures that can be trained on; returns the root."""
    for name in names:
        folder = write_capture(root / subset / name, tiny_capture(views))
        (folder / "images").rename(folder / IMAGES)
    return root
