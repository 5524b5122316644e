"""What a piece of text may look like: codes, tags, keys and names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Shape:
    """`fits` answers for one text; `words` complete the sentence "must be …"."""

    words: str
    fits: Callable[[str], bool]


def _pattern(words: str, pattern: str, flags: int = 0) -> Shape:
    compiled = re.compile(pattern, flags)
    return Shape(words, lambda text: compiled.fullmatch(text) is not None)


@cache
def _zones() -> frozenset[str]:
    """The names of the IANA database, from the package that carries it: the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def one_of(words: tuple[str, ...]) -> Shape:
    return Shape("one of " + ", ".join(words), lambda text: text in words)


def exactly(word: str) -> Shape:
    return Shape(f"{word!r}", lambda text: text == word)


# RFC 5646, section 2.1; subtags are compared without regard to case.
_LANGUAGE = r"""
    (?: (?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4} | [a-z]{5,8} )
        (?: -[a-z]{4} )?
        (?: -(?: [a-z]{2} | [0-9]{3} ) )?
        (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*
        (?: -[0-9a-wy-z] (?: -[a-z0-9]{2,8} )+ )*
        (?: -x (?: -[a-z0-9]{1,8} )+ )?
      | x (?: -[a-z0-9]{1,8} )+
      | en-gb-oed | i-ami | i-bnn | i-default | i-enochian | i-hak | i-klingon | i-lux | i-mingo
      | i-navajo | i-pwn | i-tao | i-tay | i-tsu | sgn-be-fr | sgn-be-nl | sgn-ch-de
    )"""

NAME = Shape("text that is not empty", lambda text: text != "")
KEY = _pattern("a word of the letters a-z, digits and hyphens", "[a-z0-9-]+")
MARKET = _pattern("a market of two capital letters such as ID", "[A-Z]{2}")
MARKET_OR_ALL = _pattern("a market of two capital letters such as ID, or *", r"[A-Z]{2}|\*")
LANGUAGE = _pattern("a BCP 47 language tag such as pt-BR", _LANGUAGE, re.VERBOSE | re.IGNORECASE | re.ASCII)
ZONE = Shape("an IANA time zone such as Asia/Jakarta", lambda text: text in _zones())
SCOPE = _pattern("org, market:X, team:X or auditor:X", r"org|market:[A-Z]{2}|(?:team|auditor):(?s:.+)")
