"""Kubernetes quantities, such as ``100m`` or ``2Gi``, as numbers."""

import re

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(|[numkMGTPE]|[KMGTPE]i)")
_SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    **{letter: 1000.0**power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)},
}


def number(quantity: object) -> float | None:
    """A quantity as a number; None for what is none."""
    found = _FORM.fullmatch(str(quantity))
    return float(found[1]) * _SUFFIXES[found[2]] if found else None
