"""Annotations split into frames: the same numbers, frame by frame, and only once."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays_of

from data import rearrange_pointodyssey as subject
from tests.scene.datasets import odyssey


@given(
    arrays_of.arrays(arrays_of.scalar_dtypes(), arrays_of.array_shapes(min_dims=1, max_dims=4, max_side=4))
)
def test_streamed_frames_are_the_array(values: np.ndarray) -> None:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values))
    file.seek(0)
    streamed = list(subject.frames(file, "values"))
    assert len(streamed) == len(values)
    for index, frame in enumerate(streamed):
        assert frame.dtype == values.dtype
        assert frame.tobytes() == values[index : index + 1].tobytes()


def test_each_frame_has_its_file(tmp_path: Path) -> None:
    sequence = odyssey.write_sequence(tmp_path / "one")
    subject.rearrange_sequence(sequence)
    for name, values in odyssey.annotations().items():
        files = sorted((sequence / name).iterdir())
        assert [file.name for file in files] == [
            f"{subject.STEMS[name]}_{k:05d}.npy" for k in range(odyssey.FRAMES)
        ]
        for file, frame in zip(files, values, strict=True):
            assert np.array_equal(np.load(file, allow_pickle=False), frame, equal_nan=name.startswith("traj"))


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = odyssey.write_sequence(tmp_path / "one")
    done: list[str] = []
    save = np.save

    def stumbling(path: Path, *rest: object, **options: bool) -> None:
        if path.name.startswith("visib_00002"):
            raise OSError(28, "No space left on device")
        save(path, *rest, **options)  # pyright: ignore

    monkeypatch.setattr(np, "save", stumbling)
    with pytest.raises(subject.UserError, match="disk is full"):
        subject.rearrange_sequence(sequence)
    assert (sequence / "trajs_3d").is_dir()
    assert not (sequence / "visibs").exists()

    def noting(path: Path, *rest: object, **options: bool) -> None:
        done.append(path.parent.name)
        save(path, *rest, **options)  # pyright: ignore

    monkeypatch.setattr(np, "save", noting)
    subject.rearrange_sequence(sequence)
    assert set(done) == {".visibs.part", ".intrinsics.part", ".extrinsics.part"}
    assert len(list((sequence / "visibs").iterdir())) == odyssey.FRAMES
    assert not list(sequence.glob(".*"))


def without(name: str) -> dict[str, np.ndarray]:
    return {key: value for key, value in odyssey.annotations().items() if key != name}


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (without("trajs_3d"), "has no trajs_3d"),
        ({**odyssey.annotations(), "trajs_3d": np.array([None, None], dtype=object)}, "no 3D tracks"),
        ({**odyssey.annotations(), "trajs_3d": np.zeros((odyssey.FRAMES, 0))}, "no 3D tracks"),
        ({**odyssey.annotations(), "trajs_3d": np.zeros((odyssey.FRAMES, 16, 3))}, "has 16 tracks"),
        ({**odyssey.annotations(), "valids": np.asfortranarray(odyssey.annotations()["valids"])}, "Fortran"),
        ({**odyssey.annotations(), "visibs": np.array([{}], dtype=object)}, "visibs holds object"),
    ],
)
def test_sequences_that_cannot_be_used_have_a_reason(
    tmp_path: Path, arrays: dict[str, np.ndarray], reason: str
) -> None:
    with pytest.raises(subject.UnusableSequenceError, match=reason):
        subject.rearrange_sequence(odyssey.write_sequence(tmp_path / "one", arrays))


def test_a_download_that_was_cut_off_is_told(tmp_path: Path) -> None:
    sequence = odyssey.write_sequence(tmp_path / "one")
    archive = sequence / subject.ANNOTATIONS
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(subject.UnusableSequenceError, match="damaged"):
        subject.rearrange_sequence(sequence)


def test_an_array_that_was_cut_off_is_told() -> None:
    file = io.BytesIO()
    np.save(file, np.zeros((3, 4)))
    with pytest.raises(subject.UnusableSequenceError, match="ends at frame 2 of 3"):
        list(subject.frames(io.BytesIO(file.getvalue()[:-8]), "values"))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odyssey.write_sequence(tmp_path / "train" / "good")
    odyssey.write_sequence(tmp_path / "sample" / "bad", without("trajs_3d"))
    assert subject.main(["--root", str(tmp_path)]) == 0
    told = capsys.readouterr().err
    assert "sample/bad is left out" in told
    assert "1 of 2 sequences are ready" in told
    assert subject.main(["--root", str(tmp_path / "elsewhere")]) == 2
