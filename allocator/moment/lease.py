"""How long a review that runs may stay on the screen before its program has to ask again.

What is reserved for a review is its lease. While it is looked at beyond what was expected, heartbeats
lengthen the lease a slice at a time, so that what is looked at has always been allowed before.
"""

from __future__ import annotations

from dataclasses import dataclass

SLICE = 30
"""Seconds by which a lease grows: so much at most is counted too much if its person falls silent."""
BEAT = 20
"""Seconds between heartbeats: shorter than a slice, so that one which is late covers nothing."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """`silent_from`: since then it was not on the screen, as the lease had run out. `seconds` are to be added
    to the lease, which then ends at `until`; where that is not later than now, the review is over."""

    silent_from: int | None
    seconds: int
    until: int

    def is_over(self, now: int) -> bool:
        return self.until <= now


def renew(leased_until: int, now: int, screen: int | None, further: int | None = None) -> Renewal:
    """What a heartbeat at `now` asks for: whole slices until the lease reaches a slice beyond now, or the
    exact seconds that there is room for. `screen` is how much longer from now it may be on the screen,
    `further` how many seconds may be reserved beside what is; None: more than anybody asks for.

    After `leased_until` the content was covered: nothing is asked for that time.
    """
    is_late = now > leased_until
    begin = now if is_late else leased_until
    short = now + SLICE - begin
    seconds = -(-short // SLICE) * SLICE if short > 0 else 0
    if screen is not None:
        seconds = min(seconds, now + screen - begin)
    if further is not None:
        seconds = min(seconds, further)
    seconds = max(0, seconds)
    return Renewal(leased_until if is_late else None, seconds, begin + seconds)


def beat_within(leased_until: int, now: int) -> int:
    """Seconds until the next heartbeat is wanted: in time to lengthen the lease, or when it ends."""
    return max(0, min(BEAT, leased_until - now))
