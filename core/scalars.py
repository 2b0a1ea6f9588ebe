"""Numbers over time, kept twice: `log.jsonl` for programs, TensorBoard files for eyes.

`log.jsonl` has one JSON object a line: {"step": 100, "seconds": 1.2, "loss": 0.13, "psnr": 17.9, "gaussians":
14021}; lines of an evaluation have "test_psnr" and "test_ssim" instead. Steps ascend.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor
from torch.utils.tensorboard.writer import SummaryWriter

from core.files import explain, make_folder, write_text
from core.run_folder import RunFolder


class ScalarLog:
    """Writes both logs of a run; what an earlier process wrote beyond `step` is dropped.

    Args:
        folder: of the run.
        step: the last step that counts: 0 for a new run, the checkpoint's for one that goes on.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, folder: RunFolder, step: int = 0) -> None:
        self._folder = folder
        self._board = self._open(step)

    def _open(self, step: int) -> SummaryWriter:
        path = self._folder.log
        lines = [line for line in read_lines(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
        make_folder(self._folder.tensorboard)
        return SummaryWriter(str(self._folder.tensorboard), purge_step=step + 1, flush_secs=30)

    def rewind(self, step: int) -> None:
        """Drop what was recorded after a step.

        Raises:
            UserError: the log cannot be written.
        """
        self._board.close()
        self._board = self._open(step)

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record numbers of a step.

        Raises:
            UserError: the log cannot be written.
        """
        try:
            with self._folder.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **numbers}) + "\n")
            for name, value in numbers.items():
                self._board.add_scalar(name.replace("test_", "test/", 1), value, step)
        except OSError as error:
            raise explain(error, self._folder.log) from error

    def picture(self, step: int, name: str, image: UInt8[Tensor, "H W 3"]) -> None:
        """Record a picture."""
        self._board.add_image(name, image.numpy(), step, dataformats="HWC")

    def close(self) -> None:
        """Write what is pending."""
        self._board.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a `log.jsonl`, empty if there is no file. A line cut off by a crash is left out.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except OSError as error:
        raise explain(error, path, "read") from error
    lines: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # only the last line of a killed process can be cut off
            continue
        if isinstance(entry, dict) and "step" in entry:
            lines.append(entry)
    return lines
