"""Sites are open ground: nothing stands where a camera walks or people go."""

import numpy as np
import pytest

from data.synthetic.sites import SITES, Site, site_of
from tests.data.synthetic.squares import square
from tests.data.synthetic.test_paths import clearance


def test_ahead_and_left_are_what_they_say() -> None:
    site = Site("test", (2.0, 1.0), 90.0)
    np.testing.assert_allclose(site.at(0.0, 0.0), (2, 1))
    np.testing.assert_allclose(site.at(3.0, 0.0), (2, 4), atol=1e-12)
    np.testing.assert_allclose(site.at(0.0, 3.0), (-1, 1), atol=1e-12)


def test_neighbouring_seeds_go_to_different_sites() -> None:
    assert [site_of(seed) for seed in range(len(SITES))] == list(SITES)
    assert site_of(3 + len(SITES)) == site_of(3)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_stands_there(seed: int) -> None:
    snapshot = square(seed).at(0.0)
    for site in SITES:
        for ahead in np.arange(0.0, 11.0, 1.0):
            for left in (-1.3, 0.0, 1.3):
                # At the height of a knee and of a face.
                for height in (0.4, 1.6):
                    place = np.array([*site.at(float(ahead), left), height])
                    assert clearance(snapshot, place) > 0.1, (site.name, ahead, left, height)
