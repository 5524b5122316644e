"""What may happen next, drawn at random: each kind of step with its weight, and the call it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from models.actions.approve_raise import approve_raise
from models.actions.arrive_late import arrive_late
from models.actions.beat import beat
from models.actions.carry_over import carry_over
from models.actions.close_shifts import close_shifts
from models.actions.close_silent import close_silent
from models.actions.complete import Outcome, complete
from models.actions.end_break import end_break
from models.actions.end_day import end_day
from models.actions.escalate import Escalation, escalate
from models.actions.hand_back import hand_back
from models.actions.lower_limit import lower_limit
from models.actions.mark_absent import mark_absent
from models.actions.mark_present import mark_present
from models.actions.pause import pause
from models.actions.propose_raise import propose_raise
from models.actions.request_plan import request_plan
from models.actions.resume import resume
from models.actions.retry_task import retry_task
from models.actions.retry_waiting import retry_waiting
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actions.withdraw_item import withdraw_item
from models.actor import SYSTEM, Actor
from models.connection import snapshot_transaction
from models.queries.expected_placement import expected_placement
from models.queries.my_next import my_next
from tests.days.build import Day, instance
from tests.live.calls import Call
from tests.live.life import Life
from tests.live.rows import Slot
from tests.live.told import Said
from tests.live.world import CATEGORIES, TEAMS, history_rows, random_content

OPERATIONS = Actor("operations", "control-room")
UPSTREAM = Actor("upstream", "intake")
WELLBEING = (Actor("wellbeing", "wanda"), Actor("wellbeing", "wilma"))
LEADS = tuple(Actor("lead", f"lead-{team}", (team,)) for team in TEAMS)

Step = Callable[[Life], Call | None]


def _auditor(name: str) -> Actor:
    return Actor("auditor", name)


# ------------------------------------------------------------------------------------------- a person's day


def _on_shift(life: Life) -> list[str]:
    """Who is there now; the others are tried now and then all the same."""
    there = [
        shift.auditor
        for shift in life.rows.shifts.values()
        if shift.start <= life.now < shift.end
        and (shift.available_until is None or life.now < shift.available_until)
    ]
    return there if there and life.rng.random() < 0.95 else list(life.world.people)


def _somebody(life: Life, state: str) -> str:
    """Preferably somebody who runs something, or does not."""
    people = _on_shift(life)
    fitting = [name for name in people if (life.rows.running(name) is not None) == (state == "running")]
    return life.rng.choice(fitting if fitting and life.rng.random() < 0.9 else people)


def _running(life: Life, kind: str = "work") -> Slot | None:
    found = [slot for slot in life.rows.slots.values() if slot.state == "started" and slot.kind == kind]
    last = [slot for slot in found if slot.id == life.last]
    if last and life.rng.random() < 0.35:
        return last[0]
    return life.rng.choice(found) if found else None


def start_next(life: Life) -> Call | None:
    """What the system offers at this moment."""
    who = _somebody(life, "idle")
    with snapshot_transaction(life.stage.engine) as connection:
        following = my_next(connection, who, life.at())
    life.counts["next", following.do] += 1
    if following.do == "break" and following.slot is None:
        return Call(
            "break", f"{who}, as offered", lambda engine, now: take_break(engine, _auditor(who), now), who
        )
    if following.do not in ("review", "break") or following.slot is None:
        return None
    call = start_slot(who, following.slot)
    # What is offered may be started.
    call.must = True
    return call


def start_any(life: Life) -> Call | None:
    who = _somebody(life, "idle")
    planned = life.rows.planned(who) or [slot for slot in life.rows.slots.values() if slot.auditor == who]
    return start_slot(who, life.rng.choice(planned).id) if planned else None


def start_slot(who: str, slot: int) -> Call:
    return Call(
        "start", f"{slot} {who}", lambda engine, now: start(engine, _auditor(who), slot, now), who, slot
    )


def beat_on(life: Life) -> Call | None:
    slot = _running(life) if life.rng.random() < 0.97 else _any_slot(life)
    if slot is None:
        return None
    who = slot.auditor
    return Call(
        "beat",
        f"{slot.id} {who}",
        lambda engine, now: beat(engine, _auditor(who), slot.id, now),
        who,
        slot.id,
    )


def pause_now(life: Life) -> Call | None:
    slot = _running(life) if life.rng.random() < 0.95 else _any_slot(life)
    if slot is None:
        return None
    who = slot.auditor
    must = slot.state == "started" and slot.kind == "work"
    return Call(
        "pause",
        f"{slot.id} {who}",
        lambda engine, now: pause(engine, _auditor(who), slot.id, now),
        who,
        slot.id,
        must=must,
    )


def go_on(life: Life) -> Call | None:
    paused = [slot for slot in life.rows.slots.values() if slot.state == "started" and slot.is_paused]
    slot = life.rng.choice(paused) if paused and life.rng.random() < 0.95 else _running(life)
    if slot is None:
        return None
    who = slot.auditor
    return Call(
        "resume",
        f"{slot.id} {who}",
        lambda engine, now: resume(engine, _auditor(who), slot.id, now),
        who,
        slot.id,
    )


def _any_slot(life: Life) -> Slot | None:
    return life.rng.choice(list(life.rows.slots.values())) if life.rows.slots else None


def _ended_unsaid(life: Life) -> Slot | None:
    """A review that ended without a word of its person."""
    found = [
        one
        for one in life.rows.slots.values()
        if one.state == "skipped" and one.ended_by not in (None, "person")
    ]
    return life.rng.choice(found) if found else None


def words(life: Life, slot: Slot) -> Said:
    """What somebody says they saw: about what it took, or less, or more; now and then something else."""
    rng = life.rng
    review = life.told.reviews.get(slot.id)
    active = 60 if review is None else review.active(life.now)
    said = Said(max(0, rng.choice((active, active, active // 2, active + rng.randint(0, 90), 0))))
    if rng.random() < 0.15:
        said.severity = rng.randint(0, 4)
    if rng.random() < 0.1:
        said.category = rng.choice(CATEGORIES)
    if rng.random() < 0.1:
        said.modality = rng.choice(("text", "live"))
    return said


def finish(life: Life) -> Call | None:
    slot = _running(life)
    if slot is None and life.rng.random() < 0.6:
        return None
    if slot is None or life.rng.random() < 0.08:
        slot = _ended_unsaid(life) if life.rng.random() < 0.7 else _any_slot(life)
    if slot is None:
        return None
    who, number, said = slot.auditor, slot.id, words(life, slot)
    assert said.seconds is not None
    seen = Seen(said.seconds, said.category, said.severity, said.modality)
    found = life.rng.choice(
        (("agree", None, None), ("agree", None, "seen"), ("disagree", "wrong-label", None))
    )
    return Call(
        "complete",
        f"{number} {who} {said}",
        lambda engine, now: complete(engine, _auditor(who), number, seen, Outcome(*found), now),
        who,
        number,
        words=said,
        must=slot.state == "started" and slot.kind == "work",
        more={"outcome": found},
    )


def skip_one(life: Life) -> Call | None:
    slot = _running(life) if life.rng.random() < 0.5 else None
    if slot is None:
        planned = life.rows.planned(_somebody(life, "idle"))
        slot = life.rng.choice(planned) if planned and life.rng.random() < 0.9 else _any_slot(life)
        if life.rng.random() < 0.1:
            slot = _ended_unsaid(life) or slot
    if slot is None:
        return None
    who, number = slot.auditor, slot.id
    said = words(life, slot) if slot.started_at is not None and life.rng.random() < 0.5 else None
    seen = None if said is None else Seen(said.seconds or 0, said.category, said.severity, said.modality)
    return Call(
        "skip",
        f"{number} {who} {said}",
        lambda engine, now: skip(engine, _auditor(who), number, seen, now),
        who,
        number,
        words=said,
        must=slot.state in ("planned", "started") and slot.kind == "work",
    )


def hand_back_one(life: Life) -> Call | None:
    planned = life.rows.planned(_somebody(life, "idle"))
    slot = life.rng.choice(planned) if planned and life.rng.random() < 0.9 else _any_slot(life)
    if slot is None:
        return None
    who, number = slot.auditor, slot.id
    return Call(
        "hand-back",
        f"{number} {who}",
        lambda engine, now: hand_back(engine, _auditor(who), number, now),
        who,
        number,
        must=slot.state == "planned" and slot.kind == "work",
    )


def break_now(life: Life) -> Call | None:
    who = _somebody(life, "idle")
    return Call("break", who, lambda engine, now: take_break(engine, _auditor(who), now), who)


def break_over(life: Life) -> Call | None:
    slot = _running(life, "break")
    if slot is None:
        return None
    who, number = slot.auditor, slot.id
    return Call(
        "end-break",
        f"{number} {who}",
        lambda engine, now: end_break(engine, _auditor(who), number, now),
        who,
        number,
        must=True,
    )


def go_home(life: Life) -> Call | None:
    who = life.rng.choice(_on_shift(life))
    return Call("end-day", who, lambda engine, now: end_day(engine, _auditor(who), now), who)


# ----------------------------------------------------------------------------------- escalations and placing


def escalate_new(life: Life) -> Call | None:
    rng = life.rng
    content = random_content(rng)
    number = len(life.escalations) + 1
    release = None if rng.random() < 0.7 else life.at() + timedelta(seconds=rng.randint(0, 3600))
    due = None if rng.random() < 0.4 else (release or life.at()) + timedelta(seconds=rng.randint(300, 9000))
    escalation = Escalation(
        id=f"esc-{number}",
        market=content["market"],
        language=content["language"],
        category=content["category"],
        severity=None if rng.random() < 0.1 else content["severity"],
        modality=content["modality"],
        seconds=content["seconds"],
        reviews=rng.choice((1, 1, 1, 2)),
        priority=rng.randint(1, 4),
        release=release,
        due=due,
        excluded=(rng.choice(life.world.people),) if rng.random() < 0.15 else (),
    )
    life.escalations.append((f"key-{number}", escalation))
    return _escalating(life, f"key-{number}", escalation)


def escalate_again(life: Life) -> Call | None:
    """The same key, as a caller does that has heard no answer; now and then with something else in it."""
    if not life.escalations:
        return None
    key, escalation = life.rng.choice(life.escalations)
    if life.rng.random() < 0.15:
        return _escalating(life, key, replace(escalation, seconds=escalation.seconds + 1))
    call = _escalating(life, key, escalation)
    call.must = life.known_as.get(key) == escalation
    return call


def _escalating(life: Life, key: str, escalation: Escalation) -> Call:
    def act(engine: Any, now: datetime) -> Any:
        escalated = escalate(engine, UPSTREAM, key, escalation, now)
        life.known_as[key] = escalation
        life.told.accepted[escalated.id] = escalation.reviews
        return escalated

    return Call("escalate", f"{escalation.id} with {key}", act, item=escalation.id)


def preview(life: Life) -> Call | None:
    """Where would it go? Nothing may change by asking."""
    if not life.escalations:
        return None
    escalation = life.rng.choice(life.escalations)[1]
    return Call(
        "preview",
        escalation.id,
        lambda engine, now: expected_placement(engine, escalation.asked(), now),
        repeatable=False,
        changes_nothing=True,
    )


def try_waiting(_life: Life) -> Call | None:
    return Call("retry-waiting", "", lambda engine, now: retry_waiting(engine, SYSTEM, now))


# ---------------------------------------------------------------------------------- what leads and others do


def absent(life: Life) -> Call | None:
    who, on = _shift_to_come(life)
    if who is None:
        return None
    return Call(
        "absent",
        f"{who} {on}",
        lambda engine, now: mark_absent(engine, OPERATIONS, who, on, now),
        must=not _on_screen(life, who, on),
    )


def _on_screen(life: Life, who: str, on: date) -> bool:
    """Whether somebody is just looking at something: only who is not can be said to be elsewhere."""
    runs = life.rows.running(who)
    return runs is not None and runs.work_date == on and runs.kind == "work" and not runs.is_paused


def late(life: Life) -> Call | None:
    who, on = _shift_to_come(life)
    if who is None:
        return None
    shift = life.rows.shifts[who, on]
    arrives = datetime.fromtimestamp(life.rng.randint(max(shift.start, life.now), shift.end), UTC)
    end = datetime.fromtimestamp(shift.end, UTC)
    return Call(
        "late",
        f"{who} {on} {arrives:%H:%M}",
        lambda engine, now: arrive_late(engine, OPERATIONS, who, on, arrives, now),
        must=shift.available_until is None and life.at() < arrives < end and not _on_screen(life, who, on),
    )


def _shift_to_come(life: Life) -> tuple[Any, Any]:
    found = [key for key, shift in life.rows.shifts.items() if shift.end > life.now]
    left = [
        (slot.auditor, slot.work_date)
        for slot in life.rows.slots.values()
        if slot.state == "started" and (slot.kind == "break" or slot.is_paused)
    ]
    if life.rng.random() < 0.4 and (gone := sorted({*left} & {*found})):  # for a break, and not come back
        return life.rng.choice(gone)
    return life.rng.choice(found) if found else (None, None)


def present(life: Life) -> Call | None:
    moved = [
        (shift.auditor, shift.work_date)
        for shift in life.rows.shifts.values()
        if shift.end > life.now and (shift.available_from, shift.available_until) != (None, None)
    ]
    if not moved:
        return None
    who, on = life.rng.choice(moved)
    return Call("present", f"{who} {on}", lambda engine, now: mark_present(engine, OPERATIONS, who, on, now))


def lower(life: Life) -> Call | None:
    limit = life.rng.choice(list(life.rows.limits.values()))
    amount = int(limit.amount * life.rng.choice((0.9, 0.8, 0.6, 0.3)))
    if amount >= limit.amount:
        return None
    team = (
        None
        if limit.scope.startswith(("team:", "auditor:")) or life.rng.random() < 0.5
        else life.rng.choice(TEAMS)
    )
    return Call(
        "lower",
        f"{limit.key} to {amount} for {team}",
        lambda engine, now: lower_limit(engine, WELLBEING[0], limit.key, amount, team, now),
        repeatable=False,
    )


def propose(life: Life) -> Call | None:
    limit = life.rng.choice(list(life.rows.limits.values()))
    amount = max(limit.amount + 1, int(limit.amount * life.rng.choice((1.1, 1.3, 2))))
    who = life.rng.choice(WELLBEING)
    return Call(
        "propose",
        f"{limit.key} to {amount}",
        lambda engine, now: propose_raise(engine, who, limit.key, amount, "They have settled in", now),
        repeatable=False,
    )


def approve(life: Life) -> Call | None:
    pending = [number for number, told in life.rows.proposals.items() if told[3] == "pending"]
    if not pending:
        return None
    number = life.rng.choice(pending)
    others = [one for one in WELLBEING if one.subject != life.rows.proposals[number][2]]
    who = life.rng.choice(others if life.rng.random() < 0.8 else WELLBEING)
    return Call(
        "approve",
        f"{number} by {who.subject}",
        lambda engine, now: approve_raise(engine, who, number, now),
        repeatable=False,
    )


def history(life: Life) -> Call | None:
    """Exposure from elsewhere comes to be known, of yesterday or of days before."""
    place = 1 if life.now >= life.world.opens(1) - 6 * 3600 else 0
    day = life.world.days[place]
    dates = [day.work_date - timedelta(days=ago) for ago in (1, 1, 2, 3)]
    names = life.rng.sample(day.auditors["id"].to_list(), min(2, day.auditors.height))
    rows = history_rows(life.rng, names, sorted(set(dates)), 900)
    if not rows:
        return None
    more = instance(
        Day(policy=life.world.policy, history=tuple(rows), work_date=day.work_date, name=day.name)
    )
    loaded = replace(day, history=more.history)
    return life.loading(loaded, "history")


def withdraw(life: Life) -> Call | None:
    names = [name for name, item in life.rows.items.items() if not item.withdrawn]
    if not names:
        return None
    name = life.rng.choice(names)

    def do(engine: Any, now: datetime) -> Any:
        gone = withdraw_item(engine, OPERATIONS, name, now)
        life.told.withdrawn.add(name)
        return gone

    return Call("withdraw", name, do, item=name)


# --------------------------------------------------------------------------------------------- of themselves


def ask_plan(life: Life) -> Call | None:
    on = life.rng.choice(life.world.days).work_date
    return Call("request-plan", f"{on}", lambda engine, now: request_plan(engine, OPERATIONS, on, now))


def close_over(_life: Life) -> Call | None:
    return Call("close-shifts", "", lambda engine, now: close_shifts(engine, SYSTEM, now))


def carry(_life: Life) -> Call | None:
    return Call("carry-over", "", lambda engine, now: carry_over(engine, SYSTEM, now))


def close_quiet(_life: Life) -> Call | None:
    return Call("close-silent", "", lambda engine, now: close_silent(engine, SYSTEM, now))


def retry_parked(life: Life) -> Call | None:
    """Operations have what was parked tried again."""
    parked = [task.id for task in life.rows.tasks.values() if task.state == "parked"]
    if not parked:
        return None
    number = life.rng.choice(parked)
    return Call("retry-task", f"{number}", lambda engine, now: retry_task(engine, OPERATIONS, number, now))


def work(life: Life) -> Call | None:
    """A worker takes its next step, if there is one to take."""
    busy = [worker for worker in life.workers if not worker.is_idle]
    worker = life.rng.choice(busy if busy and life.rng.random() < 0.6 else life.workers)
    return worker.next_call()


STEPS: tuple[tuple[float, Step], ...] = (
    (17, start_next),
    (5, start_any),
    (20, beat_on),
    (11, finish),
    (3, skip_one),
    (2.5, hand_back_one),
    (4, pause_now),
    (6, go_on),
    (2, break_now),
    (3, break_over),
    (0.7, go_home),
    (4, escalate_new),
    (1.5, escalate_again),
    (1.5, try_waiting),
    (0.6, absent),
    (0.6, late),
    (0.5, present),
    (1, preview),
    (0.3, retry_parked),
    (0.8, lower),
    (0.8, propose),
    (1.5, approve),
    (0.8, history),
    (0.8, withdraw),
    (1, ask_plan),
    (1.5, close_over),
    (2, close_quiet),
    (1, carry),
    (26, work),
)


def next_call(life: Life) -> Call | None:
    """Something that can be done now; None after a few tries: then only time passes."""
    rng: Random = life.rng
    for _ in range(4):
        step = rng.choices([step for _, step in STEPS], [weight for weight, _ in STEPS])[0]
        if (call := step(life)) is not None:
            return call
    return None
