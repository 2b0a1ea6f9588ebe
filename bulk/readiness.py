"""Whether a scene can be used."""

from dataclasses import dataclass

from bulk.jobs import Job
from core.errors import UserError


@dataclass(frozen=True)
class Facts:
    """What was found."""

    views: int


class NotReadyError(UserError):
    """A scene that cannot be used."""


def check_ready(job: Job) -> Facts:
    """Look at a scene.

    Raises:
        NotReadyError: it cannot be used.
    """
    folder = job.scene.folder / job.scene.images
    if not (job.scene.folder / "transforms.json").exists():
        raise NotReadyError(f"{job.scene.folder} has no transforms.json")
    return Facts(len(list(folder.iterdir())))
