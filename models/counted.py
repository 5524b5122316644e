"""How many seconds of a review count when it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Looked:
    """How long a review was on the screen, in seconds, without its pauses and silences.

    `full` up to now, in whole seconds that are over; `begun` the same with the second that runs; `by_beat` up
    to when its person's program last said so; `leased` is what is reserved for it.
    """

    full: int
    begun: int
    by_beat: int
    leased: int


def counted(looked: Looked, said: int | None) -> int:
    """The seconds that count as seen; `said` is what the person says, if anything.

    More than anybody knows of is believed, less than the program said is not. Once the lease has run out, all
    of it counts: the content may have been looked at until then. Without a word of the person nothing counts
    beyond the lease, when the content was to be covered.
    """
    if said is None:
        return max(looked.by_beat, min(looked.begun, looked.leased))
    return max(said, looked.by_beat, looked.leased if looked.full >= looked.leased else 0)
