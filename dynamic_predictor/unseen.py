"""Frames that a predictor does not see, so that nothing of what is scored on them has been looked at."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from dynamic_predictor.classical.registration import between_neighbours
from scene.cameras import Cameras
from scene.prediction import Prediction


def with_unseen(prediction: Prediction, names: Sequence[str], seen: Sequence[int]) -> Prediction:
    """A prediction of all frames, from that of those that were seen.

    The cameras of the others lie between those of their neighbours, and things move where they do in one of
    these; their depth is unknown.

    Args:
        prediction: of the frames that were seen, at least one.
        names: of all frames, in the order of time.
        seen: the rows of those, ascending.
    """
    count, rows = len(names), torch.tensor(seen)
    known = torch.zeros(count, dtype=torch.bool)
    known[rows] = True
    places = torch.arange(count)
    after = torch.searchsorted(rows, places).clamp(max=len(rows) - 1)
    before = (torch.searchsorted(rows, places, right=True) - 1).clamp(min=0)
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[rows] = prediction.cameras.viewmats.float()
    near = prediction.cameras[before.tolist()]
    probabilities, masks = prediction.dynamic_probabilities, prediction.dynamic_masks
    depths, confidences = (
        torch.zeros(count, *maps.shape[1:]).index_copy(0, rows, maps.float())
        for maps in (prediction.depths, prediction.confidences)
    )
    sentence = f"{count - len(rows)} held-out frames were not looked at; their cameras lie between others"
    return replace(
        prediction,
        frame_names=tuple(names),
        cameras=Cameras(between_neighbours(viewmats, known), near.Ks, near.width, near.height),
        dynamic_probabilities=torch.maximum(probabilities[before], probabilities[after]),
        dynamic_masks=masks[before] | masks[after],
        depths=depths,
        confidences=confidences,
        registered=known & prediction.registered[before],
        assurance=replace(prediction.assurance, sentences=(*prediction.assurance.sentences, sentence)),
    )
