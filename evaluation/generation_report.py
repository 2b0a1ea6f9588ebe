"""All scores of generated occupancy against a reference: what is measured, and the table it is told in."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from core.progress import Progress
from core.serialization import config_to_json
from evaluation.distribution_scores import DistributionScores, compare
from evaluation.ego_motion import TURNS, EgoMotion, TurnThresholds, estimate
from evaluation.feature_network import FeatureNetwork
from evaluation.occupancy_features import COUNTED, counted_features, network_features, picture_features
from evaluation.occupancy_windows import Window, evenly, fingerprint
from scene.occupancy.sequence import Occupancy

FeatureMaker = Callable[[Sequence[Occupancy]], Float[Tensor, "N F"]]
NETWORK, PICTURES = "network", "pictures"
_COLUMNS: Mapping[str, tuple[str, int]] = {
    "fid": ("FID", 4), "kid": ("KID", 5), "precision": ("precision", 3), "recall": ("recall", 3),
    "neighbour_ratio": ("neighbour ratio", 3), "copied_share": ("copied", 3),
}  # fmt: skip


def report(
    reference: Sequence[Window],
    generated: Sequence[Window],
    network: FeatureNetwork,
    thresholds: TurnThresholds,
    pictures: torch.jit.ScriptModule | None = None,
    most_motions: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything that is told about a set of generated sequences, as JSON values.

    Args:
        reference: sequences of the same length and kind as the generated ones.
        generated: what is scored.
        network: makes the features.
        thresholds: from where on a motion is a turn.
        pictures: makes features of pictures; None = no such row.
        most_motions: sequences of each set whose motion is estimated; those with a command all are.
        seed: of what scores draw.
    """
    makers: dict[str, FeatureMaker] = {
        NETWORK: lambda each: network_features(network, each),
        COUNTED: counted_features,
    }
    if pictures is not None:
        makers[PICTURES] = lambda each: picture_features(pictures, each)
    commanded = [each for each in generated if each.command is not None]
    others = evenly([each for each in generated if each.command is None], most_motions)
    known = _motions(evenly(reference, most_motions), "motion of the reference")
    made = _motions([*commanded, *others], "motion of the generated")
    return {
        "reference": _set(reference),
        "generated": _set(generated),
        "network": {"fingerprint": network.fingerprint, **config_to_json(network.description)},
        "scores": {
            name: asdict(_compared(maker, reference, generated, seed)) for name, maker in makers.items()
        },
        "class_shares": class_shares(reference, generated),
        "motion": {
            "thresholds": asdict(thresholds),
            "reference": _motion_numbers([each for _, each in known], thresholds),
            "generated": _motion_numbers([each for _, each in made], thresholds),
            "reference_against_poses": against_poses(known, thresholds),
        },
        "commands": obedience(made, thresholds),
    }


def class_shares(reference: Sequence[Window], generated: Sequence[Window]) -> dict[str, dict[str, float]]:
    """For each class the share of all voxels that it has in each of the sets."""
    names = reference[0].occupancy.class_set.names

    def shares(windows: Sequence[Window]) -> list[float]:
        counts = sum(
            each.occupancy.classes.flatten().long().bincount(minlength=len(names)) for each in windows
        )
        counts = torch.as_tensor(counts).double()
        return (counts / counts.sum()).tolist()

    rows = zip(names, shares(reference), shares(generated), strict=True)
    return {name: {"reference": known, "generated": made} for name, known, made in rows}


def obedience(
    motions: Sequence[tuple[Window, EgoMotion]], thresholds: TurnThresholds
) -> dict[str, dict[str, Any]]:
    """For each command how many sequences have it, and what share of them did it.

    What they did is told by their voxels, in which the world turns; also which motions they made instead.
    """
    told: dict[str, Counter[str]] = {}
    for window, motion in motions:
        if window.command is not None:
            told.setdefault(window.command, Counter())[motion.turn(thresholds)] += 1
    return {
        command: {"sequences": done.total(), "obeyed": done[command] / done.total(), "done": dict(done)}
        for command, done in sorted(told.items())
    }


def against_poses(
    motions: Sequence[tuple[Window, EgoMotion]], thresholds: TurnThresholds
) -> dict[str, Any] | None:
    """How well motion is told from voxels, where poses are known too; None where none are."""
    yaw_errors, path_errors, same = [], [], []
    for window, motion in motions:
        poses = window.occupancy.world_from_ego
        if poses is None:
            continue
        relative = torch.linalg.inv(poses[0].double()) @ poses.double()
        yaw = torch.atan2(relative[:, 1, 0], relative[:, 0, 0])
        true = EgoMotion(relative[:, :2, 3], yaw, 1.0)
        yaw_errors.append(abs(true.total_yaw - motion.total_yaw))
        path_errors.append(float((true.xy[-1] - motion.xy[-1]).norm()))
        same.append(true.turn(thresholds) == motion.turn(thresholds))
    if not same:
        return None
    return {
        "sequences": len(same),
        "median_yaw_error_rad": float(torch.tensor(yaw_errors).median()),
        "median_end_error_m": float(torch.tensor(path_errors).median()),
        "same_turn": sum(same) / len(same),
    }


def table(numbers: Mapping[str, Any]) -> str:
    """The report as text for a terminal."""
    network = numbers["network"]
    sets = (
        f"{name}: {numbers[name]['sequences']} sequences of {numbers[name]['frames']} frames, "
        f"{numbers[name]['fingerprint']}"
        for name in ("reference", "generated")
    )
    header = f"network {network['fingerprint']}: {network['steps']} steps, data {network['data_fingerprint']}"
    scores = [["features", *(title for title, _ in _COLUMNS.values())]]
    for name, row in numbers["scores"].items():
        scores.append([name, *(f"{row[key]:.{digits}f}" for key, (_, digits) in _COLUMNS.items())])
    shares = [["class", "reference %", "generated %"]]
    for name, row in numbers["class_shares"].items():
        shares.append([name, *(f"{100 * row[key]:.3f}" for key in ("reference", "generated"))])
    motion = [["motion", "path m", "|yaw| rad", "agreement", *TURNS]]
    for name in ("reference", "generated"):
        row = numbers["motion"][name]
        cells = (f"{row[key]:.3f}" for key in ("mean_path_m", "mean_yaw_rad", "mean_agreement"))
        motion.append([name, *cells, *(f"{100 * row['turns'][turn]:.0f} %" for turn in TURNS)])
    parts = ["\n".join([*sets, header]), _aligned(scores), _aligned(shares), _aligned(motion)]
    if numbers["commands"]:
        rows = [["command", "sequences", "obeyed"]]
        for name, row in numbers["commands"].items():
            rows.append([name, str(row["sequences"]), f"{100 * row['obeyed']:.0f} %"])
        parts.append(_aligned(rows))
    return "\n\n".join(parts)


def _compared(
    maker: FeatureMaker, reference: Sequence[Window], generated: Sequence[Window], seed: int
) -> DistributionScores:
    known, made = (maker([each.occupancy for each in windows]) for windows in (reference, generated))
    return compare(known, made, seed=seed)


def _set(windows: Sequence[Window]) -> dict[str, Any]:
    return {
        "sequences": len(windows),
        "frames": len(windows[0].occupancy),
        "fingerprint": fingerprint(windows),
    }


def _motions(windows: Sequence[Window], label: str) -> list[tuple[Window, EgoMotion]]:
    found = []
    with Progress(len(windows), label=label) as progress:
        for each in windows:
            found.append((each, estimate(each.occupancy)))
            progress.advance()
    return found


def _motion_numbers(motions: Sequence[EgoMotion], thresholds: TurnThresholds) -> dict[str, Any]:
    done = Counter(each.turn(thresholds) for each in motions)
    count = len(motions)
    return {
        "sequences": count,
        "mean_path_m": sum(each.path_m for each in motions) / count,
        "mean_forward_m": sum(float(each.xy[-1, 0]) for each in motions) / count,
        "mean_yaw_rad": sum(abs(each.total_yaw) for each in motions) / count,
        "mean_agreement": sum(each.agreement for each in motions) / count,
        "turns": {turn: done[turn] / count for turn in TURNS},
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join((first.ljust(widths[0]), *cells)))
    return "\n".join(lines)
