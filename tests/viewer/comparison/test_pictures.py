"""Maps of where runs err, and of which is nearer."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.images import read_image, write_png
from tests.viewer.comparison.written_runs import photograph, write_run
from viewer.comparison.pictures import GAIN_MAP, in_size, read_pair, read_pictures, size_of, smallest
from viewer.comparison.runs import RunView

NAME = "three.jpg"


def view(path: Path, noise: float, size: tuple[int, int] = (48, 32)) -> RunView:
    folder = write_run(path, (NAME,), noise, size=size)
    render, truth = (folder.images("test", 30, kind) / "00000.png" for kind in ("renders", "gt"))
    return RunView(render, truth, None)


def test_a_run_without_errors_has_a_dark_map_and_no_difference_from_itself(tmp_path: Path) -> None:
    perfect, noisy = view(tmp_path / "a", 0), view(tmp_path / "b", 40)
    found = read_pictures((perfect, noisy, perfect))
    assert np.array_equal(found.photograph, photograph(NAME))
    assert np.array_equal(found.renders[0], found.photograph)
    first, second, third = (error.astype(int).sum() for error in found.errors)
    assert first == third < second
    assert np.unique(found.errors[0].reshape(-1, 3), axis=0).shape == (1, 3)
    assert np.array_equal(found.differences[1], found.errors[0]), "the first and the third are the same"
    assert np.array_equal(found.differences[0], found.errors[1]), "the first is the photograph"


def test_who_is_nearer_turns_round_with_the_runs(tmp_path: Path) -> None:
    """Red where the first is nearer, blue where the other is."""
    assert GAIN_MAP == "RdBu"
    perfect, noisy = view(tmp_path / "a", 0), view(tmp_path / "b", 40)
    for runs, nearer, farther in (((perfect, noisy), 0, 2), ((noisy, perfect), 2, 0)):
        (gain,) = read_pictures(runs).gains
        mean = gain.reshape(-1, 3).mean(0)
        assert mean[nearer] > mean[farther] + 20


def test_other_sizes_are_reduced_to_the_smaller_one(tmp_path: Path) -> None:
    large, small = view(tmp_path / "a", 20), view(tmp_path / "b", 20, size=(24, 16))
    for runs in ((large, small), (small, large)):
        found = read_pictures(runs)
        assert size_of(found.photograph) == (48, 32)
        assert found.sizes == [size_of(read_image(run.render)) for run in runs]
        assert size_of(found.differences[0]) == size_of(found.gains[0]) == (24, 16)
    assert smallest([(4, 4), (8, 1), (3, 9)]) == (8, 1)
    image = photograph(NAME)
    assert in_size(image, (48, 32)) is image
    assert np.array_equal(in_size(image, (24, 16)), photograph(NAME, (24, 16)))


def test_a_rendering_of_another_size_than_its_photograph_is_told(tmp_path: Path) -> None:
    odd = view(tmp_path, 0)
    write_png(odd.render, photograph(NAME, (24, 16)))
    with pytest.raises(UserError, match=r"differ in size \(24x16 and 48x32\)"):
        read_pair(odd)
