"""Three readings of the rules, one answer: the checks, a seed at a time.

What the planner plans may start when it is planned. The verifier objects to a review put at some moment if
and only if the moment itself objects; what it says to do instead makes the review legal, and nothing does so
sooner. Each check raises AssertionError and returns how often each answer came up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

import polars as pl

from allocator.instance import Instance
from allocator.moment import (
    Break,
    Busy,
    Candidate,
    Course,
    Review,
    Shift,
    Verdict,
    may_start,
    next_rest,
    room_until,
)
from allocator.optimise.planner import make_plan
from allocator.plan import Plan
from tests.days.random_day import CATEGORIES, random_day
from tests.moment.random_course import random_candidate, random_course, random_rules, random_shift
from tests.moment.scenes import Scene, rule_book_name, rules_broken_in

Past = list[Review | Break | Busy]
Counts = Counter[str]
COURSES = 30
"""Of one policy, judged at once."""


@cache
def planned_day(seed: int) -> tuple[Instance, Plan]:
    day = random_day(seed, auditors=(1, 8), items=(10, 80), replan=False)
    return day, make_plan(day)


def timelines(day: Instance, plan: Plan) -> Iterator[tuple[Shift, list[tuple[Past, Candidate | None, int]]]]:
    """Each person's shift, and for each planned slot what lies before it, the review (None: a break) and its
    start."""
    items = {row["id"]: row for row in day.items.iter_rows(named=True)}
    for person in day.auditors.iter_rows(named=True):
        shift = Shift(person["shift_start"], person["shift_end"], person["last_end"], person["timezone"])
        past: Past = []
        steps: list[tuple[Past, Candidate | None, int]] = []
        mine = plan.slots.filter(pl.col("auditor") == person["id"]).sort("start", "end")
        for slot in mine.iter_rows(named=True):
            start, end = slot["start"], slot["end"]
            if slot["kind"] == "work":
                item = items[slot["item"]]
                material = item["category"], item["severity"]
                asked = Candidate(*material, item["seconds"], item["release"], item["due"], item["id"])
                steps.append((past, asked, start))
                past = [*past, Review(*material, start, end, item=item["id"])]
            else:
                steps.append((past, None, start))
                past = [*past, Break(start, end)]
        yield shift, steps


def check_walk(day: Instance, plan: Plan) -> int:
    """Every planned review may start when it is planned, and go on for as long as it is expected to take.
    Returns how many there were."""
    reviews = 0
    for shift, steps in timelines(day, plan):
        for past, asked, start in steps:
            if asked is None:
                continue
            reviews += 1
            course = Course(day.policy, shift, tuple(past))
            verdict = may_start(course, asked, start)
            late = asked.due is not None and start + asked.seconds > asked.due
            assert verdict == Verdict(True, None, start, 0, late, None), (day.name, asked.item)
            assert next_rest(course, [asked], start) is None
            running = Review(asked.category, asked.severity, start, item=asked.item)
            room = room_until(course, running, start)
            assert room is None or room.seconds >= asked.seconds, (day.name, asked.item, room.rule)
    return reviews


def check_moments_of_plan(seed: int) -> Counts:
    """Verdict and verifier side by side, at moments of a planned day that goes as planned."""
    rng = Random(seed)
    day, plan = planned_day(seed)
    asked = []
    for shift, steps in timelines(day, plan):
        for past, planned_one, start in steps:
            course = Course(day.policy, shift, tuple(past))
            latest = max((one.end or 0 for one in past), default=shift.start - 90)
            for now in (latest, rng.choice((start, start - 1, start + 1, latest + rng.randint(0, 4000)))):
                if now < latest:
                    continue
                one = random_candidate(rng, course, now)
                if planned_one is not None and rng.random() < 0.5:
                    one = replace(planned_one, seconds=planned_one.seconds + rng.choice((0, 1, 600)))
                asked.append((course, one, now))
    return _compare(asked, is_past_fixed=False)


def check_moments_of_real_day(seed: int) -> Counts:
    """Verdict and verifier side by side, whatever has happened."""
    rng = Random(seed)
    policy = random_rules(rng)
    asked = []
    for _ in range(COURSES):
        course, now = random_course(rng, policy, random_shift(rng), with_busy=seed % 2 == 0)
        asked.append((course, random_candidate(rng, course, now), now))
    return _compare(asked, is_past_fixed=True)


def _compare(asked: list[tuple[Course, Candidate, int]], *, is_past_fixed: bool) -> Counts:
    if not asked:
        return Counter()
    scenes = [Scene(course.shift, course.happened, one, now, now) for course, one, now in asked]
    broken = rules_broken_in(asked[0][0].policy, scenes, is_past_fixed=is_past_fixed)
    counted: Counts = Counter()
    for (course, one, now), rules in zip(asked, broken, strict=True):
        verdict = may_start(course, one, now)
        assert verdict.allowed == (not rules), (course.shift, course.happened, one, now, rules)
        if verdict.allowed:
            counted["yes"] += 1
            assert verdict.earliest == now
            continue
        assert verdict.rule is not None
        assert verdict.sentence
        # Named is what holds back longest: an edge of a shift that has not begun, or a rest that becomes due
        # in the meantime.
        named = rule_book_name(course, verdict.rule)
        assert named in rules or verdict.rest > 0 or now < course.shift.start
        counted[named] += 1
    return counted


def check_way_out(seed: int) -> Counts:
    """What a verdict says to do makes the review legal, and nothing does so sooner."""
    rng = Random(seed)
    policy = random_rules(rng)
    counted: Counts = Counter()
    told: list[Scene] = []
    sooner: list[Scene] = []
    for n in range(COURSES):
        course, now = random_course(rng, policy, random_shift(rng), with_busy=n % 3 == 0)
        asked = random_candidate(rng, course, now)
        verdict = may_start(course, asked, now)
        rest = next_rest(course, [asked], now)
        if verdict.allowed or verdict.earliest is None:
            assert (verdict.rest, rest) == (0, None)
        if verdict.allowed:
            continue
        if verdict.earliest is None:
            counted["never"] += 1
            latest = course.shift.end - asked.seconds
            tries = {now, now + 1, now + 1800, latest, rng.randint(now, max(now, latest))}
            sooner += [scene for at in tries if at >= now for scene in _at(course, asked, now, at)]
            continue
        slot = None
        if rest is None:
            counted["wait"] += 1
            assert verdict.rest == 0
            assert verdict.earliest > now
        else:
            counted["rest"] += 1
            stretch = next(rule for rule in policy.stretches if rule.key == rest.rule)
            slot = (rest.until - stretch.rest, rest.until)
            assert rest.seconds == verdict.rest == rest.until - max(now, slot[0]) > 0
        told.append(Scene(course.shift, course.happened, asked, now, verdict.earliest, slot))
        for at in {verdict.earliest - 1, rng.randint(now, verdict.earliest - 1)}:
            sooner += _at(course, asked, now, at)
    for scene, rules in zip(told, rules_broken_in(policy, told, is_past_fixed=True), strict=True):
        assert not rules, (scene, seed)
    for scene, rules in zip(sooner, rules_broken_in(policy, sooner, is_past_fixed=True), strict=True):
        assert rules, (scene, seed)
    return counted


def _at(course: Course, asked: Candidate, now: int, at: int) -> list[Scene]:
    """The candidate at this instant, after no rest, and after the longest one in each gap."""
    runs = [one for one in course.happened if isinstance(one, Break) and one.end is None]
    gaps = []
    begin = runs[0].start if runs else now
    for one in sorted((o for o in course.happened if isinstance(o, Busy)), key=lambda o: o.start):
        assert one.end is not None
        if one.start < at and one.end > begin:
            gaps.append((begin, one.start))
            begin = one.end
    gaps.append((begin, at))
    long_enough = [gap for gap in gaps if gap[1] - gap[0] >= 60 and gap[1] > now]
    return [Scene(course.shift, course.happened, asked, now, at, rest) for rest in (None, *long_enough)]


def check_room(seed: int) -> Counts:
    """A running review may go on for as long as it has room, and not for a second longer."""
    rng = Random(seed)
    policy = random_rules(rng)
    counted: Counts = Counter()
    scenes: list[Scene] = []
    is_within: list[bool] = []
    for _ in range(COURSES):
        course, start = random_course(rng, policy, random_shift(rng), with_busy=False)
        # What room is not asked about is moved out of the way: the shift's end, and stretches of items.
        course = replace(course, shift=replace(course.shift, end=max(course.shift.end, start + 3600)))
        course = replace(course, shift=replace(course.shift, last_end=None))
        now = start + rng.choice((0, 1, 60, 600))
        running = Review(rng.choice(CATEGORIES), rng.choice((0, 1, 2, 3, 4)), start)
        room = room_until(replace(course, happened=(*course.happened, running)), running, now)
        alone = room_until(course, running, now)
        assert (room and (room.seconds, room.rule)) == (alone and (alone.seconds, alone.rule))
        picking = [rule for rule in (*policy.stretches, *policy.edges) if rule.selects(*_material(running))]
        if any(getattr(rule, "measure", None) == "items" for rule in picking):
            continue
        if any(getattr(rule, "first", 0) > start - course.shift.start for rule in picking):
            continue
        if room is None:
            counted["none"] += 1
            ends = [(course.shift.end, True)]
        elif now + room.seconds > course.shift.end:
            continue
        else:
            counted[rule_book_name(course, room.rule)] += 1
            ends = [(now + room.seconds, True)] if room.seconds else []
            ends += [(now + room.seconds + 1, False)]
        for end, within in ends:
            if end > start:
                whole = Candidate(*_material(running), end - start)
                scenes.append(Scene(course.shift, course.happened, whole, start, start))
                is_within.append(within)
    broken = rules_broken_in(policy, scenes, is_past_fixed=True)
    for scene, rules, within in zip(scenes, broken, is_within, strict=True):
        assert bool(rules) != within, (scene, rules, seed)
    return counted


def _material(review: Review) -> tuple[str, int]:
    return review.category, review.severity
