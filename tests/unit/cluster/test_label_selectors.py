from typing import Any

import pytest

from aicr_pytest.cluster.label_selectors import query, selects

RULES: list[dict[str, Any]] = [
    {"key": "tier", "operator": "In", "values": ["a", "b"]},
    {"key": "zone", "operator": "NotIn", "values": ["z"]},
    {"key": "kept", "operator": "Exists"},
    {"key": "gone", "operator": "DoesNotExist"},
]


def test_selector_is_sent_with_its_expressions() -> None:
    selector = {"matchLabels": {"app": "x", "part": "y"}, "matchExpressions": RULES}

    assert query(selector) == "app=x,part=y,tier in (a,b),zone notin (z),kept,!gone"
    assert query({"matchExpressions": RULES[2:]}) == "kept,!gone"
    assert query({}) == ""


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        ({"app": "x", "tier": "a", "kept": ""}, True),
        ({"app": "y", "tier": "a", "kept": ""}, False),
        ({"app": "x", "tier": "c", "kept": ""}, False),
        ({"app": "x", "tier": "b", "kept": "", "zone": "z"}, False),
        ({"app": "x", "tier": "b"}, False),
        ({"app": "x", "tier": "b", "kept": "", "gone": ""}, False),
    ],
)
def test_selector_chooses_by_labels_and_expressions(labels: dict[str, str], chosen: bool) -> None:
    assert selects({"matchLabels": {"app": "x"}, "matchExpressions": RULES}, labels) is chosen
