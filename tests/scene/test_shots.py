"""Cuts are found; motion, turning, blur, flashes and noise are none."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.images import read_image
from scene.frame_folders import natural_sort, scaled
from scene.shots import THUMBNAIL_PX, Shot, Thumbnail, dissimilarity, find_shots

HEIGHT = 54


def place(seed: int, length: int = 400) -> np.ndarray:
    """A wide picture of a place with colours of its own."""
    random = np.random.default_rng(seed)
    image = np.zeros((HEIGHT + 40, length, 3), np.float32)
    image[:] = random.uniform(40, 215, 3)
    palette = random.uniform(0, 255, (6, 3))
    for _ in range(160):
        x, y = random.integers(0, length), random.integers(0, HEIGHT + 40)
        w, h = random.integers(4, 40, 2)
        image[y : y + h, x : x + w] = palette[random.integers(6)] + random.normal(0, 6, 3)
    return cv2.GaussianBlur(image, (0, 0), 0.8).clip(0, 255).astype(np.uint8)


def pan(seed: int, count: int, step: int = 3) -> list[np.ndarray]:
    """A camera that turns over a place."""
    wide = place(seed, THUMBNAIL_PX + step * count)
    return [wide[20 : 20 + HEIGHT, step * row : step * row + THUMBNAIL_PX] for row in range(count)]


@settings(max_examples=12)
@given(st.integers(0, 30), st.integers(31, 60), st.integers(4, 12), st.integers(4, 12))
def test_a_cut_between_two_places_is_found(first: int, second: int, before: int, after: int) -> None:
    shots = find_shots(pan(first, before) + pan(second, after))
    assert shots == [Shot(0, before), Shot(before, before + after)]


@settings(max_examples=12)
@given(st.integers(0, 60), st.integers(1, 9))
def test_turning_is_no_cut(seed: int, step: int) -> None:
    assert find_shots(pan(seed, 12, step)) == [Shot(0, 12)]


@settings(max_examples=12)
@given(st.integers(0, 60), st.floats(1.01, 1.12))
def test_going_nearer_is_no_cut(seed: int, factor: float) -> None:
    image = place(seed, THUMBNAIL_PX)[20 : 20 + HEIGHT]
    frames = []
    for row in range(8):
        zoom = cv2.getRotationMatrix2D((THUMBNAIL_PX / 2, HEIGHT / 2), 2.0 * row, factor**row)
        frames.append(cv2.warpAffine(image, zoom, (THUMBNAIL_PX, HEIGHT), borderMode=cv2.BORDER_REFLECT))
    assert find_shots(frames) == [Shot(0, 8)]


@settings(max_examples=12)
@given(st.integers(0, 60), st.integers(3, 8), st.integers(1, 2))
def test_a_flash_is_no_cut(seed: int, at: int, length: int) -> None:
    frames = pan(seed, 12)
    for row in range(at, at + length):
        frames[row] = np.clip(frames[row].astype(int) + 150, 0, 255).astype(np.uint8)
    assert find_shots(frames) == [Shot(0, 12)]


@settings(max_examples=12)
@given(st.integers(0, 60))
def test_a_thing_before_the_lens_is_no_cut(seed: int) -> None:
    frames = pan(seed, 12)
    frames[6] = np.full_like(frames[6], (20, 160, 70))
    assert find_shots(frames) == [Shot(0, 12)]


@settings(max_examples=12)
@given(st.integers(0, 60))
def test_light_that_fades_is_no_cut(seed: int) -> None:
    frames = [(frame * (1 - 0.07 * row)).astype(np.uint8) for row, frame in enumerate(pan(seed, 10))]
    assert find_shots(frames) == [Shot(0, 10)]


@settings(max_examples=12)
@given(st.integers(0, 60), st.integers(0, 60))
def test_dissimilarity_is_a_symmetric_measure_between_0_and_1(first: int, second: int) -> None:
    one, other = Thumbnail(pan(first, 1)[0]), Thumbnail(pan(second, 1)[0])
    value = dissimilarity(one, other)
    assert 0 <= value <= 1
    assert value == pytest.approx(dissimilarity(other, one))
    assert dissimilarity(one, one) == pytest.approx(0, abs=1e-3)


def test_shots_cover_the_video_in_order() -> None:
    frames = list(itertools.chain(*(pan(10 * index, length) for index, length in enumerate((5, 1, 9, 4)))))
    shots = find_shots(frames)
    assert [shot.start for shot in shots[1:]] == [shot.stop for shot in shots[:-1]]
    assert (shots[0].start, shots[-1].stop) == (0, 19)
    assert max(shots, key=len) == Shot(6, 15)
    assert find_shots(frames[:1]) == [Shot(0, 1)]


@pytest.mark.data
@pytest.mark.parametrize("stride", [1, 5])
def test_real_videos(captures: Path, stride: int) -> None:
    """Each is one shot, whatever moves; one after the other they are as many as they are."""
    names = ("davis_dog/JPEGImages", "davis_car-shadow/JPEGImages", "davis_lady-running")
    videos = []
    for name in names:
        files = natural_sort((captures / name).glob("*.jpg"))[:40:stride]
        if not files:
            pytest.skip(f"{captures} has no {name}")
        videos.append([scaled(read_image(file), THUMBNAIL_PX) for file in files])
    for video in videos:
        assert find_shots(video) == [Shot(0, len(video))]
    assert [len(shot) for shot in find_shots([*videos[0], *videos[1], *videos[2]])] == list(map(len, videos))
