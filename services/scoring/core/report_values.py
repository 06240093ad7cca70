"""What a centre says its results are worth: `[report]` of the settings, for the value in the shift report.

    [report]
    value_per_visit_avoided = 45
    value_per_opportunity = 12.5
    value_per_repeat_avoided = 6
    currency = "EUR"        # ISO 4217

For one tenant under `[tenants.<t>.report]`, key by key. What is not said is counted, and has no money put to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.contract.tallies import UnitValues

VALUES = ("value_per_visit_avoided", "value_per_opportunity", "value_per_repeat_avoided")
VALUE_MAX = 1_000_000
"""Of one contact in any currency; more is the value of a year in the wrong field."""
CURRENCY = "currency"
_CODE = re.compile("[A-Z]{3}", re.ASCII)


def unit_values(document: Mapping[str, Any], tenant: str) -> UnitValues:
    """The values of a tenant, from a checked document."""
    given = {**document.get("report", {}), **document.get("tenants", {}).get(tenant, {}).get("report", {})}
    visit, opportunity, repeat = (None if given.get(name) is None else float(given[name]) for name in VALUES)
    return UnitValues(visit, opportunity, repeat, given.get(CURRENCY))


def report_faults(path: str, table: Any) -> Iterator[str]:
    """What is wrong with a `[report]` table; `path` is where it stands, as `report` or `tenants.acme.report`."""
    if not isinstance(table, Mapping):
        yield f"{path}: must be a table with {', '.join((*VALUES, CURRENCY))}"
        return
    for key, value in table.items():
        if key == CURRENCY:
            if not isinstance(value, str) or not _CODE.fullmatch(value):
                yield f'{path}.{key}: must be a code of three capital letters such as "EUR", is {value!r}'
        elif key not in VALUES:
            yield f"{path}.{key}: unknown; expected {', '.join((*VALUES, CURRENCY))}"
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path}.{key}: must be a number, is {value!r}"
        elif not 0 <= value <= VALUE_MAX:
            yield f"{path}.{key}: lies outside 0 to {VALUE_MAX:,}"


def currency_faults(document: Mapping[str, Any]) -> Iterator[str]:
    """Values without a currency: a sum of money needs one."""
    layers = {"report": unit_values(document, "")}
    for tenant, layer in document.get("tenants", {}).items():
        if layer.get("report"):
            layers[f"tenants.{tenant}.report"] = unit_values(document, tenant)
    for path, values in layers.items():
        if values.currency is None and {values.visit_avoided, values.opportunity, values.repeat_avoided} != {None}:
            yield f'{path}: values need a currency; add `currency = "EUR"`, or yours'
