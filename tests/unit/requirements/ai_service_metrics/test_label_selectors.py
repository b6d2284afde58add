"""A monitor gets the labels by which a Prometheus selects, as its operator reads selectors."""

from typing import Any

import pytest

from aicr_pytest.requirements.ai_service_metrics.solutions.label_selectors import (
    OF_NEW_NAMESPACE,
    satisfying,
)


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        (None, None),
        ({}, {}),
        ({"matchLabels": {"release": "lab"}}, {"release": "lab"}),
        (
            {"matchExpressions": [{"key": "team", "operator": "In", "values": ["ai", "web"]}]},
            {"team": "ai"},
        ),
        ({"matchExpressions": [{"key": "scrape", "operator": "Exists"}]}, {"scrape": "true"}),
        (
            {
                "matchLabels": {"scrape": "no"},
                "matchExpressions": [{"key": "scrape", "operator": "Exists"}],
            },
            {"scrape": "no"},
        ),
        ({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}, {}),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}, {}),
        (
            {
                "matchLabels": {"x": "y"},
                "matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}],
            },
            None,
        ),
        (
            {
                "matchLabels": {"x": "y"},
                "matchExpressions": [{"key": "x", "operator": "DoesNotExist"}],
            },
            None,
        ),
        (
            {
                "matchLabels": {"x": "y"},
                "matchExpressions": [{"key": "x", "operator": "In", "values": ["z"]}],
            },
            None,
        ),
    ],
)
def test_labels_satisfy_the_selector(
    selector: dict[str, Any] | None, labels: dict[str, str] | None
) -> None:
    assert satisfying(selector) == labels


NAME = "kubernetes.io/metadata.name"


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ({"matchLabels": {NAME: "monitoring"}}, None),
        ({"matchExpressions": [{"key": NAME, "operator": "In", "values": ["a", "b"]}]}, None),
        ({"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["a"]}]}, {}),
        ({"matchExpressions": [{"key": NAME, "operator": "Exists"}]}, {}),
        ({"matchLabels": {"team": "ai"}}, {"team": "ai"}),
    ],
)
def test_name_of_a_new_namespace_cannot_be_chosen(
    selector: dict[str, Any], labels: dict[str, str] | None
) -> None:
    assert satisfying(selector, OF_NEW_NAMESPACE) == labels
