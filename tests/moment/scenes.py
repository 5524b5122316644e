"""Asking the verifier what the moment is asked: did this review, put there, break H3, H5 or H6?

A scene is one person's day up to a moment with one more review in it. Many scenes of one policy are judged
at once, each as a person of its own in one day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from allocator.moment import Break, Busy, Candidate, Course, Review, Shift
from allocator.rules.policy import Policy
from allocator.verify.day import make_day, make_slots
from allocator.verify.edges import check_edges
from allocator.verify.stretches import check_stretches
from allocator.verify.times import check_breaks, check_when
from tests.days.build import Day, Row, auditor, calibration, instance
from tests.days.judge import slots_table


@dataclass(frozen=True)
class Scene:
    """What has happened up to `now`, and a review that starts at `start` and takes what is expected.

    `rest`, where there is one, is a break between the two. A break that runs ends at `now`, or if it goes
    over into `rest`, with that.
    """

    shift: Shift
    happened: tuple[Review | Break | Busy, ...]
    candidate: Candidate
    now: int
    start: int
    rest: tuple[int, int] | None = None


def rules_broken_in(policy: Policy, scenes: Sequence[Scene], *, is_past_fixed: bool) -> list[set[str]]:
    """For each scene the hard rules that the verifier says it breaks, of H3, H5, H6 and H7.

    What has happened can be given as slots of the plan, judged with the rest, or as fixed slots, which no
    rule judges by themselves.
    """
    people: list[Row] = []
    items: list[Row] = []
    past: list[tuple[str, str, str | None, int, int]] = []
    ahead: list[tuple[str, str, str | None, int, int]] = []
    for n, scene in enumerate(scenes):
        who = f"w{n:05}"
        shift = scene.shift
        hours = {"shift_start": shift.start, "shift_end": shift.end, "last_end": shift.last_end}
        people.append(auditor(who, timezone=shift.timezone, **hours))
        for m, one in enumerate(scene.happened):
            end = scene.now if one.end is None else one.end
            if isinstance(one, Review):
                item = f"{who}-{m}"
                items.append(_item(item, one.category, one.severity, end - one.start))
                past.append((who, "work", item, one.start, end))
            elif isinstance(one, Busy):
                past.append((who, "busy", None, one.start, end))
            elif scene.rest is None or one.start != scene.rest[0]:
                past.append((who, "break", None, one.start, end))
        if scene.rest is not None:
            ahead.append((who, "break", None, *scene.rest))
        asked, item = scene.candidate, f"{who}-asked"
        items.append(_item(item, asked.category, asked.severity, asked.seconds, release=asked.release))
        ahead.append((who, "work", item, scene.start, scene.start + asked.seconds))
    standing = [dict(zip(("auditor", "kind", "item", "start", "end"), row, strict=True)) for row in past]
    fixed = tuple(standing) if is_past_fixed else ()
    day = make_day(instance(Day(policy, tuple(people), tuple(items), fixed=fixed)))
    slots = make_slots(day, slots_table([*past, *ahead]))
    broken: list[set[str]] = [set() for _ in scenes]
    for violation in (
        *check_when(day, slots),
        *check_stretches(day, slots),
        *check_edges(day, slots),
        *check_breaks(day, slots),
    ):
        (who,) = set(re.findall(r"\bw(\d{5})\b", violation.message))
        broken[int(who)].add(violation.rule)
    return broken


def rule_book_name(course: Course, rule: str) -> str:
    """H3, H5 or H6: where a verdict's `rule` stands in the rule book."""
    if rule in {stretch.key for stretch in course.policy.stretches}:
        return "H5"
    return "H6" if rule in {edge.key for edge in course.policy.edges} else "H3"


def _item(name: str, category: str, severity: int, seconds: int, release: int | None = None) -> Row:
    return calibration(name, category=category, severity=severity, seconds=seconds, release=release)
