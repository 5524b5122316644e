"""JSON, read strictly and written so that every number keeps the value it was written with.

Strict means: an object names each key once, NaN and infinity do not exist, and text holds no half of a
surrogate pair. A decimal becomes a float where the float prints as the same number (nearly always) and a
Decimal where it does not, so nothing is rounded on the way in.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from allocator.files.faults import show

BYTE_ORDER_MARK = "\ufeff"


class BadJson(ValueError):  # noqa: N818 - an answer, not a slip
    """The text is not JSON as this project reads it. The message says why, in words."""


def parse(text: str) -> object:
    """The value that a JSON text stands for, or BadJson."""
    if text.startswith(BYTE_ORDER_MARK):
        raise BadJson("begins with a byte order mark, which must go")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJson(f"is not valid JSON: {error.msg.lower()} at character {error.pos + 1}") from None
    except BadJson:
        raise
    except (ValueError, ArithmeticError):  # thousands of digits, or an exponent beyond any use
        raise BadJson("holds a number that is far too long") from None
    except RecursionError:
        raise BadJson("is nested far too deeply") from None
    if "\\u" in text and _has_lone_surrogate(value):
        raise BadJson("holds half of a surrogate pair, which is not a character")
    return value


def dump(value: Any, indent: str = " ", _margin: str = "\n") -> str:
    """The JSON text of a value, one key a line, keys in the order given. Decimals keep every digit."""
    if isinstance(value, dict) and value:
        inner = _margin + indent
        pairs = (f"{_quote(key)}: {dump(child, indent, inner)}" for key, child in value.items())
        return "{" + inner + ("," + inner).join(pairs) + _margin + "}"
    if isinstance(value, (list, tuple)) and value:
        inner = _margin + indent
        return "[" + inner + ("," + inner).join(dump(child, indent, inner) for child in value) + _margin + "]"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("JSON has no word for a number that is not finite")
        return str(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _quote(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a JSON object is text, not {key!r}")
    return json.dumps(key, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise BadJson(f"names the key {show(repeated)} twice in one object")
    return found


def _decimal(text: str) -> float | Decimal:
    exact, near = Decimal(text), float(text)
    return near if Decimal(repr(near)) == exact else exact


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(f"holds {name}, which is not a number")


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return any(_has_lone_surrogate(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_lone_surrogate(part) for part in value)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_constant=_refuse_constant, strict=True
)
