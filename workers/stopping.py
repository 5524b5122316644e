"""Being asked to stop, by SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
import time
from types import FrameType

SLICE = 0.2
"""Seconds after which somebody who sleeps looks whether they are to stop."""


class Stopping:
    """The wish is only noted, for whoever asks. An exception out of a signal's handler would be raised
    wherever the program is just then, and some of those places swallow exceptions."""

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.hurried = False

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.hear)

    def hear(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.asked_at is None:
            self.asked_at = time.monotonic()
        else:
            self.hurried = True

    @property
    def asked(self) -> bool:
        return self.asked_at is not None

    def patience_is_over(self, grace: float) -> bool:
        """Whether it was asked so many seconds ago, or twice."""
        return self.hurried or (self.asked_at is not None and time.monotonic() - self.asked_at >= grace)

    def sleep(self, seconds: float) -> None:
        """For so long, or until it is asked to stop."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(SLICE, left))
