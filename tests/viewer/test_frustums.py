"""Cameras of the capture in the browser's scene."""

import numpy as np

from tests.page_client import PageClient
from tests.training.captures import ring, truth
from tests.viewer.conftest import Join, until
from tests.viewer.subjects.splats import SplatSubject
from viewer.frustums import frustum_size, thumbnails
from viewer.page import Page


def frustums(client: PageClient) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in client.heard if each["type"] == "CameraFrustumMessage"}


def test_each_camera_stands_where_it_was_with_its_photograph(
    page: Page, join: Join, subject: SplatSubject
) -> None:
    client = join()
    until(lambda: client.hear(0.2) and len(frustums(client)) == len(subject.views))
    places = {each["name"]: each["position"] for each in client.heard if each["type"] == "SetPositionMessage"}
    for row, center in enumerate(ring(5).centers.numpy()):
        np.testing.assert_allclose(places[f"/cameras/{row}"], center, atol=1e-4)
    until(
        lambda: (
            client.hear(0.2)
            and sum("_image_data" in each.get("updates", {}) for each in client.heard) == len(subject.views)
        )
    )


def test_a_click_moves_there_and_they_stay_out_of_the_way(page: Page, join: Join) -> None:
    client = join()
    until(lambda: len(page.visits) == 1)
    visit = page.visits[0]
    visit.leave()
    handles = visit._frustums._handles
    until(lambda: len(handles) == 5 and all(handle.visible for handle in handles.values()))
    client.say(
        "SceneNodeClickMessage",
        name="/cameras/3",
        instance_index=None,
        ray_origin=(0.0, 0.0, 0.0),
        ray_direction=(0.0, 0.0, 1.0),
        screen_pos=(0.5, 0.5),
        modifier=None,
        owner=str(visit._client.client_id),
    )
    until(lambda: visit.look().standing == 3)
    assert not any(handle.visible for handle in handles.values())
    visit.leave()
    assert all(handle.visible for handle in handles.values())
    client.set("show cameras", False)
    until(lambda: not any(handle.visible for handle in handles.values()))


def test_frustums_leave_room_between_cameras() -> None:
    sparse, dense = SplatSubject(truth(), ring(5)), SplatSubject(truth(), ring(60))
    apart = float((ring(60).centers[1] - ring(60).centers[0]).norm())
    assert frustum_size(dense) <= 0.3 * apart + 1e-6
    assert frustum_size(dense) <= frustum_size(sparse) <= 0.02 * sparse.extent.size + 1e-6
    assert frustum_size(SplatSubject(truth(), ring(1))) > 0


def test_thumbnails_are_small_and_made_once() -> None:
    subject, asked = SplatSubject(truth(), ring(3)), []
    photograph = subject.photograph

    def counted(view: int) -> object:
        asked.append(view)
        return photograph(view)

    subject.photograph = counted  # pyright: ignore[reportAttributeAccessIssue]
    thumbnail = thumbnails(subject)
    for _ in range(3):
        small = thumbnail(1)
        assert small is not None
        assert max(small.shape) == 96
        assert (small == [255, 0, 0]).all()
    assert asked == [1]
