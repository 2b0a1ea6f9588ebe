"""The command line of exports."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from core.ply import read_splats_ply, write_splats_ply
from scene.occupancy.files import write_occupancy
from tests.scene.occupancy.streets import street
from tests.training.streets import FRAMES
from tests.training.test_street_runs import make_run
from tests.viewer.formats.scenes import drawn, psnr, scene
from viewer.export import main
from viewer.formats import FORMATS


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    write_splats_ply(tmp_path / "ball.ply", scene(degree=0).splats)
    return tmp_path / "ball.ply"


def test_every_format_can_be_made_of_every_other(ball: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, and back to the first; only bytes are lost on the way."""
    before = drawn(read_splats_ply(ball))
    source = ball
    for name in ("glb", "compressed-ply", "html", "splat", "spz"):
        assert main([str(source), "--to", name]) == 0
        source = ball.with_name(f"ball{dict(FORMATS)[name].ending}")  # pyright: ignore[reportArgumentType]
        assert f"{source}: 700 Gaussians" in capsys.readouterr().err
    assert main([str(source), "--to", "ply", "-o", str(ball.with_name("back.ply"))]) == 0
    assert psnr(drawn(read_splats_ply(ball.with_name("back.ply"))), before) > 34


def test_a_part_of_a_file(ball: Path) -> None:
    output = ball.with_name("part.ply")
    words = [
        str(ball),
        "--to",
        "ply",
        "-o",
        str(output),
        "--crop",
        "-1",
        "0",
        "-1",
        "1",
        "-1",
        "1",
        "--sh-degree",
        "0",
    ]
    assert main(words) == 0
    assert 0 < len(read_splats_ply(output).means) < 700
    assert read_splats_ply(output).means[:, 0].max() <= 0


def test_a_street_as_a_sequence_and_as_a_page(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert main([str(run), "--to", "ply-sequence"]) == 0
    files = sorted((run / "exports" / "ply").iterdir())
    assert [file.name for file in files] == [f"frame{frame + 1:04d}.ply" for frame in range(FRAMES)]
    first, last = (read_splats_ply(file).means for file in (files[0], files[-1]))
    assert np.abs(last - first).max() > 1
    assert main([str(run), "--to", "ply-sequence"]) == 0  # in the place of the earlier one
    assert main([str(run), "--to", "html", "--time", "0.1"]) == 0
    text = (run / "exports" / "run.html").read_text(encoding="utf-8")
    about = json.loads(text.partition('id="about">')[2].partition("</script>")[0])
    assert len(about["views"]) == 12
    np.testing.assert_allclose(about["up"], [0, 0, -1], atol=0.1)  # z of the street, half turned about x


def test_occupancy_becomes_a_mesh(tmp_path: Path) -> None:
    write_occupancy(tmp_path / "town.npz", street())
    assert main([str(tmp_path / "town.npz"), "--to", "glb", "--frame", "-1"]) == 0
    assert isinstance(trimesh.load(tmp_path / "town.glb"), trimesh.Scene)
    assert main([str(tmp_path), "--to", "glb", "-o", str(tmp_path / "b.glb")]) == 0


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a mistake is answered with."""
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_mistakes_are_told_in_a_sentence(ball: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ball.parent
    write_occupancy(folder / "town.npz", street())
    (folder / "empty").mkdir()
    (folder / "run").mkdir()
    (folder / "run" / "config.json").write_text('{"method": "static", "source_path": "x", "config": {}}')
    (folder / "cut.spz").write_bytes(b"\x1f\x8b\x08\x00")
    write_splats_ply(folder / "none.ply", type(scene().splats)(*(table[:0] for table in scene().splats)))
    for words, expected in (
        ([str(ball), "--to", "obj"], "invalid choice"),
        ([str(ball)], "--to"),
        ([str(folder / "missing.ply"), "--to", "spz"], "missing.ply does not exist"),
        ([str(folder / "empty"), "--to", "spz"], "neither a run (config.json) nor occupancy"),
        ([str(folder / "run"), "--to", "spz"], "holds no trained Gaussians"),
        ([str(folder / "none.ply"), "--to", "spz"], "holds no Gaussians"),
        ([str(folder / "cut.spz"), "--to", "ply"], "cut.spz is cut off"),
        ([str(folder / "town.npz"), "--to", "spz"], "scene.occupancy.export"),
        ([str(folder / "town.npz"), "--to", "glb", "--sh-degree", "0"], "only --frame chooses"),
        ([str(folder / "town.npz"), "--to", "glb", "--frame", "9"], "has frames 0 to 2"),
        ([str(ball), "--to", "spz", "--frame", "1"], "--frame needs occupancy"),
        ([str(ball), "--to", "ply"], "would replace what is read"),
        ([str(ball), "--to", "spz", "-o", str(folder / "a.ply")], "ending .spz was expected"),
        ([str(ball), "--to", "ply-sequence"], "a run on a driving log"),
        ([str(ball), "--to", "spz", "--crop", "5", "6", "5", "6", "5", "6"], "--crop leaves nothing"),
    ):
        assert expected in told(words, capsys), words
    (folder / "folder.spz").mkdir()
    assert "is a folder" in told([str(ball), "--to", "spz", "-o", str(folder / "folder.spz")], capsys)


def test_a_sequence_replaces_nothing_but_a_sequence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "runs")
    (tmp_path / "file").touch()
    (tmp_path / "nested" / "frame0001.ply").mkdir(parents=True)
    (tmp_path / "link").symlink_to("gone")
    monkeypatch.chdir(run)
    before = sorted(tmp_path.rglob("*"))
    for output, expected in (
        (".", "names no folder"),
        ("..", "names no folder"),
        (f"{run}/..", "names no folder"),
        ("/", "names no folder"),
        (str(run), "is no frame of an earlier sequence"),
        (str(run.parent), "is no frame of an earlier sequence"),
        (str(tmp_path / "nested"), "holds frame0001.ply, which is no frame"),
        (str(tmp_path / "file"), "is a file or a link"),
        (str(tmp_path / "link"), "is a file or a link"),
    ):
        assert expected in told([str(run), "--to", "ply-sequence", "-o", output], capsys), output
        assert sorted(tmp_path.rglob("*")) == before, output
