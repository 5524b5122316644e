"""Faults, planted one at a time into the product as this process runs it, or into a schedule's database. The
simulator is worth as much as it catches of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection, TextClause, text

from models.actions import publish_plan
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
        planting.put(A + module, "keep_within_limits", lambda *_, **__: [])


def nothing_placed_again(planting: Planting) -> None:
    """Only what has just been escalated is looked after."""
    placing = {
        name
        for name, module in sys.modules.items()
        if name.startswith(A) and callable(getattr(module, "place_again", None))
    } - {A + "place_again", A + "escalate"}
    assert {A + "skip", A + "hand_back", A + "keep_within_limits"} <= placing
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


FAULTS = (
    Fault("the guard is off", guard_off, ("sums",)),
    Fault("limits are not weighed", limits_not_weighed, ("limit",)),
    Fault("the guard's windows are a day short", windows_a_day_short, ("limit",)),
    Fault("the fence is off", fence_off, ("fence",)),
    Fault("heartbeats are not counted", beats_not_counted, ("state",), 1),
    Fault("a lease grows without a reservation", leases_not_reserved, ("reserved",)),
    Fault("a lease that has run out is not counted", lease_not_counted, ("state",)),
    Fault("silence counts as rest", silence_counts_as_rest, ("state",)),
    Fault("skipping keeps its reservation", skip_keeps_its_reservation, ("reserved",)),
    Fault("closing a shift keeps its reservations", closing_keeps_reservations, ("reserved",)),
    Fault("a withdrawn item keeps its reservation", withdrawn_item_planned, ("reserved",)),
    Fault("history is a day late", history_a_day_late, ("ledger",)),
    Fault("withdrawing is not told", withdrawing_untold, ("notice",)),
    Fault("replanning is not told", replanning_untold, ("notice",), 2),
    Fault("placing is not told", placing_untold, ("notice",), 1),
    Fault("an incident is kept as what was expected", incident_as_expected, ("ledger",), 1),
    Fault("a passed limit takes nothing back", nothing_withdrawn, ("limit",)),
    Fault("nothing is placed again", nothing_placed_again, ("lost",), 2),
    Fault("keys are forgotten", keys_forgotten, ("refused", "repeated")),
    Fault("a stale plan is published", stale_plan_published, ("stale",)),
    Fault("two reviews at once", two_at_once, ("overlap",)),
    Fault("tasks are filed twice", tasks_filed_twice, ("tasks",)),
    Fault("reserved twice", reserved_twice, ("reserved",), 3),
    Fault("an outcome is dropped", outcome_dropped, ("lost",)),
    Fault("rests are not asked for", rests_not_asked, ("rest", "edge"), 3),
    Fault("heartbeats ask no stretch", stretches_forgotten_by_beats, ("rest", "edge"), 2),
    Fault("claims are never taken back", claims_never_taken_back, ("end",)),
    Fault("pauses count as looked at", pauses_not_kept, ("state",), 2),
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
