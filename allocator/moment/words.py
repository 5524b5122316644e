"""The sentences, for the person alone. Times are those of their own clock.

What somebody has seen is rounded up and what is allowed down, so that a "no" never looks wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from allocator.figures import several
from allocator.moment.course import Candidate, Course, Shift
from allocator.moment.seen import Piece
from allocator.rules.policy import Edge, Policy, Rule, Stretch

NOT_TODAY = "There is no time left for this review after that; it is not for today."


def clock(instant: int, timezone: str) -> str:
    """`09:05`, with the zone's name where the clock shows that time twice."""
    local = datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(timezone))
    is_double = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M}" + (f" ({local.tzname()})" if is_double else "")


def duration(seconds: int, *, up: bool) -> str:
    """`45 seconds`, `28 minutes`, `4 hours`; whole minutes from two minutes on, rounded up or down."""
    if seconds < 120:
        return several(seconds, "second")
    minutes = -(-seconds // 60) if up else seconds // 60
    return several(minutes // 60, "hour") if minutes % 60 == 0 else several(minutes, "minute")


def material(rule: Rule, policy: Policy, noun: str) -> str:
    """What a rule selects: `severe material`, `hate or violence material from severity 2`."""
    is_severe = rule.min_severity == policy.severe_from
    parts = ["severe"] if is_severe and rule.min_severity > 0 else []
    if rule.categories:
        parts.append(" or ".join(sorted(rule.categories)))
    parts.append(noun)
    if rule.min_severity > 0 and not is_severe:
        parts.append(f"from severity {rule.min_severity}")
    return " ".join(parts)


def shift_ahead(start: int, timezone: str) -> str:
    return f"Your shift starts at {clock(start, timezone)}."


def shift_over(end: int, timezone: str) -> str:
    return f"Your shift ended at {clock(end, timezone)}; the rest of the day is yours."


def shift_too_short(seconds: int, end: int, timezone: str) -> str:
    return (
        f"This review is expected to take {duration(seconds, up=True)}, and your shift ends at "
        f"{clock(end, timezone)}; it is not for today."
    )


def between_shifts(rested: int, timezone: str) -> str:
    return f"Your rest after the last shift goes on until {clock(rested, timezone)}; take it in peace."


def release(instant: int, timezone: str) -> str:
    return f"Nobody may start this review before {clock(instant, timezone)}."


def busy(until: int, timezone: str) -> str:
    return f"You are expected elsewhere first; this review can start at {clock(until, timezone)}."


def first_edge(edge: Edge, shift: Shift, policy: Policy) -> str:
    return (
        f"The {_kept_free('first', edge.first)} {_kept_away(edge, policy)}, "
        f"until {clock(shift.start + edge.first, shift.timezone)}."
    )


def last_edge(edge: Edge, candidate: Candidate, shift: Shift, policy: Policy, now: int) -> str:
    begins = shift.end - edge.last
    kept = f"The {_kept_free('last', edge.last)} {_kept_away(edge, policy)}"
    if now >= begins:
        return f"{kept}, so that the day can wind down."
    return (
        f"{kept}, from {clock(begins, shift.timezone)}, and this review is expected to take "
        f"{duration(candidate.seconds, up=True)}; it is not for today."
    )


def too_long_alone(stretch: Stretch, candidate: Candidate, policy: Policy) -> str:
    what = "work" if stretch.selects_everything else material(stretch, policy, "material")
    if stretch.measure == "items":
        return f"At present nobody is given {what}; this review is not for today."
    return (
        f"This review is expected to take {duration(candidate.seconds, up=True)}, and between two rests at "
        f"most {duration(stretch.amount, up=False)} of {what} may come; it is not for today."
    )


def rest_first(
    stretch: Stretch,
    piece: Piece,
    course: Course,
    rest: int,
    *,
    is_resting: bool,
    asked_now: bool = False,
    everyday_helps: bool = False,
) -> str:
    """What was seen since the last cut and what comes first. `asked_now`: a certain review has been asked
    for; `everyday_helps`: work that resets the stretch would do as well as a rest."""
    said = _seen_so_far(stretch, piece, course)
    if asked_now:
        said += f", and with this review it would be more than {_most(stretch)}"
    if is_resting:
        said += f"; your break is a full rest in {duration(rest, up=True)}."
    else:
        said += f"; a rest of {duration(rest, up=True)} comes first."
    if everyday_helps and stretch.reset_by is not None:
        left = max(1, stretch.reset_by.seconds - piece.everyday)
        said += (
            f" Other work of {duration(left, up=True)}, of severity {stretch.reset_by.max_severity} at most, "
            "does as well."
        )
    return said


def rest_meanwhile(rest: int) -> str:
    return f"There is time until then for the rest of {duration(rest, up=True)} that comes before it."


def room_before_rest(room: int, stretch: Stretch) -> str:
    then = duration(stretch.rest, up=True)
    return f"This can go on for {duration(room, up=False)}; then a rest of {then} comes."


def room_before_edge(room: int, edge: Edge, policy: Policy) -> str:
    return (
        f"This can go on for {duration(room, up=False)}; the {_kept_free('last', edge.last)} "
        f"{_kept_away(edge, policy)}."
    )


def _kept_free(which: str, seconds: int) -> str:
    """`first 15 minutes of your shift are kept free of`, `last 1 hour of your shift is kept free of`."""
    length = duration(seconds, up=True)
    verb = "is" if length in ("1 second", "1 hour") else "are"
    return f"{which} {length} of your shift {verb} kept free of"


def _kept_away(edge: Edge, policy: Policy) -> str:
    return "reviews" if edge.selects_everything else material(edge, policy, "material")


def _most(stretch: Stretch) -> str:
    return str(stretch.amount) if stretch.measure == "items" else duration(stretch.amount, up=False)


def _seen_so_far(stretch: Stretch, piece: Piece, course: Course) -> str:
    what = material(stretch, course.policy, "material")
    if stretch.measure == "span" and piece.since is not None:
        since = clock(piece.since, course.shift.timezone)
        if stretch.selects_everything:
            return f"You have been at work since {since}"
        return f"You have been at work with {what} since {since}"
    if stretch.measure == "items":
        much = f"You have reviewed {several(piece.items, 'item')}"
        much += "" if stretch.selects_everything else f" of {what}"
    elif stretch.selects_everything:
        much = f"You have worked for {duration(piece.seconds, up=True)}"
    else:
        much = f"You have looked at {what} for {duration(piece.seconds, up=True)}"
    if piece.cut_by == "rest":
        return f"{much} since your last full rest"
    if piece.cut_by == "everyday":
        return f"{much} since your last everyday work"
    return f"{much} so far in this shift"
