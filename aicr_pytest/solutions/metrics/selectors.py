"""Labels that a label selector asks for. Pure."""

from collections.abc import Mapping
from typing import Any


def satisfying(selector: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Labels that satisfy a selector as the Prometheus Operator reads it.

    Returns:
        None where nothing can: the operator takes a missing selector for "nothing", and an empty
        one for "everything".
    """
    if selector is None:
        return None
    labels = {str(key): str(value) for key, value in (selector.get("matchLabels") or {}).items()}
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = expression.get("values") or ()
        if operator == "In" and labels.get(key) not in values:
            if key in labels or not values:
                return None
            labels[key] = values[0]
        elif operator == "Exists":
            labels.setdefault(key, "true")
        elif (operator == "NotIn" and labels.get(key) in values) or (
            operator == "DoesNotExist" and key in labels
        ):
            return None
    return labels
