"""Gaussians of a street: most stand still, some drive, walk or ride."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene.deformation import Change, Deformation
from scene.gaussian_model import NAMES, StaticGaussians
from scene.splats import Splats

MOTION_NAMES = ("velocities", "times_s", "log_spans", "logit_gates")
"""The tables that say how a Gaussian moves."""

STILL = -20.0
"""Logit of the gate of a Gaussian that stands still: too small for its gradient to ever count."""

LEAST_PRESENCE = 0.01
"""Below this share of its opacity a Gaussian is not there."""

_ABSENT = -20.0  # logit of the opacity of one that is not there at the time


class Moment(NamedTuple):
    """A street at one time.

    Args:
        splats: its Gaussians.
        change: the field's part, of those that may move and are there; None where nothing does.
    """

    splats: Splats
    change: Change | None


class StreetGaussians(StaticGaussians):
    """N Gaussians, each of which may move.

    A Gaussian that may move was seen at a time tau, at the position `means`. At a time t it is at

        x(t) = x + g [(t - tau) v + dx(x + (t - tau) v, t)],

    turned by g dr and with colours changed by g dc, where dx, dr, dc are a field of space and time
    (`scene.deformation`) and the gate g in (0, 1) bounds all change. It is there around its time: its
    opacity is multiplied by exp(-((t - tau) / span)^2 / 2). Those that stand still have no gate to speak of,
    are there always, and the field is never asked for them.

    Args:
        parameters: tables named as in `NAMES` and `MOTION_NAMES`: velocities [N, 3] in m/s, times_s [N],
            log_spans [N] (logarithms of seconds), logit_gates [N].
        deformation: the field; None as long as nothing moves.
        duration_s: of the clip, which the field's times of 0 to 1 stand for.

    Source: of the presence, Chen et al., "Periodic Vibration Gaussian", 2023, eq. 5; of gate and field, the
    deformation of Wu et al., "4D Gaussian Splatting", 2024, section 4.
    """

    names: ClassVar[tuple[str, ...]] = (*NAMES, *MOTION_NAMES)

    def __init__(
        self, parameters: Mapping[str, Tensor], deformation: Deformation | None, duration_s: float
    ) -> None:
        super().__init__(parameters)
        self.deformation = deformation
        self.duration_s = duration_s

    @staticmethod
    def standing(
        gaussians: StaticGaussians, deformation: Deformation | None, duration_s: float
    ) -> "StreetGaussians":
        """A street in which nothing moves."""
        count, device = len(gaussians), gaussians.parameters["means"].device
        still = {
            "velocities": torch.zeros(count, 3, device=device),
            "times_s": torch.zeros(count, device=device),
            "log_spans": torch.zeros(count, device=device),
            "logit_gates": torch.full((count,), STILL, device=device),
        }
        return StreetGaussians({**gaussians.parameters, **still}, deformation, duration_s)

    def joined(
        self,
        moving: StaticGaussians,
        velocities: Float[Tensor, "M 3"],
        times_s: Float[Tensor, " M"],
        *,
        span_s: float,
        gate: float,
    ) -> "StreetGaussians":
        """These Gaussians and M more that may move.

        Args:
            moving: where they are at their times.
            velocities: m/s.
            times_s: seconds since the first frame.
            span_s: standard deviation of the time around it in which they are there.
            gate: of them all, in (0, 1).
        """
        count = len(moving)
        more = {
            **moving.parameters,
            "velocities": velocities,
            "times_s": times_s,
            "log_spans": torch.full((count,), span_s).log(),
            "logit_gates": torch.full((count,), gate).logit(),
        }
        tables = {
            name: torch.cat([self.parameters[name].detach(), more[name].detach()]) for name in self.names
        }
        return StreetGaussians(tables, self.deformation, self.duration_s)

    def movable(self) -> Bool[Tensor, " N"]:
        """Which Gaussians may move."""
        return self.parameters["logit_gates"].detach() > 0.5 * STILL

    def presence(self, time_s: float) -> Float[Tensor, " N"]:
        """Share of its opacity that each Gaussian has at a time."""
        p = self.parameters
        lapse = (time_s - p["times_s"]) / p["log_spans"].exp()
        return torch.where(self.movable(), torch.exp(-0.5 * lapse.square()), 1.0)

    def splats(self, time: float | None = None, sh_degree: int | None = None) -> Splats:
        """The Gaussians for the renderer, raw.

        Args:
            time: seconds since the first frame; None shows only what stands still.
            sh_degree: the degree evaluated; None means all that is stored.
        """
        return self.moment(time, sh_degree).splats

    def moment(self, time: float | None, sh_degree: int | None = None, *, gates: bool = False) -> "Moment":
        """The Gaussians at a time, and what the field said of them.

        Args:
            time: as in `splats`.
            sh_degree: as in `splats`.
            gates: blend each Gaussian's gate as a channel: the probability that it moves.
        """
        tables, change = {name: self.parameters[name] for name in NAMES}, None
        movable = self.movable()
        if time is None:
            tables["logit_opacities"] = torch.where(movable, _ABSENT, tables["logit_opacities"])
        elif movable.any():
            tables, change = self._moved(tables, movable, time)
        features = self.parameters["logit_gates"].sigmoid()[:, None] if gates else None
        splats = Splats(*(tables[name] for name in NAMES), features=features, raw=True, sh_degree=sh_degree)
        return Moment(splats, change)

    def carried(self, rows: Int64[Tensor, " M"], time_s: float) -> Float[Tensor, "M 3"]:
        """Where Gaussians are at a time by their velocities alone."""
        p = self.parameters
        return p["means"][rows] + (time_s - p["times_s"][rows])[:, None] * p["velocities"][rows]

    def displacement(self, samples: int = 8) -> Float[Tensor, " N"]:
        """How far in metres each Gaussian gets from where it was first seen, while it is there."""
        p = self.parameters
        farthest = torch.zeros(len(self))
        rows = self.movable().nonzero()[:, 0]
        with torch.no_grad():
            for time in torch.linspace(0, self.duration_s, samples).tolist():
                moved = self._moved({name: p[name] for name in NAMES}, self.movable(), time)[0]["means"]
                there = self.presence(time)[rows] > LEAST_PRESENCE
                distance = (moved[rows] - p["means"][rows]).norm(dim=-1) * there
                farthest[rows] = torch.maximum(farthest[rows], distance)
        return farthest

    def state_dict(self) -> dict[str, Any]:
        """The tables, and the field's numbers."""
        field = None if self.deformation is None else self.deformation.state_dict()
        return {**super().state_dict(), "deformation": field}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, of whatever number of Gaussians."""
        super().load_state_dict(state)
        if self.deformation is not None:
            self.deformation.load_state_dict(state["deformation"])

    def _moved(
        self, tables: Mapping[str, Tensor], movable: Bool[Tensor, " N"], time: float
    ) -> tuple[dict[str, Tensor], Change | None]:
        """Tables at a time, and the field's part in them; only those there that may move are asked."""
        p, moved = self.parameters, dict(tables)
        presence = self.presence(time)
        rows = (movable & (presence.detach() > LEAST_PRESENCE)).nonzero()[:, 0]
        gate = p["logit_gates"][rows].sigmoid()[:, None]
        start = p["means"][rows]
        place = self.carried(rows, time)
        shift, quats, change = place - start, p["quats"][rows], None
        if self.deformation is not None:
            change = self.deformation(place, time / self.duration_s)
            shift = shift + change.means
            quats = turned(quats, gate * change.rotations)
            colors = p["sh"][rows]
            colors = torch.cat([colors[:, :1] + (gate * change.colors)[:, None], colors[:, 1:]], dim=1)
            moved["sh"] = p["sh"].index_copy(0, rows, colors)
        moved["means"] = p["means"].index_copy(0, rows, start + gate * shift)
        moved["quats"] = p["quats"].index_copy(0, rows, quats)
        seen = (p["logit_opacities"][rows].sigmoid() * presence[rows]).clamp(1e-6, 1 - 1e-6)
        absent = torch.where(movable, _ABSENT, p["logit_opacities"])
        moved["logit_opacities"] = absent.index_copy(0, rows, seen.logit())
        return moved, change


def turned(quats: Float[Tensor, "M 4"], rotations: Float[Tensor, "M 3"]) -> Float[Tensor, "M 4"]:
    """Quaternions (wxyz, any length) turned by small rotation vectors in world axes.

    To first order in the angle, and renormalised by whoever draws: (1, r / 2) q.
    """
    w, xyz = quats[:, :1], quats[:, 1:]
    half = 0.5 * rotations
    scalar = w - (half * xyz).sum(-1, keepdim=True)
    return torch.cat([scalar, xyz + w * half + torch.linalg.cross(half, xyz)], dim=-1)
