"""Names and places of jobs."""

from pathlib import Path

from bulk.jobs import STAGES, Job, SceneSource


def _job(subset: str, split: float) -> Job:
    scene = SceneSource("kitchen", subset, Path("in/kitchen"), "images_4", "dl3dv")
    return Job(scene, split, Path("out"))


def test_outputs_lie_by_subset_scene_and_split() -> None:
    assert _job("1K", 0.1).folder == Path("out/1K/kitchen_0.1")
    assert _job("", 0.5).folder == Path("out/kitchen_0.5")
    assert (_job("1K", 0.1).key, _job("", 0.5).key) == ("1K/kitchen_0.1", "kitchen_0.5")


def test_stages_are_named_once() -> None:
    assert len(set(STAGES)) == len(STAGES) == 10
