"""Sintel from a server on this machine: three archives in one folder, then the labels."""

from pathlib import Path

import pytest

from data import download_sintel
from data.archives import Archive
from tests.data.captures import NAME
from tests.data.servers import serving
from tests.data.test_archives import contents, zipped

KINDS = {"images": ("final",), "depth": ("depth", "camdata_left"), "extras": ("flow", "occlusions")}


def test_labels_are_made_of_what_the_archives_hold(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = contents(video / "sintel")
    served = {
        f"/{name}.zip": zipped({key: data for key, data in files.items() if key.split("/")[1] in kinds})
        for name, kinds in KINDS.items()
    }
    with serving(served) as (address, _):
        monkeypatch.setattr(download_sintel, "ARCHIVES", tuple(Archive((address + name,)) for name in served))
        assert download_sintel.main(["--to", str(tmp_path / "sintel")]) == 0
    made = contents(tmp_path / "sintel")
    label = f"training/dynamic_label_perfect/{NAME}/frame_0001.png"
    assert label in made
    published = {key: data for key, data in made.items() if key != label and not key.startswith(".")}
    assert published == {key: data for key, data in files.items() if key in published}
    assert (
        len(published) == sum(len(zip_kinds) for zip_kinds in KINDS.values()) * 2 - 2
    )  # pairs have one less


def test_the_published_addresses() -> None:
    assert [archive.name for archive in download_sintel.ARCHIVES] == [
        "MPI-Sintel-training_images.zip",
        "MPI-Sintel-depth-training-20150305.zip",
        "MPI-Sintel-training_extras.zip",
    ]
