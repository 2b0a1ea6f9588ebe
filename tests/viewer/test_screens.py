"""Pictures of a look: whole images of views in any window, runs beside each other, coarse while it moves."""

from dataclasses import replace

import cv2
import numpy as np

from core.images import to_uint8
from gaussian_renderer import render
from tests.page_client import PageClient
from tests.training.captures import ring, truth
from tests.viewer.conftest import Join
from tests.viewer.subjects.splats import SplatSubject
from viewer.eyes import Eye
from viewer.page import Page
from viewer.screens import Look, draw
from viewer.subject import ALPHA, PHOTOGRAPH, Wish


def window(width: int, height: int) -> Eye:
    return Eye(tuple(ring(3).c2w[0].double().numpy().ravel().tolist()), 0.7, width, height)


def test_the_browsers_own_camera_fills_its_window() -> None:
    subject = SplatSubject(truth(), ring(3))
    at = window(80, 50)
    picture = draw(Look(subject, Wish()), at, 50)
    expected = to_uint8(render(truth(), at.cameras(80, 50)).images[0]).numpy()
    np.testing.assert_array_equal(picture, expected)
    assert draw(Look(subject, Wish()), at, 25).shape == (25, 40, 3)


def test_in_a_views_place_all_of_its_image_is_seen_from_there() -> None:
    subject = SplatSubject(truth(), ring(3))
    for width, height in ((90, 24), (32, 70), (32, 24)):
        picture = draw(Look(subject, Wish(view=1), standing=1), window(width, height), height)
        assert picture.shape == (height, width, 3)
        middle = picture[(height - 24) // 2 :][:24, (width - 32) // 2 :][:, :32]
        expected = to_uint8(render(truth(), ring(3)[1]).images[0]).numpy()
        np.testing.assert_array_equal(middle, expected)


def test_a_shift_is_to_the_left() -> None:
    subject = SplatSubject(truth(), ring(3))
    look = Look(subject, Wish(), standing=1, shift_m=0.5)
    shifted, plain = look.camera, replace(look, shift_m=0.0).camera
    assert shifted is not None
    assert plain is not None
    moved = (shifted.centers - plain.centers)[0].numpy()
    np.testing.assert_allclose(moved, -0.5 * plain.c2w[0, :3, 0].numpy(), atol=1e-5)


def test_two_runs_beside_each_other() -> None:
    one, other = SplatSubject(truth(), ring(3)), SplatSubject(truth(9), ring(3))
    at = window(80, 50)
    look = Look(one, Wish(), beside=(other, Wish(channel=ALPHA)), divider=0.25)
    both = draw(look, at, 50)
    np.testing.assert_array_equal(both[:, :19], draw(Look(one, Wish()), at, 50)[:, :19])
    np.testing.assert_array_equal(both[:, 21:], draw(Look(other, Wish(channel=ALPHA)), at, 50)[:, 21:])
    assert (both[:, 20] == 255).all()


def height(client: PageClient) -> int:
    return cv2.imdecode(np.frombuffer(client.picture, np.uint8), cv2.IMREAD_COLOR).shape[0]  # pyright: ignore[reportOptionalMemberAccess]


def test_a_camera_at_rest_gets_the_whole_picture(join: Join, page: Page, subject: SplatSubject) -> None:
    client = join()
    while height(client) < 120:
        client.wait_for_picture(client.pictures)
    for _ in range(4):  # the same in better quality, if that is still on its way
        client.hear(0.4)
    rested, drawn = client.pictures, subject.drawn
    while client.hear(0.5):
        pass
    assert (client.pictures, subject.drawn) == (rested, drawn), "nothing is drawn twice"
    subject.version += 1
    client.wait_for_picture(rested)


def test_an_error_is_told_and_not_the_end(join: Join, page: Page, subject: SplatSubject) -> None:
    client = join()
    client.set("show", PHOTOGRAPH)
    client.wait_for_picture(client.pictures)
    while height(client) < 120:
        client.wait_for_picture(client.pictures)
    decoded = cv2.imdecode(np.frombuffer(client.picture, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded[60, 80].tolist() == [0, 0, 254]
    subject.broken = "view 3 does not decode"
    subject.version += 1
    visit = page.visits[0]
    while "does not decode" not in visit.runs.note.content:
        client.hear(0.2)
    assert visit.runs.note.visible
    subject.broken = None
    subject.version += 1
    client.wait_for_picture(client.pictures)
    while visit.runs.note.visible:
        client.hear(0.2)
