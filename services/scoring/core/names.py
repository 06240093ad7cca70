"""Names and their numbers: what an event calls a queue or an agent is a row of the engine's tables.

Compiled: see ARCHITECTURE.md, "Compiled loops".
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from services.scoring.core.batch import NAMED
from services.scoring.core.hash_index import HashIndex
from shared.contract.string_table import StringTable

ANY_KIND = -1

_BASIS = cython.declare(cython.ulonglong, 0xCBF29CE484222325)
_MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_TENANT_MIX = cython.declare(cython.ulonglong, 0xC2B2AE3D27D4EB4F)
_MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_ANY_KIND = cython.declare(cython.int, ANY_KIND)
_NOT_ASKED = cython.declare(cython.longlong, -2)

NO_ROOM = -3
_NO_ROOM = cython.declare(cython.longlong, NO_ROOM)


class Names:
    """Names of one kind within tenants, numbered in order of appearance."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.text: list = []
        self.tenant: list = []
        self.of_tenant: dict = {}  # how many
        self.index = HashIndex()
        # All names as UTF-8, one after the other, and where each begins: a look-up compares bytes that lie together.
        self.bytes = np.zeros(1 << 12, np.uint8)
        self.begins = np.zeros(1 << 8, np.int64)
        self.lookup = _Lookup(self)

    def row(self, tenant: int, name: str) -> int:
        """Number of a name, new ones included."""
        data = name.encode()
        found = self._find(tenant, data, 0, len(data))
        return self._add(tenant, name, data) if found < 0 else found

    def find(self, tenant: int, name: str) -> int | None:
        """Number of a known name."""
        data = name.encode()
        found = self._find(tenant, data, 0, len(data))
        return None if found < 0 else found

    def _find(self, tenant: int, data: bytes, first: int, length: int) -> int:
        return self.lookup.find(tenant, data, first, length)

    def _add(self, tenant: int, name: str, data: bytes) -> int:
        row = len(self.text)
        first = int(self.begins[row])
        while first + len(data) > self.bytes.size:
            self.bytes = np.concatenate([self.bytes, np.zeros_like(self.bytes)])
            self.lookup = _Lookup(self)
        if row + 2 > self.begins.size:
            self.begins = np.concatenate([self.begins, np.zeros_like(self.begins)])
            self.lookup = _Lookup(self)
        self.bytes[first : first + len(data)] = np.frombuffer(data, np.uint8)
        self.begins[row + 1] = first + len(data)
        self.text.append(name)
        self.tenant.append(tenant)
        self.of_tenant[tenant] = self.of_tenant.get(tenant, 0) + 1
        self.lookup.put(tenant, data, row)
        return row

    def pack(self) -> dict[str, Any]:
        """Names in order."""
        return {"text": self.text, "tenant": self.tenant}

    def unpack(self, packed: dict[str, Any]) -> None:
        """The inverse of `pack`."""
        self._clear()
        for tenant, name in zip(packed["tenant"], packed["text"], strict=True):
            self._add(tenant, name, name.encode())


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _word(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes as one number."""
    low: cython.uint = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.uint, data[at + 3]) << 24
    at += 4
    high: cython.uint = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | cython.cast(cython.uint, data[at + 3]) << 24
    return low | cython.cast(cython.ulonglong, high) << 32


@cython.final
@cython.cclass
class _Lookup:
    """Names by their tenants and bytes, bound where these lie."""

    index: HashIndex
    bytes: cython.uchar[::1]
    begins: cython.longlong[::1]

    def __init__(self, names: Names) -> None:
        self.index = names.index
        self.bytes = memoryview(names.bytes)
        self.begins = memoryview(names.begins)

    @cython.cfunc
    @cython.exceptval(check=False)
    def key(
        self,
        tenant: cython.ulonglong,
        data: cython.const[cython.uchar][::1],
        first: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.ulonglong:
        """A tenant and a name, well mixed: eight bytes at a time, the last eight of them in any case."""
        key: cython.ulonglong = (tenant * _TENANT_MIX & _MASK64) ^ _BASIS ^ length
        end: cython.Py_ssize_t = first + length
        at: cython.Py_ssize_t = first
        while at + 8 < end:
            key = (key ^ _word(data, at)) * _MIX & _MASK64
            key ^= key >> 29
            at += 8
        if length >= 8:
            key ^= _word(data, end - 8)
        else:
            while at < end:
                key = (key << 8 & _MASK64 | key >> 56) ^ data[at]
                at += 1
        key = key * _MIX & _MASK64
        return ((key ^ (key >> 32)) * _TENANT_MIX & _MASK64) | 1  # 0 is no key

    @cython.cfunc
    @cython.exceptval(check=False)
    def candidate(self, key: cython.ulonglong) -> cython.longlong:
        """The number under a key, -1 for none; where its name begins is brought near."""
        row: cython.longlong = self.index.find(key)
        if cython.compiled and row >= 0:
            strainwatch_fetch(cython.address(self.begins[row]))  # noqa: F821 - of the .pxd
        return row

    @cython.cfunc
    @cython.exceptval(check=False)
    def fetch(self, row: cython.longlong) -> cython.void:
        """Begin to bring near what `same` compares."""
        if cython.compiled:
            strainwatch_fetch(cython.address(self.bytes[self.begins[row]]))  # noqa: F821 - of the .pxd

    @cython.cfunc
    @cython.exceptval(check=False)
    def same(
        self,
        row: cython.longlong,
        data: cython.const[cython.uchar][::1],
        first: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.bint:
        """Whether a number is of this name."""
        begins: cython.Py_ssize_t = self.begins[row]
        if self.begins[row + 1] - begins != length:
            return False
        at: cython.Py_ssize_t = 0
        while at + 8 <= length:
            if _word(self.bytes, begins + at) != _word(data, first + at):
                return False
            at += 8
        while at < length:
            if self.bytes[begins + at] != data[first + at]:
                return False
            at += 1
        return True

    def find(self, tenant: cython.ulonglong, data: Any, first: cython.Py_ssize_t, length: cython.Py_ssize_t) -> int:
        view: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
        return self.look(self.key(tenant, view, first, length), view, first, length)

    @cython.cfunc
    @cython.exceptval(check=False)
    def look(
        self,
        key: cython.ulonglong,
        data: cython.const[cython.uchar][::1],
        first: cython.Py_ssize_t,
        length: cython.Py_ssize_t,
    ) -> cython.longlong:
        """Number of a name of this key, -1 for a new one."""
        row: cython.longlong = self.index.find(key)
        while row >= 0 and not self.same(row, data, first, length):
            key = (key + 2) & _MASK64  # two names of one key: the later is kept under the next one
            row = self.index.find(key)
        return row

    def put(self, tenant: cython.ulonglong, data: Any, row: cython.longlong) -> None:
        """Keep a new name's number."""
        view: cython.const[cython.uchar][::1] = data if cython.compiled else memoryview(data)
        key: cython.ulonglong = self.key(tenant, view, 0, len(data))
        while self.index.find(key) >= 0:
            key = (key + 2) & _MASK64
        self.index.make_room(1)
        self.index.set(key, row)


@cython.final
@cython.cclass
class Codes:
    """The codes of a block, on their way to the engine's numbers."""

    strings: StringTable
    tenant: cython.ulonglong
    kind: cython.const[cython.uchar][::1]
    codes: object
    raw: cython.const[cython.uchar][::1]
    span: cython.int[:, ::1]
    key: cython.ulonglong[::1]  # by code
    refused = cython.declare(cython.int, visibility="readonly")  # how many codes had no room
    named = cython.declare(object, visibility="readonly")  # batch.NAMED
    found: cython.longlong[::1]  # by code: its number in the column at hand
    asked: cython.longlong[::1]  # codes of the column at hand, in order of appearance

    def __init__(self, strings: StringTable, kind: Any, codes: Any, tenant: cython.ulonglong) -> None:
        n: cython.Py_ssize_t = len(strings)
        c: cython.Py_ssize_t
        self.strings, self.tenant = strings, tenant
        self.refused = 0
        self.kind = kind if cython.compiled else memoryview(kind)
        self.codes = codes
        self.raw = strings.raw if cython.compiled else memoryview(strings.raw)
        self.span = memoryview(strings.spans)
        self.key = memoryview(np.empty(n, np.uint64))
        self.asked = memoryview(np.empty(n, np.int64))
        self.found = memoryview(np.empty(n, np.int64))
        self.named = np.empty((len(NAMED), len(kind)), np.intp)
        for c in range(n):
            self.found[c] = _NOT_ASKED
        self.found[0] = -1

    def number(
        self,
        into: cython.Py_ssize_t,
        column: cython.Py_ssize_t,
        names: Names,
        of_kind: cython.int,
        most: cython.Py_ssize_t,
        beyond: cython.int,
    ) -> None:
        """Put a column of codes as numbers into a row of `named`, new names numbered in order of appearance; code 0,
        and other kinds, as -1.

        A name that is new where its tenant has `most` of them is `beyond`.
        """
        code: cython.const[cython.uint][::1] = self.codes[column] if cython.compiled else memoryview(self.codes[column])
        row: cython.Py_ssize_t[::1] = self.named[into] if cython.compiled else memoryview(self.named[into])
        kind: cython.const[cython.uchar][::1] = self.kind
        found: cython.longlong[::1] = self.found
        count: cython.Py_ssize_t = code.shape[0]
        lookup: _Lookup = names.lookup
        n: cython.Py_ssize_t = 0
        i: cython.Py_ssize_t
        c: cython.Py_ssize_t
        for i in range(count):
            c = code[i] if of_kind == _ANY_KIND or kind[i] == of_kind else 0
            row[i] = c
            if found[c] == _NOT_ASKED:
                self.key[c] = lookup.key(self.tenant, self.raw, self.span[c, 0], self.span[c, 1])
                lookup.index.fetch(self.key[c])
                found[c] = -1
                self.asked[n] = c
                n += 1
        for i in range(n):
            c = self.asked[i]
            self.found[c] = lookup.candidate(self.key[c])
        for i in range(n):
            c = self.asked[i]
            if self.found[c] >= 0:
                lookup.fetch(self.found[c])
        for i in range(n):
            c = self.asked[i]
            if self.found[c] < 0 or not lookup.same(self.found[c], self.raw, self.span[c, 0], self.span[c, 1]):
                self.found[c] = lookup.look(self.key[c], self.raw, self.span[c, 0], self.span[c, 1])
                if self.found[c] < 0 and names.of_tenant.get(self.tenant, 0) >= most:
                    self.found[c] = beyond
                    self.refused += beyond == _NO_ROOM
                elif self.found[c] < 0:
                    self.found[c] = names.row(self.tenant, self.strings[c])
                    lookup = names.lookup
        for i in range(count):
            row[i] = found[row[i]]
        for i in range(n):
            found[self.asked[i]] = _NOT_ASKED
