"""One browser's visit to a page of runs: its controls, its screen, the cameras in its scene."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from core.errors import UserError
from viewer.controls import DrawingControls, RunControls, TimeControls, ViewControls
from viewer.eyes import fov_around, is_near
from viewer.frustums import Frustums
from viewer.going import go
from viewer.pictures import PicturePanel
from viewer.recording import Key
from viewer.screens import Look, Screen, Shown
from viewer.subject import AT_VIEWS, RENDER, Picture, Subject, Wish
from viewer.views import first_view, nearest_view, same_view, view_at

if TYPE_CHECKING:
    import viser

_ON_ITS_WAY_S = 3.0  # a browser that has not come to a view after this will not
_SAME_PLACE = 1e-3  # of the extent


@dataclass(frozen=True)
class Standing:
    """In whose place a browser's camera is.

    Args:
        view: of the subject.
        pose: that it was sent to, world-from-camera.
        since: when, seconds of the monotonic clock.
        arrived: whether the browser has said that it is there.
    """

    view: int
    pose: Float[ndarray, "4 4"]
    since: float
    arrived: bool = False


class Visit:
    """Shows runs to one browser. What its user does concerns nobody else.

    Args:
        client: the browser.
        subjects: the runs, one at least.
        thumbnails: small photographs of each run's views.
    """

    def __init__(
        self,
        client: "viser.ClientHandle",
        subjects: Sequence[Subject],
        thumbnails: Sequence[Callable[[int], Picture | None]],
    ) -> None:
        self._client, self._subjects, self._thumbnails = client, subjects, thumbnails
        self._lock = threading.RLock()  # callbacks come on threads of the server's
        self._standing: Standing | None = None
        self._next_frame_at = 0.0
        self.screen = Screen(client, self.look, self._told)
        self.runs = RunControls(client.gui, [subject.title for subject in subjects])
        self._open(subjects[0])
        if self.subject.views:
            self.stand(first_view(self.subject.views))
        self.pictures = PicturePanel(client, self.screen, self.look, self._follow)
        self.runs.run.on_update(lambda _: self._change_run())
        for control in (self.runs.beside, self.runs.divider):
            control.on_update(lambda _: self._compare())
        self.screen.start()

    @property
    def subject(self) -> Subject:
        """The run that is seen."""
        return self._subject

    def close(self) -> None:
        """End the visit."""
        self.pictures.close()
        self.screen.close()
        self._frustums.close()

    def look(self) -> Look:
        """What is to be seen now."""
        with self._lock:
            self._play()
            self._leave_if_moved()
            standing, times = self._standing, self.times
            view = None if standing is None else standing.view
            left = 0.0 if view is None else times.left
            channel = self.view.shown
            known = view if left == 0 else None
            if known is None and channel in AT_VIEWS:
                channel = RENDER
            wish = self.drawing.wish(channel, times.time_s, times.part, known)
            other = self.runs.compared
            return Look(
                self._subject,
                wish,
                standing=view,
                shift_m=left,
                beside=None if other is None else _beside(self._subjects[other], self._subject, wish),
                divider=self.runs.share,
                height=self.drawing.most_height,
                playing=self._plays,
                in_browser=bool(self.drawing.in_browser.value),
            )

    def stand(self, view: int) -> None:
        """Put the camera into the place of a view, at the time of that view."""
        with self._lock:
            known = self._subject.views[view]
            if self._subject.moments_s and known.time_s is not None:
                moments = np.array(self._subject.moments_s)
                nearest = int(np.abs(moments - known.time_s).argmin())
                if self.times.moment != nearest:
                    self.times.frame.value = nearest
            pose = known.camera.c2w[0].cpu().double().numpy().copy()
            pose[:3, 3] -= self.times.left * pose[:3, 0]
            self._standing = Standing(view, pose, time.monotonic())
            self.view.stand(view)
            go(self._client, pose, self._subject.extent, self._fov(view))
            self._frustums.show(False)  # from inside, they would only be in the way
        self._nudge()

    def leave(self) -> None:
        """Let the camera be free where it is."""
        with self._lock:
            self._standing = None
            self.view.stand(None)
            if self.view.shown in AT_VIEWS:
                self.view.channel.value = RENDER
            self._frustums.show(bool(self.view.frustums.value))

    def _open(self, subject: Subject) -> None:
        """The controls and cameras of a run."""
        self._subject = subject
        gui = self._client.gui
        self.view, self.times = ViewControls(gui, subject), TimeControls(gui, subject)
        self.drawing = DrawingControls(gui, subject)
        thumbnail = self._thumbnails[self._subjects.index(subject)]
        self._frustums = Frustums(self._client, subject, thumbnail, self.stand)
        self.view.view.on_update(lambda _: self._choose_view())
        self.view.channel.on_update(lambda _: self._choose_channel())
        self.view.step.on_click(lambda _: self._step(1 if self.view.step.value == "next" else -1))
        self.view.frustums.on_update(lambda _: self._show_frustums())
        self.times.frame.on_update(lambda event: self._choose_frame(by_hand=event.client is not None))
        self.times.shift.on_update(lambda _: self._shift())
        handles = (
            self.view.play, self.times.play, self.times.layer, self.drawing.scale, self.drawing.sh_degree,
            self.drawing.height, self.drawing.in_browser, *self.drawing.sides,
        )  # fmt: skip
        for handle in handles:
            handle.on_update(lambda _: self._nudge())

    def _change_run(self) -> None:
        """Look at another run from the same place, in the place of the same view where it has that."""
        with self._lock:
            chosen = self._subjects[self.runs.chosen]
            if chosen is self._subject:
                return
            channel, standing = self.view.shown, self._standing
            view = None if standing is None else same_view(chosen.views, self._subject.views[standing.view])
            self._frustums.close()
            for controls in (self.view, self.times, self.drawing):
                controls.folder.remove()
            self._standing = None
            self._open(chosen)
            if view is not None:
                self.stand(view)
            if channel in chosen.channels and (view is not None or channel not in AT_VIEWS):
                self.view.channel.value = channel
        self._nudge()

    def _compare(self) -> None:
        self.runs.divider.visible = self.runs.compared is not None
        self._nudge()

    def _choose_view(self) -> None:
        with self._lock:  # within it, the control and the camera agree unless a hand has moved the control
            view, current = self.view.standing, None if self._standing is None else self._standing.view
            if view is not None and view != current:
                self.stand(view)
            elif view is None and current is not None:
                self.leave()
        self._nudge()

    def _choose_channel(self) -> None:
        """A channel that needs a photograph leads to the nearest view."""
        if self.view.shown in AT_VIEWS and self._standing is None:
            nearest = self._nearest_view()
            if nearest is not None:
                self.stand(nearest)
        self._nudge()

    def _choose_frame(self, by_hand: bool) -> None:
        """Whoever stands in the place of a view rides on, to what the same camera saw at that time."""
        with self._lock:
            standing = self._standing
            if by_hand and standing is not None:
                view = view_at(self._subject.views, standing.view, self.times.time_s)
                if view != standing.view:
                    self.stand(view)
        self._nudge()

    def _shift(self) -> None:
        """A shift is one of a view's camera: the nearest, where the camera is free."""
        view = self._nearest_view() if self._standing is None else self._standing.view
        if view is not None:
            self.stand(view)

    def _step(self, by: int) -> None:
        count = len(self._subject.views)
        current = self._nearest_view() if self._standing is None else self._standing.view + by
        if current is not None:
            self.stand(current % count)

    def _show_frustums(self) -> None:
        with self._lock:
            self._frustums.show(self._standing is None and bool(self.view.frustums.value))

    @property
    def _plays(self) -> bool:
        return bool(self.times.play.value) if self._subject.moments_s else bool(self.view.play.value)

    def _play(self) -> None:
        """Go on to the next frame, if it plays and it is time."""
        now = time.monotonic()
        if not self._plays or now < self._next_frame_at:
            return
        self._next_frame_at = max(now, self._next_frame_at + 1 / self.times.rate)
        moments = self._subject.moments_s
        if not moments:
            self._step(1)
            return
        self.times.frame.value = (self.times.moment + 1) % len(moments)
        if self._standing is not None:
            self.stand(view_at(self._subject.views, self._standing.view, self.times.time_s))

    def _nearest_view(self) -> int | None:
        at = self.screen.eye
        return nearest_view(self._subject, None if at is None else at.pose, self.times.time_s)

    def _leave_if_moved(self) -> None:
        standing, at = self._standing, self.screen.reported
        if standing is None or at is None:
            return
        is_there = is_near(at.pose, standing.pose, _SAME_PLACE * self._subject.extent.size)
        if is_there and not standing.arrived:
            self._standing = replace(standing, arrived=True)
        elif not is_there and (standing.arrived or time.monotonic() - standing.since > _ON_ITS_WAY_S):
            self.leave()

    def _fov(self, view: int) -> float:
        """The field of view that shows the whole image of a view in the browser's window."""
        at = self.screen.eye
        return fov_around(self._subject.views[view].camera, 1.0 if at is None else at.width / at.height)

    def _follow(self, place: Key) -> None:
        """Go to a place of a recorded path."""
        with self._lock:
            if self._standing is not None:
                self.leave()
            moments = self._subject.moments_s
            if moments and place.time_s is not None:
                self.times.frame.value = int(np.abs(np.array(moments) - place.time_s).argmin())
            go(self._client, place.eye.pose, self._subject.extent, place.eye.fov)
        self._nudge()

    def _told(self, told: Shown | UserError) -> None:
        if isinstance(told, UserError):
            self.runs.warn(str(told))
        else:
            self.runs.tell(self._subject, told)

    def _nudge(self) -> None:
        self.screen.nudge()


def _beside(other: Subject, subject: Subject, wish: Wish) -> tuple[Subject, Wish]:
    """Another run, and of a wish what it can fulfil."""
    view = None if wish.view is None else same_view(other.views, subject.views[wish.view])
    is_possible = wish.channel in other.channels and (view is not None or wish.channel not in AT_VIEWS)
    layer = wish.layer if wish.layer in other.layers else ""
    return other, replace(wish, channel=wish.channel if is_possible else RENDER, view=view, layer=layer)
