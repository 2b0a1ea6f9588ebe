"""The weight files of published networks: their names, and where they are looked for.

Needs only the standard library.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

NetworkName = Literal["vgg", "alex"]

FETCH_COMMAND = "python data/download_lpips_weights.py"
LINEAR_FILES: Mapping[NetworkName, str] = {"vgg": "vgg.pth", "alex": "alex.pth"}
"""The weights of LPIPS's channels, as the authors publish them."""
BACKBONE_FILES: Mapping[NetworkName, str] = {"vgg": "vgg16-397923af.pth", "alex": "alexnet-owt-7be5be79.pth"}
"""The networks that LPIPS looks through, as torchvision publishes them."""


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
