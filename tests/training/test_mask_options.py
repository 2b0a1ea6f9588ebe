"""Folders and files of masks have names of their own."""

from itertools import combinations

import pytest

from training.mask_options import FOLDERS, OTHER, MaskOptions, mask_folders, mask_names


def test_no_two_kinds_share_a_folder() -> None:
    for content in OTHER:
        of_kinds = [set(mask_folders(MaskOptions((kind,), content))) for kind in FOLDERS]
        assert all(len(folders) == 2 for folders in of_kinds)
        assert not any(one & other for one, other in combinations(of_kinds, 2))


def test_consumers_read_what_was_asked_for() -> None:
    soft, binary = (mask_folders(MaskOptions(("visibility",), content)) for content in ("soft", "binary"))
    assert soft[0] == binary[0] == "visibility_mask_global_2ndpick_th0.5"
    assert (soft[1], binary[1]) == (f"{soft[0]}_binary", f"{soft[0]}_soft")


def test_names_count_views_from_one_as_consumers_do() -> None:
    assert mask_names(3, 7) == ("00003.png", "frame_00008.png")


def test_one_kind_at_least() -> None:
    with pytest.raises(ValueError, match="at least one kind"):
        MaskOptions(())
