"""DRA's CEL expressions: written, and read as far as it can be done without the scheduler. Pure.

Read is what DeviceClasses and rules are written with: ``device.driver`` and ``device.attributes``
compared with constants, joined by ``&&``. Of anything else nobody here claims to know the outcome.
"""

import re
from collections.abc import Iterable

from aicr_pytest.accelerators.profile import Profile
from aicr_pytest.cluster.kinds import Object

_COMPARED = re.compile(
    r"""\s*device\.
    (?:driver|attributes\[(?P<q>['"])(?P<domain>[\w./-]+)(?P=q)\]\.(?P<name>\w+))
    \s*==\s*
    (?:(?P<qv>['"])(?P<string>[\w.:/ -]*)(?P=qv)|(?P<int>-?\d+)|(?P<bool>true|false))
    \s*""",
    re.VERBOSE,
)
_TOKEN = re.compile(r"""'[^']*'|"[^"]*"|&&|\|\||.""", re.DOTALL)


def has(driver: str, attribute: str, value: str) -> str:
    """The expression that devices satisfy which have this value of this attribute.

    Args:
        attribute: its name, with its domain where that is not the driver's.
    """
    domain, _, name = attribute.rpartition("/")
    return f"device.attributes['{domain or driver}'].{name} == '{value}'"


def of_type(profile: Profile, kind: str = "") -> str:
    """The expression that the accelerators satisfy which we count, and nothing beside them.

    A driver may publish partitions and passthrough functions as well, which a class may select.

    Args:
        kind: value of the type attribute; empty: that of whole devices.
    """
    name, whole = profile.type_attribute
    return has(profile.driver, name, kind or whole)


def capacity_compares(driver: str, capacity: str, operator: str, quantity: str) -> str:
    """The expression that devices satisfy whose capacity compares so with a quantity."""
    compared = f"device.capacity['{driver}'].{capacity}.compareTo(quantity('{quantity}'))"
    return f"{compared} {operator} 0"


def all_select(selectors: Iterable[Object], device: Object, driver: str) -> bool | None:
    """Whether a device satisfies every selector; None where only the scheduler can tell."""
    return every(
        _holds(term, device, driver)
        for selector in selectors
        for term in _terms(str((selector.get("cel") or {}).get("expression", "")))
    )


def _terms(expression: str) -> list[str]:
    """What is joined by the outermost ``&&``; one term where that is not what joins it."""
    if "\\" in expression:
        return [expression]  # where its texts end is not told by their quotes
    terms, depth = [""], 0
    for token in _TOKEN.findall(expression):
        depth += (token in "([{") - (token in ")]}")
        if depth == 0 and token in ("||", "?"):
            return [expression]
        if depth == 0 and token == "&&":
            terms.append("")
        else:
            terms[-1] += token
    return terms


def every(told: Iterable[bool | None]) -> bool | None:
    """The conjunction: False as soon as one is, None where one of the others is not known."""
    found = list(told)
    return False if False in found else None if None in found else True


def _holds(term: str, device: Object, driver: str) -> bool | None:
    if not (read := _COMPARED.fullmatch(term)):
        return None
    kind, text = next((k, read[k]) for k in ("string", "int", "bool") if read[k] is not None)
    if not read["name"]:
        return driver == text if kind == "string" else None
    attributes = device.get("attributes") or {}
    short = attributes.get(read["name"]) if read["domain"] == driver else None
    value = (short or attributes.get(f"{read['domain']}/{read['name']}") or {}).get(kind)
    if value is None:
        return None  # an error of the expression, and what comes of it is the version's choice
    return str(value).lower() == text if kind == "bool" else str(value) == text
