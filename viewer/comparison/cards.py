"""A view on the page: what the runs make of it, parted by dividers, and maps of where they err."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.image_metrics import Scores
from evaluation.report.views import ERROR_MAP, LARGEST_ERROR, data_uri, gradient
from viewer.comparison.matching import CommonView
from viewer.comparison.pictures import GAIN_MAP, LARGEST_GAIN, Picture, ViewPictures
from viewer.comparison.runs import ComparedRun

_MAP_QUALITY = 75  # of maps of errors, which are colours for eyes


@dataclass(frozen=True)
class PictureOptions:
    """Pictures in the page."""

    longest_side: int = 1280
    """Pixels; larger pictures are reduced. Half of it bounds maps of errors."""
    quality: int = 80
    """Of WebP, 1 to 100."""
    most_views: int = 100
    """At most so many views have pictures, those in which the runs differ most. All of them count."""


def anchor(place: int) -> str:
    """What a link to a view is called.

    Args:
        place: of the view, counted from 0.
    """
    return f"view-{place}"


def signed(gain: float) -> str:
    """A difference of PSNR with its sign."""
    return f"{gain:+.2f}".replace("-", "−")


def view_card(
    place: int,
    view: CommonView,
    runs: Sequence[ComparedRun],
    scores: Sequence[Scores],
    pictures: ViewPictures,
    options: PictureOptions,
) -> str:
    """A view with its pictures.

    Args:
        place: among all views.
        view: which one.
        runs: that are compared.
        scores: of each run.
        pictures: of the view.
        options: size and quality of pictures.
    """
    name = html.escape(view.name)
    psnr = ",".join(f"{each.psnr:.4f}" for each in scores)
    return (
        f'<article class="view" id="{anchor(place)}" data-place="{place}" data-psnr="{psnr}">'
        f"<header><h3>{name}</h3>"
        f'<span class="scores">{_told(runs, scores)}{_sizes(runs, pictures)}</span></header>'
        f"{_deck(name, runs, pictures, options)}{_maps(name, runs, pictures, options)}</article>"
    )


def _told(runs: Sequence[ComparedRun], scores: Sequence[Scores]) -> str:
    """PSNR of each run; the gain over the first in bold."""
    first, *others = (f"{run.letter} {each.psnr:.2f}" for run, each in zip(runs, scores, strict=True))
    gains = (each.psnr - scores[0].psnr for each in scores[1:])
    more = (f" · {told} <b>{signed(gain)}</b>" for told, gain in zip(others, gains, strict=True))
    return f"PSNR {first}{''.join(more)} dB"


def _sizes(runs: Sequence[ComparedRun], pictures: ViewPictures) -> str:
    """The sizes of the renderings, where they are not the same."""
    if len(set(pictures.sizes)) == 1:
        return ""
    told = ", ".join(f"{run.letter} {w}x{h}" for run, (w, h) in zip(runs, pictures.sizes, strict=True))
    return f" · {told}"


def _deck(name: str, runs: Sequence[ComparedRun], pictures: ViewPictures, options: PictureOptions) -> str:
    """The photograph and the renderings on top of each other, of each of which a strip is seen."""
    layers = [("ground truth", "ground truth", pictures.photograph)]
    layers += [
        (f"{run.letter}", run.title, render) for run, render in zip(runs, pictures.renders, strict=True)
    ]
    strips = "".join(
        f'<div class="strip" data-layer="{layer}">{_image(image, f"{title} of {name}", options)}'
        f'<span class="tag">{html.escape(label)}</span></div>'
        for layer, (label, title, image) in enumerate(layers)
    )
    handles = "".join(
        f'<span class="handle" data-cut="{cut}" role="slider" tabindex="0" aria-valuemin="0" '
        f'aria-valuemax="100" aria-label="divider {cut + 1} of {name}"></span>'
        for cut in range(len(runs))
    )
    height, width = pictures.photograph.shape[:2]
    return f'<div class="deck" style="--aspect:{width / height:.4f}">{strips}{handles}</div>'


def _maps(name: str, runs: Sequence[ComparedRun], pictures: ViewPictures, options: PictureOptions) -> str:
    first, *others = (run.letter for run in runs)
    error = _legend("0", ERROR_MAP, f"{LARGEST_ERROR:.0%}")
    maps = [
        (f"error of {run.letter} {error}", f"error of {run.title}", image)
        for run, image in zip(runs, pictures.errors, strict=True)
    ]
    for other, difference, gain in zip(others, pictures.differences, pictures.gains, strict=True):
        maps.append((f"{first} − {other} {error}", f"difference of {first} and {other}", difference))
        nearer = f"nearer by {LARGEST_GAIN:.1%} {_legend(first, GAIN_MAP, other)}"
        maps.append((nearer, f"which of {first} and {other} is nearer", gain))
    reduced = PictureOptions(max(1, options.longest_side // 2), min(options.quality, _MAP_QUALITY))
    height, width = pictures.photograph.shape[:2]
    figures = "".join(
        f'<figure><div class="frame" style="--aspect:{width / height:.4f}">'
        f"{_image(image, f'{alternative} in {name}', reduced)}</div>"
        f"<figcaption>{caption}</figcaption></figure>"
        for caption, alternative, image in maps
    )
    return f'<div class="maps">{figures}</div>'


def _legend(low: str, colours: str, high: str) -> str:
    scale = f'<span class="scale" style="background:{gradient(colours)}"></span>'
    return f'<span class="legend">{low} {scale} {high}</span>'


def _image(image: Picture, alternative: str, options: PictureOptions) -> str:
    source = data_uri(image, options.longest_side, options.quality)
    return f'<img src="{source}" alt="{html.escape(alternative)}" draggable="false" decoding="async">'
