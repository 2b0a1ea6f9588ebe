"""Views of a run as HTML with embedded pictures: a slider between rendering and photograph, error, depth."""

import base64
import html

import cv2
import matplotlib
import matplotlib.colors
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from core.colormaps import colorize
from core.images import encode, read_gray, read_image
from evaluation.image_metrics import Scores, squared_error
from evaluation.report.facts import ViewFiles

_LONGEST_SIDE = 1600  # larger pictures make a page that nobody waits for
_QUALITY = 86
_THUMBNAIL = 220
_MOVING = (125, 130, 140)

LARGEST_ERROR = 0.25
"""Of the range of colours; shown as the last colour of error maps."""

ERROR_MAP = "inferno"
"""The colours of error maps."""


def view_card(which: str, view: ViewFiles) -> str:
    """A view at full size.

    Args:
        which: why this one is shown, such as "worst".
        view: its files.

    Raises:
        UserError: an image does not decode.
    """
    render, photograph = read_image(view.render), read_image(view.photograph)
    height, width = render.shape[:2]
    error = squared_error(torch.from_numpy(render), torch.from_numpy(photograph)).sqrt()
    panes = [_slider(view.name, render, photograph)]
    legend = f'0 <span class="scale" style="background:{gradient(ERROR_MAP)}"></span> {LARGEST_ERROR:.0%}'
    heat = colorize(error, 0.0, LARGEST_ERROR, ERROR_MAP)
    if view.mask is not None:
        heat[read_gray(view.mask) > 0] = _MOVING
        legend += f' · <span class="scale" style="background:rgb{_MOVING}"></span> moves'
    panes.append(picture(heat, f"error of {view.name}", f"error&ensp;{legend}"))
    if view.depth is not None:
        panes.append(picture(read_image(view.depth), f"depth of {view.name}", "depth, near is bright"))
    if view.moving is not None:
        panes.append(picture(read_image(view.moving), f"what moves in {view.name}", "what moves, by itself"))
    scores = told(view.scores) + html.escape(view.more)
    layout = "wide" if width >= height else "tall"
    return (
        f'<article class="view {layout}"><header><span class="which">{html.escape(which)}</span>'
        f'<h3>{html.escape(view.name)}</h3><span class="scores">{scores}</span>'
        f'</header><div class="panes" style="--beside:{len(panes) - 1}">{"".join(panes)}</div></article>'
    )


def thumbnail(view: ViewFiles) -> str:
    """A view as a small picture with its PSNR.

    Raises:
        UserError: the image does not decode.
    """
    picture = data_uri(read_image(view.render), _THUMBNAIL)
    name = html.escape(view.name)
    return (
        f'<figure><img src="{picture}" alt="rendering of {name}" loading="lazy">'
        f"<figcaption>{name}<br><b>{view.scores.psnr:.2f}</b> dB</figcaption></figure>"
    )


def picture(image: UInt8[ndarray, "H W 3"], alternative: str, caption: str) -> str:
    """An image with a caption, which is HTML."""
    return f"<figure>{_picture(image, alternative)}<figcaption>{caption}</figcaption></figure>"


def shape(view: ViewFiles) -> str:
    """The ratio of a view's sides, as CSS has it.

    Raises:
        UserError: the image does not decode.
    """
    height, width = read_image(view.render).shape[:2]
    return f"{width}/{height}"


def told(scores: Scores) -> str:
    """Scores in a line."""
    lpips = "" if scores.lpips is None else f" · LPIPS {scores.lpips:.3f}"
    return f"PSNR {scores.psnr:.2f} dB · SSIM {scores.ssim:.3f}{lpips}"


def data_uri(
    image: UInt8[ndarray, "H W 3"], longest_side: int = _LONGEST_SIDE, quality: int = _QUALITY
) -> str:
    """An image that needs no file of its own; reduced if a side is longer than `longest_side` pixels.

    Args:
        image: sRGB.
        longest_side: in pixels.
        quality: of WebP, 1 to 100.
    """
    factor = longest_side / max(image.shape[:2])
    if factor < 1:
        size = tuple(max(1, round(side * factor)) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    data = encode(image, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality)
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")


def gradient(name: str) -> str:
    """The colours of one of matplotlib's maps from left to right, as CSS has it."""
    colors = matplotlib.colormaps[name](np.linspace(0, 1, 9))[:, :3]
    return f"linear-gradient(90deg,{','.join(matplotlib.colors.to_hex(color) for color in colors)})"


def _slider(name: str, render: UInt8[ndarray, "H W 3"], photograph: UInt8[ndarray, "H W 3"]) -> str:
    label = f"rendering or photograph of {html.escape(name)}"
    return (
        '<figure class="compare"><div class="stage">'
        + _picture(photograph, f"photograph {name}", "photograph")
        + _picture(render, f"rendering of {name}", "render")
        + f'<input type="range" min="0" max="100" value="50" step="0.5" aria-label="{label}">'
        '<span class="handle"></span><span class="tag left">rendering</span>'
        '<span class="tag right">photograph</span></div>'
        "<figcaption>drag, or use the arrow keys</figcaption></figure>"
    )


def _picture(image: UInt8[ndarray, "H W 3"], alternative: str, name: str = "") -> str:
    height, width = image.shape[:2]
    size = f'width="{width}" height="{height}"'
    return f'<img class="{name}" {size} src="{data_uri(image)}" alt="{html.escape(alternative)}">'
