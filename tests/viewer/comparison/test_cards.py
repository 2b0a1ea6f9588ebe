"""What the card of a view holds."""

from pathlib import Path

from tests.pages import Reader
from tests.viewer.comparison.written_runs import NAMES, write_run
from viewer.comparison.cards import PictureOptions, anchor, view_card
from viewer.comparison.matching import match
from viewer.comparison.opening import open_runs
from viewer.comparison.pictures import read_pictures
from viewer.comparison.scores import compare_scores

OPTIONS = PictureOptions()


def card(*paths: Path, options: PictureOptions = OPTIONS) -> str:
    runs, _ = open_runs(paths)
    views = match(runs).views
    scores = compare_scores(runs, views)
    return view_card(0, views[0], runs, scores.views[0], read_pictures(views[0].of_runs), options)


def test_a_view_has_a_picture_of_each_run_and_maps(tmp_path: Path) -> None:
    """Photograph, renderings, an error map each, and two maps of each other run and the first."""
    for runs in (2, 3):
        paths = [write_run(tmp_path / f"run {count} of {runs}", NAMES[:1]).path for count in range(runs)]
        page = card(*paths)
        reader = Reader(page)
        assert len(reader.images) == 1 + 2 * runs + 2 * (runs - 1)
        assert all(load.startswith("data:image/webp;base64,") for load in reader.loads)
        assert page.count('role="slider"') == runs
        assert f'id="{anchor(0)}"' in page
        assert "one & two.jpg" in reader.text


def test_scores_and_sizes_are_told(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / "a", NAMES[:1], 30).path,
        write_run(tmp_path / "b", NAMES[:1], 2, size=(24, 16)).path,
    ]
    text = Reader(card(*paths)).text
    assert "A 48x32, B 24x16" in text
    assert "+" in text
    assert "−" not in text.partition("dB")[0]
    assert "−" in Reader(card(*reversed(paths))).text.partition("dB")[0]


def test_smaller_and_coarser_pictures_make_smaller_pages(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / letter, NAMES[:1], size=(240, 160)).path for letter in "ab"]
    sizes = [
        len(card(*paths, options=PictureOptions(longest_side=side, quality=quality)))
        for side, quality in ((240, 90), (240, 30), (60, 30))
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < sizes[0] / 3
