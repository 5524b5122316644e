"""One schedule: a world, a clock of its own, and what happens in it, step by step, each step checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from allocator.rules.policy import MODALITIES, SEVERITIES
from models.actions.load_day import load_day
from models.doorbell import ring_what_is_filed
from tests.live import checks, rests, waiting
from tests.live.arena import QUEUE, Stage
from tests.live.calls import Answer, Call, Way, make
from tests.live.rows import Changes, Rows, Slot
from tests.live.told import Review, Told
from tests.live.workers import Worker
from tests.live.world import World, random_world

SYSTEM_KINDS = frozenset(
    {
        "publish",
        "place",
        "complete",
        "skip",
        "beat",
        "end-day",
        "absent",
        "late",
        "lower",
        "history",
        "withdraw",
        "load",
        "close-shifts",
        "close-silent",
        "approve",
    }
)
"""What may take planned work away."""
ALLOWED: dict[tuple[str | None, str], frozenset[str]] = {
    (None, "planned"): frozenset({"publish", "place"}),
    (None, "started"): frozenset({"break"}),
    (None, "withdrawn"): frozenset({"publish"}),
    ("planned", "planned"): frozenset({"publish", "place"}),
    ("planned", "started"): frozenset({"start"}),
    ("planned", "skipped"): frozenset({"skip"}),
    ("planned", "returned"): frozenset({"hand-back"}),
    ("planned", "withdrawn"): SYSTEM_KINDS,
    ("started", "started"): frozenset({"beat", "pause", "resume", "break", "publish"}),
    ("started", "done"): frozenset({"complete", "end-break", "end-day", "close-shifts", "absent", "late"}),
    ("started", "skipped"): frozenset(
        {"skip", "beat", "resume", "close-silent", "close-shifts", "end-day", "absent", "late"}
    ),
    ("skipped", "skipped"): frozenset({"complete", "skip"}),
    ("skipped", "done"): frozenset({"complete"}),
}
"""Which calls may move a slot from one state to another."""
BY_ONESELF = frozenset(
    {"start", "beat", "pause", "resume", "complete", "skip", "hand-back", "break", "end-break", "end-day"}
)


class Breached(Exception):  # noqa: N818 - what the simulator looks for
    """Something does not hold."""


@dataclass(slots=True)
class Delayed:
    """A call that is still on its way."""

    step: int
    call: Call


@dataclass(slots=True)
class Life:
    """A schedule. `now` is its clock, in seconds since 1970; `counts` has each step's kind and outcome."""

    seed: int
    stage: Stage
    trace: bool = False
    rng: Random = field(init=False)
    world: World = field(init=False)
    rows: Rows = field(init=False)
    told: Told = field(default_factory=Told)
    windows: checks.Windows = field(init=False)
    sums: checks.Sums = field(init=False)
    now: int = field(init=False)
    step: int = 0
    workers: list[Worker] = field(init=False)
    delayed: list[Delayed] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    last: int | None = None
    """The slot that the last call was about."""
    escalations: list[tuple[str, Any]] = field(default_factory=list)
    known_as: dict[str, Any] = field(default_factory=dict)
    """What was accepted under each key."""
    path: list[str] = field(default_factory=list)
    """The last steps, for whoever has to find out."""

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.world = random_world(self.rng)
        self.rows = Rows(self.stage.eyes)
        dose = self.world.policy.dose
        weights = {
            (severity, modality): dose.units_per_second(severity, modality)
            for severity in SEVERITIES
            for modality in MODALITIES
        }
        self.windows = checks.Windows(self.rows, weights)
        self.sums = self.windows.sums
        self.now = int(self.world.begins.timestamp())
        redis = self.stage.arena.redis
        ring_what_is_filed(self.stage.engine, redis, QUEUE)
        self.workers = [
            Worker("planner-1", redis, QUEUE),
            Worker("planner-2", redis, QUEUE),
            Worker("placer-1", redis, f"{QUEUE}-urgent"),
            Worker("placer-2", redis, f"{QUEUE}-urgent"),
        ]

    # ------------------------------------------------------------------------------------------- one call

    def at(self, skew: int = 0) -> datetime:
        return datetime.fromtimestamp(self.now + skew, UTC)

    def do(self, call: Call, way: Way = "normal", skew: int = 0) -> Answer:
        """Make the call, and check everything after it."""
        clock = f"{self.at():%d %H:%M:%S}{f'{skew:+}' if skew else ''}"
        self.path.append(f"{self.step} {clock} {call.kind} {call.said}")
        del self.path[:-40]
        if skew:
            call.must = False  # what may be done at one moment need not have been before
        self.last = call.slot or self.last
        prior = None if call.slot is None else self.rows.slots.get(call.slot)
        try:
            answer = make(call, self.stage.engine, self.at(skew), way, self.stage.arena.administration)
        except Exception as error:
            self.path[-1] += f": {type(error).__name__}"
            if self.trace:
                print(self.path[-1], flush=True)
            raise Breached(f"error: {call.kind} raised {type(error).__name__}: {error}") from error
        changes = self.rows.refresh()
        self.path[-1] += f": {answer.kind}{'' if way == 'normal' else f' ({way})'} [{changes.said()}]"
        if answer.refusal is not None:
            self.path[-1] += f" {answer.refusal.sentence}"
        if self.trace:
            print(self.path[-1], flush=True)
        self.counts[call.kind, answer.kind] += 1
        if answer.how == "lost":
            self.counts["lost", way] += 1
        self._count(call, answer, changes)
        if answer.how == "lost" and not changes.nothing:
            raise Breached(f"lost: {call.kind} was cut off before its commit, and changed {changes.said()}")
        if call.changes_nothing and not changes.nothing:
            raise Breached(f"changed: {call.kind} changed {changes.said()}")
        if call.must and answer.refusal is not None:
            raise Breached(f"refused: {call.kind} {call.said} must not be: {answer.refusal.sentence}")
        if answer.how != "lost":
            self._note(call, answer, prior, changes, self.now + skew)
        found = list(self._checked(call, answer, changes, self.now + skew))
        if found:
            raise Breached("; ".join(found[:4]))
        return answer

    def _count(self, call: Call, answer: Answer, changes: Changes) -> None:
        """What happened, beside the calls themselves."""
        for notice in changes.notices:
            self.counts["notice", notice.kind] += 1
        for entry in changes.entries:
            self.counts["entry", entry.entry] += 1
        for before, after in changes.slots:
            was = "new" if before is None else before.state
            if was != after.state:
                self.counts["slot", f"{was}-{after.state}"] += 1
            if after.ended_by is not None and was == "started":
                self.counts["ended by", after.ended_by] += 1
            if was == "started" and call.kind in ("absent", "late"):
                self.counts["left running", after.kind] += 1
            is_moved = before is not None and before.planned_start != after.planned_start
            if was == after.state == "planned" and is_moved:
                self.counts["moved by", call.kind] += 1
            if was == "planned" and after.state == "withdrawn":
                self.counts["withdrawn by", call.kind] += 1
        for was_task, task in changes.tasks:
            if task.state == "parked":
                self.counts["task", "parked"] += 1
            elif was_task is not None and was_task.state == "parked":
                self.counts["revived by", call.kind] += 1
        for old, plan in changes.plans:
            if old is None and plan.reason is not None:
                self.counts["planned anew", plan.reason] += 1
        for waited, waits in changes.waits:
            if waited is None and waits is not None:
                self.counts["waits", "told" if waits.told else "untold"] += 1
            elif waited is not None and waits is None:
                self.counts["waits", f"no longer, {'told' if waited.told else 'untold'}"] += 1
        if call.kind == "place" and answer.how == "done":
            self.counts["placing", type(answer.result).__name__] += 1

    def repeat(self, call: Call, before: Answer, skew: int = 0) -> None:
        """The same call once more, at the same moment: the same answer, and nothing changes."""
        was = len(self.rows.entries)
        self.path.append(f"{self.step} again {call.kind} {call.said}")
        try:
            answer = make(call, self.stage.engine, self.at(skew), "normal", self.stage.arena.administration)
        except Exception as error:
            raise Breached(
                f"error: {call.kind} raised {type(error).__name__} when repeated: {error}"
            ) from error
        changes = self.rows.refresh()
        self.path[-1] += f": {answer.kind} [{changes.said()}]"
        if self.trace:
            print(self.path[-1], flush=True)
        self.counts["again", call.kind] += 1
        if not changes.nothing or len(self.rows.entries) != was:
            raise Breached(f"repeated: {call.kind} {call.said} changed {changes.said()} when it was repeated")
        if not answer.repeats(before):
            raise Breached(
                f"repeated: {call.kind} {call.said} was {before.shown()}, and when repeated {answer.shown()}"
            )

    def _checked(self, call: Call, answer: Answer, changes: Changes, now: int) -> list[str]:
        rows, told = self.rows, self.told
        people = sorted(
            set(rows.people)
            if changes.rules
            else {new.auditor for _, new in changes.slots} | {entry.auditor for entry in changes.entries}
        )
        held: list[str] = []
        if call.kind in ("start", "beat", "resume", "end-break"):
            for _, new in changes.slots:
                held += rests.held_back(rows, self.world.policy, new, now)
        first = call.kind == "publish" and any(
            new.state == "published" and new.version == 1 for _, new in changes.plans
        )
        over = call.kind == "close-shifts"
        looked: list[str] = []
        if call.kind == "carry-over" and answer.how == "done":
            looked += waiting.carried(rows, told, changes, now)
        if call.kind == "retry-waiting" and answer.how == "done":
            looked += [*waiting.tried_again(rows, changes, now), *waiting.surges(rows, changes, now)]
        return [
            *checks.ledger(rows, told, changes, self.sums),
            *checks.reservations(rows, changes),
            *self.windows.check(people),
            *checks.one_at_a_time(rows, people, self.now),
            *checks.nothing_doubled(rows, told),
            *checks.nothing_lost(rows, told),
            *waiting.leads(rows, changes, call.kind),
            *checks.notices(changes, call.who, not (first or over)),
            *checks.tasks(rows, changes, call.kind),
            *held,
            *looked,
        ]

    # ---------------------------------------------------------------------- what was told, from what happened

    def _note(self, call: Call, answer: Answer, prior: Slot | None, changes: Changes, now: int) -> None:
        if prior is not None:
            self._after_all(call, answer, prior, changes)
        for before, after in changes.slots:
            self._moved(call, before, after, changes, now)
        runs = None if call.kind != "break" or call.who is None else self.rows.running(call.who)
        slot = call.slot if runs is None else runs.id
        if answer.how == "done" and slot is not None and slot in self.told.reviews:
            self._lived(call, slot, changes, now)
        if answer.how == "done" and call.kind in ("publish", "place"):
            self._fenced(call, changes)

    def _moved(self, call: Call, before: Slot | None, after: Slot, changes: Changes, now: int) -> None:
        was = None if before is None else before.state
        kinds = ALLOWED.get((was, after.state), frozenset())
        if call.kind not in kinds:
            raise Breached(f"state: {call.kind} made slot {after.id} {after.state}, which was {was}")
        if call.kind in ("start", "pause", "resume", "hand-back") and (
            after.id != call.slot or after.auditor != call.who
        ):
            raise Breached(f"state: {call.kind} of slot {call.slot} by {call.who} changed slot {after.id}")
        if after.kind != "work":
            return
        if (was, after.state) == ("planned", "started"):
            assert after.item is not None
            assert after.started_at is not None
            if after.started_at < now:
                raise Breached(f"state: slot {after.id} started {now - after.started_at} s before it was")
            self.told.reviews[after.id] = Review(
                after.id, after.auditor, after.work_date, after.item, after.started_at
            )
        elif was == "started" and after.state in ("done", "skipped"):
            assert before is not None
            if call.kind in ("absent", "late") and not before.is_paused:
                raise Breached(f"state: {call.kind} ended slot {after.id}, which was on the screen")
            self._ended(call, before, after, changes, now)

    def _lived(self, call: Call, slot: int, changes: Changes, now: int) -> None:
        """A review that runs on."""
        review = self.told.reviews[slot]
        before = next((old for old, new in changes.slots if new.id == slot), None)
        row = self.rows.slots[slot] if before is None else before
        if call.kind == "beat" and review.paused is None:
            review.beat(now, row.leased_until)
        elif call.kind in ("pause", "break") and review.paused is None:
            review.pause(now, row.leased_until)
        elif call.kind == "resume":
            review.resume(now)
        after = self.rows.slots[slot]
        if list(after.pauses) != review.rested():
            raise Breached(
                f"state: slot {slot} was paused {review.rested()}, and its row says {after.pauses}"
            )
        active = review.active(now)
        if checks.looked(after, max(now, review.started)) != active:
            raise Breached(
                f"state: slot {slot} was looked at for {active} s, and its row says "
                f"{checks.looked(after, max(now, review.started))} s"
            )

    def _ended(self, call: Call, before: Slot, after: Slot, changes: Changes, now: int) -> None:
        review = self.told.reviews[after.id]
        leased = self.rows.held(after.id)[0]
        for entry in changes.entries:
            if entry.slot == after.id and entry.entry in ("reserve", "release"):
                leased -= entry.seconds if entry.entry == "reserve" else -entry.seconds
        by_person = call.kind in ("complete", "skip")
        if call.kind == "beat":
            review.fall_silent(now, before.leased_until)
        said = call.words if by_person else None
        seconds = review.counted(now, leased, said, by_person)
        self.told.ended(review, self.rows.items[review.item], seconds, said)
        if after.seen_seconds != seconds:
            raise Breached(f"state: of slot {after.id} {after.seen_seconds} s count, and {seconds} s should")
        if call.kind == "complete":
            self.told.completed[after.id] = call.more["outcome"]

    def _after_all(self, call: Call, answer: Answer, prior: Slot, changes: Changes) -> None:
        """Somebody says what they saw of a review that had ended without a word of theirs. That is kept even
        where the review itself has gone to somebody else, which is a refusal."""
        if call.words is None or call.words.seconds is None or call.kind not in ("complete", "skip"):
            return
        if prior.state != "skipped" or prior.ended_by not in ("limit", "silence", "day"):
            return
        if answer.how == "refused" and changes.nothing:
            return
        assert prior.item is not None
        item = self.rows.items[prior.item]
        self.told.said_later(prior.id, prior.auditor, prior.work_date, item, call.words)
        after = self.rows.slots[prior.id]
        if after.state == "done":
            self.told.completed[after.id] = call.more["outcome"]
        if (after.seen_seconds or 0) < (prior.seen_seconds or 0):
            raise Breached(
                f"state: of slot {after.id} {prior.seen_seconds} s counted, and now {after.seen_seconds} s"
            )

    def _fenced(self, call: Call, changes: Changes) -> None:
        """Only who holds the task's last claim ends it, with a plan of the day as it is."""
        worker = call.more["worker"]
        claim = worker.claim
        before = next((old for old, new in changes.tasks if new.id == claim.task), None)
        if before is None or before.state != "claimed" or before.fence != claim.fence:
            raise Breached(f"fence: task {claim.task} was {before}, and was ended by fence {claim.fence}")
        if call.kind == "publish":
            inputs = worker.inputs
            known = (inputs.input_version, inputs.limits_version)
            now = (self.rows.versions[inputs.instance.work_date], self.rows.limits_version)
            if known != now:
                raise Breached(f"stale: a plan of versions {known} was published, and they are {now}")

    # --------------------------------------------------------------------------------------------- loading

    def load(self, place: int) -> None:
        """A day is brought in; what it holds is accepted."""
        day = self.world.days[place]
        for row in day.items.iter_rows(named=True):
            self.told.accepted[row["id"]] = row["reviews"]
            self.told.only[row["id"]] = tuple(row["only"])
        self.do(self.loading(day, "load"))

    def loading(self, day: Any, kind: str) -> Call:
        """The load of a day, with its history noted as told once it is done."""
        from tests.live.steps import OPERATIONS

        def act(engine: Any, now: datetime) -> Any:
            known = {key: list(value) for key, value in self.rows.seen.items()}
            for key, (seconds, items) in self.rows.reserved.items():
                kept = known.setdefault(key, [0, 0])
                kept[0] += seconds
                kept[1] += items
            loaded = load_day(engine, OPERATIONS, day, now)
            given: dict[Any, list[int]] = {}
            for row in day.history.iter_rows(named=True):
                material = (
                    row["auditor"],
                    row["work_date"],
                    row["category"],
                    row["severity"],
                    row["modality"],
                )
                total = given.setdefault(material, [0, 0])
                total[0] += row["seconds"]
                total[1] += row["items"]
            people = set(day.auditors["id"].to_list()) | set(self.rows.people)
            for material, (seconds, items) in given.items():
                if material[0] not in people:
                    continue
                had = known.get(material, [0, 0])
                more = max(0, seconds - had[0]), max(0, items - had[1])
                if any(more):
                    self.told.saw(material, *more)
            return loaded

        return Call(kind, day.name, act, repeatable=False)
