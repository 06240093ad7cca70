"""What `plain_reader` must know of each field, as tables read off the classes of `events` and the places of `rows`."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec.inspect as mi

from shared.contract import events as e
from shared.contract.block_wire import HASHED, NAMED, NUMBERS
from shared.contract.rows import FLAGS, HANDLED, KIND_OF, PLACES

PLACE_OF = {name: place for place, name in enumerate((*NAMED, *HASHED, "flags", *NUMBERS, "id"))}
"""Where an event keeps what: a cell for each column of a block, in the order of `block_writer.COLUMNS`, then its id."""
NOWHERE = 255

FIELDS = ("type", *sorted({name for event in e.EVENT_TYPES for name in event.__struct_fields__}))
"""Keys of the contract; a key's number is its place here, plus one."""
KEYS_MAX = 64
"""Those of an event are the bits of one number."""
assert len(FIELDS) < KEYS_MAX, "give the reader more than 64 bits"
KEY = {name: number for number, name in enumerate(FIELDS, 1)}
REFUSED = 255
"""A key that only decoding may judge."""

TEXT, TIME, WHOLE, DURATION, TRUTH, WORD, CHANNEL = range(1, 8)
"""How a value is judged."""


def _words() -> list[str]:
    """Words that have a meaning: keys, types, and what stands in a list."""
    lists = [words for flags in FLAGS.values() for words in flags.values()]
    listed = {word for words in lists for word in words if isinstance(word, str)}
    return sorted({*FIELDS, *e.REFUSED_KEYS, *e.KINDS, *listed})


WORDS = _words()
"""A word's number is its place here, plus one; 0 is any other text."""
assert len(WORDS) < 256, "numbers of words are bytes"


WORD_WIDTH = 1 + max(map(len, WORDS))
PADDED_WORDS = bytearray(
    b"".join((bytes([len(word)]) + word.encode()).ljust(WORD_WIDTH, b"\0") for word in ("", *WORDS))
)
"""By a word's number: its length and text, padded to one width."""
STOPS = bytearray(byte < 32 or byte in b'"\\' for byte in range(256))
"""Bytes at which a text ends, or is not plain."""


def _slots() -> tuple[list[int], bytearray]:
    """Factors that give each word a slot of its own, and the words' numbers by slot."""
    for seed in range(1, 10_000):
        factors = [seed * prime % 8191 for prime in (6151, 3079, 1543, 769, 389)]
        slots = bytearray(SLOTS)
        for number, word in enumerate(WORDS, 1):
            slot = _slot(word.encode(), factors)
            if slots[slot]:
                break
            slots[slot] = number
        else:
            return factors, slots
    raise AssertionError("two words agree in length, first, middle, three-quarter and last byte: look at more bytes")


SLOTS = 4096


def _slot(word: bytes, factors: list[int]) -> int:
    n = len(word)
    sampled = (n, word[0], word[n >> 1], word[n * 3 >> 2], word[n - 1])
    return sum(byte * factor for byte, factor in zip(sampled, factors, strict=True)) % SLOTS


FACTORS, WORD_AT = _slots()

KEY_OF_WORD = bytearray(256)
KIND_OF_WORD = bytearray(b"\xff" * 256)
for _word, _text in enumerate(WORDS, 1):
    KEY_OF_WORD[_word] = REFUSED if _text in e.REFUSED_KEYS else KEY.get(_text, 0)
    if _text in e.KINDS:
        KIND_OF_WORD[_word] = e.KINDS.index(_text)

_CELLS = len(e.KINDS) * KEYS_MAX
RULES = bytearray(_CELLS)
"""By kind and key: how its value is judged; 0: the kind has no such field."""
PLACES_OF = bytearray(bytes([NOWHERE]) * _CELLS)
"""By kind and key: the cell for its value."""
LEAST, MOST = array("d", bytes(8 * _CELLS)), array("d", bytes(8 * _CELLS))
"""By kind and key: bounds of a number, or of a text's length."""
BITS_AT = array("q", bytes(8 * _CELLS))
"""By kind and key: where in BITS the bits of its words stand."""
BITS = array("i")
"""By word: the bits of `flags` that it sets; -1: not in the list. For a truth, those of true stand first."""
REQUIRED = array("Q", bytes(8 * len(e.KINDS)))
"""By kind: the keys that each event has."""


def _rule(of: mi.Type) -> tuple[int, float, float]:
    """How a value of a type is judged, between which bounds. Raises for types that the reader does not know."""
    match of:
        case mi.StrType(min_length=int(least), max_length=int(most), pattern=None):
            return TEXT, least, most
        case mi.IntType(ge=int(least), le=int(most), gt=None, lt=None, multiple_of=None):
            return WHOLE, least, most
        case mi.FloatType(ge=least, le=most, gt=None, lt=None, multiple_of=None) if None not in (least, most):
            return DURATION, float(least or 0), float(most or 0)
        case mi.BoolType():
            return TRUTH, 0, 0
        case mi.LiteralType():
            return WORD, 0, 0
    raise TypeError(f"the reader of plain events knows no {of}")


def _learn(event_type: type[e.Event], kind: int) -> None:
    columns = {field: column for column, field in PLACES[kind].items()} | {"id": "id"}
    described = mi.type_info(event_type)
    assert isinstance(described, mi.StructType)
    REQUIRED[kind] |= 1 << KEY["type"]
    for field in described.fields:
        at = kind * KEYS_MAX + KEY[field.name]
        of = field.type
        if isinstance(of, mi.UnionType) and field.name != "ts":
            (of,) = [part for part in of.types if not isinstance(part, mi.NoneType)]
        times = (TIME, e.SECONDS_SINCE_1970.stop, e.TS_MS_MAX)  # not plain: seconds, and before that what nobody sends
        RULES[at], LEAST[at], MOST[at] = times if field.name == "ts" else _rule(of)
        if field.required:
            REQUIRED[kind] |= 1 << KEY[field.name]
        if field.name in columns:
            PLACES_OF[at] = PLACE_OF[columns[field.name]]
        words: Any = FLAGS.get(kind, {}).get(field.name)
        assert words is not None or RULES[at] not in (TRUTH, WORD), f"{field.name} has no place in `flags`"
        if words is not None:
            BITS_AT[at] = len(BITS)
            BITS.extend([words[True]] if RULES[at] == TRUTH else [-1, *(_bits(words, word) for word in WORDS)])
            if RULES[at] == TEXT:
                RULES[at] = CHANNEL


def _bits(words: Any, word: str) -> int:
    return int(words[word]) if word in words else -1


for _event_type, _kind in KIND_OF.items():
    _learn(_event_type, _kind)
assert KIND_OF[e.ContactHandled] == HANDLED
