"""The results' two files: `evaluation.json`, whose form is fixed, and `evaluation_detail.json` with all behind it."""

from __future__ import annotations

import msgspec

from bench.evaluate.figures import Figures
from bench.evaluate.real import RealDays, RealOutcome
from bench.evaluate.weights import Picked


class EqualFalse(msgspec.Struct):
    """All at as many false alarms on the days judged as ours with its lines at `factor` of the default.

    `mean_delay_s`: who -> mean delay, a miss counted as an hour.
    """

    factor: float
    false_per_lead_hour: float
    mean_delay_s: dict[str, float]


class KindResult(msgspec.Struct):
    """One kind of alert; `n` is the number of windows that it should have told of."""

    kind: str
    n: int
    strainwatch: Figures
    rivals: dict[str, Figures]
    equal_false: EqualFalse


class Results(msgspec.Struct):
    """`evaluation.json`. Rivals stand at the setting that tuning chose for them."""

    kinds: list[KindResult]
    real: dict[str, RealOutcome]


class Matched(msgspec.Struct):
    """One point of the curve: ours with its lines at `factor` of the default, rivals tuned to as many false alarms.

    `mean_delay_s` counts a miss as an hour.
    """

    factor: float
    who: str
    setting: str
    false_per_lead_hour: float
    mean_delay_s: float
    delay_p50_s: float | None
    detected: float | None


class KindDetail(msgspec.Struct):
    """Behind one kind: the curve, all at equal false alarms at each of its points, and which causes were detected by
    our defaults."""

    kind: str
    curve: list[Matched]
    equal_false: list[EqualFalse]
    by_cause: dict[str, str]


class TimeConstants(msgspec.Struct):
    """`agent.strain` judged against people who recover faster or slower than the time constants of the score assume."""

    people: str
    n: int
    figures: Figures


class Detail(msgspec.Struct):
    """`evaluation_detail.json`."""

    days: dict[str, int]
    events: int
    kinds: list[KindDetail]
    time_constants: list[TimeConstants]
    not_judged: dict[str, int]
    """Alerts of kinds that the truth cannot judge: how many there were."""
    real_days: RealDays | None = None
    weights: Picked | None = None


def encode(results: Results | Detail) -> bytes:
    """JSON, indented, with a line end."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def decode(data: bytes) -> Results:
    """Raises msgspec.ValidationError."""
    return msgspec.json.decode(data, type=Results)


def decode_detail(data: bytes) -> Detail:
    """Raises msgspec.ValidationError."""
    return msgspec.json.decode(data, type=Detail)
