"""Labels that a label selector asks for. Pure."""

from collections.abc import Mapping
from typing import Any

OF_NEW_NAMESPACE = {"kubernetes.io/metadata.name": ""}
"""What a namespace of ours has already: its name, which no selector can know."""


def satisfying(
    selector: Mapping[str, Any] | None, given: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """Labels that satisfy a selector as the Prometheus Operator reads it.

    Args:
        given: labels that are there already, and that we cannot change.

    Returns:
        None where nothing can: the operator takes a missing selector for "nothing", and an empty
        one for "everything".
    """
    if selector is None:
        return None
    given = given or {}
    wanted = {str(key): str(value) for key, value in (selector.get("matchLabels") or {}).items()}
    if any(wanted.get(key, value) != value for key, value in given.items()):
        return None
    labels = {**given, **wanted}
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
    return {key: value for key, value in labels.items() if key not in given}
