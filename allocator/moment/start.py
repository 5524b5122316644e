"""May this person start this review now, and if not, when, and after what rest?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

from allocator.moment import words
from allocator.moment.course import Candidate, Course
from allocator.moment.seen import Seen, look_back
from allocator.rules.policy import Policy, Stretch

Label = Literal["short", "recovery", "meal"]


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """Whether a review may start now; `sentence` is for its person alone.

    If not, `rule` is the key of what holds it back longest, or `shift`, `rest-between-shifts`, `release` or
    `busy`. `earliest` is when it may start if its person rests for `rest` seconds (0: no rest is needed), one
    break, begun now or already running; None: not in this shift. `late`: begun at `earliest` and done in
    the seconds expected, it would end after it is due.
    """

    allowed: bool
    rule: str | None
    earliest: int | None
    rest: int
    late: bool
    sentence: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Rest:
    """A break that lets something start again: what it takes yet, when it is over, what asks for it."""

    seconds: int
    until: int
    label: Label
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True, repr=False)
class _Hindrance:
    """Something that stands in the way now, by itself until `until` (None: for the rest of the shift)."""

    rule: str
    until: int | None
    sentence: str


@dataclass(frozen=True, slots=True, repr=False)
class _Place:
    """The first place for a review: its start, and the rest before it, from `rest_from` until `rested`, with
    the stretch that asks for it (None: no rest)."""

    start: int
    rest_from: int
    rested: int
    asked_by: Stretch | None


def may_start(course: Course, candidate: Candidate, now: int) -> Verdict:
    """Asked of H3 (release, shift, rest between shifts, meetings), H5 and H6, by what each would measure if
    the candidate took the seconds that it is expected to take.

    A review that still runs is asked as if it ended now; that it runs is for the caller to say.
    """
    return _verdict(course, look_back(course, now), candidate, now)


def verdicts(course: Course, now: int) -> Callable[[Candidate], Verdict]:
    """`may_start` for several candidates at one moment: the day is read once."""
    seen = look_back(course, now)
    return lambda candidate: _verdict(course, seen, candidate, now)


def next_rest(course: Course, candidates: Iterable[Candidate], now: int) -> Rest | None:
    """The rest after which one of the candidates may start soonest. None: one may start now, or no rest
    helps any of them."""
    seen = look_back(course, now)
    best: tuple[tuple[int, int], _Place, Stretch] | None = None
    for candidate in candidates:
        place = _first_place(course, seen, candidate, now)
        if place is None:
            continue
        if place.start == now and place.asked_by is None:
            return None
        order = (place.start, place.rested)
        if place.asked_by is not None and (best is None or order < best[0]):
            best = (order, place, place.asked_by)
    if best is None:
        return None
    _, place, asked_by = best
    rest = _still_to_rest(place, now)
    return Rest(
        seconds=rest,
        until=place.rested,
        label=_label(course.policy, asked_by),
        rule=asked_by.key,
        sentence=words.rest_first(
            asked_by, seen.open_piece(asked_by), course, rest, is_resting=seen.is_resting
        ),
    )


def _verdict(course: Course, seen: Seen, candidate: Candidate, now: int) -> Verdict:
    waits = [*_by_time(course, seen, candidate, now), *_by_edges(course, candidate, now)]
    hindrances = [*waits, *_by_stretches(course, seen, candidate, now)]
    if not hindrances:
        return Verdict(True, None, now, 0, _is_late(candidate, now), None)
    place = _first_place(course, seen, candidate, now)
    if place is None:
        final = next((one for one in hindrances if one.until is None), None)
        if final is not None:
            return Verdict(False, final.rule, None, 0, False, final.sentence)
        longest = max(hindrances, key=_until)
        return Verdict(False, longest.rule, None, 0, False, f"{longest.sentence} {words.NOT_TODAY}")
    rest = _still_to_rest(place, now)
    if place.asked_by is None:
        longest = max(waits, key=_until)
        sentence = longest.sentence
    else:
        is_only_one = [one.rule for one in hindrances] == [place.asked_by.key]
        sentence = _rest_first(course, seen, place.asked_by, rest, everyday_helps=is_only_one)
        resting = _Hindrance(place.asked_by.key, place.rested, sentence)
        longest = max([resting, *waits], key=_until)
        if longest is not resting:
            sentence = f"{longest.sentence} {words.rest_meanwhile(rest)}"
    return Verdict(False, longest.rule, place.start, rest, _is_late(candidate, place.start), sentence)


def _by_time(course: Course, seen: Seen, candidate: Candidate, now: int) -> list[_Hindrance]:
    """H3, beside other reviews."""
    shift, zone = course.shift, course.shift.timezone
    if now >= shift.end:
        return [_Hindrance("shift", None, words.shift_over(shift.end, zone))]
    found = []
    if now + candidate.seconds > shift.end:
        found.append(_Hindrance("shift", None, words.shift_too_short(candidate.seconds, shift.end, zone)))
    if now < shift.start:
        found.append(_Hindrance("shift", shift.start, words.shift_ahead(shift.start, zone)))
    rested = _rested_between_shifts(course)
    if rested is not None and now < rested:
        found.append(_Hindrance("rest-between-shifts", rested, words.between_shifts(rested, zone)))
    if candidate.release is not None and now < candidate.release:
        found.append(_Hindrance("release", candidate.release, words.release(candidate.release, zone)))
    free = seen.free_from(now, candidate.seconds)
    if free > now:
        found.append(_Hindrance("busy", free, words.busy(free, zone)))
    return found


def _by_edges(course: Course, candidate: Candidate, now: int) -> list[_Hindrance]:
    """H6."""
    shift, policy = course.shift, course.policy
    found = []
    for edge in policy.edges:
        if not edge.selects(candidate.category, candidate.severity):
            continue
        if now + candidate.seconds > shift.end - edge.last and edge.last > 0:
            found.append(_Hindrance(edge.key, None, words.last_edge(edge, candidate, shift, policy, now)))
        if now < shift.start + edge.first and edge.first > 0:
            sentence = words.first_edge(edge, shift, policy)
            found.append(_Hindrance(edge.key, shift.start + edge.first, sentence))
    return found


def _by_stretches(course: Course, seen: Seen, candidate: Candidate, now: int) -> list[_Hindrance]:
    """H5."""
    found = []
    for stretch in _selecting(course.policy, candidate):
        if _is_too_long_alone(stretch, candidate):
            sentence = words.too_long_alone(stretch, candidate, course.policy)
            found.append(_Hindrance(stretch.key, None, sentence))
        elif seen.open_piece(stretch).measure(stretch, candidate, now) > stretch.amount:
            begin = seen.free_from(seen.rest_from, stretch.rest)
            place = _Place(begin + stretch.rest, begin, begin + stretch.rest, stretch)
            rest = _still_to_rest(place, now)
            sentence = _rest_first(course, seen, stretch, rest)
            found.append(_Hindrance(stretch.key, place.rested, sentence))
    return found


def _first_place(course: Course, seen: Seen, candidate: Candidate, now: int) -> _Place | None:
    """The earliest place for the candidate if nothing but one rest comes before it. None: there is none."""
    opens, closes = _window(course, candidate, now)
    asking = _selecting(course.policy, candidate)
    if any(_is_too_long_alone(stretch, candidate) for stretch in asking):
        return None
    pieces = [(stretch, seen.open_piece(stretch)) for stretch in asking]
    start, rest, begin, asked_by = opens, 0, now, None
    while True:
        start = seen.free_from(max(opens, begin + rest), candidate.seconds)
        if start + candidate.seconds > closes:
            return None
        # A rest that is long enough for one stretch cuts those that ask for less.
        passed = [
            stretch
            for stretch, piece in pieces
            if stretch.rest > rest and piece.measure(stretch, candidate, start) > stretch.amount
        ]
        if not passed:
            return _Place(start, begin, begin + rest, asked_by)
        asked_by = max(passed, key=lambda stretch: stretch.rest)
        rest = asked_by.rest
        begin = seen.free_from(max(seen.rest_from, course.shift.start), rest)


def _window(course: Course, candidate: Candidate, now: int) -> tuple[int, int]:
    """From when and until when the candidate may be worked on, other work aside."""
    shift = course.shift
    edges = [edge for edge in course.policy.edges if edge.selects(candidate.category, candidate.severity)]
    opens = [now, *(shift.start + edge.first for edge in edges), shift.start]
    rested = _rested_between_shifts(course)
    opens += [instant for instant in (rested, candidate.release) if instant is not None]
    return max(opens), min([shift.end, *(shift.end - edge.last for edge in edges)])


def _rested_between_shifts(course: Course) -> int | None:
    last_end = course.shift.last_end
    return None if last_end is None else last_end + course.policy.rest_between_shifts


def _selecting(policy: Policy, candidate: Candidate) -> list[Stretch]:
    return [rule for rule in policy.stretches if rule.selects(candidate.category, candidate.severity)]


def _is_too_long_alone(stretch: Stretch, candidate: Candidate) -> bool:
    return (1 if stretch.measure == "items" else candidate.seconds) > stretch.amount


def _rest_first(
    course: Course, seen: Seen, stretch: Stretch, rest: int, *, everyday_helps: bool = False
) -> str:
    return words.rest_first(
        stretch,
        seen.open_piece(stretch),
        course,
        rest,
        is_resting=seen.is_resting,
        asked_now=True,
        everyday_helps=everyday_helps and not seen.is_resting,
    )


def _still_to_rest(place: _Place, now: int) -> int:
    return max(0, place.rested - max(now, place.rest_from))


def _until(hindrance: _Hindrance) -> float:
    return inf if hindrance.until is None else hindrance.until


def _is_late(candidate: Candidate, start: int) -> bool:
    return candidate.due is not None and start + candidate.seconds > candidate.due


def _label(policy: Policy, asked_by: Stretch) -> Label:
    """`recovery` where only some work asks for the rest; `meal` for the longest of several rests that all
    work asks for; else `short`."""
    if not asked_by.selects_everything:
        return "recovery"
    lengths = {stretch.rest for stretch in policy.stretches if stretch.selects_everything}
    return "meal" if len(lengths) > 1 and asked_by.rest == max(lengths) else "short"
