"""What a report on a run on a video is about, beside what it shares with others."""

from dataclasses import dataclass

from core.run_folder import RunFolder
from evaluation.ground_truth import PredictedVideo
from evaluation.held_out_masks import predicted_video
from evaluation.sequences import SequenceScores, stored_sequence
from scene.stored_frames import FrameFacts, read_facts


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a run on a video.

    Args:
        folder: of the run.
        prediction: of the video.
        frames: what is written beside its frames; None for a prediction of somebody else.
        scores: of the sequence, once `metrics.py` has found them.
    """

    folder: RunFolder
    prediction: PredictedVideo
    frames: FrameFacts | None
    scores: SequenceScores | None

    @property
    def figures(self) -> dict[str, str]:
        """Numbers for the head of the page."""
        stored = self.prediction.stored
        return {
            "Frames": f"{len(stored.frames):,}",
            "Cameras found": f"{int(stored.registered.sum()):,}",
            "Assurance": stored.assurance.level,
        }


def gather_video(folder: RunFolder) -> VideoFacts | None:
    """Read what a run folder holds about its video; None for a run on something else.

    Raises:
        UserError: a file is broken, or the prediction is gone.
    """
    prediction = predicted_video(folder)
    if prediction is None:
        return None
    return VideoFacts(
        folder, prediction, read_facts(prediction.stored.layout.folder), stored_sequence(folder)
    )
