"""How well the next frames are foretold: IoU and mIoU of each future frame, beside those of no forecast.

Source of the measure: W. Zheng et al., "OccWorld", ECCV 2024, where it is reported at 1, 2 and 3 s.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool, UInt8
from torch import Tensor

from evaluation.occupancy_scores import ConfusionCounts
from scene.occupancy.sequence import Occupancy

COPY_LAST = "last frame repeated"
"""The row of the baseline: whoever foretells nothing repeats what was seen last."""


@dataclass(frozen=True)
class ForecastScores:
    """Scores of forecasts. Those of disjoint sequences add up: `first + second`.

    Args:
        seconds_per_frame: time from one frame to the next.
        counts: of each future frame; the first is the one right after the past.
    """

    seconds_per_frame: float
    counts: tuple[ConfusionCounts, ...]

    @classmethod
    def of(cls, forecast: UInt8[Tensor, "T X Y Z"], truth: Occupancy) -> "ForecastScores":
        """Scores of one sequence.

        Args:
            forecast: classes in each future frame.
            truth: the same frames as they were; what nothing observed is left out.

        Raises:
            ValueError: forecast and truth have other sizes.
        """
        if forecast.shape != truth.classes.shape:
            raise ValueError(f"a forecast {tuple(forecast.shape)} of {tuple(truth.classes.shape)}")
        classes = len(truth.class_set)
        counts = tuple(
            ConfusionCounts.of(frame, true, _invalid(truth, t), classes=classes)
            for t, (frame, true) in enumerate(zip(forecast, truth.classes, strict=True))
        )
        return cls(truth.seconds_per_frame, counts)

    @classmethod
    def of_copy(cls, last: UInt8[Tensor, "X Y Z"], truth: Occupancy) -> "ForecastScores":
        """The baseline: the frame before the future is taken for all of it."""
        return cls.of(last.expand(len(truth), -1, -1, -1), truth)

    def __add__(self, other: "ForecastScores") -> "ForecastScores":
        if len(self.counts) != len(other.counts):
            raise ValueError(
                f"forecasts of {len(self.counts)} and of {len(other.counts)} frames do not add up"
            )
        counts = tuple(mine + its for mine, its in zip(self.counts, other.counts, strict=True))
        return ForecastScores(self.seconds_per_frame, counts)

    @property
    def seconds(self) -> list[float]:
        """How far ahead each frame is."""
        return [round((t + 1) * self.seconds_per_frame, 6) for t in range(len(self.counts))]

    @property
    def miou(self) -> list[float]:
        """MIoU of each frame, in percent."""
        return [each.miou for each in self.counts]

    @property
    def iou(self) -> list[float]:
        """IoU of occupied space of each frame, in percent."""
        return [each.iou for each in self.counts]

    def numbers(self) -> dict[str, list[float] | float]:
        """For a report: all frames, and the means over them."""
        return {
            "seconds": self.seconds,
            "miou": self.miou,
            "iou": self.iou,
            "mean_miou": sum(self.miou) / len(self.counts),
            "mean_iou": sum(self.iou) / len(self.counts),
        }


def forecast_table(rows: Mapping[str, ForecastScores]) -> str:
    """Lines of mIoU / IoU in percent, a column for each future frame and one for the mean.

    Args:
        rows: by what they are called; all of the same frames.
    """
    seconds = next(iter(rows.values())).seconds
    lines = [["mIoU / IoU", *(f"{each:g} s" for each in seconds), "mean"]]
    for name, scores in rows.items():
        pairs = [*zip(scores.miou, scores.iou, strict=True)]
        means = tuple(sum(values) / len(values) for values in (scores.miou, scores.iou))
        lines.append([name, *(f"{miou:.1f} / {iou:.1f}" for miou, iou in (*pairs, means))])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def _invalid(truth: Occupancy, frame: int) -> Bool[Tensor, "X Y Z"] | None:
    return None if truth.invalid is None else truth.invalid[frame]
