"""Can these reviews be one person's day? A depth-first search for an order, with breaks where they help.

Meant for a handful of reviews. States that were seen before are not entered again; at `NODES` states the
search gives up, which is then taken for a no. `left` bounds all searches of a day together.
"""

from __future__ import annotations

from allocator.optimise.course import Course, stretch_label
from allocator.optimise.timeline import NEVER_TODAY, OK, Slot, Workshop
from allocator.rules.policy import SHORTEST_BREAK

NODES = 1500
MANY = 8
"""Reviews from which trying out all orders is hopeless: then a few dives must do."""
NODES_FOR_MANY = 200
NODES_A_DAY = 20_000
"""States that the searches of one day may enter together: two or three seconds."""


class Sequencer:
    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.left = NODES_A_DAY
        self.kind_of = [tuple(row) for row in shop.day.classes.stretch.tolist()]
        """What stretches select a class: one kind of work for each answer."""
        self.rests = sorted(
            {(max(s.rest, SHORTEST_BREAK), r) for r, s in enumerate(shop.day.policy.stretches)}
        )

    def sequence(self, a: int, items: frozenset[int], on_time: frozenset[int]) -> list[Slot] | None:
        """Slots that hold all `items`, those of `on_time` ending by their due time; None: none was found."""
        self.a, self.on_time = a, on_time
        self.nodes = 0
        self.most = NODES_FOR_MANY if len(items) > MANY else NODES
        self.seen: set[tuple[object, ...]] = set()
        course = Course(self.shop.day, a, self.shop.demands)
        course.reach(self.shop.work_from[a])
        self.opened = course.clock
        self.asked: dict[tuple[bool, ...], int] = {}
        for i in items:
            kind = self.kind_of[self.shop.class_of[i]]
            self.asked[kind] = self.asked.get(kind, 0) + self.shop.seconds[i]
        return self._search(course, items, [])

    def _search(self, course: Course, left: frozenset[int], slots: list[Slot]) -> list[Slot] | None:
        if not left:
            return slots
        shop, a = self.shop, self.a
        key = (
            left,
            course.clock,
            tuple(course.since),
            tuple(course.total),
            tuple(course.number),
            tuple(course.everyday),
        )
        if key in self.seen or self.nodes >= self.most or self.left <= 0:
            return None
        self.seen.add(key)
        self.nodes += 1
        self.left -= 1
        clock = course.clock
        if clock + sum(shop.seconds[i] for i in left) > shop.shift_end[a]:
            return None
        if any(i in self.on_time and clock + shop.seconds[i] > shop.due[i] for i in left):
            return None
        answers = {i: shop.answer(course, a, i) for i in sorted(left)}
        if NEVER_TODAY in answers.values():
            return None
        for i in sorted((i for i, said in answers.items() if said == OK), key=lambda i: self._turn(i, left)):
            after = course.copy()
            after.review(shop.demands[shop.class_of[i]], shop.seconds[i])
            slot = Slot(clock, clock + shop.seconds[i], i)
            found = self._search(after, left - {i}, [*slots, slot])
            if found is not None:
                return found
        free = min(course.free_until(), shop.shift_end[a])
        # Only rests that cut something: short ones could else follow each other for a whole shift.
        open_rests = [asked for asked, since in zip(course.rests, course.since, strict=True) if since >= 0]
        for rest, rule in self.rests:
            if clock + rest <= free and any(asked <= rest for asked in open_rests):
                after = course.copy()
                after.rest(rest)
                label = stretch_label(shop.day.policy.stretches, rule)
                found = self._search(after, left, [*slots, Slot(clock, clock + rest, -1, label)])
                if found is not None:
                    return found
        after = course.copy()
        rests = shop.wait(after, a, left)
        if rests is None:
            return None
        after.reach(shop.work_from[a])
        return self._search(after, left, [*slots, *rests])

    def _turn(self, i: int, left: frozenset[int]) -> tuple[int, float, int]:
        """Due first; then whose kind of work has the most to do for the time in which it may be done, so that
        severe work lies apart; of one kind the longest."""
        shop = self.shop
        if i in self.on_time:
            return 0, float(shop.due[i]), 0
        k = shop.class_of[i]
        kind = self.kind_of[k]
        to_do = sum(shop.seconds[j] for j in left if self.kind_of[shop.class_of[j]] == kind)
        _, closes = shop.window(self.a, k)
        done = 1 - (to_do - shop.seconds[i] / 2) / self.asked[kind]
        return 1, self.opened + done * (closes - self.opened), -shop.seconds[i]
