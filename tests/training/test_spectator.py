"""What the loop asks of a spectator is what those of the viewer answer."""

from training.spectator import Spectator
from viewer.live.gaps import Gaps
from viewer.live.watch import Watch


def test_a_watch_is_a_spectator() -> None:
    assert isinstance(Watch(Gaps()), Spectator)
    assert not isinstance(Gaps(), Spectator)
