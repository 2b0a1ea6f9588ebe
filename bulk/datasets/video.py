"""Films in a folder, or in its folders: each becomes a static scene by way of the dynamic predictor.

A film has neither cameras nor points, so its job is trained by the dynamic method, which predicts them and
leaves out what moves: `bulk.stages.training`.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bulk.datasets.preset import Preset, files_in, folders_in, subset_folders
from bulk.jobs import SceneSource
from core.video_input import VIDEO_SUFFIXES


def find(root: Path, subsets: Sequence[str], _images: str | None = None) -> list[SceneSource]:
    """Films, told by their names; a folder of films is a subset.

    Raises:
        UserError: a subset does not exist.
    """
    if subsets:
        return [source for folder in subset_folders(root, subsets) for source in _films(folder, folder.name)]
    inside = [source for folder in folders_in(root) for source in _films(folder, folder.name)]
    return _films(root, "") + inside


def _films(folder: Path, subset: str) -> list[SceneSource]:
    films = [path for path in files_in(folder) if path.suffix.lower() in VIDEO_SUFFIXES]
    stems = Counter(film.stem for film in films)
    return [
        # Two films may differ in their suffix alone; scenes need names of their own.
        SceneSource(film.stem if stems[film.stem] == 1 else film.name, subset, film, "", "video")
        for film in films
    ]


PRESET = Preset(
    "video",
    find,
    "",
    "Films of your own: the licence of what is made is that of the films.",
    needs_model=False,
)
