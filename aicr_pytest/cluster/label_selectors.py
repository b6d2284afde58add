"""Whether a label selector chooses labels. Pure."""

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses these labels; an empty one chooses everything."""
    exact = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    return all(_holds(rule, labels) for rule in selector.get("matchExpressions") or ())


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(rule["key"])
    verdicts = {
        "In": value in rule.get("values", ()),
        "NotIn": value not in rule.get("values", ()),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return verdicts[rule["operator"]]
