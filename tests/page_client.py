"""A browser's side of a page without the browser: what viser's client says and hears on its websocket."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import viser
import zstandard
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 60.0


class PageClient:
    """One connection. It hears only while it waits for something, as a program with one thread does."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.heard: list[dict[str, Any]] = []
        """Messages that are no pictures, in their order."""
        self.pictures = 0
        """How many pictures came."""
        self.picture = b""
        """The last one, as a JPEG."""
        self.answers = True
        """Whether it answers when it is asked for something in its storage."""

    def say(self, kind: str, **fields: object) -> None:
        """Send a message."""
        self._connection.send(msgspec.msgpack.encode({"type": kind, **fields}))

    def say_bytes(self, data: bytes | str) -> None:
        """Send whatever it is."""
        self._connection.send(data)

    def look(
        self,
        position: tuple[float, ...],
        wxyz: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0),
        size: tuple[int, int] = (640, 360),
        fov: float = math.radians(50),
    ) -> None:
        """Say where the camera is."""
        x, y, z = (float(each) for each in position[:3])
        self.say(
            "ViewerCameraMessage",
            wxyz=wxyz,
            position=position,
            fov=fov,
            near=0.01,
            far=1000.0,
            image_width=size[0],
            image_height=size[1],
            look_at=(x, y, z + 1.0),
            up_direction=(0.0, -1.0, 0.0),
        )

    def hear(self, timeout_s: float = PATIENCE_S) -> bool:
        """Take what comes next; False if nothing came in time."""
        try:
            data = self._connection.recv(timeout=timeout_s)
        except TimeoutError:
            return False
        assert isinstance(data, bytes)
        length, packed = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8))
        plain = zstandard.ZstdDecompressor().decompress(data[16 : 16 + packed], max_output_size=length)
        for message in msgspec.msgpack.decode(plain)["messages"]:
            self._take(message)
        return True

    def wait_for_picture(self, after: int = 0) -> None:
        """Until more pictures have come than so many."""
        until = time.monotonic() + PATIENCE_S
        while self.pictures <= after:
            assert time.monotonic() < until, f"no picture after {PATIENCE_S} s"
            self.hear(1.0)

    def control(self, label: str) -> str:
        """The identity of a control that has come."""
        for message in self.heard:
            if message.get("props", {}).get("label") == label:
                return message["uuid"]
        raise AssertionError(f"no control {label} among {len(self.heard)} messages")

    def set(self, label: str, value: object) -> None:
        """Move a control."""
        self.say("GuiUpdateMessage", uuid=self.control(label), updates={"value": value})

    def vanish(self) -> None:
        """Go without a word, as a computer that loses its power."""
        self._connection.socket.close()

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "BackgroundImageMessage" and message["rgb_data"] is not None:
            self.pictures += 1
            self.picture = message["rgb_data"]
        else:
            self.heard.append(message)
        if kind == "LocalStorageGetItemRequestMessage" and self.answers:
            self.heard.pop()
            self.say(
                "LocalStorageGetItemResponseMessage",
                value=None,
                error=None,
                request_uuid=message["request_uuid"],
            )


@contextmanager
def page_client(address: str) -> Iterator[PageClient]:
    """A connection to the page at an address, such as ws://127.0.0.1:8080."""
    version = viser.__version__
    with connect(
        address, subprotocols=[f"viser-v{version}"], max_size=None, compression=None, ping_interval=None
    ) as connection:  # pyright: ignore[reportArgumentType]
        yield PageClient(connection)
