"""Latents come back as they were written, and broken ones are told."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from core.errors import UserError
from generation.latents import LatentSplit, facts_path, is_whole, read_facts, shard_path, write_facts
from tests.generation.stored_latents import FACTS, write_latents


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents"))


def test_windows_come_back_as_they_were_written(folder: Path) -> None:
    split = LatentSplit(folder, "train")
    assert len(split) == 10
    assert (split[0].scene, split[0].first) == ("a", 0)
    assert (split[7].scene, split[7].first) == ("b", 1)
    stored = safetensors.torch.load_file(shard_path(folder, "train", 1))
    latent = split[6]  # the third of the second shard
    assert torch.equal(latent.rollout, stored["rollout"][2])
    assert torch.equal(latent.layout, stored["layout"][2])
    assert latent.world_from_ego is not None
    assert torch.equal(latent.world_from_ego, stored["world_from_ego"][2])
    assert torch.equal(split.rollouts([6, 0])[0], latent.rollout)


def test_shards_cover_each_window_once() -> None:
    for per_shard in (1, 3, 10, 99):
        facts = replace(FACTS, windows_per_shard=per_shard)
        rows = [row for shard in range(facts.shards("train")) for row in facts.shard_rows("train", shard)]
        assert rows == list(range(10))


def test_the_window_before_ends_where_a_window_begins(folder: Path) -> None:
    split = LatentSplit(folder, "train")
    assert [split.previous(row) for row in range(10)] == [None] * 4 + [0, 1] + [None] * 4


def test_windows_that_leave_frames_out_reach_further(tmp_path: Path) -> None:
    facts = replace(FACTS, frames=2, skip=1)
    write_latents(tmp_path, facts)
    assert LatentSplit(tmp_path, "train").previous(5) == 1  # frames 5, 7 after 1, 3


def test_poses_may_be_unknown(tmp_path: Path) -> None:
    split = LatentSplit(write_latents(tmp_path, poses=False), "train")
    assert not split.has_poses
    assert split[3].world_from_ego is None


def test_threads_may_share_a_split(folder: Path) -> None:
    alone = LatentSplit(folder, "train")
    expected = [alone[row].rollout for row in range(10)]
    shared = LatentSplit(folder, "train")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: shared[row % 10].rollout, range(200)))
    assert all(torch.equal(each, expected[row % 10]) for row, each in enumerate(found))


def test_facts_survive_the_file(tmp_path: Path) -> None:
    write_facts(tmp_path, FACTS)
    assert read_facts(tmp_path) == FACTS
    before = facts_path(tmp_path).stat().st_mtime_ns
    write_facts(tmp_path, FACTS)
    assert facts_path(tmp_path).stat().st_mtime_ns == before


def test_other_latents_are_not_mixed_in(tmp_path: Path) -> None:
    write_facts(tmp_path, FACTS)
    with pytest.raises(UserError, match=r"holds other latents \(vae, stride differ\)"):
        write_facts(tmp_path, replace(FACTS, vae="another", stride=2))
    assert read_facts(tmp_path) == FACTS


def test_a_folder_without_latents_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no latents\.json; .*python -m generation\.encode"):
        LatentSplit(tmp_path, "train")


@pytest.mark.parametrize("text", ["{", "[]", '{"vae": 1}', json.dumps({"wrong": 0})])
def test_damaged_facts_are_told_by_their_path(tmp_path: Path, text: str) -> None:
    facts_path(tmp_path).write_text(text)
    with pytest.raises(UserError, match=r"latents\.json"):
        read_facts(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "lacking", "shorter", "gone"])
def test_damaged_shards_are_told_and_are_not_whole(tmp_path: Path, damage: str) -> None:
    write_latents(tmp_path)
    path = shard_path(tmp_path, "train", 1)
    assert is_whole(path, 4)
    tensors = safetensors.torch.load_file(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "garbage":
        path.write_bytes(b"\xff" * 100)
    elif damage == "gone":
        path.unlink()
    elif damage == "shorter":
        safetensors.torch.save_file({name: value[:2].clone() for name, value in tensors.items()}, path)
    else:
        safetensors.torch.save_file({name: tensors[name] for name in ("scene", "first")}, path)
    assert not is_whole(path, 4)
    with pytest.raises(UserError, match=r"00001\.safetensors"):
        LatentSplit(tmp_path, "train")[5]
