"""Whether a browser keeps up: it is asked something after each picture, and answers when it has seen that."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import viser

_KEY = "splatworks"  # of the browser's storage; nothing is ever kept there
_LOOK_UP_S = 0.1


class Echo:
    """Lets pictures go no faster than the browser takes them: one is on its way while the next is drawn.

    Without it a slow connection fills with pictures that were drawn long ago.

    Args:
        client: the browser.
    """

    def __init__(self, client: "viser.ClientHandle") -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="echo")
        self._answer: Future[None] | None = None

    def wait(self, gone: Callable[[], bool]) -> bool:
        """Until the last picture was seen; False where `gone` came true before that."""
        while self._answer is not None and not wait([self._answer], timeout=_LOOK_UP_S).done:
            if gone():
                return False
        return not gone()

    def ask(self) -> None:
        """Ask, right after a picture was sent."""
        self._answer = self._pool.submit(self._asked)

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _asked(self) -> None:
        # The browser went away, or lets nobody near its storage, which is an answer too.
        with suppress(RuntimeError):
            self._client.local_storage.get_item(_KEY)
