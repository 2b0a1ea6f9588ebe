"""Facts of frames on the disk; the round trip is in test_frames.py."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.files import write_json
from core.serialization import config_to_json
from scene.stored_frames import FACTS_FILE, FrameFacts, StoredFrames, read_facts

FACTS = FrameFacts("walk.mp4", ("a.png", "b.png"), ("0", "2"), (0.0, 0.5), 2.0, 64, 48, 1, 3)


def test_facts_come_back(tmp_path: Path) -> None:
    assert read_facts(tmp_path) is None
    write_json(tmp_path / FACTS_FILE, config_to_json(FACTS))
    assert read_facts(tmp_path) == FACTS
    assert len(FACTS) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"fps": "fast"}, r"frames\.json: fps: float was expected"), ({"bogus": 1}, "unknown key .*bogus")],
)
def test_a_broken_file_is_named(tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    write_json(tmp_path / FACTS_FILE, {**config_to_json(FACTS), **change})
    with pytest.raises(UserError, match=sentence):
        read_facts(tmp_path)


def test_a_missing_image_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    frames = StoredFrames(tmp_path, FACTS.names)
    assert len(frames) == 2
    with pytest.raises(UserError, match=r"cannot read .*b\.png"):
        frames[-1]
    with pytest.raises(IndexError):
        frames[2]
