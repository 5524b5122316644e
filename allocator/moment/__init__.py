"""What may be started at this moment, asked of what was really seen: H3, H5 and H6 once more.

The third reading of the rules, apart from the planner's and the verifier's: all three would have to slip in
the same way before somebody came to harm. Who may (H1, H2) and limits (H4) are asked where the ledger is.
"""

from allocator.moment.course import Break, Busy, Candidate, Course, Review, Shift
from allocator.moment.room import Room, room_until
from allocator.moment.start import Rest, Verdict, may_start, next_rest

__all__ = [
    "Break",
    "Busy",
    "Candidate",
    "Course",
    "Rest",
    "Review",
    "Room",
    "Shift",
    "Verdict",
    "may_start",
    "next_rest",
    "room_until",
]
