"""The team's day: one row a person, drawn in that person's local time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from rich.console import Group, RenderableType
from rich.text import Text

from allocator.instance import Instance
from allocator.plan import Plan
from config.demo.view.signs import BREAKS, BUSY, FREE, KINDS, SHORT, STYLES, Signs, severity_kind

CELLS = (300, 600, 720, 900, 1200, 1800, 3600, 7200)
"""Seconds that one sign may stand for."""
LONGEST_NAME = 12
HOURS_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a person's day, in seconds since midnight on that person's clock."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """A person's day; `work` in seconds, times in seconds since local midnight of the work date."""

    name: str
    zone: str
    start: int
    end: int
    spans: tuple[Span, ...]
    work: int


def local_start(auditor: dict[str, Any]) -> int:
    """The shift's start on the person's own clock, in seconds since midnight."""
    start = datetime.fromtimestamp(auditor["shift_start"], ZoneInfo(auditor["timezone"]))
    return start.hour * 3600 + start.minute * 60 + start.second


def rows(instance: Instance, plan: Plan) -> list[Row]:
    """Everybody on shift, by time zone, then by the start of the shift."""
    severities = dict(instance.items.select("id", "severity").iter_rows())
    slots: dict[str, list[tuple[str, int, int]]] = {}
    columns = ("auditor", "kind", "item", "label", "start", "end")
    for auditor, kind, item, label, start, end in plan.slots.sort("start").select(columns).iter_rows():
        if kind == "work":
            shown = severity_kind(instance.policy, severities[item])
        else:
            shown = BUSY if kind == "busy" else BREAKS.get(label, SHORT)
        slots.setdefault(auditor, []).append((shown, start, end))
    found = []
    for auditor in instance.auditors.iter_rows(named=True):
        first = local_start(auditor)
        shift = auditor["shift_start"] - first
        mine = slots.get(auditor["id"], [])
        found.append(
            Row(
                name=auditor["id"],
                zone=auditor["timezone"],
                start=first,
                end=auditor["shift_end"] - shift,
                spans=tuple(Span(kind, start - shift, end - shift) for kind, start, end in mine),
                work=sum(end - start for kind, start, end in mine if kind in KINDS[:3]),
            )
        )
    return sorted(found, key=lambda row: (row.zone, row.start, row.name))


def cells(row: Row, origin: int, cell: int, count: int) -> list[str | None]:
    """What fills most of each cell; None outside the shift. A break always shows, where it fills most."""
    filled: list[dict[str, int]] = [{} for _ in range(count)]

    def overlaps(start: int, end: int) -> list[tuple[int, int]]:
        first, last = max(0, (start - origin) // cell), min(count, -((origin - end) // cell))
        return [
            (index, min(end, origin + (index + 1) * cell) - max(start, origin + index * cell))
            for index in range(first, last)
        ]

    shown: list[str | None] = [None] * count
    for index, seconds in overlaps(row.start, row.end):
        if 2 * seconds >= cell:
            filled[index][FREE] = seconds
    for span in row.spans:
        for index, seconds in overlaps(span.start, span.end):
            filled[index][span.kind] = filled[index].get(span.kind, 0) + seconds
            if FREE in filled[index]:
                filled[index][FREE] -= seconds
    for index, kinds in enumerate(filled):
        if kinds:
            shown[index] = max(kinds, key=lambda kind: (kinds[kind], KINDS.index(kind)))
    for span in row.spans:
        if span.kind in BREAKS.values():
            for index, _ in sorted(overlaps(span.start, span.end), key=lambda overlap: -overlap[1])[:1]:
                shown[index] = span.kind
    return shown


def hour_line(origin: int, cell: int, count: int) -> str:
    """The hours above the rows, each above its first cell, as many as there is room for."""
    every = next(hours for hours in (1, 2, 3, 4, 6, 12, 24) if hours * 3600 >= 4 * cell)
    line = [" "] * count
    for hour in range(-(-origin // 3600), (origin + count * cell) // 3600 + 1):
        at = (hour * 3600 - origin) // cell
        if hour % every == 0 and at + 2 <= count:
            line[at : at + 2] = f"{hour % 24:02d}"
    return "".join(line).rstrip()


def drawn(row: Row, names: int, origin: int, cell: int, count: int, signs: Signs) -> Text:
    name = row.name if len(row.name) <= names else row.name[: names - 1] + "…"
    text = Text(f"{name:<{names}} ", no_wrap=True, overflow="crop")
    for kind in cells(row, origin, cell, count):
        text.append(" " if kind is None else signs.kind[kind], style="" if kind is None else STYLES[kind])
    text.append(f"{row.work / 3600:{HOURS_WIDTH - 2}.1f} h")
    return text


def legend(cell: int, signs: Signs) -> Text:
    text = Text(
        f"one sign is {cell // 60} min of work or rest and shows what fills most of it\n", style="dim"
    )
    text.append_text(
        Text("  ").join(
            Text.assemble((signs.kind[kind], STYLES[kind]), f" {kind}") for kind in KINDS if kind != BUSY
        )
    )
    return text


def timeline(instance: Instance, plan: Plan, signs: Signs, width: int) -> RenderableType:
    everybody = rows(instance, plan)
    if not everybody:
        return Text("nobody is on shift")
    origin = min(row.start for row in everybody) // 3600 * 3600
    end = max(row.end for row in everybody)
    names = min(LONGEST_NAME, max(len(row.name) for row in everybody))
    room = width - names - HOURS_WIDTH - 2
    cell = next((seconds for seconds in CELLS if (end - origin) / seconds <= room), CELLS[-1])
    count = min(room, -((origin - end) // cell))
    hours = f"{hour_line(origin, cell, count):<{count}}{'work':>{HOURS_WIDTH}}"
    lines: list[Text] = []
    zone = None
    for row in everybody:
        if row.zone != zone:
            if zone is not None:
                lines.append(Text())
            zone = row.zone
            lines.append(Text(f"{zone}, local time", style="bold"))
            lines.append(Text(" " * (names + 1) + hours, style="dim"))
        lines.append(drawn(row, names, origin, cell, count, signs))
    return Group(*lines, Text(), legend(cell, signs))


def worked(plan: Plan) -> int:
    """Seconds of planned work."""
    work = plan.slots.filter(pl.col("kind") == "work")
    return int((work["end"] - work["start"]).sum())
