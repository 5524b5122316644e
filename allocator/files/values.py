"""Checks of single values in a JSON document, each leaving a fault with the path to the value.

Every check answers the value in its own type, or None where the value is absent or wrong; what is wrong has
then been noted. So a caller asks for everything and looks once, at the end, whether there are faults.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from allocator.files.faults import Fault, key_path, show
from allocator.files.instants import date_from_text, instant_from_text, why_no_instant
from allocator.files.shapes import Shape

Kind = TypeVar("Kind")

INT64_LEAST, INT64_MOST = -(2**63), 2**63 - 1
TOO_LONG = "must fit into 64 bits"
LONGEST_NUMBER = 64
"""Digits before and after the point of a decimal that is taken exactly as written."""


class Values:
    """The checks, and the faults of one document in the order in which they were found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []

    def fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(self.file, None, path or None, message))

    def members(
        self, value: object, path: str, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, object] | None:
        """An object with these keys and no other. A key with null counts as absent."""
        found = self.mapping(value, path)
        if found is None:
            return None
        for key in found:
            if key not in required and key not in optional:
                self.fault(key_path(path, key), "is not a known key")
        for key in required:
            if found.get(key) is None:
                self.fault(key_path(path, key), "is required")
        return found

    def mapping(self, value: object, path: str) -> dict[str, object] | None:
        """An object with any keys."""
        return self._typed(value, path, dict, "an object")

    def elements(self, value: object, path: str) -> list[object] | None:
        return self._typed(value, path, list, "a list")

    def text(self, value: object, path: str, shape: Shape | None = None) -> str | None:
        text = self._typed(value, path, str, "text")
        if text is not None and shape is not None and not shape.fits(text):
            self.fault(path, f"must be {shape.words}, not {show(text)}")
            return None
        return text

    def texts(self, value: object, path: str, shape: Shape) -> list[str] | None:
        """A list of texts of this shape without a repeated entry."""
        listed = self.elements(value, path)
        if listed is None:
            return None
        found: list[str] = []
        for place, entry in enumerate(listed):
            here = f"{path}[{place}]"
            if entry is None:
                self.fault(here, "must be text, not null")
                continue
            text = self.text(entry, here, shape)
            if text is not None and text in found:
                self.fault(here, f"repeats the entry {show(text)}")
            elif text is not None:
                found.append(text)
        return found

    def whole(self, value: object, path: str, least: int = INT64_LEAST, most: int = INT64_MOST) -> int | None:
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            huge = isinstance(value, int) and not INT64_LEAST <= value <= INT64_MOST
            words = TOO_LONG if huge else f"must be {whole_words(least, most)}"
            self.fault(path, f"{words}, not {show(value)}")
            return None
        return value

    def integer(self, value: object, path: str) -> int | None:
        """A whole number of any size."""
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.fault(path, f"must be a whole number, not {show(value)}")
        return None

    def exact(self, value: object, path: str) -> Fraction | None:
        """A number of at least 0, exactly as it was written. A float stands for the decimal it prints as."""
        if value is None:
            return None
        number = _as_decimal(value)
        if number is None or not number.is_finite() or number < 0:
            self.fault(path, f"must be a number of at least 0, not {show(value)}")
            return None
        _, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)  # finite numbers have one
        if len(digits) + abs(exponent) > LONGEST_NUMBER:
            self.fault(path, f"must be a number of at most {LONGEST_NUMBER} digits")
            return None
        return Fraction(number)

    def finite(self, value: object, path: str) -> float | None:
        """A number that a float can hold."""
        if value is None:
            return None
        number = _as_decimal(value)
        near = math.inf if number is None else float(number)
        if not math.isfinite(near):
            self.fault(path, f"must be a finite number, not {show(value)}")
            return None
        return near

    def day(self, value: object, path: str) -> date | None:
        text = self._typed(value, path, str, "a date such as 2026-11-23")
        found = None if text is None else date_from_text(text)
        if text is not None and found is None:
            self.fault(path, f"must be a date such as 2026-11-23, not {show(text)}")
        return found

    def instant(self, value: object, path: str) -> int | None:
        text = self._typed(value, path, str, "an instant such as 2026-11-23T08:00:00Z")
        found = None if text is None else instant_from_text(text)
        if text is not None and found is None:
            self.fault(path, f"{why_no_instant(text)}, not {show(text)}")
        return found

    def _typed(self, value: object, path: str, kind: type[Kind], words: str) -> Kind | None:
        if value is None:
            return None
        if not isinstance(value, kind):
            self.fault(path, f"must be {words}, not {show(value)}")
            return None
        return value


def whole_words(least: int, most: int) -> str:
    """The sentence's end for a whole number between two bounds."""
    if most != INT64_MOST:
        return f"a whole number from {least} to {most}"
    if least == INT64_LEAST:
        return "a whole number"
    return "a whole number greater than 0" if least == 1 else f"a whole number of at least {least}"


def _as_decimal(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    return Decimal(repr(value)) if isinstance(value, float) else None
