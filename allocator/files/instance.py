"""The instance: from a folder to memory, refused whole with every fault that it has, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from allocator.files.columns import Column, entries
from allocator.files.faults import Fault, Refused, show
from allocator.files.folders import Format, write_folder
from allocator.files.instants import text_from_instant
from allocator.files.json_text import dump
from allocator.files.policy import known_categories, parse_policy, policy_document, unknown_category
from allocator.files.shapes import KEY, LANGUAGE, MARKET, MARKET_OR_ALL, NAME, ZONE, exactly, one_of
from allocator.files.tables import Table, empty_frame, in_order, read_document, read_table
from allocator.files.values import Values
from allocator.instance import Instance
from allocator.rules.policy import LONGEST_SHIFT, MODALITIES, SEVERITIES, UNKNOWN_SEVERITY, Policy

FORMAT = "breakwater-instance/1"
HEAD = "instance.json"
KINDS = ("sample", "escalation", "calibration")
SLOT_KINDS = ("work", "break", "busy")
LEAST_URGENT = 4
MOST_TOTAL = 2**59
"""Sums of seconds, items and dose units are 64-bit integers; the rest is room to add and to weigh by days."""

_MODALITY = one_of(MODALITIES)
_MILDEST, _WORST = SEVERITIES[0], SEVERITIES[-1]

AUDITOR_COLUMNS = {
    "id": Column("text", required=True, shape=NAME),
    "team": Column("text", required=True, shape=NAME),
    "home_market": Column("text", required=True, shape=MARKET),
    "timezone": Column("text", required=True, shape=ZONE),
    "languages": Column("names", required=True, shape=LANGUAGE),
    "markets": Column("names", required=True, shape=MARKET_OR_ALL),
    "clearances": Column("names", default=(), shape=KEY),
    "opt_outs": Column("names", default=(), shape=KEY),
    "max_severity": Column("whole", default=_WORST, least=_MILDEST, most=_WORST),
    "exposure_percent": Column("whole", default=100, least=1, most=100),
    "shift_start": Column("instant", required=True),
    "shift_end": Column("instant", required=True),
    "last_end": Column("instant"),
}
ITEM_COLUMNS = {
    "id": Column("text", required=True, shape=NAME),
    "kind": Column("text", required=True, shape=one_of(KINDS)),
    "market": Column("text", required=True, shape=MARKET),
    "language": Column("text", required=True, shape=LANGUAGE),
    "category": Column("text", required=True, shape=KEY),
    "severity": Column("whole", default=UNKNOWN_SEVERITY, least=_MILDEST, most=_WORST),
    "modality": Column("text", required=True, shape=_MODALITY),
    "seconds": Column("whole", required=True, least=1),
    "reviews": Column("whole", default=1, least=1),
    "priority": Column("whole", default=LEAST_URGENT, least=1, most=LEAST_URGENT),
    "release": Column("instant"),
    "due": Column("instant"),
    "stratum": Column("text", shape=NAME),
    "draw": Column("whole"),
    "excluded": Column("names", default=(), shape=NAME),
    "only": Column("names", default=(), shape=NAME),
}
HISTORY_COLUMNS = {
    "auditor": Column("text", required=True, shape=NAME),
    "work_date": Column("day", required=True),
    "category": Column("text", required=True, shape=KEY),
    "severity": Column("whole", required=True, least=_MILDEST, most=_WORST),
    "modality": Column("text", required=True, shape=_MODALITY),
    "seconds": Column("whole", required=True, least=0),
    "items": Column("whole", required=True, least=0),
}
FIXED_COLUMNS = {
    "auditor": Column("text", required=True, shape=NAME),
    "kind": Column("text", required=True, shape=one_of(SLOT_KINDS)),
    "item": Column("text", shape=NAME),
    "start": Column("instant", required=True),
    "end": Column("instant", required=True),
}
INSTANTS = ("shift_start", "shift_end", "last_end", "release", "due", "start", "end")


@dataclass(frozen=True, slots=True)
class _Head:
    """`instance.json` as far as it could be read: None is absent or wrong. `lacks_now`: absent."""

    name: str | None
    work_date: date | None
    policy: Policy | None
    now: int | None
    lacks_now: bool
    document: dict[str, Any]


def read_instance(folder: Path) -> Instance:
    """The day to plan in a folder. Raises Refused with every fault at once; takes nothing that has one."""
    if not folder.is_dir():
        raise Refused((Fault(str(folder), None, None, "is not a folder"),))
    head, faults = _read_head(folder)
    auditors, auditor_faults = read_table(folder, "auditors", AUDITOR_COLUMNS)
    items, item_faults = read_table(folder, "items", ITEM_COLUMNS)
    history, history_faults = read_table(folder, "history", HISTORY_COLUMNS, required=False)
    fixed, fixed_faults = read_table(folder, "fixed", FIXED_COLUMNS, required=False)
    known = known_categories(head.document.get("policy"))
    if auditors is not None:
        _check_auditors(auditors, known, head.work_date)
    if items is not None:
        _check_items(items, known)
    if history is not None:
        _check_history(history, known, head.work_date)
    if fixed is not None:
        if head.lacks_now and fixed.frame.height:
            faults.append(Fault(HEAD, None, "now", f"is required, since {fixed.file} holds slots that stand"))
        _check_fixed(fixed, auditors, items, head.now)
    if head.policy is not None:
        _check_totals(items, history, head.policy)

    faults += in_order(auditors, auditor_faults) + in_order(items, item_faults)
    faults += in_order(history, history_faults) + in_order(fixed, fixed_faults)
    if faults:
        raise Refused(tuple(faults))

    assert head.name is not None
    assert head.work_date is not None
    assert head.policy is not None
    assert auditors is not None
    assert items is not None
    return Instance(
        name=head.name,
        work_date=head.work_date,
        policy=head.policy,
        now=head.now,
        auditors=auditors.frame,
        items=items.frame,
        history=empty_frame(HISTORY_COLUMNS) if history is None else history.frame,
        fixed=empty_frame(FIXED_COLUMNS) if fixed is None else fixed.frame,
        document=head.document,
    )


def write_instance(instance: Instance, folder: Path, format: Format) -> None:
    """Write a day to a folder, whole or not at all; the same day gives the same bytes.

    Empty history and fixed tables are left out.
    """
    tables = {
        "auditors": instance.auditors,
        "items": instance.items,
        "history": instance.history,
        "fixed": instance.fixed,
    }
    absent = [name for name in ("history", "fixed") if tables[name].is_empty()]
    for name in absent:
        del tables[name]
    text = dump(_document(instance)) + "\n"
    write_folder(folder, (HEAD, text), tables, INSTANTS, format, absent)


def _document(instance: Instance) -> dict[str, Any]:
    """The document the instance was read from where it still says the same, else a new one."""
    given = Values(HEAD)
    said = _head(given, instance.document)
    if not given.faults and (said.name, said.work_date, said.policy, said.now) == (
        instance.name,
        instance.work_date,
        instance.policy,
        instance.now,
    ):
        return instance.document
    document: dict[str, Any] = {
        "format": FORMAT,
        "name": instance.name,
        "work_date": instance.work_date.isoformat(),
        "policy": policy_document(instance.policy),
    }
    if instance.now is not None:
        document["now"] = text_from_instant(instance.now)
    return document


def _read_head(folder: Path) -> tuple[_Head, list[Fault]]:
    nothing = _Head(None, None, None, None, False, {})
    document, fault = read_document(folder / HEAD)
    if fault is not None:
        return nothing, [fault]
    values = Values(HEAD)
    return _head(values, document), values.faults


def _head(values: Values, document: object) -> _Head:
    given = values.members(document, "", ("format", "name", "work_date", "policy"), ("now",)) or {}
    values.text(given.get("format"), "format", exactly(FORMAT))
    name = values.text(given.get("name"), "name", NAME)
    work_date = values.day(given.get("work_date"), "work_date")
    policy = None
    if given.get("policy") is not None:
        policy, faults = parse_policy(given["policy"], values.file)
        values.faults += faults
    now = values.instant(given.get("now"), "now")
    return _Head(name, work_date, policy, now, "now" not in given or given["now"] is None, given)


def _check_auditors(table: Table, known: tuple[str, ...] | None, work_date: date | None) -> None:
    frame = table.frame
    _check_ids(table)
    _check_known(table, "opt_outs", known)
    length = frame["shift_end"] - frame["shift_start"]
    table.complain(length <= 0, "shift_end", "must be after shift_start")
    hours = LONGEST_SHIFT // 3600
    table.complain(length > LONGEST_SHIFT, "shift_end", f"must be at most {hours} hours after shift_start")
    late = frame["last_end"] > frame["shift_start"]
    table.complain(late, "last_end", "must not be after shift_start, for it is the end of earlier work")
    if work_date is None:
        return
    local = [
        None if zone is None or start is None else _local_date(start, zone)
        for zone, start in zip(frame["timezone"], frame["shift_start"], strict=True)
    ]
    elsewhere = pl.Series([day is not None and day != work_date for day in local], dtype=pl.Boolean)
    zones = frame["timezone"]
    table.complain(
        elsewhere,
        "shift_start",
        lambda place: f"must be on {work_date} in {zones[place]}, and is on {local[place]} there",
    )


def _local_date(instant: int, zone: str) -> date:
    """The date on a clock in that zone. At the very ends of the calendar, the date in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant)
    try:
        return moment.astimezone(ZoneInfo(zone)).date()
    except OverflowError:
        return moment.date()


def _check_items(table: Table, known: tuple[str, ...] | None) -> None:
    """What the columns of an item say together; then what follows for the columns left to be filled in."""
    _check_ids(table)
    _check_known(table, "category", known)
    frame = table.frame
    kind = frame["kind"]
    sample = kind == "sample"
    table.complain(sample & frame["draw"].is_null(), "draw", "is required for a sample")
    table.complain(~sample & frame["draw"].is_not_null(), "draw", "is for samples only")
    table.complain(~sample & frame["stratum"].is_not_null(), "stratum", "is for samples only")
    urgent = (kind != "escalation") & (frame["priority"] != LEAST_URGENT)
    table.complain(urgent, "priority", "is for escalations only")
    asked = frame["only"].list.len()
    table.complain((kind != "calibration") & (asked > 0), "only", "is for calibrations only")
    table.complain(frame["due"] < frame["release"], "due", "must not be before release")

    spelled = pl.concat_str("market", "language", "category", "severity", separator="/")
    spoilt = [place for place, column in table.wrong if column == "stratum"]
    has_stratum = (pl.col("kind") == "sample") & ~pl.int_range(pl.len()).is_in(spoilt)
    table.frame = frame.with_columns(
        stratum=pl.when(has_stratum).then(pl.col("stratum").fill_null(spelled)),
        reviews=pl.when(asked > 0).then(asked.cast(pl.Int64)).otherwise("reviews"),
    )
    _check_strata(table)


def _check_strata(table: Table) -> None:
    """Each stratum has one market, language, category and severity, and no position of its draw twice.

    Where the items of a stratum differ, the most frequent combination (of equally frequent ones the first)
    is taken to be meant, and the others are the fault.
    """
    shared = ("market", "language", "category", "severity")
    places = table.frame.select("stratum", "draw", *shared).with_row_index("place").drop_nulls("stratum")
    complete = places.drop_nulls(shared)
    if complete.select("stratum", *shared).n_unique() > complete["stratum"].n_unique():
        kinds = complete.group_by("stratum", *shared).agg(pl.len().alias("items"), pl.col("place").min())
        meant = kinds.sort("items", "place", descending=[True, False]).unique("stratum", keep="first")
        compared = complete.join(meant.drop("items", "place"), on="stratum", suffix="_meant")
        for row in compared.iter_rows(named=True):
            differing = [name for name in shared if row[name] != row[f"{name}_meant"]]
            if differing:
                pairs = (f"{name} {show(row[name])} and {show(row[f'{name}_meant'])}" for name in differing)
                message = f"must have one market, language, category and severity, not {', '.join(pairs)}"
                table.complain_at(row["place"], "stratum", message)

    drawn = places.drop_nulls(["draw"])
    again = drawn.filter(~pl.struct("stratum", "draw").is_first_distinct())
    for place, stratum, draw in again.select("place", "stratum", "draw").iter_rows():
        table.complain_at(place, "draw", f"repeats position {draw} in the draw of stratum {show(stratum)}")


def _check_history(table: Table, known: tuple[str, ...] | None, work_date: date | None) -> None:
    _check_known(table, "category", known)
    if work_date is not None:
        days = table.frame["work_date"]
        table.complain(
            days >= work_date,
            "work_date",
            lambda place: f"must be before the work date {work_date}, and is {days[place]}",
        )


def _check_fixed(table: Table, auditors: Table | None, items: Table | None, now: int | None) -> None:
    frame = table.frame
    _check_refers(table, "auditor", auditors, "auditors")
    _check_refers(table, "item", items, "items")
    work = frame["kind"] == "work"
    table.complain(work & frame["item"].is_null(), "item", "is required for work")
    table.complain(~work & frame["item"].is_not_null(), "item", "is for work only")
    table.complain(frame["end"] <= frame["start"], "end", "must be after start")
    if now is not None:
        started = "must be before now, for only work that has started stands"
        table.complain(work & (frame["start"] >= now), "start", started)


def _check_ids(table: Table) -> None:
    ids = table.frame["id"]
    if ids.drop_nulls().n_unique() == len(ids):
        return
    first: dict[str, int] = {}
    for place, name in enumerate(ids):
        first.setdefault(name, place)
    table.complain(
        ~ids.is_first_distinct() & ids.is_not_null(),
        "id",
        lambda place: f"repeats the id {show(ids[place])} of row {table.row(first[ids[place]])}",
    )


def _check_known(table: Table, column: str, known: tuple[str, ...] | None) -> None:
    """Where the policy lists its categories, every category is one of them."""
    if known is None:
        return
    cells = table.frame[column]
    if cells.dtype == pl.List:
        listed = entries(cells).filter(~pl.col("entry").is_in(known))
        for place, category in listed.iter_rows():
            table.complain_at(place, column, unknown_category(category))
    else:
        table.complain(~cells.is_in(known), column, lambda place: unknown_category(cells[place]))


def _check_refers(table: Table, column: str, target: Table | None, name: str) -> None:
    """What is named is there. Not judged where the other table could not be read whole."""
    if target is None or not target.whole or target.has_wrong("id"):
        return
    cells = table.frame[column]
    unknown = ~cells.is_in(target.frame["id"].implode())
    table.complain(unknown, column, lambda place: f"names {show(cells[place])}, which is not in {name}")


def _check_totals(items: Table | None, history: Table | None, policy: Policy) -> None:
    """Every sum that a plan may need, in seconds, items or dose units, has to fit 64 bits."""
    heaviest = max(1, max(policy.dose.severity) * max(policy.dose.modality_tenths.values()))
    totals: list[tuple[Table | None, Callable[[pl.DataFrame], pl.Series], str]] = [
        (items, lambda frame: frame["seconds"].cast(pl.Float64) * frame["reviews"] * heaviest, "seconds"),
        (history, lambda frame: frame["seconds"].cast(pl.Float64) * heaviest, "seconds"),
        (history, lambda frame: frame["items"].cast(pl.Float64), "items"),
    ]
    for table, amounts, column in totals:
        if table is not None and float(amounts(table.frame).sum()) > MOST_TOTAL:
            message = "adds up, over all rows and at the heaviest dose, to more than 64 bits hold"
            table.faults.append(Fault(table.file, None, column, message))
