# ruff: noqa: T201 (a command line)
"""Fetch the weights that LPIPS needs: `python data/download_lpips_weights.py`.

Runs without the rest of the project. The channel weights are BSD-2-Clause (R. Zhang et al.), the networks
BSD-3-Clause (torchvision). Files are checked against their SHA-256; a download that was cut off goes on where
it stopped.
"""

import argparse
import hashlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

_AUTHORS = "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/"
_TORCHVISION = "https://download.pytorch.org/models/"
_CHUNK = 1 << 20
_TIMEOUT_S = 30


@dataclass(frozen=True)
class WeightFile:
    """A published file.

    Args:
        url: where it is.
        sha256: what its bytes must hash to.
        megabytes: its size, for the one who waits.
    """

    url: str
    sha256: str
    megabytes: float

    @property
    def name(self) -> str:
        """Under which it is stored."""
        return self.url.rpartition("/")[2]


FILES = {
    "vgg": (
        WeightFile(
            _AUTHORS + "vgg.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868", 0.01
        ),
        WeightFile(
            _TORCHVISION + "vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            553.4,
        ),
    ),
    "alex": (
        WeightFile(
            _AUTHORS + "alex.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0", 0.01
        ),
        WeightFile(
            _TORCHVISION + "alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            244.4,
        ),
    ),
}


class DownloadError(Exception):
    """A file could not be had; the message says which and why."""


def main(args: Sequence[str] | None = None) -> int:
    """Fetch what is missing.

    Returns:
        0 when all files are there; 2 when one cannot be had.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--network", choices=[*FILES, "all"], default="vgg", help="default: vgg, as papers report"
    )
    parser.add_argument("--to", type=Path, default=default_folder(), help="default: %(default)s")
    options = parser.parse_args(args)
    try:
        for network in FILES if options.network == "all" else [options.network]:
            for file in FILES[network]:
                fetch(file, options.to)
    except DownloadError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    print(f"LPIPS weights are in {options.to}")
    return 0


def default_folder() -> Path:
    """Where the project looks first: `SPLATWORKS_WEIGHTS`, else its cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SPLATWORKS_WEIGHTS") or cache / "splatworks" / "weights")


def fetch(file: WeightFile, folder: Path) -> None:
    """Put the file into the folder, unless it is there.

    Raises:
        DownloadError: the server does not answer, the content is not the published one, or the disk refuses.
    """
    target = folder / file.name
    part = folder / f"{file.name}.part"
    try:
        if target.exists() and _sha256(target) == file.sha256:
            return
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{file.url} ({file.megabytes} MB)", file=sys.stderr)
        _download(file.url, part)
        if _sha256(part) != file.sha256:
            part.unlink()
            raise DownloadError(
                f"{file.url} is not the published file (its SHA-256 differs); try again later"
            )
        part.replace(target)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(
            f"{file.url}: {reason}; check the network and run the same command again"
        ) from error
    except OSError as error:
        raise DownloadError(
            f"{target}: {error.strerror}; free some space or choose a folder with --to"
        ) from error


def _download(url: str, part: Path) -> None:
    """Append to `part` what is missing of it."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is there; the checksum tells whether it is right
        raise
    with response, part.open("ab" if response.status == HTTPStatus.PARTIAL_CONTENT else "wb") as file:
        while chunk := response.read(_CHUNK):
            file.write(chunk)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
