"""Heartbeats: time beyond what was expected is reserved before it is looked at, and at a limit it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from allocator.moment import BEAT, SLICE
from models.actions.beat import beat
from models.actions.complete import complete
from models.actions.pause import pause
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.refusal import Refusal
from tests.actions.limits_day import at_once
from tests.actions.my_day import ADA, AGREE, BEN, NOW, MyDay, my_day, refusal
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def reserved(day: MyDay, slot: int) -> tuple[int, int]:
    """Seconds and items."""
    row = day.rows.rows(
        "select coalesce(sum(case entry when 'reserve' then seconds else -seconds end), 0)::bigint,"
        " coalesce(sum(case entry when 'reserve' then items else -items end), 0)::bigint"
        " from ledger where slot = :slot and entry in ('reserve', 'release')",
        slot=slot,
    )[0]
    return row[0], row[1]


def silences(day: MyDay, slot: int) -> int:
    """Seconds of all of them."""
    return int(
        day.rows.run(
            "select coalesce(sum(extract(epoch from upper(part) - lower(part))), 0)"
            " from slot cross join unnest(silences) part where id = :slot",
            slot=slot,
        )
    )


def test_what_is_reserved_is_leased_at_the_start(day: MyDay) -> None:
    begun = start(day.engine, ADA, day.slots["one"], NOW)
    assert begun.leased_until == NOW + after(600)
    assert start(day.engine, ADA, day.slots["one"], NOW + after(60)).leased_until == NOW + after(600)


@pytest.mark.parametrize(
    ("at", "added"), [(570, 0), (571, SLICE), (600, SLICE), (601, SLICE), (569.999, 0), (570.999, 0)]
)
def test_the_lease_grows_when_less_than_a_slice_is_left(day: MyDay, at: float, added: int) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    found = beat(day.engine, ADA, slot, NOW + after(at))
    assert reserved(day, slot) == (600 + added, 1)
    late = max(0, int(at) - 600)
    assert found.slot.leased_until == NOW + after(600 + late + added)
    assert silences(day, slot) == late
    assert found.beat_within == BEAT
    assert day.verbs() == (["start", "beat"] if added else ["start"])


def test_heartbeats_on_time_count_every_second_and_no_more_than_a_slice_ahead(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    for at in range(0, 901, BEAT):
        beat(day.engine, ADA, slot, NOW + after(at))
        assert max(600, at + SLICE) <= reserved(day, slot)[0] < max(601, at + 2 * SLICE)
    assert silences(day, slot) == 0
    done = complete(day.engine, ADA, slot, Seen(10), AGREE, NOW + after(905))
    assert done.seen_seconds == 900  # what the program said is not unsaid
    assert reserved(day, slot) == (0, 0)


def test_silence_is_not_counted_as_looked_at(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    found = beat(day.engine, ADA, slot, NOW + after(1000))
    assert (found.slot.leased_until, reserved(day, slot)) == (NOW + after(1030), (630, 1))
    assert silences(day, slot) == 400
    assert skip(day.engine, ADA, slot, None, NOW + after(1010)).seen_seconds == 610


def test_silence_is_no_rest(day: MyDay) -> None:
    """20 severe minutes without a rest: silence of any length between them does not make one."""
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    beat(day.engine, ADA, slot, NOW + after(600 + 3600))
    complete(day.engine, ADA, slot, Seen(601), AGREE, NOW + after(601 + 3600))
    assert refusal(start, day.engine, ADA, day.slots["two"], NOW + after(4300)).kind == "too-soon"


def test_one_minute_is_one_minute(day: MyDay) -> None:
    """Whole minutes are said, and of a limit lowered to one there is one."""
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    day.rows.run("update exposure_limit set amount = 60 where window_days = 1", owner=True)
    over = refusal(beat, day.engine, ADA, slot, NOW + after(600))
    assert over.sentence.startswith(
        "Your 1 minute of severe work today is seen, or kept for what is planned."
    )
    found = refusal(start, day.engine, ADA, day.slots["two"], NOW + after(601))
    assert found.sentence.startswith("You have seen 10 of 1 minute of severe work today")


def test_at_a_limit_the_last_seconds_are_exact_and_then_it_ends(day: MyDay) -> None:
    """60 minutes are allowed, 30 are reserved, 29 minutes 15 seconds are seen: 45 seconds are left."""
    day.seen(1755)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert beat(day.engine, ADA, slot, NOW + after(590)).slot.leased_until == NOW + after(630)
    last = beat(day.engine, ADA, slot, NOW + after(610))
    assert (last.slot.leased_until, last.beat_within) == (NOW + after(645), BEAT)
    assert beat(day.engine, ADA, slot, NOW + after(644)).beat_within == 1
    over = refusal(beat, day.engine, ADA, slot, NOW + after(645))
    assert over.kind == "limit-reached"
    assert over.sentence == (
        "Your 60 minutes of severe work today are seen, or kept for what is planned. "
        "Cover this review: it goes back, and nothing follows from it."
    )
    assert over.more == {"instead": {"kind": "work", "slot": day.slots["two"]}}
    assert [(entry, seconds) for entry, *_, seconds, _ in day.ledger(slot)] == [
        ("reserve", 600), ("reserve", 30), ("reserve", 15), ("release", 645), ("post", 645),
    ]  # fmt: skip
    row = day.rows.rows("select state, ended_by, seen_seconds, leased_until from slot where id = :s", s=slot)
    assert row == [("skipped", "limit", 645, None)]
    again = refusal(beat, day.engine, ADA, slot, NOW + after(700))
    assert (again.kind, again.sentence, again.more) == (over.kind, over.sentence, over.more)
    assert len(day.ledger(slot)) == 5
    assert day.state(day.slots["two"]) == "planned"
    assert start(day.engine, ADA, day.slots["two"], NOW + after(700)).state == "started"


def test_one_second_of_room_is_one_second(day: MyDay) -> None:
    day.seen(1799)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert beat(day.engine, ADA, slot, NOW + after(600)).slot.leased_until == NOW + after(601)
    assert refusal(beat, day.engine, ADA, slot, NOW + after(601)).kind == "limit-reached"


def test_a_late_heartbeat_without_room_ends_it_where_the_lease_did(day: MyDay) -> None:
    day.seen(1800)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert refusal(beat, day.engine, ADA, slot, NOW + after(5000)).kind == "limit-reached"
    row = day.rows.rows("select ended_at, seen_seconds from slot where id = :slot", slot=slot)
    assert row == [(NOW + after(600), 600)]


@pytest.mark.parametrize(("units", "left", "granted"), [(10, 100, 10), (10, 109, 10), (10, 9, 0)])
def test_room_in_points_is_asked_in_points(day: MyDay, units: int, left: int, granted: int) -> None:
    """A dose of 10 units a second: what is left of a unit's share of a second is no second."""
    day.rows.run('select set_dose_weights(\'[{"severity": 3, "modality": "image", "units": 10}]\')')
    day.rows.limit("dose-day", amount=50, measure="dose", ceiling=None)  # 30 000 units
    day.seen((30_000 - 3 * 600 * units - left) // units, severity=3)
    exact = day.rows.run(
        "select 30000 - seen - reserved from limit_day d join exposure_use u on u.id = d.use"
        " where u.measure = 'dose' and auditor = 'ada'"
    )
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert exact // units in (granted, granted + 1)
    if exact < units:
        assert refusal(beat, day.engine, ADA, slot, NOW + after(600)).kind == "limit-reached"
    else:
        found = beat(day.engine, ADA, slot, NOW + after(600))
        assert found.slot.leased_until == NOW + after(600 + exact // units)


def test_limits_of_items_do_not_end_what_has_begun(day: MyDay) -> None:
    day.rows.limit("few", amount=4, measure="items", ceiling=None)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert beat(day.engine, ADA, slot, NOW + after(600)).slot.leased_until == NOW + after(630)


def test_a_window_of_several_dates_has_its_say(day: MyDay) -> None:
    day.seen(7200 - 1800 - 12, day=NOW.date() - timedelta(days=6))
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    assert beat(day.engine, ADA, slot, NOW + after(600)).slot.leased_until == NOW + after(612)
    over = refusal(beat, day.engine, ADA, slot, NOW + after(612))
    assert "in the 7 dates up to today" in over.sentence


def test_a_stretch_ends_the_room_as_well(day: MyDay) -> None:
    """At most 20 severe minutes between two rests."""
    day.with_rests()
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    for at in range(600, 1180, BEAT):
        beat(day.engine, ADA, slot, NOW + after(at))
    assert beat(day.engine, ADA, slot, NOW + after(1180)).slot.leased_until == NOW + after(1200)
    assert beat(day.engine, ADA, slot, NOW + after(1199)).slot.leased_until == NOW + after(1200)
    over = refusal(beat, day.engine, ADA, slot, NOW + after(1200))
    assert over.kind == "limit-reached"
    assert "a rest of 15 minutes comes first" in over.sentence
    assert day.ledger(slot)[-1][:1] + day.ledger(slot)[-1][4:] == ("post", 1200, 1)


def test_the_wind_down_ends_it(day: MyDay) -> None:
    day.with_rests()
    begin = NOW + timedelta(hours=7) - after(2700 + 610)
    slot = start(day.engine, ADA, day.slots["one"], begin).slot
    assert beat(day.engine, ADA, slot, begin + after(590)).slot.leased_until == begin + after(610)
    over = refusal(beat, day.engine, ADA, slot, begin + after(610))
    assert (over.kind, "wind down" in over.sentence) == ("limit-reached", True)


def test_repeated_and_out_of_order_they_do_no_harm(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    first = beat(day.engine, ADA, slot, NOW + after(610))
    ledger = day.ledger(slot)
    for at in (610, 610, 600, 590, 0, -10, 605):
        assert beat(day.engine, ADA, slot, NOW + after(at)).slot == first.slot
    assert day.ledger(slot) == ledger
    assert silences(day, slot) == 10


def test_two_tabs_at_once_reserve_once(day: MyDay) -> None:
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    found = at_once(*[lambda: beat(day.engine, ADA, slot, NOW + after(600))] * 8)
    assert {one.slot.leased_until for one in found} == {NOW + after(630)}
    assert reserved(day, slot) == (630, 1)


def test_two_tabs_at_once_end_it_once(day: MyDay) -> None:
    day.seen(1800)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    found = at_once(*[lambda: beat(day.engine, ADA, slot, NOW + after(600))] * 8)
    assert {one.kind for one in found if isinstance(one, Refusal)} == {"limit-reached"}
    assert len(found) == sum(isinstance(one, Refusal) for one in found)
    assert [entry for entry, *_ in day.ledger(slot)] == ["reserve", "release", "post"]
    assert day.verbs() == ["start", "beat"]


def test_of_what_does_not_run_a_heartbeat_tells_how_it_stands(day: MyDay) -> None:
    assert refusal(beat, day.engine, ADA, day.slots["one"], NOW).kind == "not-started"
    assert refusal(beat, day.engine, ADA, day.slots["pause"], NOW).kind == "conflict"
    assert refusal(beat, day.engine, BEN, day.slots["one"], NOW).kind == "not-found"
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    paused = pause(day.engine, ADA, slot, NOW + after(10))
    found = beat(day.engine, ADA, slot, NOW + after(5000))
    assert (found.slot, found.beat_within) == (paused, None)
    done = complete(day.engine, ADA, slot, Seen(10), AGREE, NOW + after(5001))
    assert beat(day.engine, ADA, slot, NOW + after(5002)).slot == done


def test_what_is_planned_keeps_its_room(day: MyDay) -> None:
    """Of 60 minutes ten seconds are left beside what was seen and is reserved: no more are to be had."""
    day.seen(1790)
    slot = start(day.engine, ADA, day.slots["one"], NOW).slot
    beat(day.engine, ADA, slot, NOW + after(600))
    assert reserved(day, slot) == (610, 1)
    used = day.rows.rows(
        "select seen + reserved from limit_day d join exposure_use u on u.id = d.use"
        " where auditor = 'ada' and min_severity = 3 and work_date = :day",
        day=NOW.date(),
    )
    assert used == [(3600,)]
