"""Where the weight files of published networks are looked for. Needs only the standard library."""

import os
from pathlib import Path


def weight_folders() -> list[Path]:
    """The folders in the order in which they are searched.

    `SPLATWORKS_WEIGHTS` if it is set, our own cache, then torch's, which other programs may have filled.
    """
    named = os.environ.get("SPLATWORKS_WEIGHTS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    torch_home = Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser()
    ours = [Path(named)] if named else []
    return [*ours, cache / "splatworks" / "weights", torch_home / "hub" / "checkpoints"]


def find_weights(name: str) -> Path | None:
    """The first file of that name in `weight_folders()`, or None."""
    return next((folder / name for folder in weight_folders() if (folder / name).is_file()), None)
