"""One more review on a day that is under way: with whom, when, and what gives way for it.

A pure decision over a few people's days as they really stand. What has begun is never touched, no rule is set
aside (H3, H5 to H7 are asked of the whole day that would result, H4 of the room that is left), and what is
planned moves as little as it can.
"""

from allocator.placing.decide import place
from allocator.placing.person import Person, Placement, Planned, Room, Shifted, Stands, Wanted

__all__ = ["Person", "Placement", "Planned", "Room", "Shifted", "Stands", "Wanted", "place"]
