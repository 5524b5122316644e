"""A plan that was made while people worked, brought together with what they have done meanwhile.

What the new plan wants of somebody is laid over what they have now: a slot that both hold stays the same
slot, perhaps at another time; what only the old one holds goes, what only the new one holds comes. Whose day
has moved on otherwise than the plan knew is left alone: they keep what they have and get nothing new, and
reviews that others were to have in their stead are dropped. So no plan is thrown away because people work.

Frames in, frames out: nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

MOVED = 60
"""Seconds by which a slot's time may differ before its person is told, and sees it elsewhere."""
KEY = ("auditor", "kind", "item", "start", "end")
ROWS = {
    "id": pl.Int64(),
    "role": pl.String(),
    "label": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
    "published_start": pl.Int64(),
    "published_end": pl.Int64(),
}
TOLD = {
    "auditor": pl.String(),
    "added": pl.Int64(),
    "gone": pl.Int64(),
    "moved": pl.Int64(),
    "since": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class Merged:
    """`rows` (ROWS) says of each planned slot that there is what becomes of it, by its `role`: `own` of the
    new plan, `kept` beside it since it will be begun before, `alone` of somebody left alone, or `gone`.
    `start` and `end` are what its person sees, `published_*` what the plan says where that is another time.

    `added` are new slots, with `review_no` and `state`: those that are dropped are `withdrawn` from the
    beginning. `lost` are items that have fewer reviews planned now than they want, and had more or were to
    have more. `told` (TOLD): whose queue has changed, by how many reviews, and since when.
    """

    rows: pl.DataFrame
    added: pl.DataFrame
    dropped: int
    lost: list[str]
    told: pl.DataFrame


def moved_on(
    known: pl.DataFrame,
    now: pl.DataFrame,
    placed_since: Collection[str],
    there_then: Mapping[str, tuple[int, int]],
    there_now: Mapping[str, tuple[int, int]],
) -> set[str]:
    """Whose day is not as the plan knew it: what it was to plan anew is begun or gone, or something was
    placed or moved since, or they are there at other times. What was kept may be begun, ended or gone."""
    columns = ("id", "auditor", "start", "end")
    before, after = known.select(*columns, "kept"), now.select(columns)
    missing = before.filter(~pl.col("kept")).join(after, on="id", how="anti")
    unknown = after.join(before, on=["id", "start", "end"], how="anti")
    found = {*missing["auditor"].to_list(), *unknown["auditor"].to_list(), *placed_since}
    return found | {name for name, times in there_then.items() if there_now.get(name) != times}


def merged(
    wanted: pl.DataFrame,
    known: pl.DataFrame,
    now: pl.DataFrame,
    had: pl.DataFrame,
    reviews: pl.DataFrame,
    alone: Collection[str],
) -> Merged:
    """
    Args:
        wanted: the new plan's slots but for fixed ones: auditor, kind, item, label, start, end.
        known: what was planned when the plan began to be made, with `kept`, `from` and `to`.
        now: what is planned now (STANDING).
        had: `item` and `review_no` of reviews that are begun, done, or planned for other dates.
        reviews: how many of them an item wants in all; null: one of each person it names.
        alone: who is left alone.
    """
    is_alone = pl.col("auditor").is_in(list(alone))
    kept = known.filter("kept").select("id", "from", "to")
    standing = now.join(kept, on="id", how="left", maintain_order="left")
    here = standing.filter(is_alone)
    stays = standing.filter(~is_alone & pl.col("from").is_not_null())
    open_ = standing.filter(~is_alone & pl.col("from").is_null())

    new = wanted.with_row_index("place")
    matched = _matched(open_, new.filter(~is_alone))
    own = open_.join(matched, on="id", how="inner", maintain_order="left")
    gone = open_.join(matched, on="id", how="anti")
    taken = pl.concat([had, *(part.select("item", "review_no").drop_nulls() for part in (here, stays, own))])
    added = new.join(matched, on="place", how="anti").drop("place")
    fresh = numbered(added.filter(~is_alone).sort("item", "start", maintain_order=True), taken)
    most = fresh.select("item").join(reviews, on="item", how="left", maintain_order="left")["reviews"]
    dropped = (fresh["review_no"] > most).fill_null(False)
    # What somebody left alone was to have newly is nobody's now.
    refused = numbered(added.filter(is_alone), taken.clear())
    added = pl.concat(
        [
            fresh.with_columns(state=pl.when(dropped).then(pl.lit("withdrawn")).otherwise(pl.lit("planned"))),
            refused.with_columns(state=pl.lit("withdrawn")),
        ]
    )

    told = _told(added.filter(pl.col("state") == "planned"), own, stays, gone)
    changed = pl.col("auditor").is_in(told["auditor"].implode())
    return Merged(
        rows=_rows(own, stays, here, gone, changed),
        added=added.sort("auditor", "start", "end", maintain_order=True),
        dropped=int(dropped.sum()),
        lost=_lost([gone, fresh.filter(dropped), refused], pl.concat([taken, _reviews_of(added)]), reviews),
        told=told,
    )


def _matched(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Which slot of before is which of now: reviews of the same item by the same person; breaks at the same
    time, else the first that is left with the first that is left."""
    to = {"start": "new_start", "end": "new_end", "label": "new_label"}
    works = old.filter(pl.col("kind") == "work").join(
        new.filter(pl.col("kind") == "work").rename(to), on=["auditor", "item"], how="inner"
    )
    old_rests, new_rests = (
        part.filter(pl.col("kind") == "break").with_columns(
            copy=pl.int_range(pl.len()).over("auditor", "start", "end")
        )
        for part in (old, new)
    )
    at = ["auditor", "start", "end", "copy"]
    same = old_rests.join(
        new_rests.select(*at, "place", new_label="label", new_start="start", new_end="end"),
        on=at,
        how="inner",
    )
    nth = pl.int_range(pl.len()).over("auditor").alias("copy")
    others = (
        old_rests.join(same, on="id", how="anti")
        .with_columns(nth)
        .join(
            new_rests.join(same, on="place", how="anti").rename(to).with_columns(nth),
            on=["auditor", "copy"],
            how="inner",
        )
    )
    columns = ("id", "place", "new_start", "new_end", "new_label")
    return pl.concat([part.select(columns) for part in (works, same, others)])


def _is_elsewhere(start: str, end: str) -> pl.Expr:
    return pl.max_horizontal(
        (pl.col(start) - pl.col("start")).abs(), (pl.col(end) - pl.col("end")).abs()
    ) > pl.lit(MOVED)


def _told(added: pl.DataFrame, own: pl.DataFrame, stays: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """What of whose queue has changed so that they will notice."""
    moved = own.filter(
        _is_elsewhere("new_start", "new_end") | pl.col("new_label").ne_missing(pl.col("label"))
    )
    later = stays.filter(_is_elsewhere("from", "to"))
    parts = [
        (added, "added", "start"),
        (gone, "gone", "start"),
        (moved, "moved", "start"),
        (moved, "moved", "new_start"),
        (later, "moved", "start"),
    ]
    counted = pl.concat(
        [
            part.select(
                "auditor",
                since=pl.col(at),
                **{
                    name: (pl.col("kind") == "work").cast(pl.Int64)
                    if name == column and at != "new_start"
                    else pl.lit(0, pl.Int64)
                    for name in ("added", "gone", "moved")
                },
            )
            for part, column, at in parts
        ]
    )
    return (
        counted.group_by("auditor")
        .agg(pl.col("added", "gone", "moved").sum(), pl.col("since").min())
        .sort("auditor")
        .select(list(TOLD))
    )


def _rows(
    own: pl.DataFrame, stays: pl.DataFrame, here: pl.DataFrame, gone: pl.DataFrame, changed: pl.Expr
) -> pl.DataFrame:
    """What becomes of the slots. Who would not notice a change sees none: their slots stay where they are,
    and where the plan has them is kept beside."""
    nothing = pl.lit(None, pl.Int64)
    differs = (pl.col("new_start") != pl.col("start")) | (pl.col("new_end") != pl.col("end"))
    moves = _is_elsewhere("from", "to")
    own = own.select(
        "id",
        role=pl.lit("own"),
        label="new_label",
        start=pl.when(changed).then("new_start").otherwise("start"),
        end=pl.when(changed).then("new_end").otherwise("end"),
        published_start=pl.when(~changed & differs).then("new_start"),
        published_end=pl.when(~changed & differs).then("new_end"),
    )
    stays = stays.select(
        "id",
        "label",
        role=pl.lit("kept"),
        start=pl.when(moves).then("from").otherwise("start"),
        end=pl.when(moves).then("to").otherwise("end"),
        published_start=pl.when(moves).then("start"),
        published_end=pl.when(moves).then("end"),
    )
    others = [
        part.select(
            "id", "label", "start", "end", role=pl.lit(role), published_start=nothing, published_end=nothing
        )
        for part, role in ((here, "alone"), (gone, "gone"))
    ]
    return pl.concat([part.select(list(ROWS)) for part in (own, stays, *others)])


def _reviews_of(added: pl.DataFrame) -> pl.DataFrame:
    return added.filter((pl.col("state") == "planned") & (pl.col("kind") == "work")).select(
        "item", "review_no"
    )


def _lost(parts: Iterable[pl.DataFrame], live: pl.DataFrame, reviews: pl.DataFrame) -> list[str]:
    had = pl.concat([part.select("item").drop_nulls() for part in parts]).unique()
    short = (
        had.join(live.group_by("item").len("live"), on="item", how="left")
        .join(reviews, on="item", how="left")
        .filter(pl.col("live").fill_null(0) < pl.col("reviews").fill_null(0))
    )
    return sorted(short["item"].to_list())


def numbered(slots: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """The slots with `review_no`: for each item the least numbers, from 1, that are not taken (item,
    review_no)."""
    nth = pl.int_range(1, pl.len() + 1).over("item")
    plain = slots.with_columns(review_no=pl.when(pl.col("kind") == "work").then(nth).cast(pl.Int64))
    shared = taken.join(slots.select("item").drop_nulls().unique(), on="item", how="semi")
    if shared.is_empty():
        return plain
    by_item: dict[str, set[int]] = {}
    for item, number in shared.iter_rows():
        by_item.setdefault(item, set()).add(number)
    numbers = plain["review_no"].to_list()
    for at in plain["item"].is_in(list(by_item)).fill_null(False).arg_true():
        used = by_item[plain["item"][at]]
        numbers[at] = next(number for number in range(1, len(used) + 2) if number not in used)
        used.add(numbers[at])
    return plain.with_columns(review_no=pl.Series(numbers, dtype=pl.Int64))
