from pathlib import Path

import pytest
import torch
import trimesh

from core.ply import read_splats_ply
from scene.occupancy.export import main
from scene.occupancy.files import write_occupancy
from tests.scene.occupancy.streets import street


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    write_occupancy(tmp_path / "a.npz", street())
    return tmp_path / "a.npz"


@pytest.mark.parametrize("kind", ["ply", "glb"])
def test_meshes(scene: Path, kind: str) -> None:
    out = scene.with_name(f"mesh.{kind}")
    assert main([str(scene), "--to", kind, "--frame", "-1", "-o", str(out)]) == 0
    read = trimesh.load_scene(out)
    assert sorted(read.extents) == pytest.approx([5 * 0.375, 16 * 0.4, 24 * 0.4], rel=1e-4)


def test_gaussians(scene: Path) -> None:
    out = scene.with_name("splats.ply")
    assert main([str(scene), "--to", "gaussians", "-o", str(out)]) == 0
    assert len(read_splats_ply(out).means) > 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--frame", "3", "-o", "x.ply"], "frames 0 to 2"),
        (["--to", "glb", "-o", "x.ply"], "ending .glb"),
        (["--to", "gaussians", "-o", "x.glb"], "ending .ply"),
    ],
)
def test_mistakes_are_told(
    scene: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main([str(scene), *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not Path("x.ply").exists()


def test_one_scene_at_a_time_and_no_empty_frames(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = street()
    empty.classes[:] = torch.zeros_like(empty.classes)
    write_occupancy(scene.with_name("b.npz"), empty)
    assert main([str(scene.parent), "-o", "x.ply"]) == 2
    assert main([str(scene.with_name("b.npz")), "-o", "x.ply"]) == 2
    told = capsys.readouterr().err
    assert "2 scenes" in told
    assert "is empty" in told
