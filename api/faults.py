"""A fault that pydantic found, in our words and without the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

LONGEST = 100
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "is not text",
    "string_unicode": "is not text in Unicode",
    "string_pattern_mismatch": "is not written as described",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "is not a whole number",
    "bool_type": "is neither true nor false",
    "list_type": "is not a list",
    "model_type": "is not an object",
    "model_attributes_type": "is not an object",
    "dict_type": "is not an object",
    "finite_number": "is not a finite number",
}


class Fault(TypedDict):
    """`field` as a path of names and places, `sentence` to be read after it."""

    field: str
    sentence: str


def fault(error: Mapping[str, Any]) -> Fault:
    return {"field": field(error["loc"]), "sentence": sentence(error)}


def field(place: tuple[str | int, ...]) -> str:
    """`("body", "excluded", 3)` is `excluded[3]`; the body itself is `body`."""
    names = place[1:] or place
    path = ""
    for name in names:
        if isinstance(name, str) and not name.isprintable():
            name = "?"  # a key that nobody knows can be anything
        path += f"[{name}]" if isinstance(name, int) else f".{name}" if path else name
    return path[:LONGEST]


def sentence(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in SENTENCES:
        return SENTENCES[kind]
    if kind in ("greater_than_equal", "greater_than"):
        return f"is below {context.get('ge', context.get('gt'))}"
    if kind in ("less_than_equal", "less_than"):
        return f"is above {context.get('le', context.get('lt'))}"
    if kind in ("literal_error", "enum"):
        return f"is none of {context['expected']}"
    if kind == "string_too_short":
        return "is empty" if context["min_length"] == 1 else f"has fewer than {context['min_length']} signs"
    if kind == "string_too_long":
        return f"has more than {context['max_length']} signs"
    if kind == "too_long":
        return f"has more than {context['max_length']} entries"
    if kind == "too_short":
        return f"has fewer than {context['min_length']} entries"
    if kind == "value_error":  # raised by our own validators, whose words are ours
        return str(context["error"])
    return "is not as described"
