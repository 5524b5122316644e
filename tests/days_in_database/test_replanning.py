"""A plan that is made while people work comes into force all the same, and disturbs nobody's work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine

from allocator.instance import Instance
from allocator.rules.policy import Limit, Stretch
from allocator.verify import verify
from models.actions.ask_replan import ask_replan
from models.actor import SYSTEM
from models.merging import MOVED
from models.pace import horizon_seconds
from models.refusal import Refusal
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, escalation, instance, policy, sample
from tests.days.random_day import random_day
from tests.days_in_database.steps import (
    engine_of,
    exported,
    inputs_of,
    load,
    make,
    planned,
    publish,
    rows,
    write,
)
from tests.days_in_database.working import work_until

SEEDS = range(12)
THIN = range(4)
PLANNED = """
    select id, auditor, kind, label, item, extract(epoch from planned_start)::bigint,
           extract(epoch from planned_end)::bigint
    from slot where state = 'planned' order by id
"""


SEVERE = Limit(
    "severe", frozenset(), 3, scope="org", measure="seconds", window_days=1, amount=2400, ceiling=9000
)
SCREEN = Stretch("screen", frozenset(), 0, measure="span", amount=2400, rest=300, reset_by=None)


def busy_day(rng: Random) -> Instance:
    """Some people with more to do than they have time for, near their limits; a rest every 40 minutes."""
    people = rng.randint(3, 7)
    hours = rng.choice((2, 3))
    auditors = [
        auditor(f"a{number}", shift_end=NINE + hours * 3600, shift_start=NINE + rng.choice((0, 0, 1800)))
        for number in range(people)
    ]
    items = [
        sample(
            f"s{number}",
            draw=number + 1,
            severity=severity,
            category=rng.choice(("hate", "adult")),
            seconds=rng.choice((120, 240, 400)),
            reviews=rng.choice((1, 1, 1, 2)),
            stratum=f"of-{number}",
        )
        for number in range(people * hours * 15)
        for severity in [rng.choice((0, 1, 3, 4))]
    ]
    urgent = [
        escalation(f"e{number}", seconds=rng.choice((120, 300)), priority=rng.randint(1, 4))
        for number in range(people)
    ]
    rules = policy(limits=(SEVERE,), stretches=(SCREEN,))
    return instance(Day(policy=rules, auditors=tuple(auditors), items=(*urgent, *items)))


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(NINE + seconds, UTC)


def queues(engine: Engine) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in rows(engine, PLANNED)}


def changed_people(before: dict[int, tuple[Any, ...]], after: dict[int, tuple[Any, ...]]) -> set[str]:
    """Whose planned slots are other ones, or more than a minute elsewhere."""
    found = set()
    for slot in before.keys() | after.keys():
        old, new = before.get(slot), after.get(slot)
        if old is None or new is None:
            found.add((old or new or ("",))[0])
        elif old[:4] != new[:4] or max(abs(old[4] - new[4]), abs(old[5] - new[5])) > MOVED:
            found.add(old[0])
    return found


def told(engine: Engine) -> list[str]:
    found = rows(engine, "select addressee from notice where kind = 'day-replanned' order by id")
    return [str(row[0]).removeprefix("auditor:") for row in found]


RESERVED = """
    with held as (
        select slot, sum(case entry when 'reserve' then seconds else -seconds end) as seconds
        from ledger where entry in ('reserve', 'release') group by slot
    )
    select count(*) from slot left join held on held.slot = slot.id
    where kind = 'work' and coalesce(held.seconds, 0) <> case
        when state in ('planned', 'started') then extract(epoch from planned_end - planned_start) else 0 end
"""
TOO_OFTEN = """
    select item.id from slot join item on item.id = slot.item
    where slot.kind = 'work' and slot.state in ('planned', 'started', 'done') and item.only_for = '{}'
    group by item.id having count(*) > item.reviews
"""
OVERLAPPING = """
    select count(*) from slot one join slot other
        on other.auditor = one.auditor and other.work_date = one.work_date and other.id > one.id
        and other.planned_start + interval '60 s' < one.planned_end
        and one.planned_start + interval '60 s' < other.planned_end
    where one.state = 'planned' and other.state = 'planned'
"""
UNTRUE_SUMS = """
    select count(*) from (
        select auditor, use, work_date, seen, reserved from limit_day where seen <> 0 or reserved <> 0
        except select sums.* from exposure_use u cross join lateral ledger_sums(u.id) sums) differing
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_people_work_on_while_a_plan_is_made(database: Database, seed: int) -> None:
    rng = Random(seed)
    thin = seed in THIN
    day = random_day(seed, replan=False, auditors=(3, 9), items=(40, 90)) if thin else busy_day(rng)
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, day.work_date)
        moments = rows(engine, "select planned_start from slot order by planned_start")
        now = rng.choice(moments)[0] + timedelta(seconds=rng.randint(1, 600))
        work_until(engine, rng, day.work_date, now)
        made = make(engine, day.work_date, now)
        later = now + timedelta(seconds=rng.choice((0, 60, 300, 1500)))
        stands = work_until(engine, rng, day.work_date, later)

        before = queues(engine)
        published = publish(engine, made, later)
        after = queues(engine)

        assert published.version == 2
        assert rows(engine, RESERVED) == [(0,)]
        assert rows(engine, TOO_OFTEN) == []
        assert rows(engine, UNTRUE_SUMS) == [(0,)]
        assert rows(
            engine, "select count(*) from slot where state = 'planned' and plan <> :plan", plan=published.plan
        ) == [(0,)]
        for slot, _, state, started, ended in stands:
            assert rows(
                engine, "select state, started_at, ended_at from slot where id = :slot", slot=slot
            ) == [(state, started, ended)]
        # Who is told, and nobody else: once each.
        assert told(engine) == sorted(changed_people(before, after))
        assert published.told == len(told(engine))
        # What was made is what is written down, and it is legal and true.
        out = exported(engine, day.work_date, later)
        assert out.plan is not None
        assert verify(out.instance, out.plan) == []
        assert (out.left_alone, out.dropped) == (published.left_alone, published.dropped)
        if not published.left_alone:
            assert rows(engine, OVERLAPPING) == [(0,)]
        # Asked again, the plan of the plan is another: nothing was lost on the way.
        publish(engine, make(engine, day.work_date, later), later)
        assert rows(engine, RESERVED) == [(0,)]


# --------------------------------------------------------------------------------------- one thing at a time


def two_people() -> Instance:
    """Ada and bo, three hours each, ten everyday reviews of ten minutes that either could take; no rests."""
    three_hours = {"shift_end": NINE + 3 * 3600}
    return instance(
        Day(
            policy=policy(limits=(SEVERE,)),
            auditors=(auditor("ada", **three_hours), auditor("bo", **three_hours)),
            items=tuple(sample(f"s{n}", draw=n, seconds=600) for n in range(1, 11)),
        )
    )


def of(engine: Engine, person: str, state: str = "planned") -> list[tuple[Any, ...]]:
    """Slot, item and seconds after nine at which it is planned."""
    return rows(
        engine,
        """
        select id, item, extract(epoch from planned_start)::bigint - :nine from slot
        where auditor = :person and state = :state order by planned_start
        """,
        person=person,
        state=state,
        nine=NINE,
    )


def begin(engine: Engine, slot: int, when: datetime) -> None:
    write(engine, "update slot set state = 'started', started_at = :at where id = :id", id=slot, at=when)


def end(engine: Engine, slot: int, when: datetime) -> None:
    write(engine, "update slot set state = 'done', ended_at = :at where id = :id", id=slot, at=when)
    write(
        engine,
        """
        insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)
        select now(), auditor, slot.work_date, entry, category, severity, modality, 600, 1, slot.id
        from slot join item on item.id = slot.item cross join unnest('{release,post}'::text[]) entry
        where slot.id = :id
        """,
        id=slot,
    )


def came(engine: Engine, seconds: int) -> None:
    """An escalation, `up-1`, that either could take."""
    write(
        engine,
        """
        insert into item (id, kind, market, language, category, severity, modality, seconds, reviews,
                          priority, excluded, only_for)
        values ('up-1', 'escalation', 'ID', 'en', 'adult', 0, 'image', :seconds, 1, 1, '{}', '{}')
        """,
        seconds=seconds,
    )


def two_at_work(engine: Engine) -> tuple[list[int], list[int]]:
    """Both have begun their first review; their slots in order."""
    load(engine, two_people())
    planned(engine, WORK_DATE)
    queues = [[row[0] for row in of(engine, person)] for person in ("ada", "bo")]
    for slots in queues:
        assert len(slots) >= 3
        begin(engine, slots[0], at(0))
    return queues[0], queues[1]


def test_what_is_kept_may_be_begun_ended_and_skipped_meanwhile(database: Database) -> None:
    with engine_of(database) as engine:
        ada, bo = two_at_work(engine)
        made = make(engine, WORK_DATE, at(550))
        # Both will have come to their second review within two minutes.
        assert made.inputs.standing.filter("kept")["id"].to_list() == [ada[1], bo[1]]
        end(engine, ada[0], at(590))
        begin(engine, ada[1], at(600))
        end(engine, bo[0], at(590))
        write(engine, "update slot set state = 'skipped' where id = :id", id=bo[1])
        published = publish(engine, made, at(660))
        assert (published.left_alone, published.withdrawn, published.told) == (0, 0, 0)
        assert [row[0] for row in of(engine, "ada")] == ada[2:]
        assert [row[0] for row in of(engine, "bo")] == bo[2:]


def test_who_went_on_otherwise_is_left_alone_and_nobody_has_their_reviews(database: Database) -> None:
    with engine_of(database) as engine:
        ada, _ = two_at_work(engine)
        # Ada gets less time: what she was to do later, bo is to do.
        write(engine, "update shift set shift_end = :until where auditor = 'ada'", until=at(1800))
        made = make(engine, WORK_DATE, at(300))
        end(engine, ada[0], at(310))
        begin(engine, ada[3], at(320))
        before = of(engine, "ada")
        published = publish(engine, made, at(400))
        assert published.left_alone == 1
        assert published.dropped >= 1
        assert of(engine, "ada") == before
        hers = {row[1] for row in (*before, *of(engine, "ada", "done"), *of(engine, "ada", "started"))}
        assert not hers & {row[1] for row in of(engine, "bo")}
        assert "ada" not in told(engine)
        out = exported(engine, WORK_DATE, at(400))
        assert out.plan is not None
        assert (out.left_alone, out.dropped) == (1, published.dropped)
        assert verify(out.instance, out.plan) == []


def test_who_was_given_something_meanwhile_is_left_alone(database: Database) -> None:
    with engine_of(database) as engine:
        ada, _ = two_at_work(engine)
        made = make(engine, WORK_DATE, at(300))
        came(engine, 60)
        write(
            engine,
            """
            insert into slot (plan, auditor, work_date, kind, item, review_no, planned_start, planned_end,
                              placed_at)
            select plan, auditor, work_date, 'work', 'up-1', 1, :start, :end, :start
            from slot where id = :slot
            """,
            start=at(2400),
            end=at(2460),
            slot=ada[0],
        )
        before = of(engine, "ada")
        published = publish(engine, made, at(400))
        assert published.left_alone == 1
        assert of(engine, "ada") == before
        assert "up-1" in {row[1] for row in before}
        # It is in force all the same, and known to the next.
        out = exported(engine, WORK_DATE, at(400))
        assert out.plan is not None
        assert verify(out.instance, out.plan) == []
        assert "up-1" not in out.plan.slots["item"].to_list()
        assert "up-1" in inputs_of(engine, WORK_DATE, at(400)).standing["item"].to_list()


def test_whom_the_guard_refuses_is_left_alone(database: Database) -> None:
    """Bo sees more than his limit while the plan is made that gives him severe work; ada does not."""
    severe = [sample(f"x{n}", draw=n, severity=3, category="hate", seconds=600) for n in range(1, 9)]
    day = instance(
        Day(
            policy=policy(limits=(SEVERE,)),
            auditors=tuple(auditor(name, shift_end=NINE + 3 * 3600) for name in ("ada", "bo")),
            items=(sample("s1"), sample("s2", draw=2)),
        )
    )
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, WORK_DATE)
        more = instance(Day(policy=policy(limits=(SEVERE,)), items=tuple(severe)))
        load(engine, more)
        made = make(engine, WORK_DATE, at(60))
        write(
            engine,
            """
            insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)
            select now(), 'bo', '2026-11-23', 'history', 'hate', 3, 'image', 2400, 1
            """,
        )
        before = of(engine, "bo")
        published = publish(engine, made, at(120))
        assert published.left_alone == 1
        assert of(engine, "bo") == before
        assert sum(str(row[1]).startswith("x") for row in of(engine, "ada")) == 4
        assert told(engine) == ["ada"]
        assert rows(engine, RESERVED) == [(0,)]
        assert rows(engine, UNTRUE_SUMS) == [(0,)]


def test_an_escalation_that_lost_its_place_asks_for_another(database: Database) -> None:
    with engine_of(database) as engine:
        two_at_work(engine)
        came(engine, 600)
        planned(engine, WORK_DATE, at(60))
        ((holder,),) = rows(engine, "select auditor from slot where item = 'up-1' and state = 'planned'")
        # Nobody may take it any more, so that the next plan has no place for it.
        write(engine, "update item set excluded = '{ada,bo}' where id = 'up-1'")
        published = publish(engine, make(engine, WORK_DATE, at(120)), at(130))
        assert published.withdrawn >= 1
        assert rows(engine, "select payload from task where kind = 'place'") == [({"item": "up-1"},)]
        assert holder in told(engine)


def test_the_sentence_says_what_changed_where_its_reader_lives(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, two_people())
        planned(engine, WORK_DATE)
        write(engine, "update shift set timezone = 'Asia/Jakarta'")
        before = of(engine, "ada")
        write(engine, "update shift set available_until = shift_start where auditor = 'bo'")
        write(engine, "update slot set state = 'withdrawn' where auditor = 'bo'")
        with engine.begin() as connection:
            ask_replan(connection, SYSTEM, WORK_DATE, "absence", at(-3600))
        planned(engine, WORK_DATE, at(-3600))
        after = of(engine, "ada")
        # Ada's stay where they are; bo's come after them.
        assert after[: len(before)] == before
        since = at(after[len(before)][2]) + timedelta(hours=7)
        assert rows(engine, "select addressee, sentence from notice") == [
            (
                "auditor:ada",
                "Your plan has changed because the team's day has changed: "
                f"{len(after) - len(before)} reviews added, from {since:%H:%M}.",
            )
        ]


# ------------------------------------------------------------------------------------ how a day is read


def test_a_paused_review_stands_in_one_piece_after_its_longest_pause(database: Database) -> None:
    with engine_of(database) as engine:
        ada, _ = two_at_work(engine)
        # 200 s, a pause of 40 s, 100 s, a pause of 300 s that goes on.
        write(
            engine,
            """
            update slot set leased_until = null, pauses = tstzmultirange(
                tstzrange(cast(:a as timestamptz), :b), tstzrange(:c, null)) where id = :id
            """,
            a=at(200),
            b=at(240),
            c=at(340),
            id=ada[0],
        )
        fixed = inputs_of(engine, WORK_DATE, at(640)).instance.fixed.filter(auditor="ada")
    rest, work, *others = fixed.select("kind", pl.col("start", "end") - NINE).rows()
    assert work == ("work", 340, 940)  # 300 s so far, 300 s to go
    assert rest == ("break", 40, 340)
    assert others == []


def test_who_is_early_and_who_is_late_are_thought_to_stay_so(database: Database) -> None:
    with engine_of(database) as engine:
        ada, bo = two_at_work(engine)
        end(engine, ada[0], at(300))  # five minutes early
        kept = inputs_of(engine, WORK_DATE, at(310)).standing.filter("kept")
        assert [(row["id"], row["from"] - NINE) for row in kept.to_dicts()] == [(ada[1], 310)]
        # Bo's review runs over; his next one would have been at ten past nine.
        kept = inputs_of(engine, WORK_DATE, at(900)).standing.filter("kept", auditor="bo")
        assert [(row["id"], row["from"] - NINE) for row in kept.to_dicts()] == [(bo[1], 901)]


def test_the_horizon() -> None:
    assert [horizon_seconds(making) for making in (None, 0.0, 40.1, 100.0, 5000.0)] == [
        300,
        120,
        121,
        210,
        1800,
    ]


def test_how_long_it_took_is_kept_for_the_next(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, two_people())
        planned(engine, WORK_DATE)
        ((took,),) = rows(engine, "select (seconds ->> 'publish')::float from plan")
        assert 0 < took < 60
        write(engine, "update plan set seconds = '{\"fill\": 100}'")
        assert inputs_of(engine, WORK_DATE, at(60)).instance.now == NINE + 60 + 210


def test_what_turned_out_worse_than_planned_leaves_less_room(database: Database) -> None:
    """A harmless clip was severe: the ledger holds more than its item says, and the new plan knows."""
    severe = tuple(sample(f"x{n}", draw=n, severity=3, category="hate", seconds=600) for n in range(1, 5))
    day = instance(
        Day(policy=policy(limits=(SEVERE,)), auditors=(auditor("ada", shift_end=NINE + 3 * 3600),),
            items=(*severe, sample("s1", stratum="one", draw=1)))
    )  # fmt: skip
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, WORK_DATE)
        assert len(of(engine, "ada")) == 5
        ((slot,),) = rows(engine, "select id from slot where item = 's1'")
        begin(engine, slot, at(0))
        write(
            engine,
            """
            insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items,
                                slot)
            values (now(), 'ada', '2026-11-23', 'incident', 'hate', 4, 'image', 700, 1, :slot)
            """,
            slot=slot,
        )
        planned(engine, WORK_DATE, at(300))
        # Of 2 400 s, 700 are gone: two of four are left. The rest was taken back.
        assert sum(str(row[1]).startswith("x") for row in of(engine, "ada")) == 2
        assert rows(engine, RESERVED) == [(0,)]


def test_a_lease_that_was_extended_leaves_less_room(database: Database) -> None:
    severe = tuple(sample(f"x{n}", draw=n, severity=3, category="hate", seconds=600) for n in range(1, 5))
    day = instance(
        Day(policy=policy(limits=(SEVERE,)), auditors=(auditor("ada", shift_end=NINE + 3 * 3600),),
            items=severe)
    )  # fmt: skip
    with engine_of(database) as engine:
        load(engine, day)
        planned(engine, WORK_DATE)
        first, *_, last = of(engine, "ada")
        begin(engine, first[0], at(0))
        write(engine, "update slot set state = 'withdrawn' where id = :id", id=last[0])
        write(
            engine,
            """
            insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items,
                                slot)
            select now(), 'ada', '2026-11-23', entry, 'hate', 3, 'image', seconds, items, slot
            from (values
                ('release', 600, 1, cast(:last as bigint)), ('reserve', 30, 0, cast(:first as bigint))
            ) as given (entry, seconds, items, slot)
            """,
            last=last[0],
            first=first[0],
        )
        # 1 770 s may still be reserved beside what runs; it was 1 800.
        made = make(engine, WORK_DATE, at(300))
        assert made.plan.slots.filter(kind="work").height == 3
        assert publish(engine, made, at(310)).left_alone == 0


def test_a_review_that_was_handed_back_is_not_asked_of_them_again_that_day(database: Database) -> None:
    with engine_of(database) as engine:
        ada, _ = two_at_work(engine)
        ((item,),) = rows(engine, "select item from slot where id = :id", id=ada[2])
        write(engine, "update slot set state = 'returned' where id = :id", id=ada[2])
        inputs = inputs_of(engine, WORK_DATE, at(60))
        assert inputs.instance.items.filter(id=item)["excluded"].to_list() == [["ada"]]
        planned(engine, WORK_DATE, at(60))
        assert rows(
            engine, "select auditor from slot where item = :item and state = 'planned'", item=item
        ) in ([("bo",)], [])


def test_a_plan_that_nobody_is_there_for(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, two_people())
        planned(engine, WORK_DATE)
        write(engine, "update shift set available_until = shift_start")
        write(engine, "update slot set state = 'withdrawn'")
        write(engine, "update work_day set input_version = input_version + 1")
        published = planned(engine, WORK_DATE, at(60))
        assert (published.slots, published.told) == (0, 0)
        out = exported(engine, WORK_DATE, at(60))
        assert out.plan is not None
        assert out.instance.auditors.is_empty()
        assert verify(out.instance, out.plan) == []


def test_a_day_without_work(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(Day(policy=policy(), auditors=(auditor(),), items=())))
        planned(engine, WORK_DATE)
        assert planned(engine, WORK_DATE, at(60)).version == 2


def test_a_change_of_the_day_is_not_published_over(database: Database) -> None:
    with engine_of(database) as engine:
        two_at_work(engine)
        made = make(engine, WORK_DATE, at(60))
        with engine.begin() as connection:
            ask_replan(connection, SYSTEM, WORK_DATE, "day-ended", at(70))
        with pytest.raises(Refusal) as refused:
            publish(engine, made, at(80))
        assert refused.value.kind == "stale"


UPSTREAM = """
    insert into item (id, kind, market, language, category, severity, modality, seconds, reviews, priority,
                      excluded, only_for, submitted_by, submitted_at)
    values (:id, 'escalation', 'ID', 'en', 'adult', 0, 'image', :seconds, 1, 1, '{}', '{}', 'upstream:tool',
            now())
"""


def test_what_a_plan_has_no_place_for_waits_from_its_publication_on_and_leads_are_told(
    database: Database,
) -> None:
    with engine_of(database) as engine:
        load(engine, instance(Day(policy=policy(), auditors=(auditor(),), items=(sample("s1"),))))
        write(engine, UPSTREAM, id="known", seconds=60)
        write(engine, UPSTREAM, id="too-long", seconds=50_000)
        publish(engine, make(engine, WORK_DATE, at(-3600)), at(-3500))
        waiting = "select item, work_date, missing, sentence, told_at from waiting_escalation"
        sentence = "1 auditor: 1 is not free for it."
        assert rows(engine, waiting) == [("too-long", WORK_DATE, 1, sentence, at(-3500))]
        told_leads = "select addressee, kind, detail from notice where addressee like 'team:%'"
        assert rows(engine, told_leads) == [("team:t1", "escalations-left-out", {"count": 1})]
        # The next plan has none either: it is not said again.
        planned(engine, WORK_DATE, at(-3000))
        assert rows(engine, "select tries from waiting_escalation") == [(2,)]
        assert len(rows(engine, told_leads)) == 1


def test_nobody_is_given_what_was_withdrawn_while_the_plan_was_made(database: Database) -> None:
    with engine_of(database) as engine:
        load(engine, instance(Day(policy=policy(), auditors=(auditor(),), items=(sample("s1"),))))
        made = make(engine, WORK_DATE, at(-3600))
        write(engine, "update item set withdrawn_at = :at where id = 's1'", at=at(-3550))
        with pytest.raises(Refusal) as refused:
            publish(engine, made, at(-3500))
        assert refused.value.kind == "stale"
