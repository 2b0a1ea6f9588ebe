"""Screenshots and recorded paths, as their buttons make them."""

import av
import cv2
import numpy as np

from tests.page_client import PageClient
from tests.viewer.conftest import until
from tests.viewer.subjects.splats import SplatSubject
from viewer.visit import Visit


def press(client: PageClient, label: str) -> None:
    client.set(label, True)


def downloaded(client: PageClient, suffix: str) -> bytes | None:
    """A file that has come whole."""
    for start in client.heard:
        if start["type"] == "FileTransferStartDownload" and start["filename"].endswith(suffix):
            parts = [
                each["content"]
                for each in client.heard
                if each["type"] == "FileTransferPart" and each["transfer_uuid"] == start["transfer_uuid"]
            ]
            if len(parts) == start["part_count"]:
                return b"".join(parts)
    return None


def test_a_screenshot_is_what_is_seen_at_full_size(visit: Visit, client: PageClient) -> None:
    press(client, "screenshot")
    until(lambda: client.hear(0.2) and downloaded(client, ".png") is not None)
    data = downloaded(client, ".png")
    assert data is not None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (120, 160, 3)
    assert picture.std() > 10


def test_a_path_is_written_into_the_run_and_sent(
    visit: Visit, client: PageClient, subject: SplatSubject
) -> None:
    press(client, "record path")
    until(lambda: client.hear(0.2) and any("2 keyframes" in str(each) for each in client.heard))
    client.set("seconds", 1)
    client.set("path frames per second", 5)
    client.set("video size", "640x360")
    press(client, "add keyframe")
    until(lambda: "**1** keyframe" in visit.pictures.keys.content)
    visit.stand(2)
    press(client, "add keyframe")
    until(lambda: "**2** keyframes" in visit.pictures.keys.content)
    press(client, "record path")
    until(lambda: client.hear(0.2) and downloaded(client, ".mp4") is not None)
    assert subject.folder is not None
    path = subject.folder / "paths" / "path_001.mp4"
    assert path.read_bytes() == downloaded(client, ".mp4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (640, 360, 5)
    client.say("GuiUpdateMessage", uuid=client.control("keyframes"), updates={"value": "clear"})
    until(lambda: "**0** keyframes" in visit.pictures.keys.content)


def test_a_preview_leads_the_camera_and_can_be_stopped(visit: Visit, client: PageClient) -> None:
    visit.pictures.add_key()
    visit.stand(2)
    visit.pictures.add_key()
    begin = visit.screen.eye
    client.set("seconds", 60)
    press(client, "preview path")
    until(lambda: client.hear(0.1) and visit.screen.eye != begin)
    press(client, "stop")
    until(lambda: not visit.pictures.stop.visible)
    stopped = visit.screen.eye
    client.hear(0.3)
    assert visit.screen.eye == stopped
