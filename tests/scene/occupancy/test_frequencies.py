"""Weights of classes: rarer means heavier, and the published numbers."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scene.occupancy.classes import OCC3D_WAYMO
from scene.occupancy.frequencies import class_weights, count_classes
from tests.scene.occupancy.recordings import frame_of, scene


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=20).filter(any))
def test_rarer_classes_weigh_more(counts: list[int]) -> None:
    weights = class_weights(torch.tensor(counts))
    order = torch.tensor(counts).argsort()
    assert (weights[order].diff() <= 0).all()
    assert float(weights.min()) == pytest.approx(1, abs=1e-6)
    assert torch.isfinite(weights).all()
    assert float(weights.max()) <= 1e10 ** (1 / 3) + 1e-6


def test_an_eighth_as_frequent_weighs_twice_as_much() -> None:
    assert class_weights(torch.tensor([800, 100])).tolist() == pytest.approx([1, 2])


def test_scale_does_not_matter() -> None:
    torch.testing.assert_close(
        class_weights(torch.tensor([9, 3, 0])), class_weights(torch.tensor([9000, 3000, 0]))
    )


def test_no_voxels_are_refused() -> None:
    with pytest.raises(ValueError, match="no voxels"):
        class_weights(torch.zeros(3, dtype=torch.int64))


def test_counts_over_scenes() -> None:
    counts = count_classes([scene("a", 3), scene("b", 2)], every=2)
    expected = sum(frame_of(frame).flatten().bincount(minlength=12) for frame in (0, 2, 0))
    assert torch.equal(counts, torch.as_tensor(expected))
    assert counts[11] == 0


def test_scenes_of_other_classes_are_not_added_up() -> None:
    other = replace(scene(), class_set=OCC3D_WAYMO)
    with pytest.raises(ValueError, match="one set of classes"):
        count_classes([scene(), other])
    with pytest.raises(ValueError, match="none"):
        count_classes([])
