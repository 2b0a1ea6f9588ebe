"""Which scenes each preset finds below a root, in which order, and what it says where there is none."""

from pathlib import Path

import pytest

from bulk.datasets import PRESETS, discover
from bulk.datasets.preset import folders_in
from bulk.jobs import DatasetName
from core.errors import UserError

FOLDERS = {
    "dl3dv": ["1K/b/images_4", "1K/a/images_4", "2K/c/images_4", "1K/.cache/x"],
    "mipnerf360": ["garden/images_4", "room/images_2"],
    "colmap": ["one/images_4", "two/scene/images", "two/notes", "three"],
    "video": ["later"],
}


def make(root: Path, *places: str) -> Path:
    for place in places:
        (root / place).mkdir(parents=True)
    return root


def model(folder: Path, place: str = "sparse/0") -> None:
    (folder / place).mkdir(parents=True)
    (folder / place / "cameras.bin").touch()


def names(dataset: DatasetName, root: Path, *subsets: str) -> list[str]:
    return [f"{scene.subset}/{scene.name}" for scene in discover(dataset, root, subsets)]


def test_every_preset_is_entered_under_its_name() -> None:
    assert set(PRESETS) == {"dl3dv", "mipnerf360", "colmap", "video"}
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.licence.endswith(".")


def test_dl3dv_has_subsets(tmp_path: Path) -> None:
    root = make(tmp_path, *FOLDERS["dl3dv"])
    assert names("dl3dv", root) == ["1K/a", "1K/b"]
    assert names("dl3dv", root, "2K", "1K") == ["1K/a", "1K/b", "2K/c"]
    scene = discover("dl3dv", root)[0]
    assert (scene.folder, scene.images, scene.dataset) == (root / "1K" / "a", "images_4", "dl3dv")
    assert discover("dl3dv", root, images="images_8")[0].images == "images_8"


def test_a_scene_without_its_files_is_found_too(tmp_path: Path) -> None:
    """It is to be named in the report, not to vanish."""
    assert names("dl3dv", make(tmp_path, "1K/a", "1K/b/images_4")) == ["1K/a", "1K/b"]


def test_dl3dv_unpacked_into_folders_of_their_own(tmp_path: Path) -> None:
    root = make(tmp_path, "1K/abc/abc/images_4")
    (scene,) = discover("dl3dv", root)
    assert (scene.name, scene.folder) == ("abc", root / "1K" / "abc" / "abc")


def test_the_benchmark_of_dl3dv(tmp_path: Path) -> None:
    root = make(tmp_path, "abc/nerfstudio/images_4", "abc/gaussian_splat/images_4")
    (scene,) = discover("dl3dv", root)
    assert (scene.name, scene.subset, scene.folder) == ("abc", "", root / "abc" / "gaussian_splat")


def test_mipnerf360_uses_the_images_of_its_papers(tmp_path: Path) -> None:
    scenes = discover("mipnerf360", make(tmp_path, *FOLDERS["mipnerf360"]))
    assert [(scene.name, scene.images) for scene in scenes] == [("garden", "images_4"), ("room", "images_2")]
    with pytest.raises(UserError, match="mipnerf360 has no subsets"):
        discover("mipnerf360", tmp_path, ["1K"])


@pytest.mark.parametrize("place", ["sparse/0", "sparse", "colmap/sparse/0"])
def test_colmap_finds_models_two_levels_deep(tmp_path: Path, place: str) -> None:
    root = make(tmp_path, *FOLDERS["colmap"])
    model(root / "one", place)
    model(root / "two" / "scene", place)
    model(root / "three" / "deep" / "deeper", place)
    assert names("colmap", root) == ["/one", "two/scene"]
    assert [scene.images for scene in discover("colmap", root)] == ["images_4", "images"]
    assert names("colmap", root, "two") == ["two/scene"]
    assert names("colmap", root / "one") == ["/one"]


def test_films_in_a_folder_and_in_its_folders(tmp_path: Path) -> None:
    make(tmp_path, *FOLDERS["video"])
    for name in ("b.mp4", "a.MOV", "later/c.webm", "later/c.avi", "readme.txt", ".d.mp4"):
        (tmp_path / name).touch()
    assert names("video", tmp_path) == ["/a", "/b", "later/c.avi", "later/c.webm"]
    assert names("video", tmp_path, "later") == ["later/c.avi", "later/c.webm"]
    assert discover("video", tmp_path)[0].folder == tmp_path / "a.MOV"


def test_many_scenes_are_listed_from_their_names(tmp_path: Path) -> None:
    make(tmp_path, *(f"1K/{number:064x}" for number in range(2_000)))
    scenes = discover("dl3dv", tmp_path)
    assert len(scenes) == 2_000
    assert scenes == sorted(scenes, key=lambda scene: scene.name)


@pytest.mark.parametrize("dataset", PRESETS)
def test_an_empty_root_says_what_was_expected(tmp_path: Path, dataset: DatasetName) -> None:
    with pytest.raises(
        UserError, match=f"holds no scene of {dataset}: .* were expected, and .* holds nothing"
    ):
        discover(dataset, tmp_path)
    with pytest.raises(UserError, match="does not exist; a folder with"):
        discover(dataset, tmp_path / "gone")


def test_a_subset_that_is_not_there_lists_what_is(tmp_path: Path) -> None:
    make(tmp_path, "2K/a", "11K/b")
    with pytest.raises(UserError, match=r"--subset 7K: .* does not exist; .* holds 11K, 2K"):
        discover("dl3dv", tmp_path, ["7K"])
    with pytest.raises(UserError, match=r"has no subset 1K; name one .* --subset: 11K, 2K"):
        discover("dl3dv", tmp_path)


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot list"):
        folders_in(tmp_path / "file")
