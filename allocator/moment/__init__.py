"""What may be started at this moment, asked of what was really seen: H3, H5 and H6 once more.

The third reading of the rules, apart from the planner's and the verifier's: all three would have to slip in
the same way before somebody came to harm. Who may (H1, H2) and limits (H4) are asked where the ledger is.
"""

from allocator.moment.course import Break, Busy, Candidate, Course, Review, Shift
from allocator.moment.lease import BEAT, SLICE, Renewal, beat_within, renew
from allocator.moment.room import Room, room_until
from allocator.moment.start import Rest, Verdict, may_start, next_rest, verdicts

__all__ = [
    "BEAT",
    "SLICE",
    "Break",
    "Busy",
    "Candidate",
    "Course",
    "Renewal",
    "Rest",
    "Review",
    "Room",
    "Shift",
    "Verdict",
    "beat_within",
    "may_start",
    "next_rest",
    "renew",
    "room_until",
    "verdicts",
]
