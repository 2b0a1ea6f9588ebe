"""The page stands alone, draws what our renderer draws, and can be turned, moved and flown in a browser."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float

from core.errors import UserError
from scene.cameras import Cameras
from tests.browser import CHROMIUM, Page, open_browser
from tests.viewer.formats.scenes import drawn, scene
from viewer.formats.gaussians import GaussianScene
from viewer.formats.html import read_html, write_html
from viewer.formats.viewpoints import viewpoints

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"
)
STATE = "document.documentElement.dataset.state"
NASTY = "</script><script>window.bad = 1</script>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def picture(page: Page) -> Float[np.ndarray, "H W 3"]:
    """What the page shows once nothing moves, without its words."""
    page.wait_for(f"{STATE} === 'still'")
    page.evaluate("document.body.classList.add('bare')")
    return page.screenshot() / 255


def expected(shown: GaussianScene, row: int, size: tuple[int, int]) -> Float[np.ndarray, "H W 3"]:
    """What our renderer draws of a view that is fitted into a window."""
    camera = viewpoints(shown).cameras[row]
    (width, height), (wide, high) = camera.size, size
    factor = min(wide / width, high / height)
    K = camera.Ks.clone()
    K[:, 0, 0] *= factor
    K[:, 1, 1] *= factor
    K[:, 0, 2] = wide / 2 + factor * (K[:, 0, 2] - width / 2)
    K[:, 1, 2] = high / 2 + factor * (K[:, 1, 2] - height / 2)
    fitted = Cameras(camera.viewmats, K, torch.tensor([wide]), torch.tensor([high]))
    return drawn(shown.splats, fitted, antialiased=shown.antialiased, white=shown.white)[0].numpy()


def psnr(left: np.ndarray, right: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(left - right).mean()))


def middle(image: np.ndarray) -> np.ndarray:
    """The centre of what is bright, x and y in pixels."""
    weights = image.sum(-1)
    x, y = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def size_of(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def drag(page: Page, way: tuple[int, int], *, shift: bool = False) -> None:
    x, y = 600, 400
    for kind, part in (
        ("mousePressed", 0.0),
        ("mouseMoved", 0.5),
        ("mouseMoved", 1.0),
        ("mouseReleased", 1.0),
    ):
        page.command(
            "Input.dispatchMouseEvent", type=kind, x=x + part * way[0], y=y + part * way[1], button="left",
            buttons=int(kind != "mouseReleased"), clickCount=1, modifiers=8 * shift,
        )  # fmt: skip


def hold(page: Page, code: str) -> None:
    """A key, held for as long as the page takes to draw once or twice."""
    stamp = page.evaluate("page.stamp")
    page.command("Input.dispatchKeyEvent", type="keyDown", code=code, key=code.removeprefix("Key"))
    page.wait_for(f"page.stamp > {stamp}")
    page.command("Input.dispatchKeyEvent", type="keyUp", code=code, key=code.removeprefix("Key"))


def roll(page: Page, pixels: int) -> None:
    page.command("Input.dispatchMouseEvent", type="mouseWheel", x=600, y=400, deltaX=0, deltaY=pixels)


def pinch(page: Page, first: int, last: int) -> None:
    """Two fingers that go apart."""
    for kind, apart in (("touchStart", first), ("touchMove", (first + last) // 2), ("touchMove", last)):
        points = [{"x": 600 + side * apart, "y": 400, "id": side} for side in (-1, 1)]
        page.command("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    page.command("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])


@needs_chromium
def test_the_page_draws_what_our_renderer_draws(browser: Page, tmp_path: Path) -> None:
    """The scene as it is in the file to 45 dB; what quantisation took away was measured as 38 dB here."""
    before, path = scene(3000), tmp_path / "page.html"
    write_html(path, replace(before, title=NASTY, names=(NASTY, "b.png", "c.png", "d.png"), start=1))
    stored = replace(before, splats=read_html(path).splats)
    browser.requests.clear()
    browser.open(path)
    shown = picture(browser)
    size = size_of(shown)
    assert shown.std() > 0.1
    assert psnr(shown, expected(stored, 1, size)) > 45
    assert psnr(shown, expected(before, 1, size)) > 33
    buttons = "document.querySelectorAll('#views button')"
    assert browser.evaluate(f"[...{buttons}].map((each) => each.textContent)") == [NASTY, "b", "c", "d"]
    browser.evaluate(f"{buttons}[3].click()")
    assert psnr(picture(browser), expected(stored, 3, size)) > 45
    assert browser.evaluate(f"{buttons}[3].getAttribute('aria-current')") == "true"
    assert browser.evaluate("window.bad") is None
    assert browser.problems == []
    assert {request.partition(":")[0] for request in browser.requests} == {"file", "blob"}


@needs_chromium
@pytest.mark.parametrize(("degree", "special"), [(0, True), (1, False), (2, True)])
def test_white_antialiasing_and_lower_degrees(
    degree: int, special: bool, browser: Page, tmp_path: Path
) -> None:
    """Of Gaussians that are thinner than pixels, seen by no camera."""
    thin = scene(2000, degree)
    splats = thin.splats._replace(log_scales=thin.splats.log_scales - 4)
    before = replace(thin, splats=splats, white=special, antialiased=special, cameras=None, names=())
    write_html(tmp_path / "page.html", before)
    stored = replace(before, splats=read_html(tmp_path / "page.html").splats)
    browser.open(tmp_path / "page.html")
    shown = picture(browser)
    assert psnr(shown, expected(stored, 0, size_of(shown))) > 45
    others = replace(stored, antialiased=not special), replace(stored, white=not special)
    assert all(psnr(shown, expected(other, 0, size_of(shown))) < 40 for other in others)


@needs_chromium
def test_mouse_keyboard_and_touch(browser: Page, tmp_path: Path) -> None:
    ball = scene(2000)
    small = ball.splats._replace(means=ball.splats.means / 4, log_scales=ball.splats.log_scales - 1)
    write_html(tmp_path / "page.html", replace(ball, splats=small))
    browser.open(tmp_path / "page.html")
    first = picture(browser)

    def after(what: str, act: Callable[..., None], *given: object, **named: object) -> np.ndarray:
        """The picture after something was done; then R leads back to exactly the first one."""
        pictures = []
        for action in (lambda: act(browser, *given, **named), lambda: hold(browser, "KeyR")):
            stamp = browser.evaluate("page.stamp")
            action()
            browser.wait_for(f"page.stamp > {stamp}")
            pictures.append(picture(browser))
        np.testing.assert_array_equal(pictures[1], first, err_msg=f"back after {what}")
        assert np.abs(pictures[0] - first).mean() > 0.003, what
        return pictures[0]

    after("turning", drag, (200, 60))
    # What is under the pointer goes with it.
    moved = after("moving", drag, (120, -80), shift=True)
    np.testing.assert_allclose(middle(moved) - middle(first), [120, -80], atol=6)
    assert after("coming nearer", roll, -300).mean() > 1.2 * first.mean()
    assert middle(after("flying to the right", hold, "KeyD"))[0] < middle(first)[0]
    assert middle(after("looking to the right", hold, "ArrowRight"))[0] < middle(first)[0]
    assert after("pinching", pinch, 50, 110).mean() > 1.2 * first.mean()
    assert browser.problems == []


@needs_chromium
def test_without_webgl_a_sentence_says_what_to_do(browser: Page, tmp_path: Path) -> None:
    write_html(tmp_path / "page.html", scene(5))
    script = browser.command(
        "Page.addScriptToEvaluateOnNewDocument", source="HTMLCanvasElement.prototype.getContext = () => null;"
    )
    browser.open(tmp_path / "page.html")
    browser.wait_for(f"{STATE} === 'failed'")
    assert "WebGL 2" in browser.evaluate("document.getElementById('message').textContent")
    browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
    assert browser.problems == []


def test_the_page_stands_alone(tmp_path: Path) -> None:
    write_html(tmp_path / "page.html", replace(scene(), title="a < b & c"))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>a &lt; b &amp; c</title>" in text
    assert "default-src 'none'" in text
    assert not any(word in text for word in ("http://", "https://", "src=", "@import", "fetch("))
    assert all(f"@{name}@" not in text for name in ("title", "about", "scene", "script", "sorter", "style"))


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.6, 0.9])
def test_a_page_that_is_cut_off(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_html(path, scene())
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"page\.html is cut off"):
        read_html(path)
