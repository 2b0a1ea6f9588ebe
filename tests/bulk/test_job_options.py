"""Options are refused where they mean nothing, and become flags of a command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from bulk.job_options import JobOptions
from core import cli
from core.serialization import config_from_json, config_to_json
from training.mask_options import MaskOptions


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"iterations": 0}, {"extra_downscale": 0}, {"shard_mb": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: .* was expected, got"):
        JobOptions(**wrong)


def test_a_kind_of_mask_is_needed() -> None:
    with pytest.raises(ValueError, match="at least one kind"):
        MaskOptions(mask_kinds=())


def test_every_option_is_a_flag() -> None:
    words = "--seed 3 --mask-kinds visibility scale --mask-content binary --depth-format npz --gate-psnr 20"
    parsed = cli.parse(JobOptions, args=[*words.split(), "--gate-size", "64", "48", "--yes"], prog="x")
    assert (parsed.seed, parsed.depth_format, parsed.yes) == (3, "npz", True)
    assert parsed.masks == MaskOptions(("visibility", "scale"), "binary")
    assert (parsed.gates.gate_psnr, parsed.gates.gate_size) == (20.0, (64, 48))


def test_options_survive_a_file() -> None:
    options = JobOptions(
        captions=Path("captions.json"), max_gaussians=5, resolution=4, masks=MaskOptions(("fisher", "scale"))
    )
    stored = json.loads(json.dumps(config_to_json(options)))
    assert config_from_json(JobOptions, stored) == options
