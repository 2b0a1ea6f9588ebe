"""A street at any time, in parts, from its own cameras and from others."""

import numpy as np
import pytest

from core.images import to_uint8
from tests.training.test_street_runs import make_run
from training.street_runs import open_street
from training.street_videos import shifted
from training.street_views import depth_picture, picture
from viewer.subject import ALPHA, DEPTH, ERROR, PHOTOGRAPH, Subject, Wish
from viewer.subjects.street import MOVING, StreetSubject

VIEW = 5
"""Of the right camera, which has the red box before it."""


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> StreetSubject:
    return StreetSubject(open_street(make_run(tmp_path_factory.mktemp("street"))), "street")


def at(street: StreetSubject, **wish: object) -> Wish:
    return Wish(time_s=street.views[VIEW].time_s, **wish)  # pyright: ignore[reportArgumentType]


def test_it_is_a_subject(street: StreetSubject) -> None:
    assert isinstance(street, Subject)
    assert street.layers == ("all", "still", "moving")
    assert len(street.moments_s) == 6
    assert {view.group for view in street.views} == {"left", "right"}
    assert street.extent.up == (0.0, 0.0, 1.0)


def test_views_are_those_of_the_run(street: StreetSubject) -> None:
    camera, own = street.views[VIEW].camera, street.street
    seen = own.draw(VIEW)
    np.testing.assert_array_equal(street.draw(camera, at(street, view=VIEW)), picture(seen))
    for layer in ("still", "moving"):
        drawn = street.draw(camera, at(street, view=VIEW, layer=layer))
        np.testing.assert_array_equal(drawn, picture(own.draw(VIEW, layer)))
    np.testing.assert_array_equal(
        street.draw(camera, at(street, view=VIEW, channel=DEPTH)), depth_picture(seen)
    )
    alpha = street.draw(camera, at(street, view=VIEW, channel=ALPHA))
    np.testing.assert_array_equal(alpha[..., 0], to_uint8(seen.alpha).numpy())
    moving = street.draw(camera, at(street, view=VIEW, channel=MOVING))
    assert moving[seen.moving.numpy() > 0.5].mean() > moving[seen.moving.numpy() < 0.01].mean() + 30


def test_photograph_and_error_at_the_view(street: StreetSubject) -> None:
    camera = street.views[VIEW].camera
    photograph = street.draw(camera, at(street, view=VIEW, channel=PHOTOGRAPH))
    np.testing.assert_array_equal(photograph, street.street.capture.images[VIEW].numpy())
    error = street.draw(camera, at(street, view=VIEW, channel=ERROR))
    assert error.shape == photograph.shape
    assert error.std() > 1


def test_another_time_and_another_place(street: StreetSubject) -> None:
    camera = street.views[VIEW].camera
    now = street.draw(camera, at(street))
    assert not np.array_equal(street.draw(camera, Wish(time_s=0.0)), now)
    assert not np.array_equal(street.draw(shifted(camera, -1.0), at(street)), now)


def test_wishes_change_the_gaussians(street: StreetSubject) -> None:
    whole, still, moving = (len(street.splats(at(street, layer=layer))) for layer in street.layers)
    assert moving < whole == still
    low, high = (-100.0, -100.0, -100.0), (100.0, 0.0, 100.0)
    cropped = street.splats(at(street, crop=(low, high)))
    assert 0 < len(cropped) < whole
    camera = street.views[VIEW].camera
    plain = street.draw(camera, at(street))
    assert not np.array_equal(street.draw(camera, at(street, scale=0.3)), plain)
