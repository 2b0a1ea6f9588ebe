"""What was seen is as it was; what was not lies between its neighbours."""

from dataclasses import fields

import torch

from dynamic_predictor.unseen import with_unseen
from tests.training.videos import tiny_video

NAMES = tuple(f"{row:05d}.png" for row in range(8))
SEEN = (0, 1, 2, 4, 5, 6, 7)


def test_frames_that_were_seen_are_as_they_were() -> None:
    prediction = tiny_video(7).prediction(tuple(NAMES[row] for row in SEEN))
    whole = with_unseen(prediction, NAMES, SEEN)
    assert whole.frame_names == NAMES
    for field in fields(prediction):
        before, after = getattr(prediction, field.name), getattr(whole, field.name)
        if isinstance(before, torch.Tensor):
            torch.testing.assert_close(after[list(SEEN)], before)
    torch.testing.assert_close(whole.cameras.viewmats[list(SEEN)], prediction.cameras.viewmats)


def test_nothing_but_its_neighbours_is_known_of_a_frame_that_was_not() -> None:
    prediction = tiny_video(7).prediction(tuple(NAMES[row] for row in SEEN))
    whole = with_unseen(prediction, NAMES, SEEN)
    assert whole.registered.tolist() == [True, True, True, False, False, True, True, True]
    assert torch.equal(whole.dynamic_masks[3], prediction.dynamic_masks[2] | prediction.dynamic_masks[3])
    assert not whole.depths[3].any()
    assert not whole.confidences[3].any()
    middle = prediction.cameras.centers[2:4].mean(0)
    torch.testing.assert_close(whole.cameras.centers[3], middle, atol=1e-5, rtol=0)
    assert "1 held-out frames were not looked at" in whole.assurance.sentences[-1]


def test_the_first_and_the_last_frame_have_one_neighbour() -> None:
    prediction = tiny_video(6).prediction(NAMES[1:7])
    whole = with_unseen(prediction, NAMES, range(1, 7))
    torch.testing.assert_close(whole.cameras.centers[0], prediction.cameras.centers[0])
    torch.testing.assert_close(whole.cameras.centers[7], prediction.cameras.centers[-1])
