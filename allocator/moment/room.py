"""How long a review that runs may still go on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from allocator.moment import words
from allocator.moment.course import Candidate, Course, Review
from allocator.moment.seen import look_back


@dataclass(frozen=True, slots=True, repr=False)
class Room:
    """`seconds` more until rule `rule` would be passed; 0: now. `sentence` is for its person alone."""

    seconds: int
    rule: str
    sentence: str


def room_until(course: Course, running: Review, now: int) -> Room | None:
    """How much longer the running review may be looked at before a stretch that measures seconds or span is
    passed or an edge begins; the first of them. None: nothing of this kind is in the way.

    The running review, as far as it is known what it shows, may stand in the course or not; it counts once.
    Neither limits nor the end of the shift are asked here.
    """
    others = list(course.happened)
    if running in others:
        others.remove(running)
    whole = replace(course, happened=(*others, replace(running, end=None)))
    seen = look_back(whole, now)
    rooms = []
    # As if the same review were begun once more: it is no further item, and adds what it takes from now on.
    onward = Candidate(running.category, running.severity, 0)
    for stretch in course.policy.stretches:
        if stretch.measure == "items" or not stretch.selects(running.category, running.severity):
            continue
        piece = seen.open_piece(stretch)
        left = max(0, stretch.amount - piece.measure(stretch, onward, now))
        sentence = (
            words.room_before_rest(left, stretch)
            if left
            else words.rest_first(stretch, piece, whole, stretch.rest, is_resting=False)
        )
        rooms.append(Room(left, stretch.key, sentence))
    for edge in course.policy.edges:
        if not edge.selects(running.category, running.severity):
            continue
        shift = course.shift
        if edge.first > 0 and now < shift.start + edge.first:
            rooms.append(Room(0, edge.key, words.first_edge(edge, shift, course.policy)))
        if edge.last > 0:
            left = max(0, shift.end - edge.last - now)
            sentence = (
                words.room_before_edge(left, edge, course.policy)
                if left
                else words.last_edge(edge, onward, shift, course.policy, now)
            )
            rooms.append(Room(left, edge.key, sentence))
    return min(rooms, key=lambda room: room.seconds, default=None)
