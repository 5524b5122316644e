"""Small random days for one review to be placed into, and the same for the verifier to judge."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

import polars as pl

from allocator.instance import Instance
from allocator.placing import Person, Placement, Planned, Room, Stands, Wanted
from allocator.placing.person import Kind
from allocator.placing.stretches import Stretches
from allocator.placing.timeline import Timeline
from allocator.rules.policy import Edge, Limit, Policy, ResetBy, Stretch
from tests.days.build import NINE, Day, Row, auditor, escalation, instance, policy, sample
from tests.days.judge import hard_rules_named, slots_table

WANTED = "wanted"


@dataclass(frozen=True, slots=True)
class SmallDay:
    """People on shift from nine; `now` in whole minutes after. Each person's planned slots are numbered from
    a thousand of their own."""

    policy: Policy
    wanted: Wanted
    people: tuple[Person, ...]
    now: int


def random_day(seed: int, people: int = 2, slots: int = 6) -> SmallDay:
    rng = Random(seed)
    rules = random_rules(rng)
    now = NINE + 60 * rng.choice((-10, 0, 15, 40, 40, 60))
    release = rng.choice((None, None, now + 600, now + 1500))
    wanted = Wanted(
        category=rng.choice(("adult", "hate")),
        severity=rng.choice((0, 2, 3, 3, 4)),
        seconds=60 * rng.choice((2, 5, 5, 8, 14)),
        priority=rng.choice((1, 2, 3, 4)),
        release=release,
        due=rng.choice((None, (release or now) + 60 * rng.choice((8, 20, 35, 60, 90)))),
    )
    return SmallDay(
        rules,
        wanted,
        tuple(random_person(rng, rules, wanted, now, number, slots) for number in range(people)),
        now,
    )


def random_rules(rng: Random) -> Policy:
    reset = rng.choice((None, ResetBy(1, 600)))
    stretches = [
        Stretch("screen", measure="span", amount=60 * rng.choice((25, 40, 50)), rest=300),
        Stretch("long", measure="seconds", amount=60 * rng.choice((50, 80)), rest=900),
        Stretch(
            "recovery", min_severity=3, measure="seconds", amount=60 * rng.choice((8, 15)), rest=600,
            reset_by=reset,
        ),
        Stretch("row", min_severity=3, measure="items", amount=3, rest=120),
    ]  # fmt: skip
    edges = [Edge("wind-down", min_severity=3, last=900), Edge("settle", min_severity=4, first=600)]
    limits = [
        Limit("severe", min_severity=3, scope="org", measure="seconds", window_days=1,
              amount=60 * rng.choice((10, 25, 60))),
        Limit("dose", scope="org", measure="dose", window_days=1, amount=rng.choice((60, 150, 300))),
        Limit("hate-items", categories=frozenset({"hate"}), scope="org", measure="items", window_days=1,
              amount=rng.choice((1, 2, 9))),
    ]  # fmt: skip
    return policy(
        stretches=tuple(rng.sample(stretches, rng.randint(0, 4))),
        edges=tuple(rng.sample(edges, rng.randint(0, 2))),
        limits=tuple(rng.sample(limits, rng.randint(0, 3))),
    )


def random_person(rng: Random, rules: Policy, wanted: Wanted, now: int, number: int, most: int) -> Person:
    begins, ends = NINE, NINE + 7200
    stands, clock = [], begins
    while clock < now and rng.random() < 0.8:
        length = 60 * rng.choice((2, 5, 9))
        if clock + length > now and rng.random() < 0.5:
            break
        kind: Literal["work", "break"] = rng.choice(("work", "work", "break"))
        severity = rng.choice((0, 1, 3)) if kind == "work" else 0
        category = rng.choice(("adult", "hate")) if kind == "work" else ""
        stands.append(Stands(kind, clock, clock + length, category, severity))
        clock += length + 60 * rng.choice((0, 0, 3))
    if rng.random() < 0.2:
        meeting = now + 60 * rng.randint(5, 50)
        stands.append(Stands("busy", meeting, meeting + 600))
    planned = []
    clock = max(begins, now - rng.choice((0, 0, 240)))
    for at in range(rng.randint(0, most)):
        clock += 60 * rng.choice((0, 0, 0, 1, 4, 7))
        length = 60 * rng.choice((2, 4, 5, 10))
        is_break = rng.random() < 0.3
        of: Kind = rng.choice(("sample", "sample", "sample", "sample", "escalation", "calibration"))
        priority = rng.choice((1, 2, 3, 4)) if of == "escalation" else 4
        planned.append(
            Planned(
                1000 * number + at, "break" if is_break else "work", clock, clock + length,
                category="" if is_break else rng.choice(("adult", "hate")),
                severity=0 if is_break else rng.choice((0, 1, 2, 3, 4)),
                item_kind="sample" if is_break else of,
                priority=4 if is_break else priority,
                due=clock + length + 60 * rng.choice((0, 5, 30))
                if not is_break and of == "escalation" else None,
                behind=rng.choice((0, 0, 1, 3)) if not is_break and of == "sample" else 0,
            )
        )  # fmt: skip
        clock += length
    whole = Person(f"p{number}", begins, ends, begins, tuple(stands), tuple(planned), ())
    return with_room(rules, wanted, legal(rules, whole))


def legal(rules: Policy, person: Person) -> Person:
    """Without what is planned past a limit: a plan never holds that."""
    kept: list[Planned] = []
    for slot in person.planned:
        if all(use(limit, person, (*kept, slot)) <= amount(limit) for limit in rules.limits):
            kept.append(slot)
    return replaced(person, tuple(kept))


def replaced(person: Person, planned: tuple[Planned, ...], room: tuple[Room, ...] = ()) -> Person:
    return Person(
        person.auditor, person.shift_start, person.shift_end, person.work_from, person.stands, planned, room
    )


def with_room(rules: Policy, wanted: Wanted, person: Person) -> Person:
    binding = [limit for limit in rules.limits if limit.selects(wanted.category, wanted.severity)]
    room = [
        Room(
            amount(limit),
            amount(limit) - use(limit, person, person.planned),
            one(limit, wanted.category, wanted.severity, wanted.seconds),
        )
        for limit in binding
    ]
    frees = [
        Planned(
            **{name: getattr(slot, name) for name in Planned.__slots__ if name != "frees"},
            frees=tuple(
                one(limit, slot.category, slot.severity, slot.seconds) if slot.kind == "work" else 0
                for limit in binding
            ),
        )
        for slot in person.planned
    ]
    # What adds nothing is not asked.
    asked = [number for number, one_room in enumerate(room) if one_room.adds]
    return replaced(
        person,
        tuple(
            Planned(
                **{name: getattr(slot, name) for name in Planned.__slots__ if name != "frees"},
                frees=tuple(slot.frees[number] for number in asked),
            )
            for slot in frees
        ),
        tuple(room[number] for number in asked),
    )


def amount(limit: Limit) -> int:
    return limit.effective_amount(100)


def one(limit: Limit, category: str, severity: int, seconds: int) -> int:
    if not limit.selects(category, severity):
        return 0
    return {"seconds": seconds, "items": 1, "dose": seconds * severity * 10}[limit.measure]


def use(limit: Limit, person: Person, planned: tuple[Planned, ...]) -> int:
    begun = [(s.category, s.severity, s.end - s.start) for s in person.stands if s.kind == "work"]
    to_come = [(s.category, s.severity, s.seconds) for s in planned if s.kind == "work"]
    return sum(one(limit, *what) for what in (*begun, *to_come))


# -- for the verifier ----------------------------------------------------------------------------------------


def projected(day: SmallDay, person: Person) -> Timeline:
    return Timeline(day.policy, Stretches(day.policy.stretches), person, day.wanted, day.now)


def faults(day: SmallDay, placed: Placement) -> set[str]:
    """What the verifier says of the day that results for the one person."""
    person = next(one for one in day.people if one.auditor == placed.auditor)
    ahead = projected(day, person)
    times = {slot.slot: start for slot, start in zip(ahead.slots, ahead.start, strict=True)}
    times |= {one.slot: one.start for one in placed.moved}
    rows: list[tuple[str, str | None, int, int]] = [("work", WANTED, placed.start, placed.end)]
    if placed.rest is not None:
        rows.append(("break", None, placed.rest[0], placed.rest[1]))
    for slot in person.planned:
        if slot.slot not in placed.dropped and slot.slot not in placed.out_of_reach:
            start = times[slot.slot]
            rows.append((slot.kind, name_of(slot), start, start + slot.seconds))
    return judged(day, person, rows)


def name_of(slot: Planned) -> str | None:
    return f"i{slot.slot}" if slot.kind == "work" else None


def judged(day: SmallDay, person: Person, rows: list[tuple[str, str | None, int, int]]) -> set[str]:
    made = as_instance(day, person)
    table = slots_table([(person.auditor, *row) for row in rows])
    standing = [(person.auditor, s["kind"], s["item"], s["start"], s["end"]) for s in fixed_rows(person)]
    fixed = slots_table(standing).with_columns(label=pl.lit(None, pl.String()))
    return hard_rules_named(made, pl.concat([table, fixed]))


def fixed_rows(person: Person) -> list[Row]:
    return [
        {
            "auditor": person.auditor,
            "kind": one.kind,
            "item": f"f{number}" if one.kind == "work" else None,
            "start": one.start,
            "end": one.end,
        }
        for number, one in enumerate(person.stands)
    ]


def as_instance(day: SmallDay, person: Person) -> Instance:
    wanted = day.wanted
    items = [
        escalation(
            WANTED, category=wanted.category, severity=wanted.severity, seconds=wanted.seconds,
            priority=wanted.priority, release=wanted.release, due=wanted.due,
        ),
        *(
            sample(name_of(slot) or "", draw=slot.slot + 1, category=slot.category, severity=slot.severity,
                   seconds=slot.seconds, release=slot.release)
            for slot in person.planned if slot.kind == "work"
        ),
        *(
            sample(f"f{number}", draw=10_000 + number, category=one.category, severity=one.severity,
                   seconds=one.end - one.start)
            for number, one in enumerate(person.stands) if one.kind == "work"
        ),
    ]  # fmt: skip
    return instance(
        Day(
            day.policy,
            (
                auditor(
                    person.auditor,
                    shift_start=person.shift_start,
                    shift_end=person.shift_end,
                    last_end=person.work_from if person.work_from > person.shift_start else None,
                ),
            ),
            tuple(items),
            fixed=tuple(fixed_rows(person)),
            now=day.now,
        )
    )
