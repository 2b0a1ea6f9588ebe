"""Gaussians of a street: most stand still, some drive, walk or ride."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from scene.cameras import Cameras
from scene.deformation import Change, Deformation
from scene.frustum import in_view
from scene.gaussian_model import NAMES, StaticGaussians
from scene.splats import Splats

MOTION_NAMES = ("velocities", "times_s", "log_spans", "logit_gates")
"""The tables that say how a Gaussian moves."""

STILL = -20.0
"""Logit of the gate of a Gaussian that stands still: too small for its gradient to ever count."""

LEAST_PRESENCE = 0.01
"""Below this share of its opacity a Gaussian is not there."""

_ABSENT = -20.0  # logit of the opacity of one that is not there at the time
_EXTENT = 3.4  # standard deviations at which the most opaque Gaussian falls below 1/255
_SHIFT_M = 2.0  # by which the field may move a Gaussian into an image without being asked too late


class Moment(NamedTuple):
    """A street at one time.

    Args:
        splats: its Gaussians.
        change: the field's part, of those that it was asked for; None where it was not asked.
        there: rows of those that may move and are there, ascending.
    """

    splats: Splats
    change: Change | None
    there: Int64[Tensor, " P"]


class StreetGaussians(StaticGaussians):
    """N Gaussians, each of which may move.

    A Gaussian that may move was seen at a time tau, at the position `means`. At a time t it is at

        x(t) = x + g [(t - tau) v + dx(x + (t - tau) v, t)],

    turned by g dr and with colours changed by g dc (sizes and opacities alike, if they are to change), where
    dx, dr, dc are a field of space and time (`scene.deformation`) and the gate g in (0, 1) bounds all change.
    It is there around its time: its opacity is multiplied by exp(-((t - tau) / span)^2 / 2). Those that stand
    still have no gate to speak of, are there always, and the field is never asked for them.

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

    def moment(
        self,
        time: float | None,
        sh_degree: int | None = None,
        *,
        gates: bool = False,
        cameras: Cameras | None = None,
    ) -> Moment:
        """The Gaussians at a time, and what the field said of them.

        Args:
            time: as in `splats`.
            sh_degree: as in `splats`.
            gates: blend each Gaussian's gate as a channel: the probability that it moves.
            cameras: one, for whose image alone the Gaussians are meant: what it cannot see moves straight
                on, and the field is not asked for it.
        """
        tables = {name: self.parameters[name] for name in NAMES}
        movable = self.movable().nonzero()[:, 0]
        change, there = None, movable[:0]
        if time is None:
            tables["logit_opacities"] = tables["logit_opacities"].index_fill(0, movable, _ABSENT)
        elif len(movable):
            with torch.no_grad():
                there = movable[self._presence(movable, time) > LEAST_PRESENCE]
            change = self._move(tables, movable, there, time, cameras)
        features = self.parameters["logit_gates"].sigmoid()[:, None] if gates else None
        splats = Splats(*(tables[name] for name in NAMES), features=features, raw=True, sh_degree=sh_degree)
        return Moment(splats, change, there)

    def carried(self, rows: Int64[Tensor, " M"], time_s: float) -> Float[Tensor, "M 3"]:
        """Where Gaussians are at a time by their velocities alone."""
        means, velocities, times_s = self._rows(rows, "means", "velocities", "times_s")
        return means + (time_s - times_s)[:, None] * velocities

    def state_dict(self) -> dict[str, Any]:
        """The tables, and the field's numbers."""
        field = None if self.deformation is None else self.deformation.state_dict()
        return {**super().state_dict(), "deformation": field}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, of whatever number of Gaussians."""
        super().load_state_dict(state)
        if self.deformation is not None:
            self.deformation.load_state_dict(state["deformation"])

    def _rows(self, rows: Int64[Tensor, " M"], *names: str) -> list[Tensor]:
        """Rows of some tables; index_select, as its derivative is faster than that of an index."""
        return [self.parameters[name].index_select(0, rows) for name in names]

    def _presence(self, rows: Int64[Tensor, " M"], time_s: float) -> Float[Tensor, " M"]:
        """The presence of some that may move."""
        times_s, log_spans = self._rows(rows, "times_s", "log_spans")
        return torch.exp(-0.5 * ((time_s - times_s) / log_spans.exp()).square())

    def _move(
        self,
        tables: dict[str, Tensor],
        movable: Int64[Tensor, " K"],
        there: Int64[Tensor, " P"],
        time: float,
        cameras: Cameras | None,
    ) -> Change | None:
        """Put what may move where it is at a time, in place; and what the field says of it.

        What changes is added to the tables: so their gradients pass through as they are, without a copy.
        """
        logit_gates, times_s, velocities = self._rows(there, "logit_gates", "times_s", "velocities")
        gates = logit_gates.sigmoid()
        shifts = (time - times_s)[:, None] * velocities
        logits, presence = self._rows(there, "logit_opacities")[0], self._presence(there, time)
        change = None
        if self.deformation is not None:
            asked = self._asked(there, gates[:, None] * shifts, cameras)
            rows, gate = there[asked], gates[asked, None]
            places = self.parameters["means"].index_select(0, rows) + shifts[asked]
            change = self.deformation(places, places.new_tensor(time / self.duration_s))
            shifts = shifts.index_add(0, asked, change.means)
            self._change(tables, rows, gate, change)
            if change.opacities is not None:
                logits = logits.index_add(0, asked, gate[:, 0] * change.opacities)
        tables["means"] = tables["means"].index_add(0, there, gates[:, None] * shifts)
        seen = (logits.sigmoid() * presence).clamp(1e-6, 1 - 1e-6)
        absent = tables["logit_opacities"].index_fill(0, movable, _ABSENT)
        tables["logit_opacities"] = absent.index_copy(0, there, seen.logit())
        return change

    @torch.no_grad()
    def _asked(
        self, there: Int64[Tensor, " P"], shifts: Float[Tensor, "P 3"], cameras: Cameras | None
    ) -> Int64[Tensor, " Q"]:
        """Which of those that are there the field is asked for, as places in `there`."""
        if cameras is None:
            return torch.arange(len(there), device=there.device)
        means, log_scales = self._rows(there, "means", "log_scales")
        radii = _EXTENT * log_scales.amax(dim=1).exp() + _SHIFT_M
        return in_view(means + shifts, radii, cameras).nonzero()[:, 0]

    def _change(
        self, tables: dict[str, Tensor], rows: Int64[Tensor, " Q"], gate: Float[Tensor, "Q 1"], change: Change
    ) -> None:
        """Add what the field says of rotations, colours and sizes to the tables."""
        quats = self.parameters["quats"].index_select(0, rows)
        turns = turned(quats, gate * change.rotations) - quats
        tables["quats"] = tables["quats"].index_add(0, rows, turns)
        columns = torch.arange(change.colors.shape[1], device=rows.device)
        tables["sh"] = tables["sh"].index_put(
            (rows[:, None], columns), gate[:, :, None] * change.colors, accumulate=True
        )
        if change.scales is not None:
            tables["log_scales"] = tables["log_scales"].index_add(0, rows, gate * change.scales)


def turned(quats: Float[Tensor, "M 4"], rotations: Float[Tensor, "M 3"]) -> Float[Tensor, "M 4"]:
    """Quaternions (wxyz, any length) turned by small rotation vectors in world axes.

    To first order in the angle, and renormalised by whoever draws: (1, r / 2) q.
    """
    w, xyz = quats[:, :1], quats[:, 1:]
    half = 0.5 * rotations
    scalar = w - (half * xyz).sum(-1, keepdim=True)
    return torch.cat([scalar, xyz + w * half + torch.linalg.cross(half, xyz)], dim=-1)
