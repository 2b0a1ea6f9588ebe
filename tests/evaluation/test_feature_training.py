"""Training repeats, learns, and scales features by the training set."""

import pytest
import torch
import torch.nn.functional as F

from evaluation.feature_training import FeatureTraining, train_features
from scene.occupancy.classes import CARLASC
from scene.occupancy.sequence import Grid, Occupancy


def sequences(count: int = 6, frames: int = 3) -> list[Occupancy]:
    """Roads under walls whose place and motion differ."""
    grid = Grid((16, 16, 4), (0.0, -3.2, -2.0), (0.4, 0.4, 0.375))
    found = []
    for i in range(count):
        classes = torch.zeros(frames, 16, 16, 4, dtype=torch.uint8)
        classes[..., 0] = 6
        for t in range(frames):
            classes[t, (2 * i + t * (i % 3)) % 16, :, 1:] = 1
        found.append(Occupancy(classes, CARLASC, grid))
    return found


def loss(network: torch.nn.Module, data: list[Occupancy]) -> float:
    pairs = torch.stack([each.classes[:2] for each in data])
    with torch.no_grad():
        return float(F.cross_entropy(network(pairs), pairs.long()))


def test_training_learns_and_repeats() -> None:
    data = sequences()
    untrained = train_features(data, FeatureTraining(steps=0, channels=8))
    torch.manual_seed(123)  # what the caller has drawn has no part in it
    trained = train_features(data, FeatureTraining(steps=40, learning_rate=0.03, channels=8))
    again = train_features(data, FeatureTraining(steps=40, learning_rate=0.03, channels=8))
    assert trained.fingerprint == again.fingerprint
    assert loss(trained, data) < 0.5 * loss(untrained, data)
    assert (
        train_features(data, FeatureTraining(steps=1, channels=8, seed=1)).fingerprint != trained.fingerprint
    )


def test_features_of_the_training_set_are_scaled() -> None:
    data = sequences()
    network = train_features(data, FeatureTraining(steps=2, channels=8))
    rows = torch.stack([network.features(each.classes) for each in data])
    assert rows.mean(0).tolist() == pytest.approx([0] * 16, abs=1e-4)
    assert rows.std(0, correction=0).tolist() == pytest.approx([1] * 16, abs=1e-2)


def test_description() -> None:
    data = sequences(2)
    network = train_features(data, FeatureTraining(steps=1, channels=8, seed=3))
    told = network.description
    assert (told.class_set, told.classes, told.sequences, told.steps, told.seed) == ("carlasc", 12, 2, 1, 3)
    assert (
        told.data_fingerprint
        != train_features(data[:1], FeatureTraining(steps=0)).description.data_fingerprint
    )
    with pytest.raises(ValueError, match="needs sequences"):
        train_features([])


def test_impossible_trainings_are_told() -> None:
    for changes in ({"steps": -1}, {"batch": 0}, {"channels": 0}):
        with pytest.raises(ValueError, match="numbers from 0, 1 and 1 on were expected"):
            FeatureTraining(**changes)
