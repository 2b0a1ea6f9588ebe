"""`.html`: one file that shows a scene in a browser, without a network; the scene is inside, as `.spz`.

What it draws with lies in `page/`; everything is put into the one file. Axes in the page are those of `.spz`.
"""

import base64
import html
import json
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from core.errors import UserError
from core.files import atomic_write, explain
from viewer.formats.gaussians import GaussianScene
from viewer.formats.spz import pack_spz, unpack_spz
from viewer.formats.viewpoints import Viewpoints, viewpoints

_PAGE = Path(__file__).parent / "page"
_SCRIPTS = ("decode.js", "shaders.js", "splats.js", "camera.js", "controls.js", "main.js")
_BEGIN, _END, _LAST = b'<script type="text/plain" id="scene">', b"</script>", b"</html>"
_PIECE = 3 * 2**18  # bytes whose base64 has no padding
_TURN = np.array([1.0, -1.0, -1.0])
_DIGITS = 7


def write_html(path: Path, scene: GaussianScene) -> None:
    """Write a page, whole or not at all.

    Raises:
        UserError: the scene reaches too far for `.spz`, or the file cannot be written.
    """
    before, after = _filled(scene).split("@scene@")
    with (
        atomic_write(path) as temporary,
        tempfile.TemporaryFile() as packed,
        temporary.open("wb") as file,
    ):
        pack_spz(packed, scene)
        packed.seek(0)
        file.write(before.encode())
        while piece := packed.read(_PIECE):
            file.write(base64.b64encode(piece) + b"\n")
        file.write(after.encode())


def read_html(path: Path) -> GaussianScene:
    """The scene inside a page of ours, without its views.

    Raises:
        UserError: the file cannot be read, is cut off, or is no page of ours.
    """
    try:
        with path.open("rb") as file, tempfile.TemporaryFile() as packed:
            size = _copy_scene(file, packed)
            if size is None:
                raise UserError(f"{path} is cut off or is no page of `--to html`; write or fetch it again")
            packed.seek(0)
            return unpack_spz(packed, size, path)
    except OSError as error:
        raise explain(error, path, "read") from error


def _copy_scene(page: IO[bytes], to: IO[bytes]) -> int | None:
    """The bytes of the scene in a page, and how many; None where there is none, or the page has no end."""
    if not any(line.strip() == _BEGIN for line in page):
        return None
    size, line = 0, b""
    for line in page:
        if line.strip() == _END:
            break
        try:
            size += to.write(base64.b64decode(line))
        except ValueError:
            return None
    for line in page:  # noqa: B007 - the last one counts
        pass
    return size if line.strip() == _LAST else None


def _filled(scene: GaussianScene) -> str:
    """The page, but for its scene."""
    places = viewpoints(scene)
    about = {
        "background": [1, 1, 1] if scene.white else [0, 0, 0],
        "antialiased": scene.antialiased,
        "start": places.start,
        "up": _numbers(places.up * _TURN),
        "views": [_view(places, row) for row in range(len(places.names))],
    }
    facts = f"{len(scene):,} Gaussians"
    parts = {
        "title": html.escape(scene.title or "Gaussians"),
        "facts": facts,
        "style": _asset("style.css"),
        # A name must not end the script that it stands in.
        "about": json.dumps(about, separators=(",", ":")).replace("<", "\\u003c"),
        "sorter": _asset("sorter.js"),
        "script": '"use strict";\n' + "\n".join(map(_asset, _SCRIPTS)),
    }
    page = _asset("page.html")
    for name, part in parts.items():
        page = page.replace(f"@{name}@", part)
    return page


def _view(places: Viewpoints, row: int) -> dict[str, Any]:
    camera = places.cameras[row]
    c2w: Float64[ndarray, "4 4"] = camera.c2w[0].detach().cpu().double().numpy()
    turned = c2w[:3] * _TURN[:, None]
    K = camera.Ks[0].detach().cpu().double().numpy()
    return {
        "name": str(PurePosixPath(places.names[row]).with_suffix("")),
        "width": int(camera.width[0]),
        "height": int(camera.height[0]),
        "focal": _numbers(K[[0, 1], [0, 1]]),
        "middle": _numbers(K[:2, 2]),
        "right": _numbers(turned[:, 0]),
        "down": _numbers(turned[:, 1]),
        "forward": _numbers(turned[:, 2]),
        "place": _numbers(turned[:, 3]),
        "distance": _numbers(np.array([places.distances[row]]))[0],
    }


def _numbers(values: Float64[ndarray, " N"]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8").rstrip("\n")
