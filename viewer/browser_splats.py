"""Gaussians that a browser draws by itself: smooth on any laptop, but in colours of degree zero."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from core import sh
from core.geometry import quat_to_rotation
from scene.splats import Splats

if TYPE_CHECKING:
    import viser

_NAME = "/gaussians"
_BLACK = np.zeros((2, 2, 3), np.uint8)  # behind Gaussians that were trained before black
_FAINTEST = 1 / 255  # what is less opaque is not drawn, here as by our renderer


class BrowserSplats:
    """What one browser draws by itself.

    Args:
        client: the browser.
    """

    def __init__(self, client: "viser.ClientHandle") -> None:
        self._client = client
        self._handle: viser.GaussianSplatHandle | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the browser has Gaussians."""
        return self._handle is not None

    def show(self, splats: Splats) -> None:
        """Give the browser these Gaussians instead of those that it has."""
        centers, covariances, colours, opacities = browser_arrays(splats)
        with self._client.atomic():
            self._client.scene.set_background_image(_BLACK, "jpeg")
            self._handle = self._client.scene.add_gaussian_splats(
                _NAME, centers, covariances, colours, opacities
            )

    def clear(self) -> None:
        """Take them away."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None


def browser_arrays(
    splats: Splats,
) -> tuple[Float[ndarray, "M 3"], Float[ndarray, "M 3 3"], Float[ndarray, "M 3"], Float[ndarray, "M 1"]]:
    """Centres, covariances, colours and opacities of the Gaussians that can be seen at all.

    Colours are those of degree zero: browsers get one a Gaussian.
    """
    active = splats.activated()
    active = active.select(active.opacities > _FAINTEST)
    spread = quat_to_rotation(active.quats) * active.scales[:, None, :]
    colours = (active.sh[:, 0] * sh.C0 + 0.5).clamp(0, 1)
    return (
        _array(active.means),
        _array(spread @ spread.mT),
        _array(colours),
        _array(active.opacities[:, None]),
    )


def _array(values: Tensor) -> ndarray:
    return values.detach().cpu().float().numpy()
