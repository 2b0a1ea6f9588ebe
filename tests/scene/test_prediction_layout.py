"""Which of the three layouts a folder has, and where its files are."""

from pathlib import Path

import pytest

from core.errors import UserError
from scene.prediction_layout import PredictionLayout, find_layout
from tests.scene.published import COUNT, write_published


@pytest.mark.parametrize("rearranged", [False, True])
def test_published_folders_are_recognised_and_complete(tmp_path: Path, rearranged: bool) -> None:
    layout = find_layout(write_published(tmp_path / "dog", rearranged=rearranged))
    assert layout is not None
    assert layout.raw == (not rearranged)
    assert [path.name for path in layout.frames()] == [f"frame_{row:04d}.png" for row in range(COUNT)]
    for row in range(COUNT):
        for path in (layout.mask(row), layout.probability(row), layout.depth(row), layout.confidence(row)):
            assert path.is_file()


def test_what_is_no_prediction(tmp_path: Path) -> None:
    assert find_layout(tmp_path) is None
    assert find_layout(tmp_path / "absent") is None
    for name in ("pred_traj.txt", "pred_intrinsics.txt"):
        (tmp_path / name).touch()
    assert find_layout(tmp_path) is None
    (tmp_path / "prediction.json").touch()
    assert find_layout(tmp_path) == PredictionLayout(tmp_path)
    with pytest.raises(UserError, match="holds no images"):
        PredictionLayout(tmp_path).frames()
