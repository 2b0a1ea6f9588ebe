"""Turning a scene turns all of it, and bytes are what they say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special

from core.ply import SplatArrays
from tests.training.captures import ring
from tests.viewer.formats.scenes import drawn, psnr, scene
from viewer.formats.gaussians import (
    blocks,
    degree_of,
    empty,
    in_bytes,
    logits_of_bytes,
    opacity_bytes,
    take,
    turned,
    unit,
)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_a_turned_scene_looks_the_same_to_turned_cameras(degree: int) -> None:
    splats, cameras = scene(degree=degree).splats, ring(4)
    turn = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    moved = drawn(turned(splats), replace(cameras, viewmats=cameras.viewmats @ turn))
    assert psnr(moved, drawn(splats)) > 100
    assert psnr(moved, drawn(splats, replace(cameras, viewmats=cameras.viewmats @ turn))) < 30


def test_two_half_turns_are_none() -> None:
    splats = scene().splats
    for before, after in zip(splats, turned(turned(splats)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 12])
def test_blocks_cover_all_rows_once(count: int) -> None:
    rows = [row for block in blocks(count, 4) for row in range(count)[block]]
    assert rows == list(range(count))
    assert all(0 < block.stop - block.start <= 4 for block in blocks(count, 4))


def test_rows_of_all_tables() -> None:
    splats = scene(5).splats
    some = take(splats, np.array([3, 1]))
    for part, whole in zip(some, splats, strict=True):
        np.testing.assert_array_equal(part, whole[[3, 1]])
    shapes = [table.shape for table in empty(5, 3)]
    assert shapes == [table.shape for table in splats]
    assert [degree_of(empty(1, degree)) for degree in range(4)] == [0, 1, 2, 3]


def test_quaternions_of_length_one() -> None:
    quats = np.array([[3, 0, 4, 0], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(unit(quats), [[0.6, 0, 0.8, 0], [1, 0, 0, 0]], atol=1e-7)


def test_bytes_round_and_stop_at_their_ends() -> None:
    np.testing.assert_array_equal(in_bytes(np.array([-3.0, 0.4, 0.6, 254.7, 1e9])), [0, 0, 1, 255, 255])


def test_opacities_come_back_within_half_a_step() -> None:
    logits = np.linspace(-12, 12, 1001).astype(np.float32)
    back = logits_of_bytes(opacity_bytes(logits))
    assert np.isfinite(back).all()
    assert np.abs(special.expit(back) - special.expit(logits)).max() <= 0.5 / 255 + 1e-6


def test_bytes_of_opacities_are_kept() -> None:
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(opacity_bytes(logits_of_bytes(every)), every)


def test_no_rows_at_all() -> None:
    nothing = SplatArrays(*(table[:0] for table in scene(3).splats))
    assert [len(table) for table in turned(nothing)] == [0] * 5
