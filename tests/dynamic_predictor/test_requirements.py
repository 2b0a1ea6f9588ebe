"""What is wrong with weights or sizes is known before a prediction begins."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core import memory
from core.errors import UserError
from dynamic_predictor.alignment.config import AlignmentConfig
from dynamic_predictor.config import PredictorConfig
from dynamic_predictor.network.checkpoints import save_network
from dynamic_predictor.requirements import check_requirements, classical_bytes, memory_notes, weight_files
from tests.dynamic_predictor.network.reference import MICRO, build

CLASSICAL = PredictorConfig()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the only one where weights are looked for."""
    for name in ("SPLATWORKS_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "SPLATWORKS_WEIGHTS"


def test_weights_are_asked_for_where_a_network_reads_them(weights: Path, tmp_path: Path) -> None:
    assert weight_files(CLASSICAL) == []
    named = PredictorConfig(predictor="das3r", pretrained=tmp_path)
    assert weight_files(named) == []
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).touch()
    assert weight_files(named) == [tmp_path / "model.safetensors", tmp_path / "config.json"]
    assert weight_files(replace(named, pretrained=tmp_path / "config.json")) == [tmp_path / "config.json"]
    (weights / "das3r").mkdir(parents=True)
    (weights / "das3r" / "model.safetensors").touch()
    (weights / "raft-sintel.safetensors").touch()
    found = weight_files(PredictorConfig(predictor="das3r", flow="raft"))
    assert found == [weights / "das3r/model.safetensors", weights / "raft-sintel.safetensors"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"predictor": "monst3r"}, "the weights of monst3r are not in .*download_weights monst3r"),
        ({"flow": "raft"}, "--flow raft needs raft-sintel.pth"),
        ({"long_side": 20}, "becomes 20 x 15 at size 20.*choose a larger --long-side"),
        ({"predictor": "das3r", "scene_graph_type": "swin-0"}, "swin-0 does not connect frame 1 of 5"),
        ({"pretrained": Path("x.pth")}, "--pretrained x.pth would change nothing"),
        (
            {"scene_graph_type": "complete"},
            "--scene-graph-type complete would change nothing, as --predictor c",
        ),
        ({"alignment": AlignmentConfig(steps=9)}, "a flag of the alignment would change nothing"),
        ({"user_masks": Path(), "rounds": 3}, "--rounds 3 would change nothing, as .*--user-masks"),
        ({"predictor": "das3r", "rounds": 3}, "--rounds 3 would change nothing, as --predictor das3r looks"),
    ],
)
def test_what_is_missing_is_one_sentence(weights: Path, change: dict[str, Any], told: str) -> None:
    config = replace(CLASSICAL, **change)

    def look() -> None:
        if config.scene_graph_type != "swin-0":
            weight_files(config)
        check_requirements(config, 5, 64, 48)

    with pytest.raises(UserError, match=told):
        look()
    assert not weights.exists()


def test_frames_of_a_few_pixels_are_refused() -> None:
    with pytest.raises(UserError, match=r"frames of 20x15 pixels are too small .* larger --frame-long-side"):
        check_requirements(CLASSICAL, 5, 20, 15)
    check_requirements(CLASSICAL, 5, 16, 16)


def test_a_checkpoint_is_opened(tmp_path: Path) -> None:
    config = PredictorConfig(predictor="das3r", pretrained=tmp_path / "model.safetensors", long_side=64)
    save_network(build(MICRO, torch.float32), tmp_path / "model.safetensors")
    check_requirements(config, 5, 64, 48)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match="is damaged or no safetensors file"):
        check_requirements(config, 5, 64, 48)


def test_memory_grows_with_flows_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten flows of two 16-bit numbers a pixel are remembered of each frame."""
    flows = 10 * 60 * 512 * 288 * 4
    assert classical_bytes(120, 512, 288) - classical_bytes(60, 512, 288) > flows
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**40)
    (told,) = memory_notes(CLASSICAL, 60, 1024, 576)
    assert told == "expected peak memory of the prediction 1.3 GiB, 1024.0 GiB are free"
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**29)
    (told,) = memory_notes(CLASSICAL, 60, 1024, 576)
    assert told.startswith("warning: expected peak memory of the prediction 1.3 GiB, 512 MiB are free")
    assert memory_notes(PredictorConfig(predictor="das3r"), 60, 1024, 576) == ()
