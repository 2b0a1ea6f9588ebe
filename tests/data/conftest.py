"""A synthetic video, made once."""

from pathlib import Path

import pytest

from tests.data.captures import make


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("video", tmp_path_factory.mktemp("made") / "video", "--workers", "1", "--fps", "8")
