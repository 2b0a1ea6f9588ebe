"""What a report says of a run on a video: pictures and videos of it, its cameras, and how sure they are."""

import html
from collections.abc import Sequence

from core.images import read_image
from core.video_input import VideoInput
from evaluation.report.markup import section, table
from evaluation.report.video_facts import VideoFacts
from evaluation.report.views import picture
from evaluation.sequences import SequenceScores

_TRIPTYCHS = 3
_VIDEOS = ("the static scene, along the recovered path", "likewise, along a smooth path", "side by side")
_MOTIONS = {
    "general": "moves",
    "rotation": "turns, and does not leave its place",
    "static": "stands still",
}


def video_sections(video: VideoFacts | None) -> Sequence[str]:
    """The sections of the page; none for a run on something else.

    Raises:
        UserError: a picture or video does not decode.
    """
    return () if video is None else (_pictures(video), _prediction(video), _agreement(video.scores))


def _pictures(video: VideoFacts) -> str:
    """Frames of the side-by-side video, and links to all videos."""
    *_, beside = video.folder.showreel
    if not beside.exists():
        return ""
    names = video.prediction.stored.frame_names
    rows = sorted({(2 * part + 1) * len(names) // (2 * _TRIPTYCHS) for part in range(_TRIPTYCHS)})
    shown = zip(rows, VideoInput(beside).frames(rows=rows), strict=False)
    figures = "".join(picture(frame.image, f"triptych of {names[row]}", names[row]) for row, frame in shown)
    links = "".join(
        f'<li><a href="{path.name}">{path.name}</a>: {told}</li>'
        for path, told in zip(video.folder.showreel, _VIDEOS, strict=True)
        if path.exists()
    )
    ply = video.folder.point_cloud(max(video.folder.iterations(), default=0))
    if ply.exists():
        place = html.escape(ply.relative_to(video.folder.path).as_posix())
        links += f'<li><a href="{place}">{place}</a>: the Gaussians, for viewers of 3DGS</li>'
    note = "From left to right: the video, what moves in it, and the scene without that."
    return section("The static scene", note, f'<div class="stack">{figures}</div><ul>{links}</ul>')


def _prediction(video: VideoFacts) -> str:
    stored, facts = video.prediction.stored, video.frames
    assurance = stored.assurance
    width, height = stored.cameras.size
    rows = {
        "predictor": stored.predictor,
        "frames": f"{len(stored.frames)}, looked at in {width}x{height}",
        "cameras": f"{int(stored.registered.sum())} rest on measurements, the others on their neighbours",
        "camera": _MOTIONS[assurance.camera_motion],
        "assurance": assurance.level,
    }
    if facts is not None and facts.shots > 1:
        rows["frames"] += f"; shot {facts.shot} of {facts.shots}"
    if stored.registered.all():
        rows["cameras"] = f"all {len(stored.frames)} rest on measurements"
    for name, value in (assurance.numbers or {}).items():
        rows[html.escape(name.replace("_", " "))] = f"{value:.4g}"
    body = table((), {name: [html.escape(told)] for name, told in rows.items()})
    if assurance.sentences:
        body += f"<ul>{''.join(f'<li>{html.escape(told)}</li>' for told in assurance.sentences)}</ul>"
    if video.folder.camera_plot.exists():
        plot = picture(read_image(video.folder.camera_plot), "path of the camera", "the path of the camera")
        body += f'<div class="stack">{plot}</div>'
    return section("Cameras", "What was known of the video before the training, and how sure that is.", body)


def _agreement(scores: SequenceScores | None) -> str:
    """Masks, path and depth against what is known to be true."""
    if scores is None:
        return ""
    rows: dict[str, Sequence[str]] = {}
    if scores.segmentation is not None:
        masks = scores.segmentation
        told = f"J {masks.region:.3f} · F {masks.boundary:.3f} · J above one half in {masks.recall:.0%}"
        rows["masks of what moves"] = [f"{told} of {masks.frames} frames"]
    if scores.trajectory is not None:
        path = scores.trajectory
        share = "" if path.ate_share is None else f" ({path.ate_share:.2%} of the path)"
        ate = f"ATE {path.ate:.4g}{share} · RPE {path.rpe_trans:.4g} a frame" if path.determined else ""
        rows["path of the camera"] = [" · ".join(filter(None, (ate, f"RPE {path.rpe_rot_deg:.3f}°")))]
    if scores.depth is not None:
        depth = scores.depth
        told = f"AbsRel {depth.abs_rel:.3f} · δ &lt; 1.25 {depth.delta1:.1%}"
        rows["depth"] = [f"{told}, over the {depth.coverage:.1%} of the pixels that have one"]
    note = "The prediction against what is known to be true of the video."
    return section("Against the truth", note, table((), rows)) if rows else ""
