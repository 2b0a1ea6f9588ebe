"""What viewers read: held-out cameras first, text that is never evaluated, points."""

import ast
from pathlib import Path

import torch

from core import ply
from core.run_folder import RunFolder
from scene.cameras_json import read_cameras_json
from tests.training.captures import tiny_capture
from training.viewer_files import write_viewer_files


def test_the_files_of_a_run(tmp_path: Path) -> None:
    capture = tiny_capture()
    folder = RunFolder(tmp_path)
    arguments = {"sh_degree": 3, "source_path": "a b/ü'", "white_background": False}
    write_viewer_files(folder, capture, train=(0, 2, 3), test=(1, 4), arguments=arguments)
    cameras, names = read_cameras_json(folder.cameras)
    assert names == ("001.png", "004.png", "000.png", "002.png", "003.png")
    torch.testing.assert_close(
        cameras.viewmats, capture.cameras.viewmats[[1, 4, 0, 2, 3]], rtol=1e-5, atol=1e-5
    )
    points = ply.read_points_ply(folder.input_points)
    assert capture.points is not None
    assert torch.equal(torch.from_numpy(points.rgb.copy()), capture.points.rgb)
    call = ast.parse(folder.cfg_args.read_text(encoding="utf-8"), mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "Namespace"
    assert {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords} == arguments
