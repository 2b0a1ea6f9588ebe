"""Files of the whole data set: an index of its scenes, their captions, and a card that says what it is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bulk.jobs import Job
from bulk.manifest import CAMERAS, FILE, read_manifest
from core.files import sha256_of, write_json, write_text

INDEX, CAPTIONS, CARD = "index.json", "captions.json", "README.md"

_MARK = "<!-- made by dataset_generation.py -->"


def finish(root: Path, jobs: Sequence[Job]) -> None:
    """Write the index, the captions and the card from the manifests of all jobs in `root`.

    Jobs of other commands that write to the same root are in them too. It may be repeated, and done by
    several processes at once: each writes whole files from what it finds.

    Args:
        root: of the data set.
        jobs: those of this command, whose folders are looked at in any case.

    Raises:
        UserError: a manifest is broken, or a file cannot be written.
    """
    folders = {job.folder for job in jobs}
    folders |= {path.parent for pattern in (f"*/{FILE}", f"*/*/{FILE}") for path in root.glob(pattern)}
    found = ((folder, read_manifest(folder)) for folder in sorted(folders))
    manifests = [(folder, manifest) for folder, manifest in found if manifest]
    entries = [_entry(root, folder, manifest) for folder, manifest in manifests]
    write_json(root / INDEX, {"scenes": entries})
    subsets = sorted({entry["subset"] for entry in entries})
    for subset in subsets:
        of_subset = (manifest for _, manifest in manifests if manifest["subset"] == subset)
        write_json(root / subset / CAPTIONS, {"captions": [_caption(manifest) for manifest in of_subset]})
    card = root / CARD
    if not card.exists() or _MARK in card.read_text(encoding="utf-8"):
        write_text(card, _card(entries, [manifest for _, manifest in manifests]))


def _entry(root: Path, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    stages = manifest["stages"]
    metrics, checked = stages.get("metrics", {}), stages.get("validate", {})
    return {
        "scene_id": manifest["scene_id"],
        "subset": manifest["subset"],
        "folder": folder.relative_to(root).as_posix(),
        "split": manifest["split"],
        "passed": checked.get("passed"),
        "problems": checked.get("problems", []),
        "stages": sorted(stages),
        "psnr": metrics.get("psnr"),
        "ssim": metrics.get("ssim"),
        "lpips": metrics.get("lpips"),
        "bytes": sum(part["bytes"] for part in manifest["files"].values()),
        "manifest_sha256": sha256_of(folder / FILE),
    }


def _caption(manifest: dict[str, Any]) -> dict[str, str]:
    subset = {"subset": manifest["subset"]} if manifest["subset"] else {}
    return {"scene_id": manifest["scene_id"], **subset, "caption": manifest["caption"]}


def _card(entries: Sequence[dict[str, Any]], manifests: Sequence[dict[str, Any]]) -> str:
    captioned = sum(bool(manifest["caption"]) for manifest in manifests)
    marked = [entry for entry in entries if entry["passed"] is False]
    content = sorted({manifest["masks"]["content"] for manifest in manifests})
    commits = sorted({manifest["environment"]["commit"] for manifest in manifests})
    return "\n".join([
        _MARK,
        "# Degraded renders of captured scenes",
        "",
        f"{len(entries)} pairs of a scene and a split: Gaussians trained on a part of the views, and all "
        "views rendered beside their photographs, with masks of what the training views support.",
        "",
        "| subset | split | scenes | mean PSNR of held-out views, dB |",
        "|---|---|---|---|",
        *_table(entries),
        "",
        "## Layout",
        "",
        "`SUBSET/SCENE_SPLIT/` is the run folder of 3DGS with `partition.json`, `cam_extrinsics.npy`, "
        "`cam_intrinsics.npy` and `manifest.json`; `{train,test}/ours_N/{renders,gt}/%05d.png` follow "
        f"the lists of `partition.json`. Masks are {' and '.join(content) or 'soft'}, 255 = unsupported.",
        f"{CAMERAS['extrinsics']}. {CAMERAS['intrinsics']}. World: {CAMERAS['world']}.",
        f"`{INDEX}` lists all scenes with their scores, sizes and sums; `SUBSET/{CAPTIONS}` their captions, "
        f"{captioned} of which are not empty.",
        "",
        "## Quality",
        "",
        f"{len(marked)} of {len(entries)} are below a gate and marked so in `{INDEX}` (`passed` is false); "
        "they are kept.",
        "",
        "## Licences of the inputs",
        "",
        *(f"- {licence}" for licence in sorted({manifest["licence"] for manifest in manifests})),
        "",
        f"Made by commit {', '.join(commits) or 'unknown'}.",
        "",
    ])  # fmt: skip


def _table(entries: Iterable[dict[str, Any]]) -> list[str]:
    groups: Counter[tuple[str, float]] = Counter()
    psnr: dict[tuple[str, float], list[float]] = {}
    for entry in entries:
        group = (entry["subset"], entry["split"])
        groups[group] += 1
        if entry["psnr"] is not None:
            psnr.setdefault(group, []).append(entry["psnr"])
    return [
        f"| {subset or '-'} | {split:g} | {count} | "
        + (
            f"{sum(psnr[subset, split]) / len(psnr[subset, split]):.2f} |"
            if (subset, split) in psnr
            else "- |"
        )
        for (subset, split), count in sorted(groups.items())
    ]
