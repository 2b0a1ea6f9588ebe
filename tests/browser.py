"""A real browser for tests of pages: headless Chromium, spoken to through a pipe."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PATIENCE_S = 60


class Page:
    """One page in a browser, by the Chrome DevTools protocol."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out = os.fdopen(to_browser, "wb", buffering=0)
        self._in = os.fdopen(from_browser, "rb", buffering=0)
        self._buffer = b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.requests: list[str] = []
        self.problems: list[str] = []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.command(f"{domain}.enable")

    def close(self) -> None:
        """Hang up."""
        self._out.close()
        self._in.close()

    def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """The browser's answer to a command."""
        message: dict[str, object] = {"id": next(self._numbers), "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def open(self, page: Path | str) -> None:
        """Load a file, or what is at an address, and wait until it is there."""
        self.command("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Until a JavaScript expression is true."""
        until = time.monotonic() + PATIENCE_S
        while not self.evaluate(expression):
            assert time.monotonic() < until, f"not true after {PATIENCE_S} s: {expression}"
            time.sleep(0.05)

    def screenshot(self) -> UInt8[np.ndarray, "H W 3"]:
        """What the page looks like."""
        png = base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])
        decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        return decoded[..., ::-1].astype(np.uint8)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """A mouse event at page coordinates: mousePressed, mouseMoved or mouseReleased."""
        held = 0 if kind == "mouseReleased" else 1
        self.command(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=held, clickCount=1
        )

    def key(self, name: str, code: int) -> None:
        """A key pressed and released."""
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._in], [], [], PATIENCE_S)[0], "the browser does not answer"
            data = self._in.read(1 << 16)
            assert data, "the browser went away"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        told = json.loads(message)
        if told.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        is_error = told.get("method") == "Runtime.consoleAPICalled" and told["params"]["type"] == "error"
        if is_error or told.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(told["params"]))
        return told


@contextmanager
def open_browser(profile: Path) -> Iterator[Page]:
    """A page in a new browser that keeps its things in `profile`."""
    assert CHROMIUM is not None
    to_browser, from_browser = os.pipe(), os.pipe()
    graphics = "--use-angle=swiftshader --enable-unsafe-swiftshader"  # WebGL without a graphics card
    flags = f"--headless --no-sandbox {graphics} --window-size=1200,900 --remote-debugging-pipe"
    # The browser reads its descriptor 3 and writes to 4.
    command = f'exec "$0" {flags} --user-data-dir="$1" 3<&{to_browser[0]} 4>&{from_browser[1]}'
    process = subprocess.Popen(
        ["bash", "-c", command, CHROMIUM, str(profile)],
        pass_fds=(to_browser[0], from_browser[1]),
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    try:
        page = Page(to_browser[1], from_browser[0])
        try:
            yield page
        finally:
            page.close()
    finally:
        process.terminate()
        process.wait(timeout=20)
