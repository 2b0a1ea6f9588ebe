"""What one who looks does with the controls, and where the camera goes."""

import numpy as np
import pytest

from tests.page_client import PageClient
from tests.training.captures import ring
from tests.viewer.conftest import until
from tests.viewer.subjects.splats import SplatSubject
from viewer.controls import FREE
from viewer.eyes import wxyz_of
from viewer.page import Page
from viewer.recording import Key
from viewer.subject import ALPHA, PHOTOGRAPH, RENDER
from viewer.visit import Visit


def go_where_it_is_sent(client: PageClient, visit: Visit) -> None:
    """What a browser does: it says that its camera is where it was put."""
    at = visit.screen.eye
    assert at is not None
    client.look(tuple(at.pose[:3, 3].tolist()), tuple(wxyz_of(at.pose[:3, :3]).tolist()), (160, 120), at.fov)
    until(lambda: visit.look().standing is None or bool(visit._standing and visit._standing.arrived))


def test_it_begins_in_the_place_of_a_view(visit: Visit, client: PageClient) -> None:
    go_where_it_is_sent(client, visit)
    look = visit.look()
    assert look.standing == look.wish.view == 0
    assert visit.view.view.value == "0: 0.png"
    assert visit.screen.eye is not None
    np.testing.assert_allclose(visit.screen.eye.pose, ring(5).c2w[0].numpy(), atol=1e-5)


def test_a_hand_on_the_camera_frees_it(visit: Visit, client: PageClient) -> None:
    client.set("show", PHOTOGRAPH)
    go_where_it_is_sent(client, visit)
    until(lambda: visit.look().wish.channel == PHOTOGRAPH)
    client.look((0.5, 0.0, -3.0), size=(160, 120))
    until(lambda: visit.look().standing is None)
    look = visit.look()
    assert look.wish.view is None
    assert look.wish.channel == RENDER, "there is no photograph from here"
    until(lambda: visit.view.view.value == FREE and visit.view.channel.value == RENDER)


def test_what_needs_a_photograph_leads_to_the_nearest_view(visit: Visit, client: PageClient) -> None:
    visit.leave()
    pose = ring(5).c2w[3].numpy().astype(np.float64)
    place = tuple((pose[:3, 3] * 1.05).tolist())
    client.look(place, tuple(wxyz_of(pose[:3, :3]).tolist()), (160, 120))
    until(
        lambda: visit.screen.reported is not None and abs(visit.screen.reported.pose[2, 3] - place[2]) < 1e-6
    )
    client.set("show", PHOTOGRAPH)
    until(lambda: visit.look().wish.view == 3)
    client.set("show", ALPHA)
    until(lambda: visit.look().wish.channel == ALPHA)


def test_from_view_to_view(visit: Visit, client: PageClient) -> None:
    client.set("camera", "2: 2.png")
    until(lambda: visit.look().standing == 2)
    client.say("GuiUpdateMessage", uuid=client.control("views"), updates={"value": "next"})
    until(lambda: visit.look().standing == 3)
    client.say("GuiUpdateMessage", uuid=client.control("views"), updates={"value": "previous"})
    until(lambda: visit.look().standing == 2)
    client.set("camera", FREE)
    until(lambda: visit.look().standing is None)
    client.set("play views", True)
    seen = set()
    until(lambda: seen.add(visit.look().standing) or len(seen) > 3)
    client.set("play views", False)


def test_wishes_follow_the_sliders(visit: Visit, client: PageClient) -> None:
    client.set("scale", 0.5)
    client.set("SH degree", 1)
    client.set("picture height", 240)
    low, high = visit.drawing.sides[0].min, visit.drawing.sides[0].max
    client.set("crop x", [low, (low + high) / 2])
    until(lambda: visit.look().wish.crop is not None)
    look = visit.look()
    assert (look.wish.scale, look.wish.sh_degree, look.height) == (0.5, 1, 240)
    assert look.wish.crop is not None
    assert look.wish.crop[1][0] == pytest.approx((low + high) / 2)


def test_another_run_from_the_same_place(visit: Visit, client: PageClient, page: Page) -> None:
    visit.leave()
    before = visit.screen.eye
    client.set("run", "other")
    until(lambda: visit.subject.title == "other")
    assert visit.screen.eye == before
    assert visit.look().subject.title == "other"
    client.set("beside", "splats")
    until(lambda: visit.look().beside is not None)
    beside = visit.look().beside
    assert beside is not None
    assert beside[0].title == "splats"
    until(lambda: visit.runs.divider.visible)
    client.set("beside", "other")
    until(lambda: visit.look().beside is None)


def test_another_run_in_the_place_of_the_same_view(visit: Visit, client: PageClient) -> None:
    client.set("camera", "3: 3.png")
    client.set("show", PHOTOGRAPH)
    until(lambda: (visit.look().standing, visit.look().wish.channel) == (3, PHOTOGRAPH))
    client.set("run", "other")
    until(lambda: visit.subject.title == "other" and visit.view.shown == PHOTOGRAPH)
    look = visit.look()
    assert (look.standing, look.wish.view, look.wish.channel) == (3, 3, PHOTOGRAPH)


def test_the_browser_draws_by_itself(visit: Visit, client: PageClient, subject: SplatSubject) -> None:
    client.set("drawn by the browser", True)
    until(lambda: client.hear(0.2) and any(m["type"] == "GaussianSplatsMessage" for m in client.heard))
    drawn = subject.drawn
    client.look((0.3, 0.0, -4.0), size=(160, 120))
    until(lambda: visit.screen.reported is not None and visit.screen.reported.pose[0, 3] == 0.3)
    assert subject.drawn == drawn
    client.set("drawn by the browser", False)
    client.wait_for_picture(client.pictures)


def test_a_place_of_a_path_frees_the_camera(visit: Visit, client: PageClient) -> None:
    at = visit.screen.eye
    assert at is not None
    visit._follow(Key(at, None))
    assert visit.look().standing is None
