"""`python -m data.download_weights NAME`: published weights of the networks that look at videos.

    das3r, monst3r, dust3r, dust3r-linear, dust3r-224, croco    CC BY-NC-SA 4.0: not for commercial use
    raft, sea-raft                                              BSD-3-Clause

Nothing of these is ours, and the classical predictor needs none of them. The publishers print no checksums:
files from Hugging Face are checked against the SHA-256 that it announces, the others against the length that
their server announces, and all against the sums or lengths that are inside them.
"""

import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from core import cli
from core.errors import UserError
from core.files import atomic_write
from core.progress import say
from core.weights import weight_folders
from data.downloads import fetch

NetworkName = Literal[
    "das3r", "monst3r", "dust3r", "dust3r-linear", "dust3r-224", "croco", "raft", "sea-raft"
]

NON_COMMERCIAL = "CC BY-NC-SA 4.0, not for commercial use"
BSD = "BSD-3-Clause"
_HUB = "https://huggingface.co"
_NAVER = "https://download.europe.naverlabs.com/ComputerVision"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_RAFT = "https://dl.dropboxusercontent.com/s/4j4z58wuv8o0mfz/models.zip"
_SAFETENSORS_HEADER = 8


@dataclass(frozen=True)
class PublishedFile:
    """A file on a server and its place in the folder of weights.

    Args:
        url: where it is.
        place: path in the folder.
        member: of a zip file, what is taken out of it; then that goes to `place`.
    """

    url: str
    place: str
    member: str | None = None


@dataclass(frozen=True)
class PublishedWeights:
    """What makes up a network's weights.

    Args:
        files: all that is needed.
        licence: theirs.
    """

    files: tuple[PublishedFile, ...]
    licence: str = NON_COMMERCIAL


def _hub(repository: str, folder: str) -> PublishedWeights:
    base = f"{_HUB}/{repository}/resolve/main"
    names = ("config.json", "model.safetensors")
    return PublishedWeights(tuple(PublishedFile(f"{base}/{name}", f"{folder}/{name}") for name in names))


_CROCO = "CroCo_V2_ViTLarge_BaseDecoder.pth"
_SEA_RAFT = "Tartan-C-T-TSKH-spring540x960-M.pth"
WEIGHTS: dict[NetworkName, PublishedWeights] = {
    "das3r": _hub("Kai422kx/das3r", "das3r"),
    "monst3r": _hub("Junyi42/MonST3R_PO-TA-S-W_ViTLarge_BaseDecoder_512_dpt", "monst3r"),
    "dust3r": _hub("naver/DUSt3R_ViTLarge_BaseDecoder_512_dpt", "dust3r_512_dpt"),
    "dust3r-linear": _hub("naver/DUSt3R_ViTLarge_BaseDecoder_512_linear", "dust3r_512_linear"),
    "dust3r-224": _hub("naver/DUSt3R_ViTLarge_BaseDecoder_224_linear", "dust3r_224_linear"),
    "croco": PublishedWeights((PublishedFile(f"{_NAVER}/CroCo/{_CROCO}", _CROCO),)),
    "raft": PublishedWeights((PublishedFile(_RAFT, "raft-sintel.pth", "models/raft-sintel.pth"),), BSD),
    "sea-raft": PublishedWeights(
        (PublishedFile(f"{_DRIVE}1a0C5FTdhjM4rKrfXiGhec7eq2YM141lu", _SEA_RAFT),), BSD
    ),
}


@dataclass(frozen=True)
class DownloadWeights:
    """Fetch a network's weights (a DUSt3R kind of network has 2.4 GB)."""

    network: tyro.conf.Positional[NetworkName]
    """Which one."""
    to: Path | None = None
    """The folder of weights; by default SPLATWORKS_WEIGHTS, else our own cache."""


def download(settings: DownloadWeights) -> None:
    """Fetch what is missing.

    Raises:
        UserError: a file cannot be had, is not what it should be, or does not fit onto the disk.
    """
    published = WEIGHTS[settings.network]
    folder = settings.to or weight_folders()[0]
    say(f"weights of {settings.network}: {published.licence}")
    for file in published.files:
        _put(file, folder / file.place)
    say(f"they are in {folder}")


def _put(file: PublishedFile, target: Path) -> None:
    if file.member is None or target.is_file():
        fetch(file.url, target)
    else:
        archive = target.with_suffix(".zip")
        fetch(file.url, archive)
        _take_out(archive, file.member, target)
        archive.unlink()
    check_content(target)


def _take_out(archive: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened, atomic_write(target) as temporary:
            temporary.write_bytes(opened.read(member))  # checks the sum
    except (zipfile.BadZipFile, KeyError) as error:
        archive.unlink()
        raise UserError(
            f"{archive} was not the published archive ({error}); run the same command again"
        ) from error


def check_content(path: Path) -> None:
    """That a file is what its name says, by the sums and lengths inside it. One that is not is removed.

    Raises:
        UserError: it is something else, such as a web page that asks for a password.
    """
    try:
        if path.suffix == ".safetensors":
            _check_safetensors(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} in it is damaged")
        elif not _is_old_pickle(path):
            raise ValueError("it is neither a zip file nor a pickle")
    except (ValueError, zipfile.BadZipFile, OverflowError) as error:
        path.unlink()
        raise UserError(
            f"{path} was not the published file ({error}) and is removed; run the same command again"
        ) from error


def _check_safetensors(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_SAFETENSORS_HEADER), "little")
        if length > size:
            raise ValueError("its header is longer than the file")
        header = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if _SAFETENSORS_HEADER + length + max(ends, default=0) != size:
        raise ValueError("its length is not that of its tensors")


def _is_old_pickle(path: Path) -> bool:
    """As torch wrote before it used zip files."""
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    return cli.run(
        download, DownloadWeights, args=args, prog="python -m data.download_weights", description=__doc__
    )


if __name__ == "__main__":
    sys.exit(main())
