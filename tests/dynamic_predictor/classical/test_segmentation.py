"""A thing is cut out along its edges; what photographs do not confirm is left alone."""

import numpy as np
import torch

from dynamic_predictor.classical.evidence import Evidence
from dynamic_predictor.classical.segmentation import segment
from tests.dynamic_predictor.classical.rooms import cameras_at, disc, photograph, with_disc

CENTER, RADIUS = (50.0, 30.0), 12.0
THING = disc(CENTER, RADIUS).numpy()
ROOM = photograph(cameras_at([(0.0, 0.0, 0.0)]))
IMAGE = with_disc(ROOM, CENTER, RADIUS).numpy()
HALO = disc(CENTER, RADIUS + 5).numpy()


def evidence_of(flow: np.ndarray, photo: np.ndarray) -> Evidence:
    """Two pixels of flow and a tenth of the range of brightness where they are named."""
    return Evidence(np.float32(2.0 * flow), np.float32(0.1 * photo))


def cut(image: np.ndarray, evidence: Evidence) -> np.ndarray:
    return segment(image, evidence, 0.5, 0.02)


def overlap(found: np.ndarray, exact: np.ndarray) -> float:
    return float((found & exact).sum() / (found | exact).sum())


def test_a_thing_is_cut_out_of_flow_s_halo() -> None:
    # Flow's evidence reaches beyond the thing, ever weaker; that of photographs is patchy.
    y, x = np.indices(THING.shape) + 0.5
    away = np.hypot(x - CENTER[0], y - CENTER[1]) - RADIUS
    flow = np.clip(1 - away / 8, 0, 1) * HALO
    patches = THING & (np.indices(THING.shape).sum(0) // 3 % 2 == 0)
    found = cut(IMAGE, evidence_of(flow, patches))
    assert overlap(found, THING) > 0.9
    assert overlap(HALO, THING) < 0.55


def test_flow_that_no_photograph_confirms_is_no_motion() -> None:
    assert not cut(IMAGE, evidence_of(THING, np.zeros_like(THING))).any()
    elsewhere = disc((15, 50), 8).numpy()
    assert not cut(IMAGE, evidence_of(THING, elsewhere)).any()


def test_photographs_alone_are_no_motion() -> None:
    assert not cut(IMAGE, evidence_of(np.zeros_like(THING), THING)).any()


def test_specks_are_ignored() -> None:
    speck = np.zeros_like(THING)
    speck[20:24, 20:24] = True
    assert not cut(IMAGE, evidence_of(speck, speck)).any()


def test_each_of_two_things_is_judged_alone() -> None:
    other = disc((15, 15), 9).numpy()
    image = with_disc(torch.from_numpy(IMAGE), (15, 15), 9).numpy()
    found = cut(image, evidence_of(THING | other, THING))
    assert overlap(found & ~other, THING) > 0.9
    assert not (found & other).any()


def test_motion_stays_within_the_region_s_surroundings() -> None:
    found = cut(IMAGE, evidence_of(HALO, THING))
    assert not found[~HALO].any()


def test_a_thing_that_fills_the_image_is_taken_whole() -> None:
    everywhere = np.ones_like(THING)
    assert cut(IMAGE, evidence_of(everywhere, everywhere)).all()
