"""Tables of a data set: numbers in their cells, means of the same sequences, published ones as printed."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from evaluation import benchmark
from evaluation.benchmark import main, tables
from evaluation.depth_metrics import DepthErrors
from evaluation.ground_truth import GroundTruth
from evaluation.image_metrics import Scores
from evaluation.run_cost import RunCost
from evaluation.runs import score_runs
from evaluation.segmentation import MaskScores
from evaluation.sequences import SequenceScores
from evaluation.trajectories import TrajectoryErrors
from tests.evaluation.conftest import make_video_run

DOG = SequenceScores(
    sequence="dog",
    iteration=4000,
    size=(512, 288),
    masks="annotation",
    carried=Scores(27.5, 0.8, 0.2, 0.9, 28.25, 0.01),
    predicted=Scores(27.0, 0.8, 0.2, 0.9, 27.75, 0.01),
    composite=Scores(28.0, 0.82, 0.18, 0.9, 28.75, 0.01),
    refined=Scores(29.5, 0.85, 0.15, 0.9, 30.25, 0.01),
    flow_interpolation=Scores(25.09, 0.7, 0.3, 0.9, 25.56, 0.02),
    segmentation=MaskScores(0.75, 1.0, 0.5, 0.7, 2, (0.7, 0.8), (0.5, 0.5)),
    trajectory=TrajectoryErrors(0.125, 0.0125, 0.25, 0.5, 10.0, 1.0, 50, True),
    depth=None,
    predictor="classical",
    assurance="high",
    frames=50,
    registered=49,
    gaussians=123_456,
    cost=RunCost(30.0, 90.0, 150.0, 3 * 2**29),
    truth=GroundTruth(),
    truth_digest="",
    fingerprint="",
)
SHADOW = dataclasses.replace(
    DOG,
    sequence="car-shadow",
    carried=Scores(30.5, 0.9, None, 0.8, 31.75, 0.01),
    composite=None,
    refined=None,
    trajectory=dataclasses.replace(DOG.trajectory, ate=7.0, ate_share=None, determined=False),
    gaussians=None,
)


def cells(text: str, table: str) -> dict[str, dict[str, str]]:
    """A table of the text as rows of cells by column."""
    lines = text[text.index(f"| {table} |") :].partition("\n\n")[0].splitlines()
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    assert all(len(row) == len(header) for row in rows)
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def test_the_legacy_table_has_das3r_s_rows_beside_ours() -> None:
    rows = cells(tables("davis", [DOG, SHADOW]), "PSNR, legacy")
    assert rows["dog"]["DAS3R"] == "28.63"
    assert rows["car-shadow"]["DAS3R w/o static confidence"] == "31.04"
    assert (rows["dog"]["flow interpolation"], rows["dog"]["ours, poses carried along"]) == ("25.56", "28.25")
    assert rows["dog"]["ours, poses as predicted"] == "27.75"
    mean = rows["mean of these 2"]
    assert mean["ours, poses carried along"] == "30.00"
    assert float(mean["DAS3R"]) == pytest.approx((28.63 + 29.13) / 2, abs=0.006)
    assert rows["published mean of all"]["DAS3R"] == "25.70"
    assert rows["published mean of all"]["ours, poses as predicted"] == "-"
    missing = "Not among these: blackswan, camel, horsejump-high, motocross-jump, parkour, soapbox."
    assert missing in tables("davis", [DOG, SHADOW])
    assert "Not among these" not in tables("own", [DOG])


def test_honest_numbers_masks_and_cameras() -> None:
    text = tables("davis", [DOG, SHADOW])
    honest = cells(text, "static pixels")
    assert (honest["dog"]["PSNR carried"], honest["dog"]["PSNR refined"], honest["dog"]["SSIM"]) == (
        "27.500", "29.500", "0.850",
    )  # fmt: skip
    assert (honest["car-shadow"]["PSNR refined"], honest["car-shadow"]["SSIM"]) == ("-", "0.900")
    assert honest["mean of these 2"]["PSNR refined"] == "-", "one sequence has none"
    prediction = cells(text, "prediction")
    assert prediction["dog"]["cameras"] == "49/50"
    assert prediction["dog"]["ATE / path"] == "0.013"
    assert prediction["car-shadow"]["ATE"] == "-", "nothing determines the scale"
    assert (prediction["dog"]["size"], prediction["dog"]["iterations"]) == ("512x288", "4,000")
    assert (prediction["dog"]["Gaussians"], prediction["car-shadow"]["Gaussians"]) == ("123,456", "-")
    assert prediction["mean of these 2"]["J"] == "0.750"
    cost = ("min predicting", "min training", "min in all", "peak GiB")
    assert [prediction["dog"][name] for name in cost] == ["0.500", "1.500", "2.500", "1.500"]
    assert "DAS3R 0.397" in text


def test_means_of_depth_weigh_by_pixels() -> None:
    depth = DepthErrors(0.1, 0.0, 0.0, 0.0, 0.8, 0.9, 1.0, pixels=300, coverage=0.6)
    other = dataclasses.replace(depth, abs_rel=0.5, pixels=100, coverage=0.2)
    pair = [dataclasses.replace(DOG, depth=depth), dataclasses.replace(SHADOW, depth=other)]
    mean = cells(tables("sintel", pair), "prediction")["mean of these 2"]
    assert (mean["AbsRel"], mean["depths"]) == ("0.200", "0.400")


def test_other_videos_have_no_published_numbers() -> None:
    text = tables("own", [DOG])
    assert list(cells(text, "PSNR, legacy")["dog"]) == [
        "flow interpolation",
        "ours, poses as predicted",
        "ours, poses carried along",
        "ours, with what moves",
    ]
    assert "mean" not in cells(text, "static pixels")
    assert "DAS3R 0" not in text


def test_published_means_are_those_of_their_sequences() -> None:
    """As printed in the repository of DAS3R: they were read by eye, and this would notice a wrong digit."""
    published = json.loads(Path(benchmark.__file__).with_name("published.json").read_text())
    for name, count in (("davis", 8), ("sintel", 14)):
        assert len(published[name]["psnr"]) == 6
        for method in published[name]["psnr"].values():
            assert len(method["sequences"]) == count
            assert sum(method["sequences"].values()) / count == pytest.approx(method["mean"], abs=0.011)


def test_the_command_reads_runs_and_prints_or_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_video_run(tmp_path)
    assert main(["davis", str(folder.path)]) == 2
    assert "scores.json is missing" in capsys.readouterr().err
    score_runs([folder], None, GroundTruth(masks=tmp_path / "truth"))
    capsys.readouterr()
    assert main(["davis", str(folder.path)]) == 0
    printed = capsys.readouterr().out
    assert cells(printed, "prediction")["dog"]["J"] == "1.000"
    assert main(["davis", str(folder.path), "--out", str(tmp_path / "t.md")]) == 0
    assert (tmp_path / "t.md").read_text() == printed
    assert main(["davis"]) == 2


def test_scores_by_other_ground_truth_do_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_video_run(tmp_path)
    asked = ["davis", str(folder.path), "--gt-masks", str(tmp_path / "truth")]
    score_runs([folder], None, GroundTruth())
    assert main(asked[:2]) == 0
    assert main(asked) == 2
    assert "compares the run with other ground truth than there is now" in capsys.readouterr().err
    score_runs([folder], None, GroundTruth(masks=tmp_path / "truth"))
    assert main(asked) == main(asked[:2]) == 0
    mask = tmp_path / "truth" / "dog" / "00003.png"
    mask.rename(mask.with_name("00012.png"))
    assert main(asked) == main(asked[:2]) == 2
    shutil.rmtree(tmp_path / "truth")
    assert main(asked) == 2
    assert main(asked[:2]) == 0, "what it was compared with is not at hand any more"
