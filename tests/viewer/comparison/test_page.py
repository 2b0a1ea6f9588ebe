"""The page stands alone, says what the files say, and its controls work in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8

from evaluation.image_metrics import Scores
from tests.browser import CHROMIUM, Page, open_browser
from tests.pages import Reader
from tests.viewer.comparison.written_runs import NAMES, photograph, store_scores, write_run
from viewer.comparison.cards import PictureOptions
from viewer.comparison.page import most_different, write_comparison
from viewer.comparison.scores import ComparedScores

SIZE = (480, 320)
OPTIONS = PictureOptions()


def written(tmp_path: Path, options: PictureOptions = OPTIONS) -> Path:
    """A is a little noisy everywhere; B a little more in one view, very much in another one."""
    paths = [
        write_run(tmp_path / "a <1>", noise=3, size=SIZE).path,
        write_run(tmp_path / "b", noise=dict(zip(NAMES, (2, 90, 8, 4), strict=True)), size=SIZE).path,
    ]
    write_comparison(paths, tmp_path / "compare.html", options)
    return tmp_path / "compare.html"


def test_the_page_needs_nothing_else_and_tells_the_numbers(tmp_path: Path) -> None:
    page = written(tmp_path).read_text(encoding="utf-8")
    reader = Reader(page)
    assert not re.search(r"https?://|@import|url\(", page)
    links = [load for load in reader.loads if not load.startswith("data:image/webp;base64,")]
    anchors = {f"#view-{place}" for place in range(4)} | {"#pictures"}
    assert set(links) == anchors
    assert all(page.count(f'id="{anchor[1:]}"') == 1 for anchor in anchors)
    for told in ("a <1> vs b", "one & two.jpg", "4 views held out of the training", "B is better in", "of 4"):
        assert told in reader.text


def test_only_the_views_that_differ_most_have_pictures(tmp_path: Path) -> None:
    page = written(tmp_path, PictureOptions(most_views=2)).read_text(encoding="utf-8")
    assert re.findall(r'id="view-(\d)"', page) == ["1", "2"]
    assert "2 views in which the runs differ less have no pictures" in page
    assert page.count("<tr><td") == 4, "all are in the table"
    gains = (1.0, -4.0, 3.0, 0.0)
    scores = ComparedScores(
        tuple((Scores(20.0, 0.5, None), Scores(20.0 + gain, 0.5, None)) for gain in gains), ""
    )
    assert most_different(scores, 3) == [0, 1, 2]
    assert most_different(scores, 0) == []


def test_three_runs_are_all_compared_with_the_first(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / letter, noise=noise) for letter, noise in zip("xyz", (9, 3, 1), strict=True)
    ]
    for folder in folders[:2]:
        store_scores(folder, len(NAMES))
    paths = [folder.path for folder in folders]
    write_comparison(paths, tmp_path / "page.html", OPTIONS)
    text = Reader((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert "x vs y vs z" in text
    for told in ("B over A", "C over A", "C most below A first", "as C has not stored scores"):
        assert told in text


def box(page: Page, element: str) -> tuple[float, float, float, float]:
    """Left, top, width and height of the first element that a selector finds, in the window."""
    found = page.evaluate(
        f"(({{x, y, width, height}}) => [x, y, width, height])"
        f"(document.querySelector('{element}').getBoundingClientRect())"
    )
    return found[0], found[1], found[2], found[3]


def picture(page: Page, element: str) -> UInt8[np.ndarray, "H W 3"]:
    """What an element looks like."""
    left, top, width, height = map(round, box(page, element))
    return page.screenshot()[top : top + height, left : left + width]


def press(page: Page, element: str) -> None:
    page.evaluate(f"document.querySelector('{element}').click()")


DECK = "#view-1 .deck"


def roughness(page: Page) -> float:
    """How much the right third of a view changes from row to row: noise does, coloured fields do not."""
    image = picture(page, DECK).astype(int)
    third = image.shape[1] // 3
    return float(np.abs(np.diff(image[:, 2 * third + 40 : -40], axis=0)).mean())


def check_dividers(page: Page) -> None:
    """By mouse and by keys, in all views at once."""
    left, top, width, height = box(page, DECK)
    noisy = roughness(page)
    page.mouse("mousePressed", left + 2 * width / 3, top + height * 0.8)
    page.mouse("mouseMoved", left + width - 1, top + height * 0.8)
    page.mouse("mouseReleased", left + width - 1, top + height * 0.8)
    assert roughness(page) < noisy / 5, "A is where B was"
    values = "[...document.querySelectorAll('.handle[data-cut=\"1\"]')].map(each => each.ariaValueNow)"
    assert set(page.evaluate(values)) == {"100"}
    page.evaluate("document.querySelector('#view-1 .handle').focus()")
    value = "Number(document.querySelector('#view-1 .handle').ariaValueNow)"
    page.key("Home", 36)
    assert page.evaluate(value) == 0
    page.key("ArrowRight", 39)
    assert page.evaluate(value) == 1


def check_single_pictures(page: Page) -> None:
    """The photograph alone."""
    press(page, '.tools [data-layer="1"]')
    press(page, '.tools [data-layer="2"]')
    alone = picture(page, DECK).astype(int)
    sample = alone[:: alone.shape[0] // 8, 40 :: alone.shape[1] // 8]
    assert np.abs(sample.mean((0, 1)) - photograph(NAMES[1], SIZE).mean((0, 1))).max() < 25


def check_zoom(page: Page) -> None:
    """All pictures show the same part, and follow the mouse."""
    left, top, width, height = box(page, DECK)

    def transform(element: str) -> list[float]:
        told = page.evaluate(f"getComputedStyle(document.querySelector('{element} img')).transform")
        return [float(each) for each in told.removeprefix("matrix(").removesuffix(")").split(",")]

    press(page, ".in")
    page.key("+", 187)
    before = transform(DECK)
    assert before[0] == transform("#view-3 .frame")[0] == pytest.approx(2.25)
    page.mouse("mousePressed", left + width / 2, top + height / 2)
    page.mouse("mouseMoved", left + width / 4, top + height / 2)
    page.mouse("mouseReleased", left + width / 4, top + height / 2)
    assert transform(DECK)[4] - before[4] == pytest.approx(-width / 4, abs=2)
    page.key("0", 48)
    assert transform(DECK) == [1, 0, 0, 1, 0, 0]


def check_order(page: Page) -> None:
    """Views by how much the runs differ, rows by any column."""
    page.evaluate(
        "(order => { order.value = 'spread'; order.dispatchEvent(new Event('change')); })"
        "(document.querySelector('.order'))"
    )
    views = "[...document.querySelectorAll('.cards .view')].map(each => each.id).join(' ')"
    assert page.evaluate(views).startswith("view-1 view-2")
    page.evaluate("document.querySelectorAll('.sortable th button')[3].click()")
    rows = "[...document.querySelectorAll('.sortable tbody tr')]"
    gains = page.evaluate(f"{rows}.map(each => Number(each.cells[3].dataset.value))")
    assert gains == sorted(gains, reverse=True)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_controls_in_a_browser(tmp_path: Path) -> None:
    with open_browser(tmp_path / "profile") as page:
        page.open(written(tmp_path))
        page.evaluate("document.querySelector('#view-1').scrollIntoView()")
        check_dividers(page)
        check_single_pictures(page)
        check_zoom(page)
        press(page, '.tools [data-layer="1"]')
        press(page, ".beside")
        first, second = (box(page, f'#view-1 .strip[data-layer="{layer}"]') for layer in (0, 1))
        assert first[0] + first[2] <= second[0]
        check_order(page)
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        for key, code, view in (("j", 74, "#view-1"), ("j", 74, "#view-2"), ("k", 75, "#view-1")):
            page.key(key, code)
            assert 0 <= box(page, view)[1] < 100
        assert page.problems == []
        assert {request.partition(":")[0] for request in page.requests} <= {"file", "data"}
