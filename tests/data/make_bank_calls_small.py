"""Makes bank_calls_small.tsv: one invented day of call records in the form of the bank's, with every kind of bad row.

Run it to write the file again; one seed gives the same bytes. Eight servers cope with the day except from 10:00 to
10:50, when calls come far faster than they can be answered.
"""

from __future__ import annotations

import heapq
import random
from pathlib import Path

COLUMNS = (
    "vru+line call_id customer_id priority type date vru_entry vru_exit vru_time "
    "q_start q_exit q_time outcome ser_start ser_exit ser_time server"
)
DATE = "010305"
H = 3600
RATE_PER_HOUR = [4, 2, 1, 1, 1, 2, 8, 30, 60, 70, 190, 80, 60, 55, 60, 60, 55, 50, 40, 30, 20, 15, 10, 6]
TYPES = {"PS": 0.64, "NW": 0.2, "NE": 0.08, "TT": 0.04, "IN": 0.03, "PE": 0.01}
SERVERS = [f"S{n:02}" for n in range(1, 9)]

BAD = {
    "UNPARSABLE": 5,
    "REPEATED": 3,
    "PHANTOM": 4,
    "UNKNOWN_OUTCOME": 1,
    "NO_SERVER": 4,
    "NO_SERVICE_TIMES": 2,
    "SERVICE_WITHOUT_AGENT": 2,
    "BACKWARDS": 4,
    "DISAGREE": 3,
}
"""What the conversion has to set aside, by the name of its reason."""
ROUNDED_CALLERS = 2


def clock(second: int) -> str:
    second %= 24 * H
    return f"{second // H}:{second % H // 60:02}:{second % 60:02}"


def stage(start: int | None, length: int) -> list[str]:
    return ["0:00:00", "0:00:00", "0"] if start is None else [clock(start), clock(start + length), str(length)]


def good_rows(rng: random.Random) -> list[list[str]]:
    """A day of a first-come-first-served queue with impatient callers, as [columns after call_id]."""
    arrivals = []
    for hour, rate in enumerate(RATE_PER_HOUR):
        arrivals += [hour * H + rng.randrange(H * 5 // 6 if hour == 10 else H) for _ in range(rate)]
    arrivals += [24 * H - 25, 24 * H - 20, 24 * H - 4]  # these cross midnight
    free = [(0, server) for server in SERVERS]
    rows = []
    for entry in sorted(arrivals):
        menu_s = rng.randint(4, 18)
        begin = entry + menu_s
        kind = rng.choices(list(TYPES), list(TYPES.values()))[0]
        customer = rng.randrange(10_000_000, 60_000_000) if rng.random() < 0.4 else 0
        head = [str(customer), str(rng.randrange(3) if customer else 0), kind, DATE, *stage(entry, menu_s)]
        patience_s, skew_s = int(rng.expovariate(1 / 240)), rng.choices((0, 1, 2), (22, 68, 10))[0]
        service_s = int(rng.lognormvariate(5.1, 0.75))
        at, server = free[0]
        if rng.random() < 0.06:
            rows.append([*head, *stage(None, 0), "HANG", *stage(None, 0), "NO_SERVER"])
        elif at > begin and at - begin > patience_s:
            rows.append([*head, *stage(begin, patience_s), "HANG", *stage(None, 0), "NO_SERVER"])
        else:
            heapq.heappop(free)
            answer = max(at, begin)
            queue = stage(begin, answer - begin) if answer > begin else stage(None, 0)
            heapq.heappush(free, (answer + service_s + rng.randint(3, 20), server))
            rows.append([*head, *queue, "AGENT", *stage(answer - skew_s, service_s), server])
    return rows


def bad_rows() -> list[list[str]]:
    """All of BAD but the repeated ones; three have good columns where they are bad in one."""

    def row(menu=("9:10:00", "9:10:08", "8"), queue=("9:10:08", "9:10:40", "32"), outcome="AGENT",
            service=("9:10:39", "9:12:39", "120"), server="S01", kind="PS", customer="0"):  # fmt: skip
        return [customer, "0", kind, DATE, *menu, *queue, outcome, *service, server]

    none = ("0:00:00", "0:00:00", "0")
    return [
        row(menu=("25:10:00", "9:10:08", "8")),
        row(queue=("9:10:08", "soon", "32")),
        row(kind=""),
        row(customer="unknown"),
        row()[:-2],
        *[row(outcome="PHANTOM", server="NO_SERVER") for _ in range(4)],
        row(outcome="LOST"),
        *[row(server="NO_SERVER") for _ in range(3)],
        row(queue=none, service=("9:10:08", "9:10:09", "1"), server="NO_SERVER"),
        row(service=none),
        row(queue=none, service=none),
        *[row(outcome="HANG", server="NO_SERVER") for _ in range(2)],
        row(menu=("9:11:00", "9:10:08", "-52")),
        row(queue=("9:10:40", "9:10:08", "-32")),
        row(service=("9:10:37", "9:12:37", "120")),
        row(queue=none, service=("9:10:05", "9:12:05", "120")),
        row(queue=("9:10:08", "9:10:40", "31")),
        row(service=("9:10:39", "9:12:39", "119")),
        row(service=("9:20:39", "9:22:39", "120")),
    ]


def text() -> str:
    rng = random.Random(20010305)
    rows = good_rows(rng)
    callers = [row for row in rows if row[0] != "0" and row[10] == "AGENT"]
    for row in callers[:ROUNDED_CALLERS]:
        row[0] = "6.01234E+11"
    for row in bad_rows():
        rows.insert(rng.randrange(len(rows)), row)
    # As in the records: sorted by line, and each line numbers its own calls from wherever its counter stands.
    lines = {f"ZZ01{n:02}": 1000 + 37 * n for n in range(1, 9)}
    out = []
    for row in rows:
        line = rng.choice(list(lines))
        lines[line] += 1
        out.append([line, str(lines[line]), *row])
    for again in (5, 50, 500):
        out.append([*out[again][:2], *out[again + 1][2:]])
    out.sort(key=lambda row: (row[0], int(row[1])))
    return "\n".join("\t".join(row) for row in [COLUMNS.split(), *out]) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("bank_calls_small.tsv").write_text(text())
