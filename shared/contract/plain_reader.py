"""Reads bodies of plain JSON without making an object of anything in them. Compiled at install.

What is valid is defined by `events` and decoded by msgspec. This reader takes a part of that whose meaning is certain:
flat objects with no key twice, texts without escapes, plain numbers, no null, times in ms. Of a body with anything
else, good or bad, it says nothing (None), and decoding has to judge. So it can save time and change nothing.

It stays within the body because a `bytes` ends with a NUL beyond its length, and no loop goes past a NUL.
"""

from __future__ import annotations

from array import array

import cython

from shared.contract import plain_fields as fields
from shared.contract.block_wire import NAN_BITS
from shared.contract.plain_events import BYTES_PER_EVENT_MAX, CELLS, PlainEvents
from shared.contract.rows import FLAGS, HANDLED, OFFERED

_CELLS = cython.declare(cython.Py_ssize_t, CELLS)
_FLAGS = cython.declare(cython.Py_ssize_t, fields.PLACE_OF["flags"])
_HANDLE_TIME = cython.declare(cython.Py_ssize_t, fields.PLACE_OF["n0"])
_ID = cython.declare(cython.Py_ssize_t, fields.PLACE_OF["id"])
_NAN_BITS = cython.declare(cython.ulonglong, NAN_BITS)  # as in a block: numbers not said are NaN, all else is 0

_QUOTE, _COLON = cython.declare(cython.int, ord('"')), cython.declare(cython.int, ord(":"))
_COMMA, _POINT = cython.declare(cython.int, ord(",")), cython.declare(cython.int, ord("."))
_OPEN, _CLOSE = cython.declare(cython.int, ord("{")), cython.declare(cython.int, ord("}"))
_OPEN_ARRAY, _CLOSE_ARRAY = cython.declare(cython.int, ord("[")), cython.declare(cython.int, ord("]"))
_BLANK, _TAB = cython.declare(cython.int, ord(" ")), cython.declare(cython.int, ord("\t"))
_NEWLINE, _RETURN = cython.declare(cython.int, ord("\n")), cython.declare(cython.int, ord("\r"))
_ZERO, _NINE = cython.declare(cython.int, ord("0")), cython.declare(cython.int, ord("9"))

# What was found as a value.
_STRING, _INTEGER = cython.declare(cython.int, 1), cython.declare(cython.int, 2)
_DECIMAL, _TRUE, _FALSE = cython.declare(cython.int, 3), cython.declare(cython.int, 4), cython.declare(cython.int, 5)

_DIGITS_MAX = cython.declare(cython.int, 15)
"""So long a number is exact as a float64, and so is the power of ten below it: one rounding, the right one."""
_POWER = cython.declare(cython.double[::1], array("d", [10.0**digits for digits in range(16)]))

_STOPS = cython.declare(cython.uchar[::1], fields.STOPS)

_KEYS_MAX = cython.declare(cython.int, fields.KEYS_MAX)
_REFUSED = cython.declare(cython.int, fields.REFUSED)
_NOWHERE = cython.declare(cython.int, fields.NOWHERE)
_TEXT, _TIME = cython.declare(cython.int, fields.TEXT), cython.declare(cython.int, fields.TIME)
_WHOLE, _DURATION = cython.declare(cython.int, fields.WHOLE), cython.declare(cython.int, fields.DURATION)
_TRUTH, _CHANNEL = cython.declare(cython.int, fields.TRUTH), cython.declare(cython.int, fields.CHANNEL)
_TYPE = cython.declare(cython.int, fields.KEY["type"])
_HANDLE_TIME_S = cython.declare(cython.int, fields.KEY["handle_time_s"])
_TALK_S = cython.declare(cython.int, fields.KEY["talk_s"])
_HOLD_S = cython.declare(cython.int, fields.KEY["hold_s"])
_ACW_S = cython.declare(cython.int, fields.KEY["acw_s"])
_HANDLED = cython.declare(cython.int, HANDLED)
_NO_KIND = cython.declare(cython.int, 255)

_RULES = cython.declare(cython.uchar[::1], fields.RULES)
_PLACES = cython.declare(cython.uchar[::1], fields.PLACES_OF)
_LEAST = cython.declare(cython.double[::1], fields.LEAST)
_MOST = cython.declare(cython.double[::1], fields.MOST)
_BITS_AT = cython.declare(cython.longlong[::1], fields.BITS_AT)
_BITS = cython.declare(cython.int[::1], fields.BITS)
_REQUIRED = cython.declare(cython.ulonglong[::1], fields.REQUIRED)
_KEY_OF_WORD = cython.declare(cython.uchar[::1], fields.KEY_OF_WORD)
_KIND_OF_WORD = cython.declare(cython.uchar[::1], fields.KIND_OF_WORD)

_WORD_AT = cython.declare(cython.uchar[::1], fields.WORD_AT)
_SLOTS = cython.declare(cython.Py_ssize_t, fields.SLOTS)
_FACTORS = cython.declare(cython.longlong[::1], array("q", fields.FACTORS))
_WORD_WIDTH = cython.declare(cython.Py_ssize_t, fields.WORD_WIDTH)
_WORDS = cython.declare(cython.uchar[::1], fields.PADDED_WORDS)

SAVES_TIME: bool = cython.compiled
"""Interpreted it is right, and far slower than decoding."""
_spare_readers: list[_Reader] = []
"""Making one costs more than reading a short body."""


def read_plain(body: bytes, by_line: bool, ts_max_ms: int, rows_max: int) -> PlainEvents | None:
    """The events of a body (a JSON array; or an object a line) if all are plain, good, and not after `ts_max_ms`.

    None says nothing about the body, only that it is not for this reader; also when there are more than `rows_max`.
    """
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return None
    reader = _spare_readers.pop() if _spare_readers else _Reader(rows_max)
    found = reader.read(body, by_line, ts_max_ms, rows_max)
    _spare_readers.append(reader)
    return found


@cython.final
@cython.cclass
class _Reader:
    """Goes through a body once; `at` is the next byte. Every method says False (or -1) for what is not plain."""

    def __init__(self, rows_max: cython.Py_ssize_t) -> None:
        self.rows_max = rows_max
        self.kinds = bytearray(rows_max)
        self.raw = bytearray(8 * CELLS * rows_max)
        self.cells = memoryview(self.raw).cast("Q")
        self.numbers = memoryview(self.raw).cast("d")
        if not cython.compiled:
            self.order, self.found = bytearray(_KEYS_MAX), bytearray(_KEYS_MAX + 1)
            self.start, self.length, self.number = ([0] * (_KEYS_MAX + 1) for _ in range(3))

    def read(self, body: bytes, by_line: bool, ts_max_ms: int, rows_max: cython.Py_ssize_t) -> PlainEvents | None:
        """See `read_plain`."""
        self.body = body
        self.data = body if cython.compiled else body + b"\0"
        self.at = 0
        self.by_line = by_line
        self.ts_max_ms = ts_max_ms
        self.ts_ms = []
        self.n = 0
        good = self.events(min(rows_max, self.rows_max)) and len(body) <= BYTES_PER_EVENT_MAX * self.n
        self.body, self.data = b"", b""  # nothing of a request outlives it
        if not good:
            return None
        return PlainEvents(body, self.ts_ms, bytes(self.kinds[: self.n]), self.raw[: 8 * CELLS * self.n])

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def events(self, rows_max: cython.Py_ssize_t) -> cython.bint:
        """All events of the body."""
        lines: cython.bint = self.by_line
        if not lines:
            self.space()
            if self.data[self.at] != _OPEN_ARRAY:
                return False
            self.at += 1
            self.space()
        while self.n < rows_max and self.members() and self.event():
            ended: cython.Py_ssize_t = self.at
            self.by_line = False
            self.space()
            self.by_line = lines
            if lines:
                if self.at == len(self.body):
                    return True
                while ended < self.at and self.data[ended] != _NEWLINE:
                    ended += 1
                if ended == self.at:
                    return False
            elif self.data[self.at] == _COMMA:
                self.at += 1
                self.space()
            elif self.data[self.at] == _CLOSE_ARRAY:
                self.at += 1
                self.space()
                return self.at == len(self.body)
            else:
                return False
        return False

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.locals(byte=cython.uchar)
    def space(self) -> cython.void:
        """Skip white space; within an event of one line, no line's end."""
        while True:
            byte = self.data[self.at]
            if byte > _BLANK or not (byte in (_BLANK, _TAB) or (not self.by_line and (byte in (_NEWLINE, _RETURN)))):
                return
            self.at += 1

    @cython.cfunc
    @cython.exceptval(check=False)
    def string(self) -> cython.Py_ssize_t:
        """Length of the text that begins here; goes on behind its closing quote."""
        start: cython.Py_ssize_t = self.at
        at: cython.Py_ssize_t = start
        while not _STOPS[self.data[at]]:
            at += 1
        if self.data[at] != _QUOTE:
            return -1
        self.at = at + 1
        return at - start

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.locals(slot=cython.Py_ssize_t, word=cython.Py_ssize_t, known=cython.Py_ssize_t, i=cython.Py_ssize_t)
    def word(self, start: cython.Py_ssize_t, length: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The number of a word that has a meaning; else 0."""
        if not 0 < length < _WORD_WIDTH:
            return 0
        slot = (
            length * _FACTORS[0]
            + self.data[start] * _FACTORS[1]
            + self.data[start + (length >> 1)] * _FACTORS[2]
            + self.data[start + (length * 3 >> 2)] * _FACTORS[3]
            + self.data[start + length - 1] * _FACTORS[4]
        ) % _SLOTS
        word = _WORD_AT[slot]
        known = word * _WORD_WIDTH
        if _WORDS[known] != length:
            return 0
        for i in range(length):
            if _WORDS[known + 1 + i] != self.data[start + i]:
                return 0
        return word

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.locals(
        start=cython.Py_ssize_t,
        length=cython.Py_ssize_t,
        key=cython.Py_ssize_t,
        bit=cython.ulonglong,
        byte=cython.uchar,
    )
    def members(self) -> cython.bint:
        """The object that begins here: its known keys and what stands there."""
        self.seen = 0
        self.count = 0
        if self.data[self.at] != _OPEN:
            return False
        while True:
            self.at += 1
            self.space()
            if self.data[self.at] != _QUOTE:
                return False
            self.at += 1
            start = self.at
            length = self.string()
            if length < 0:
                return False
            key = _KEY_OF_WORD[self.word(start, length)]
            self.space()
            if key == _REFUSED or self.data[self.at] != _COLON:
                return False
            self.at += 1
            self.space()
            if not self.value(key if key else _KEYS_MAX):
                return False
            if key:
                bit = cython.cast(cython.ulonglong, 1) << key
                if self.seen & bit:
                    return False
                self.seen |= bit
                self.order[self.count] = key
                self.count += 1
            self.space()
            byte = self.data[self.at]
            if byte != _COMMA:
                self.at += 1
                return byte == _CLOSE

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.locals(byte=cython.uchar)
    def value(self, key: cython.Py_ssize_t) -> cython.bint:
        """The value that begins here, kept for a key; those of unknown keys are kept where nobody looks."""
        byte = self.data[self.at]
        if byte == _QUOTE:
            self.at += 1
            self.found[key] = _STRING
            self.start[key] = self.at
            self.length[key] = self.string()
            return self.length[key] >= 0
        if _ZERO <= byte <= _NINE:
            return self.digits(key)
        self.found[key] = _TRUE if byte == 116 else _FALSE
        return self.literal()

    @cython.cfunc
    @cython.exceptval(check=False)
    def literal(self) -> cython.bint:
        """`true` or `false`."""
        at: cython.Py_ssize_t = self.at
        # Byte by byte, so that none behind a NUL is read.
        if self.data[at] == 116 and self.data[at + 1] == 114 and self.data[at + 2] == 117:
            at += 3
        elif self.data[at] == 102 and self.data[at + 1] == 97 and self.data[at + 2] == 108 and self.data[at + 3] == 115:
            at += 4
        else:
            return False
        self.at = at + 1
        return self.data[at] == 101

    @cython.cfunc
    @cython.exceptval(check=False)
    @cython.locals(digits=cython.Py_ssize_t, point=cython.Py_ssize_t, whole=cython.longlong, byte=cython.uchar)
    def digits(self, key: cython.Py_ssize_t) -> cython.bint:
        """A number of few digits. That nothing (an exponent, a second point) follows is for others to see."""
        at: cython.Py_ssize_t = self.at
        start: cython.Py_ssize_t = at
        point: cython.Py_ssize_t = -1
        whole = 0
        while True:
            byte = self.data[at]
            if _ZERO <= byte <= _NINE:
                if at - start > _DIGITS_MAX:
                    return False
                whole = whole * 10 + (byte - _ZERO)
            elif byte == _POINT and point < 0:
                point = at
            else:
                break
            at += 1
        digits = at - start - (1 if point >= 0 else 0)
        if digits > _DIGITS_MAX or point == at - 1:
            return False
        if self.data[start] == _ZERO and (point if point >= 0 else at) > start + 1:
            return False  # no number begins with a 0 and goes on
        self.at = at
        if point < 0:
            self.found[key] = _INTEGER
            self.number[key] = cython.cast(cython.double, whole)
        else:
            self.found[key] = _DECIMAL
            self.number[key] = cython.cast(cython.double, whole) / _POWER[at - point - 1]
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    @cython.locals(
        kind=cython.Py_ssize_t, i=cython.Py_ssize_t, key=cython.Py_ssize_t, at=cython.Py_ssize_t, rule=cython.int,
        found=cython.int, size=cython.double, base=cython.Py_ssize_t, bits=cython.longlong, flags=cython.ulonglong,
        ts_ms=cython.longlong,
    )  # fmt: skip
    def event(self) -> cython.bint:
        """Judge the members as an event, and keep it."""
        if not self.seen >> _TYPE & 1 or self.found[_TYPE] != _STRING:
            return False
        kind = _KIND_OF_WORD[self.word(self.start[_TYPE], self.length[_TYPE])]
        if kind == _NO_KIND or self.seen & _REQUIRED[kind] != _REQUIRED[kind]:
            return False
        base = _CELLS * self.n
        for i in range(_CELLS):
            self.cells[base + i] = _NAN_BITS if _FLAGS < i < _ID else 0
        flags = 0
        ts_ms = 0
        for i in range(self.count):
            key = self.order[i]
            at = kind * _KEYS_MAX + key
            rule = _RULES[at]
            if rule == 0:
                continue  # a key of other kinds
            found = self.found[key]
            if rule == _TEXT:
                size = cython.cast(cython.double, self.length[key])  # in bytes: never less than in characters
                if found != _STRING or not _LEAST[at] <= size <= _MOST[at]:
                    return False
                self.cells[base + _PLACES[at]] = cython.cast(cython.ulonglong, self.start[key]) << 32 | cython.cast(
                    cython.ulonglong, self.length[key]
                )
            elif rule in (_WHOLE, _DURATION):
                size = self.number[key]
                if not (found == _INTEGER or (found == _DECIMAL and rule == _DURATION)):
                    return False
                if not _LEAST[at] <= size <= _MOST[at]:
                    return False
                if _PLACES[at] != _NOWHERE:
                    self.numbers[base + _PLACES[at]] = size
            elif rule == _TIME:
                if found != _INTEGER:
                    return False
                ts_ms = cython.cast(cython.longlong, self.number[key])
                if not _LEAST[at] <= self.number[key] or ts_ms > self.ts_max_ms:
                    return False
            elif rule == _TRUTH:
                if found != _TRUE and found != _FALSE:
                    return False
                flags |= _BITS[_BITS_AT[at]] if found == _TRUE else 0
            else:
                bits = self.flags_of(at, key, rule)
                if bits < 0:
                    return False
                flags |= cython.cast(cython.ulonglong, bits)
        if kind == _HANDLED and not self.seen >> _HANDLE_TIME_S & 1:
            if not self.seen >> _TALK_S & 1:
                return False
            size = self.number[_TALK_S]
            size += self.number[_HOLD_S] if self.seen >> _HOLD_S & 1 else 0.0
            size += self.number[_ACW_S] if self.seen >> _ACW_S & 1 else 0.0
            self.numbers[base + _HANDLE_TIME] = size
        self.cells[base + _FLAGS] = flags
        self.kinds[self.n] = kind
        self.ts_ms.append(ts_ms)
        self.n += 1
        return True

    @cython.cfunc
    @cython.exceptval(-2)
    def flags_of(self, at: cython.Py_ssize_t, key: cython.Py_ssize_t, rule: cython.Py_ssize_t) -> cython.longlong:
        """Bits that a word sets; -1 when it is not in the list, or no word."""
        if self.found[key] != _STRING:
            return -1
        bits: cython.longlong = _BITS[_BITS_AT[at] + self.word(self.start[key], self.length[key])]
        if bits < 0 and rule == _CHANNEL:
            if not _LEAST[at] <= self.length[key] <= _MOST[at]:
                return -1
            bits = FLAGS[OFFERED]["channel"][self.body[self.start[key] : self.start[key] + self.length[key]].decode()]
        return bits
