from pathlib import Path

import av
import numpy as np
import pytest

from scene.occupancy.boards import board, captioned, contact_sheet, legend, marked, text_line, write_video
from scene.occupancy.classes import CARLASC
from scene.occupancy.pictures import bird_eye, class_colours
from tests.scene.occupancy.streets import street


def test_a_legend_has_the_colours_it_names_and_no_others() -> None:
    picture = legend(CARLASC, [6, 10], 600).reshape(-1, 3)
    counts = [
        int((np.abs(picture - (colour.numpy() * 255)).max(1) < 1).sum()) for colour in class_colours(CARLASC)
    ]
    assert counts[6] > 100
    assert counts[10] > 100
    assert counts[9] == 0


def test_a_legend_breaks_its_lines() -> None:
    assert legend(CARLASC, range(1, 12), 200).shape[0] > 3 * legend(CARLASC, range(1, 12), 3000).shape[0]
    assert legend(CARLASC, range(1, 12), 200).shape[1] == 200


def test_words_change_the_corner_only() -> None:
    picture = np.full((100, 200, 3), 90, np.uint8)
    written = captioned(picture, "driver")
    assert (written[:40, :100] != 90).any()
    assert (written[40:] == 90).all()
    assert captioned(picture, "") is picture
    assert text_line("0.1 s", 300).shape[1] == 300


def test_the_arrow_is_where_the_vehicle_is() -> None:
    picture = bird_eye(street(), 0, 10)
    changed = np.nonzero((marked(picture, street()) != picture).any(2))
    # The grid spans 7.2 m ahead of the vehicle and 3.2 m to its left, at 25 pixels a metre.
    assert np.mean(changed[0]) == pytest.approx(7.2 * 25, abs=12)
    assert np.mean(changed[1]) == pytest.approx(3.2 * 25, abs=3)


def test_a_video_has_a_board_for_each_frame(tmp_path: Path) -> None:
    done: list[int] = []
    write_video(tmp_path / "a.mp4", street(2), "a", after_frame=lambda: done.append(1))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 5  # five frames a second were recorded
    assert len(frames) == len(done) == 2
    shown = board(street(2), 0, "a")
    height, width = frames[0].shape[:2]
    assert np.abs(frames[0].astype(int) - shown[:height, :width]).mean() < 4


def test_a_sheet_has_a_place_for_each_scene() -> None:
    scenes = [(str(number), street(1)) for number in range(3)]
    sheet = contact_sheet(scenes, columns=2, samples=1)
    assert sheet.shape[1] == 960
    assert 600 < sheet.shape[0] < 700
    with pytest.raises(ValueError, match="no scenes"):
        contact_sheet([])
