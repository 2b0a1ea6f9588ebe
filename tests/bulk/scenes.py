"""A folder of tiny captures in the layout of DL3DV."""

from pathlib import Path

from tests.training.captures import tiny_capture, write_capture

IMAGES = "images_4"


def write_root(root: Path, names: tuple[str, ...], subset: str = "1K", views: int = 8) -> Path:
    """Captures that can be trained on; returns the root."""
    for name in names:
        folder = write_capture(root / subset / name, tiny_capture(views))
        (folder / "images").rename(folder / IMAGES)
    return root
