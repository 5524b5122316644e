"""Faults, planted one at a time into the product as this process runs it, or into a schedule's database. The
simulator is worth as much as it catches of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import Connection, TextClause, text

from models.actions import publish_plan
from models.actions.keep_within_limits import Gone
from models.queries.my_slot import running
from models.snapshot import Inputs
from tests.live.arena import Arena, arena
from tests.live.schedule import Lived, live
from tests.live.simulate import quiet

Plant = Callable[["Planting"], None]
SHOWN = 3
"""Breaches of other kinds that are shown of each fault."""


class Planting:
    """What a fault may change; `undo` puts it back. Database changes are made again in every schedule."""

    def __init__(self) -> None:
        self.undone: list[Callable[[], None]] = []
        self.statements: list[str] = []

    def put(self, module: str, name: str, value: Any) -> None:
        """Another value under this name, in this module alone."""
        there = sys.modules[module]
        before = getattr(there, name)
        setattr(there, name, value)
        self.undone.append(lambda: setattr(there, name, before))

    def replace(self, module: str, name: str, old: str, new: str) -> None:
        """A statement in which something reads otherwise."""
        there = getattr(sys.modules[module], name)
        said = there.text if isinstance(there, TextClause) else there
        assert said.count(old) >= 1, f"{module}.{name} does not hold {old!r} any more"
        changed = said.replace(old, new)
        self.put(module, name, text(changed) if isinstance(there, TextClause) else changed)

    def in_database(self, statement: str) -> None:
        self.statements.append(statement)

    def in_function(self, name: str, old: str, new: str) -> None:
        """A function of the database in which something reads otherwise."""
        literal = "'" + old.replace("'", "''") + "'", "'" + new.replace("'", "''") + "'"
        self.in_database(f"""
            do $do$
            declare source text := pg_get_functiondef('{name}'::regproc);
            begin
                if position({literal[0]} in source) = 0 then raise '{name} does not hold it any more'; end if;
                execute replace(source, {literal[0]}, {literal[1]});
            end $do$
        """)

    def undo(self) -> None:
        for one in reversed(self.undone):
            one()


@dataclass(frozen=True, slots=True)
class Fault:
    """`shows` is what it breaches, by the first word of what is said of it: any other breach may come of how
    it is planted, and does not catch it. `seed` is where it is known to be caught, to be tried first."""

    name: str
    plant: Plant
    shows: tuple[str, ...]
    seed: int = 0

    def is_caught_by(self, breach: str) -> bool:
        return breach.split(":")[0] in self.shows


@contextmanager
def planted(fault: Fault) -> Iterator[Callable[[psycopg.Connection], None]]:
    """Plants it for the block; gives what has to be done in each schedule's database."""
    planting = Planting()
    try:
        fault.plant(planting)

        def in_database(eyes: psycopg.Connection) -> None:
            for statement in planting.statements:
                eyes.execute(statement)

        yield in_database
    finally:
        planting.undo()


def nothing(*_given: Any, **_more: Any) -> None:
    """In place of what should have been done."""


A = "models.actions."


def guard_off(planting: Planting) -> None:
    planting.in_database("drop trigger guard on ledger")


def limits_not_weighed(planting: Planting) -> None:
    """The guard keeps its sums and refuses nothing."""
    planting.in_function("guard_ledger", "if found is not null then", "if false then")
    planting.put(A + "keep_within_limits", "_to_withdraw", lambda *_: ())


def fence_off(planting: Planting) -> None:
    """Whoever once held a task may end it."""
    for name in ("HOLD", "FINISH"):
        planting.replace(
            A + "finish_task", name, "fence = :fence and state = 'claimed'", "(fence = :fence or true)"
        )


def beats_not_counted(planting: Planting) -> None:
    planting.replace(
        A + "renew_lease", "LEASE", "beat_at = greatest(started_at, beat_at, :at)",
        "beat_at = coalesce(beat_at, least(started_at, cast(:at as timestamptz)))",
    )  # fmt: skip


def leases_not_reserved(planting: Planting) -> None:
    """A beat lengthens the lease and reserves nothing for it."""
    planting.put(A + "renew_lease", "_reserve", lambda *_: True)


def lease_not_counted(planting: Planting) -> None:
    """Of a review whose lease has run out only what was heard of counts."""
    planting.put(
        A + "settle_exposure",
        "counted",
        lambda looked, said: looked.by_beat if said is None else max(said, looked.by_beat),
    )


def silence_counts_as_rest(planting: Planting) -> None:
    planting.replace(A + "renew_lease", "LEASE", "silences = silences +", "pauses = pauses +")


def skip_keeps_its_reservation(planting: Planting) -> None:
    planting.put(A + "skip", "release_reserved", nothing)


def closing_keeps_reservations(planting: Planting) -> None:
    planting.put(A + "close_shifts", "release_reserved", nothing)


def history_a_day_late(planting: Planting) -> None:
    """What is loaded of a date is kept for the next."""
    planting.replace(
        A + "load_day", "HISTORY", "select :now, auditor, work_date, 'history'",
        "select :now, auditor, work_date + 1, 'history'",
    )  # fmt: skip


def windows_a_day_short(planting: Planting) -> None:
    """The guard's windows begin a date too late."""
    planting.in_function(
        "limits_passed",
        "between last.work_date - earlier.days and",
        "between last.work_date - earlier.days + 1 and",
    )


def withdrawing_untold(planting: Planting) -> None:
    planting.put(A + "keep_within_limits", "notify", nothing)


def replanning_untold(planting: Planting) -> None:
    planting.put(A + "tell_of_replan", "copy_in", nothing)


def placing_untold(planting: Planting) -> None:
    planting.put(A + "place_escalation", "notify", nothing)


def incident_as_expected(planting: Planting) -> None:
    planting.replace(
        A + "settle_exposure", "SETTLE", "coalesce(cast(:severity as smallint), item.severity) as severity",
        "coalesce(least(cast(:severity as smallint), item.severity), item.severity) as severity",
    )  # fmt: skip


def nothing_withdrawn(planting: Planting) -> None:
    """A limit that is passed takes nothing back."""
    for module in ("settle_exposure", "lower_limit", "load_day"):
        planting.put(A + module, "keep_within_limits", lambda *_, **__: Gone([], []))


def nothing_placed_again(planting: Planting) -> None:
    """Only what has just been escalated is looked after."""
    placing = {
        name
        for name, module in sys.modules.items()
        if name.startswith(A) and callable(getattr(module, "place_again", None))
    } - {A + "place_again", A + "escalate"}
    assert {A + "skip", A + "hand_back", A + "settle_exposure", A + "lower_limit"} <= placing
    for module in placing:
        planting.put(module, "place_again", nothing)


def keys_forgotten(planting: Planting) -> None:
    """The same key again is another escalation."""
    planting.replace(A + "escalate", "REMEMBER", "(:subject, :key,", "(:subject, :key || random()::text,")


def stale_plan_published(planting: Planting) -> None:
    """Nobody looks whether the day is as the plan knew it."""

    def asked(connection: Connection, plan: int, inputs: Inputs) -> Any:
        work_date = inputs.instance.work_date
        return connection.execute(publish_plan.ASKED, {"plan": plan, "work_date": work_date}).one()

    planting.put(A + "publish_plan", "_check_still_so", asked)


def two_at_once(planting: Planting) -> None:
    """A second review may be begun while one runs."""
    planting.in_database("drop index slot_started")
    planting.put(A + "start", "running", lambda *_: None)


def tasks_filed_twice(planting: Planting) -> None:
    planting.in_database("drop index task_live")
    planting.in_database(
        "create unique index task_live on task (dedupe_key, id) where state in ('waiting', 'claimed')"
    )
    planting.replace(
        A + "file_task",
        "FILE",
        "on conflict (dedupe_key) where state in ('waiting', 'claimed') do nothing",
        "",
    )


def reserved_twice(planting: Planting) -> None:
    planting.replace(
        A + "publish_plan", "EXCHANGE", "extract(epoch from planned_end - planned_start)::bigint",
        "2 * extract(epoch from planned_end - planned_start)::bigint",
    )  # fmt: skip


def outcome_dropped(planting: Planting) -> None:
    planting.put(A + "complete", "_keep", nothing)


def rests_not_asked(planting: Planting) -> None:
    """Whatever stretches and edges say, a review may start."""
    from allocator.moment import Verdict

    free = Verdict(allowed=True, rule=None, earliest=None, rest=0, late=False, sentence=None)
    planting.put("models.queries.may_start", "may_start", lambda *_: free)


def stretches_forgotten_by_beats(planting: Planting) -> None:
    planting.put(A + "renew_lease", "_screen", lambda *_: (None, ""))


def claims_never_taken_back(planting: Planting) -> None:
    planting.replace(A + "return_task", "EXPIRED", "lease_until < :now", "lease_until < :now and false")


def pauses_not_kept(planting: Planting) -> None:
    """A pause stops the screen, and its time counts as looked at."""
    planting.replace(A + "resume", "RESUME", "pauses = pauses *", "pauses = pauses * '{}'::tstzmultirange *")


def withdrawn_item_planned(planting: Planting) -> None:
    planting.put(A + "withdraw_item", "release_reserved", nothing)


def left_out_not_kept(planting: Planting) -> None:
    """What a plan has no place for is told in its document alone."""
    planting.put(A + "publish_plan", "keep_left_out", nothing)


def without_place_not_kept(planting: Planting) -> None:
    """What no day has a place for is done with once it was tried."""
    planting.put(A + "place_escalation", "wait_for_place", lambda *_: False)


def without_plan_not_kept(planting: Planting) -> None:
    planting.put(A + "place_escalation", "wait_for_plan", nothing)


def parked_not_kept(planting: Planting) -> None:
    """What was tried too often is operations' alone."""
    planting.put(A + "return_task", "wait_for_operations", nothing)


def list_emptied(planting: Planting) -> None:
    """With each plan that is published nothing waits any more."""
    planting.replace(A + "publish_plan", "NO_LONGER_WAITS", "where item.reviews <=", "where 0 <=")


def never_tried_again(planting: Planting) -> None:
    planting.put(A + "retry_waiting", "_again", lambda *_: False)


def tried_without_pause(planting: Planting) -> None:
    planting.put(A + "retry_waiting", "RETRY", timedelta(0))


def parked_never_tried_again(planting: Planting) -> None:
    planting.put(A + "retry_waiting", "PARKED", timedelta(days=1))


def parked_tried_at_once(planting: Planting) -> None:
    planting.put(A + "retry_waiting", "PARKED", timedelta(0))


def nothing_carried_over(planting: Planting) -> None:
    planting.replace(A + "carry_over", "CARRY", "having max(", "having false and max(")


def carried_over_too_early(planting: Planting) -> None:
    """A date is over when the first goes home."""
    planting.replace(A + "carry_over", "CARRY", "having max(", "having min(")


def carried_over_unplaced(planting: Planting) -> None:
    planting.put(A + "carry_over", "place_again", nothing)


def surges_without_pause(planting: Planting) -> None:
    """As long as many wait the date is planned anew, as soon as it has been."""
    planting.replace(A + "retry_waiting", "SURGING", "plan.requested_at > :since", "false")


def surge_disturbs(planting: Planting) -> None:
    """Every time that the clock looks, what is being planned is begun again."""
    planting.replace(A + "retry_waiting", "SURGING", "(plan.state in ('waiting', 'planning')", "(false")


def surge_asks_nothing(planting: Planting) -> None:
    planting.put(A + "retry_waiting", "ask_replan", nothing)


def told_with_every_try(planting: Planting) -> None:
    planting.replace(A + "wait_for_place", "EXPLAINED", "returning old.told_at is null", "returning true")


def found_place_untold(planting: Planting) -> None:
    planting.put(A + "place_escalation", "tell_that_it_waits_no_longer", nothing)


def planned_after_all_untold(planting: Planting) -> None:
    """Where a plan has a place for what waited, leads do not hear of it."""
    planting.put(A + "publish_plan", "tell_that_it_waits_no_longer", nothing)


def absent_at_work(planting: Planting) -> None:
    """Who has a review on the screen may be noted as absent."""
    for module in ("mark_absent", "arrive_late"):
        planting.put(A + module, "left_running", lambda connection, shift: running(connection, shift.auditor))


FAULTS = (
    Fault("the guard is off", guard_off, ("sums",)),
    Fault("limits are not weighed", limits_not_weighed, ("limit",)),
    Fault("the guard's windows are a day short", windows_a_day_short, ("limit",)),
    Fault("the fence is off", fence_off, ("fence",), 2),
    Fault("heartbeats are not counted", beats_not_counted, ("state",), 2),
    Fault("a lease grows without a reservation", leases_not_reserved, ("reserved",), 2),
    Fault("a lease that has run out is not counted", lease_not_counted, ("state",), 3),
    Fault("silence counts as rest", silence_counts_as_rest, ("state",), 3),
    Fault("skipping keeps its reservation", skip_keeps_its_reservation, ("reserved",), 3),
    Fault("closing a shift keeps its reservations", closing_keeps_reservations, ("reserved",), 2),
    Fault("a withdrawn item keeps its reservation", withdrawn_item_planned, ("reserved",), 2),
    Fault("history is a day late", history_a_day_late, ("ledger",)),
    Fault("withdrawing is not told", withdrawing_untold, ("notice",)),
    Fault("replanning is not told", replanning_untold, ("notice",)),
    Fault("placing is not told", placing_untold, ("notice",)),
    Fault("an incident is kept as what was expected", incident_as_expected, ("ledger",), 2),
    Fault("a passed limit takes nothing back", nothing_withdrawn, ("limit",)),
    Fault("nothing is placed again", nothing_placed_again, ("lost",)),
    Fault("keys are forgotten", keys_forgotten, ("refused", "repeated")),
    Fault("a stale plan is published", stale_plan_published, ("stale",), 10),
    Fault("two reviews at once", two_at_once, ("overlap",), 2),
    Fault("tasks are filed twice", tasks_filed_twice, ("tasks",)),
    Fault("reserved twice", reserved_twice, ("reserved",)),
    Fault("an outcome is dropped", outcome_dropped, ("lost",)),
    Fault("rests are not asked for", rests_not_asked, ("rest", "edge"), 3),
    Fault("heartbeats ask no stretch", stretches_forgotten_by_beats, ("rest", "edge"), 2),
    Fault("claims are never taken back", claims_never_taken_back, ("end",)),
    Fault("pauses count as looked at", pauses_not_kept, ("state",), 8),
    Fault("what a plan leaves out is not kept", left_out_not_kept, ("lost",)),
    Fault("what has no place is not kept", without_place_not_kept, ("lost",), 2),
    Fault("what has no plan is not kept", without_plan_not_kept, ("lost",), 1),
    Fault("what was parked is not kept", parked_not_kept, ("lost",), 2),
    Fault("a plan empties the list", list_emptied, ("lost",)),
    Fault("nothing is tried again", never_tried_again, ("retry",)),
    Fault("all is tried again without a pause", tried_without_pause, ("retry",)),
    Fault("what was parked is never tried again", parked_never_tried_again, ("retry",), 1),
    Fault("what was parked is tried again at once", parked_tried_at_once, ("retry",), 1),
    Fault("nothing is carried over", nothing_carried_over, ("carried",)),
    Fault("carried over too early", carried_over_too_early, ("carried",), 1),
    Fault("carried over and not placed", carried_over_unplaced, ("lost",), 1),
    Fault("surges without a pause", surges_without_pause, ("surge",)),
    Fault("a surge disturbs planning", surge_disturbs, ("surge",), 6),
    Fault("a surge asks for nothing", surge_asks_nothing, ("surge",)),
    Fault("leads are told with every try", told_with_every_try, ("leads",)),
    Fault("a found place is not told", found_place_untold, ("leads",)),
    Fault("a planned place is not told", planned_after_all_untold, ("leads",)),
    Fault("absent while at work", absent_at_work, ("state",), 13),
)


@dataclass(slots=True)
class Search:
    """For a fault: the schedules lived, the one that caught it, and breaches that are not the fault's."""

    number: int = 0
    caught: Lived | None = None
    others: list[str] = field(default_factory=list)


def search(place: Arena, fault: Fault, steps: int, seeds: Iterable[int]) -> Search:
    """Live schedules of these seeds until one catches it."""
    done = Search()
    with planted(fault) as prepare:
        for seed in seeds:
            done.number += 1
            lived = live(place, seed, steps, prepare=prepare)
            if lived.breach is not None and fault.is_caught_by(lived.breach):
                done.caught = lived
                break
            if lived.breach is not None:
                done.others.append(f"seed {seed}, step {lived.steps}: {lived.breach}")
    return done


def main() -> int:
    """Each fault, and how many seeds it takes to catch it."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.faults", description=(main.__doc__ or ""))
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--most", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    quiet()
    missed = tried = 0
    with arena() as place:
        for fault in FAULTS:
            if asked.only not in fault.name:
                continue
            began = time.monotonic()
            found = search(place, fault, asked.steps, range(asked.seed, asked.seed + asked.most))
            lived = found.caught
            missed += lived is None
            took = f"{time.monotonic() - began:.0f} s"
            said = (
                "NOT CAUGHT"
                if lived is None
                else f"seed {lived.seed}, step {lived.steps}: {str(lived.breach)[:110]}"
            )
            print(f"{fault.name}: {found.number} seeds, {took}: {said}", flush=True)
            for other in found.others[:SHOWN]:
                print(f"    not what it shows by ({', '.join(fault.shows)}): {other[:110]}", flush=True)
            tried += 1
    print(f"{tried} faults, {missed} not caught")
    return 1 if missed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
