"""Days as they might really go, whatever the rules say: too long, too severe, rests not taken."""

from __future__ import annotations

from random import Random

from allocator.moment import Break, Busy, Candidate, Course, Review, Shift
from allocator.rules.policy import Policy
from tests.days.build import NINE
from tests.days.random_day import CATEGORIES
from tests.days.random_policy import random_policy

HOURS = (1200, 3600, 7200, 14_400, 28_800, 57_600)


def random_rules(rng: Random) -> Policy:
    """A random policy with a stretch at the least, and nothing that is not asked at the moment."""
    while True:
        policy = random_policy(rng, categories=CATEGORIES, scopes=())
        if policy.stretches:
            return policy


def random_shift(rng: Random) -> Shift:
    last_end = NINE - rng.choice((0, 3600, 28_000, 39_599, 39_600, 50_000)) if rng.random() < 0.3 else None
    return Shift(NINE, NINE + rng.choice(HOURS), last_end)


def random_course(rng: Random, policy: Policy, shift: Shift, *, with_busy: bool) -> tuple[Course, int]:
    """What happened one after another from the shift's start, and the moment, at which the last of it may
    still run. Lengths meet the amounts and rests of the policy often."""
    clock = shift.start
    happened: list[Review | Break | Busy] = []
    rests = [stretch.rest for stretch in policy.stretches] + [60, 900]
    scale = rng.choice((60, 300, 900))
    stop = shift.start + rng.randint(0, shift.end - shift.start)
    while clock < stop:
        kind = rng.choices(("work", "break", "idle", "busy"), (12, 3, 2, with_busy))[0]
        if kind == "work":
            category, severity, seconds = _material(rng, scale)
            happened.append(Review(category, severity, clock, clock + seconds))
        elif kind == "break":
            seconds = max(60, rng.choice(rests) + rng.choice((-1, 0, 0, 0, 1, 300)))
            happened.append(Break(clock, clock + seconds))
        else:
            seconds = 60 * rng.randint(1, 30)
            if kind == "busy":
                happened.append(Busy(clock, clock + seconds))
        clock += seconds
    now = clock if rng.random() < 0.7 else clock + 60 * rng.randint(0, 20)
    if happened and isinstance(happened[-1], Break) and rng.random() < 0.5:
        happened[-1] = Break(happened[-1].start)  # it runs
    if with_busy and rng.random() < 0.5:
        start = now + 60 * rng.randint(0, 30)
        happened.append(Busy(start, start + 60 * rng.randint(1, 30)))
    return Course(policy, shift, tuple(happened)), now


def random_candidate(rng: Random, course: Course, now: int) -> Candidate:
    category, severity, seconds = _material(rng, rng.choice((60, 300, 900)))
    release = now + rng.choice((-60, 0, 1, 600, 3600)) if rng.random() < 0.2 else None
    to_end = course.shift.end - now
    edges = [to_end - edge.last for edge in course.policy.edges]
    amounts = [stretch.amount for stretch in course.policy.stretches if stretch.measure != "items"]
    tight = [n for n in (to_end, *edges, *amounts) if n > 1]
    if tight and rng.random() < 0.15:
        seconds = rng.choice(tight) + rng.choice((-1, 0, 1))
    return Candidate(category, severity, seconds, release)


def _material(rng: Random, scale: int) -> tuple[str, int, int]:
    seconds = max(1, int(scale * rng.lognormvariate(0, 0.7)))
    if rng.random() < 0.6:
        seconds = 60 * -(-seconds // 60)
    return rng.choice(CATEGORIES), rng.choice((0, 0, 1, 2, 3, 4)), seconds
