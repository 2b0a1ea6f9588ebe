"""Pictures put together: views side by side over time, many scenes on one sheet, and what colours mean."""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFont

from core.images import to_uint8
from core.video import video_writer
from scene.occupancy.classes import FREE, ClassSet
from scene.occupancy.pictures import bird_eye, chase_view, class_colours, drivers_view, overview_picture
from scene.occupancy.sequence import Occupancy

_PAPER = (246, 246, 246)
_INK = (40, 44, 52)
_TEXT_PX = 15
_LINE_PX = 26  # of a legend
_GAP_PX = 8
_VIEW = (640, 360)
_SQUARE = 2 * _VIEW[1] + _GAP_PX  # a picture from above is as high as two views
_TILE = (480, 300)
_MARK_M = ((2.4, 0.0), (-1.6, 1.3), (-0.9, 0.0), (-1.6, -1.3))  # an arrow where the vehicle is


def board(occupancy: Occupancy, frame: int, title: str = "") -> UInt8[ndarray, "H W 3"]:
    """A frame from above, from the driver's seat and from behind, with a title and a legend.

    Args:
        occupancy: the sequence; its legend has all classes that appear in any of its frames.
        frame: which of its frames.
        title: written above.
    """
    above = captioned(_fitted(marked(bird_eye(occupancy, frame, _voxel_px(occupancy)), occupancy)), "bird's eye")
    gap = _blank(_VIEW[0], _GAP_PX)
    driver = captioned(drivers_view(occupancy, frame, *_VIEW), "driver")
    behind = captioned(chase_view(occupancy, frame, *_VIEW), "chase")
    views = np.concatenate([driver, gap, behind])
    row = np.concatenate([above, _blank(_GAP_PX, _SQUARE), views], 1)
    seconds = frame * occupancy.seconds_per_frame
    head = text_line(f"{title}   {seconds:.1f} s".strip(), row.shape[1])
    return np.concatenate([head, row, legend(occupancy.class_set, _present(occupancy), row.shape[1])])


def write_video(
    path: Path,
    occupancy: Occupancy,
    title: str = "",
    fps: float | None = None,
    after_frame: Callable[[], None] = lambda: None,
) -> None:
    """A video of a sequence's boards.

    Args:
        path: an `.mp4`.
        occupancy: the sequence.
        title: written above.
        fps: frames per second; by default as they were recorded.
        after_frame: called after each frame.

    Raises:
        UserError: the file cannot be written.
    """
    with video_writer(path, fps or 1 / occupancy.seconds_per_frame) as video:
        for frame in range(len(occupancy)):
            video.write(board(occupancy, frame, title))
            after_frame()


def contact_sheet(
    scenes: Iterable[tuple[str, Occupancy]], columns: int = 4, samples: int = 2
) -> UInt8[ndarray, "H W 3"]:
    """Many scenes on one sheet, each by the middle of its frames, and one legend.

    Args:
        scenes: names and sequences; each is let go of before the next is asked for.
        columns: of the sheet, at most.
        samples: rays along each edge of a pixel.

    Raises:
        ValueError: there are no scenes.
    """
    tiles: list[UInt8[ndarray, "h w 3"]] = []
    present: dict[ClassSet, set[int]] = {}
    for name, occupancy in scenes:
        picture = overview_picture(occupancy, len(occupancy) // 2, *_TILE, samples=samples)
        tiles.append(captioned(picture, name))
        present.setdefault(occupancy.class_set, set()).update(_present(occupancy))
    if not tiles:
        raise ValueError("a sheet of no scenes was asked for")
    columns = min(columns, len(tiles))
    tiles += [_blank(*_TILE)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[first : first + columns], 1) for first in range(0, len(tiles), columns)]
    legends = [legend(each, sorted(classes), columns * _TILE[0]) for each, classes in present.items()]
    return np.concatenate([*rows, *legends])


def legend(class_set: ClassSet, classes: Iterable[int], width: int) -> UInt8[ndarray, "H W 3"]:
    """What colours mean, in as many lines as it needs.

    Args:
        class_set: of the classes.
        classes: those that are named.
        width: of the picture, pixels.
    """
    colours = to_uint8(class_colours(class_set)).tolist()
    places: list[tuple[int, int, int]] = []
    x, y = _GAP_PX, _GAP_PX
    for each in classes:
        taken = _LINE_PX + round(_font().getlength(class_set.names[each])) + 2 * _GAP_PX
        if x + taken > width and x > _GAP_PX:
            x, y = _GAP_PX, y + _LINE_PX
        places.append((each, x, y))
        x += taken
    image = Image.fromarray(_blank(width, y + _LINE_PX + _GAP_PX))
    draw = ImageDraw.Draw(image)
    for each, left, top in places:
        swatch = (left, top + 4, left + _LINE_PX - 8, top + _LINE_PX - 4)
        draw.rounded_rectangle(swatch, radius=4, fill=tuple(colours[each]))
        middle = (left + _LINE_PX, top + _LINE_PX // 2)
        draw.text(middle, class_set.names[each], fill=_INK, font=_font(), anchor="lm")
    return np.array(image)


def captioned(picture: UInt8[ndarray, "H W 3"], caption: str) -> UInt8[ndarray, "H W 3"]:
    """A picture with words in its upper left corner, on a pale ground that shows what is under it."""
    if not caption:
        return picture
    image = Image.fromarray(picture).convert("RGBA")
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    right = _GAP_PX + round(_font().getlength(caption)) + 2 * _GAP_PX
    draw.rounded_rectangle((_GAP_PX, _GAP_PX, right, _GAP_PX + _LINE_PX), radius=6, fill=(255, 255, 255, 200))
    draw.text((2 * _GAP_PX, _GAP_PX + _LINE_PX // 2), caption, fill=(*_INK, 255), font=_font(), anchor="lm")
    return np.array(Image.alpha_composite(image, layer).convert("RGB"))


def text_line(text: str, width: int) -> UInt8[ndarray, "H W 3"]:
    """A line of words."""
    image = Image.fromarray(_blank(width, _LINE_PX + _GAP_PX))
    place = (_GAP_PX, (_LINE_PX + _GAP_PX) // 2)
    ImageDraw.Draw(image).text(place, text, fill=_INK, font=_font(), anchor="lm")
    return np.array(image)


def marked(picture: UInt8[ndarray, "H W 3"], occupancy: Occupancy) -> UInt8[ndarray, "H W 3"]:
    """A picture from straight above with an arrow where the vehicle is."""
    grid = occupancy.grid
    scales = [picture.shape[axis] / (grid.size[axis] * grid.voxel_m[axis]) for axis in (0, 1)]
    corners = [
        [
            picture.shape[1] - (left - grid.origin_m[1]) * scales[1],
            picture.shape[0] - (forward - grid.origin_m[0]) * scales[0],
        ]
        for forward, left in _MARK_M
    ]
    arrow = np.array(corners).round().astype(np.int32)
    image = cv2.fillPoly(picture.copy(), [arrow], (255, 255, 255), cv2.LINE_AA)
    return np.asarray(cv2.polylines(image, [arrow], True, _INK, 2, cv2.LINE_AA), np.uint8)


def _voxel_px(occupancy: Occupancy) -> int:
    return max(1, _SQUARE // max(occupancy.grid.size[:2]))


def _fitted(picture: UInt8[ndarray, "H W 3"]) -> UInt8[ndarray, "h w 3"]:
    """A picture in the middle of a square of the board's height."""
    height, width = picture.shape[:2]
    scale = _SQUARE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square = _blank(_SQUARE, _SQUARE)
    top, left = (_SQUARE - size[1]) // 2, (_SQUARE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _blank(width: int, height: int) -> UInt8[ndarray, "H W 3"]:
    return np.full((height, width, 3), _PAPER, np.uint8)


def _present(occupancy: Occupancy) -> list[int]:
    return [int(each) for each in torch.unique(occupancy.classes) if each != FREE]


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TEXT_PX)
