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
from evaluation.distribution_scores import compare, frechet_distance, kernel_distance
from evaluation.ego_motion import EgoMotion, estimate
from evaluation.feature_network import FeatureNetwork
from evaluation.occupancy_features import COUNTED, counted_features, network_features, picture_features
from evaluation.occupancy_windows import Window, evenly, fingerprint
from scene.occupancy.driving import Command, Thresholds, command, thresholds, trajectory
from scene.occupancy.sequence import Occupancy

FeatureMaker = Callable[[Sequence[Occupancy]], Float[Tensor, "N F"]]
NETWORK, PICTURES = "network", "pictures"
_COLUMNS: Mapping[str, tuple[str, int]] = {
    "fid": ("FID", 4), "floor_fid": ("its floor", 4), "kid": ("KID", 5), "floor_kid": ("its floor", 5),
    "precision": ("precision", 3), "recall": ("recall", 3),
    "neighbour_ratio": ("neighbour ratio", 3), "copied_share": ("copied", 3),
}  # fmt: skip


def report(
    reference: Sequence[Window],
    generated: Sequence[Window],
    network: FeatureNetwork,
    pictures: torch.jit.ScriptModule | None = None,
    most_motions: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything that is told about a set of generated sequences, as JSON values.

    Args:
        reference: sequences of the same length and kind as the generated ones.
        generated: what is scored.
        network: makes the features.
        pictures: makes features of pictures; None = no such row.
        most_motions: sequences of each set whose motion is estimated; those with a command all are.
        seed: of what scores draw.
    """
    limits = thresholds(len(reference[0].occupancy), reference[0].occupancy.seconds_per_frame)
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
        "scores": {name: _compared(maker, reference, generated, seed) for name, maker in makers.items()},
        "class_shares": class_shares(reference, generated),
        "motion": {
            "thresholds": asdict(limits),
            "reference": _motion_numbers([each for _, each in known], limits),
            "generated": _motion_numbers([each for _, each in made], limits),
            "reference_against_poses": against_poses(known, limits),
        },
        "commands": obedience(made, limits),
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


def obedience(motions: Sequence[tuple[Window, EgoMotion]], limits: Thresholds) -> dict[str, dict[str, Any]]:
    """For each command how many sequences have it, and what share of them did it.

    What they did is told by their voxels, in which the world turns; also which motions they made instead.
    """
    told: dict[str, Counter[str]] = {}
    for window, motion in motions:
        if window.command is not None:
            told.setdefault(window.command.name, Counter())[motion.command(limits).name] += 1
    return {
        name: {"sequences": done.total(), "obeyed": done[name] / done.total(), "done": dict(done)}
        for name, done in sorted(told.items())
    }


def against_poses(motions: Sequence[tuple[Window, EgoMotion]], limits: Thresholds) -> dict[str, Any] | None:
    """How well motion is told from voxels, where poses are known too; None where none are."""
    yaw_errors, path_errors, same = [], [], []
    for window, motion in motions:
        poses = window.occupancy.world_from_ego
        if poses is None:
            continue
        rows = trajectory(poses)
        yaw_errors.append(abs(float(rows[-1, 2]) - motion.total_yaw))
        path_errors.append(float((rows[-1, :2] - motion.xy[-1]).norm()))
        same.append(command(rows, limits) == motion.command(limits))
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
    motion = [["motion", "path m", "|yaw| rad", "agreement", *Command.__members__]]
    for name in ("reference", "generated"):
        row = numbers["motion"][name]
        cells = (f"{row[key]:.3f}" for key in ("mean_path_m", "mean_yaw_rad", "mean_agreement"))
        motion.append([name, *cells, *(f"{100 * row['turns'][turn]:.0f} %" for turn in Command.__members__)])
    parts = ["\n".join([*sets, header]), _aligned(scores), _aligned(shares), _aligned(motion)]
    if numbers["commands"]:
        rows = [["command", "sequences", "obeyed"]]
        for name, row in numbers["commands"].items():
            rows.append([name, str(row["sequences"]), f"{100 * row['obeyed']:.0f} %"])
        parts.append(_aligned(rows))
    return "\n\n".join(parts)


def _compared(
    maker: FeatureMaker, reference: Sequence[Window], generated: Sequence[Window], seed: int
) -> dict[str, float]:
    """The scores, and as `floor_fid` and `floor_kid` what one half of the reference scores against the other.

    Halves have fewer samples than the whole, for which FID is larger: a good set may come out below.
    """
    known, made = (maker([each.occupancy for each in windows]) for windows in (reference, generated))
    floor_kid, _ = kernel_distance(known[::2], known[1::2], seed=seed)
    floor = {"floor_fid": frechet_distance(known[::2], known[1::2]), "floor_kid": floor_kid}
    return {**asdict(compare(known, made, seed=seed)), **floor}


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


def _motion_numbers(motions: Sequence[EgoMotion], limits: Thresholds) -> dict[str, Any]:
    done = Counter(each.command(limits).name for each in motions)
    count = len(motions)
    return {
        "sequences": count,
        "mean_path_m": sum(each.path_m for each in motions) / count,
        "mean_forward_m": sum(float(each.xy[-1, 0]) for each in motions) / count,
        "mean_yaw_rad": sum(abs(each.total_yaw) for each in motions) / count,
        "mean_agreement": sum(each.agreement for each in motions) / count,
        "turns": {turn: done[turn] / count for turn in Command.__members__},
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join((first.ljust(widths[0]), *cells)))
    return "\n".join(lines)
