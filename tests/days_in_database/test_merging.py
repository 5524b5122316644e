"""A new plan and the day as it has gone on, brought together: what is lost asks for another place."""

from __future__ import annotations

import polars as pl

from models.merging import Merged, merged
from models.snapshot import STANDING

WANTED = {
    "auditor": pl.String(),
    "kind": pl.String(),
    "item": pl.String(),
    "label": pl.String(),
    "start": pl.Int64(),
    "end": pl.Int64(),
}
KNOWN = STANDING | {"kept": pl.Boolean(), "from": pl.Int64(), "to": pl.Int64()}
HAD = {"item": pl.String(), "review_no": pl.Int64()}
REVIEWS = {"item": pl.String(), "reviews": pl.Int64()}


def together(alone: set[str]) -> Merged:
    """The new plan gives `urgent`, which had no place, to ada; ben keeps his review of `usual`."""
    bens = (7, "ben", "work", "usual", 1, None, 1000, 1600, None)
    return merged(
        wanted=pl.DataFrame(
            [
                ("ada", "work", "urgent", None, 1000, 1300),
                ("ben", "work", "usual", None, 1000, 1600),
            ],
            schema=WANTED,
            orient="row",
        ),
        known=pl.DataFrame([(*bens, False, None, None)], schema=KNOWN, orient="row"),
        now=pl.DataFrame([bens], schema=STANDING, orient="row"),
        had=pl.DataFrame(schema=HAD),
        reviews=pl.DataFrame([("urgent", 1), ("usual", 1)], schema=REVIEWS, orient="row"),
        alone=alone,
    )


def test_what_was_to_go_to_somebody_left_alone_asks_for_another_place() -> None:
    change = together({"ada"})
    assert change.lost == ["urgent"]
    assert change.added.select("item", "state").rows() == [("urgent", "withdrawn")]


def test_what_has_its_place_asks_for_none() -> None:
    change = together(set())
    assert change.lost == []
    assert change.added.select("item", "state").rows() == [("urgent", "planned")]
