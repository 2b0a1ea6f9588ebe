"""What every test can count on: seeded randomness, a tiny scene, and real captures where they are at hand."""

import os
from pathlib import Path

import hypothesis
import pytest
import torch

from scene import Cameras, Splats

ROOT = Path(__file__).resolve().parent.parent

# No deadline: a busy machine is not a failure. The same examples on every machine: a failure must repeat.
hypothesis.settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, max_examples=50
)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run also the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("large"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; give --slow to run it"))
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures, `SPLATWORKS_TEST_DATA`; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SPLATWORKS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real captures in {folder}; set SPLATWORKS_TEST_DATA to where they are")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference numbers, `SPLATWORKS_GOLDEN`; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SPLATWORKS_GOLDEN", ROOT.parent / "shared" / "golden"))
    if not folder.is_dir():
        pytest.skip(f"no reference numbers in {folder}; set SPLATWORKS_GOLDEN to where they are")
    return folder


@pytest.fixture(scope="session")
def fox(captures: Path) -> Path:
    """50 photos of a fox bust with a complete COLMAP model; `images_2` and `images_4`."""
    if not (captures / "fox_colmap").is_dir():
        pytest.skip(f"{captures} has no fox_colmap")
    return captures / "fox_colmap"


@pytest.fixture
def tiny_cameras() -> Cameras:
    """Three float64 cameras of 24 x 20 pixels, 4 m from the origin, with a principal point off the centre."""
    viewmats = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    for row, angle in enumerate((-0.15, 0.0, 0.2)):
        cosine, sine = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
        viewmats[row, 0, 0] = viewmats[row, 2, 2] = cosine
        viewmats[row, 0, 2] = sine
        viewmats[row, 2, 0] = -sine
        viewmats[row, 2, 3] = 4.0
    intrinsics = torch.tensor([[26.0, 0.0, 12.5], [0.0, 24.0, 9.5], [0.0, 0.0, 1.0]], dtype=torch.float64)
    return Cameras(viewmats, intrinsics.repeat(3, 1, 1), torch.full((3,), 24), torch.full((3,), 20))


@pytest.fixture
def tiny_splats() -> Splats:
    """Eight raw float64 Gaussians of degree 3 that `tiny_cameras` see whole.

    They stay away from every cut-off: depths 3 to 5 m, at least 0.05 m apart in every view, opacities 0.25 to
    0.6 (alpha never saturates, light never runs out), colours inside [0, 1] before clamping.
    """
    random = torch.Generator().manual_seed(7)

    def uniform(*shape: int, low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=random, dtype=torch.float64)

    means = uniform(8, 3, low=-0.5, high=0.5)
    means[:, 2] = torch.linspace(-0.9, 0.9, 8, dtype=torch.float64)
    opacities = uniform(8, low=0.25, high=0.6)
    sh = uniform(8, 16, 3, low=-0.05, high=0.05)
    sh[:, 0] = uniform(8, 3, low=-0.7, high=0.7)
    return Splats(
        means=means,
        quats=uniform(8, 4, low=-1.0, high=1.0) + torch.tensor([1.5, 0.0, 0.0, 0.0]),
        scales=uniform(8, 3, low=0.1, high=0.35).log(),
        opacities=opacities.logit(),
        sh=sh,
        raw=True,
    )
