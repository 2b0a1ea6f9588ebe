"""What a run took of time and memory, as its stages and its training wrote it down."""

from dataclasses import dataclass

from core.errors import UserError
from core.files import read_json
from core.run_folder import RunFolder
from core.stages import stored_stages

_PREDICTION = ("frames", "predict")


@dataclass(frozen=True)
class RunCost:
    """Time and memory of a run; None where nobody wrote them down.

    Args:
        prediction_seconds: of writing the frames and predicting them; None where the prediction was given.
        training_seconds: of the training, over all processes, pauses left out.
        run_seconds: of all stages, from the frames to the videos.
        peak_memory_bytes: at most so much was held at once in any stage; see `core.stages.run_stage`.
    """

    prediction_seconds: float | None = None
    training_seconds: float | None = None
    run_seconds: float | None = None
    peak_memory_bytes: int | None = None


def read_cost(folder: RunFolder) -> RunCost:
    """What is written in a run folder.

    Raises:
        UserError: a file is broken.
    """
    timing = read_json(folder.timing) if folder.timing.exists() else {}
    if not isinstance(timing, dict):
        raise UserError(f"{folder.timing}: an object was expected; restore or remove the file")
    stages = stored_stages(folder.path)
    seconds = {name: float(stage["seconds"]) for name, stage in stages.items() if "seconds" in stage}
    training = timing.get("training_seconds")
    if training is not None and "train" in seconds:
        # A process that was killed could not say how long it had worked on its stage; the checkpoint can.
        seconds["train"] = max(seconds["train"], training)
    predicted = [seconds[name] for name in _PREDICTION if name in seconds]
    peaks = [each.get("peak_memory_bytes") or 0 for each in (timing, *stages.values())]
    return RunCost(
        prediction_seconds=sum(predicted) if predicted else None,
        training_seconds=training,
        run_seconds=sum(seconds.values()) if seconds else None,
        peak_memory_bytes=max(peaks) or None,
    )
