"""The lab's lying data plane serves routes as a gateway would, but for its lie."""

from typing import Any

import pytest

from aicr_lab.defects.programs.lying_gateway import Knowledge, Rule, rules_of, turns

ROUTE: dict[str, Any] = {
    "metadata": {"name": "route", "namespace": "ns", "uid": "1"},
    "spec": {
        "hostnames": ["ns.test"],
        "rules": [
            {
                "matches": [
                    {"path": {"value": "/a"}, "headers": [{"name": "X-Model", "value": "m"}]}
                ],
                "backendRefs": [{"name": "second", "weight": 1}],
            },
            {"matches": [{"path": {"value": "/a"}}], "backendRefs": [{"name": "first"}]},
        ],
    },
}


def served(mode: str, **headers: str) -> str:
    """Who answers a request."""
    knowledge = Knowledge(mode=mode)
    knowledge.learn([ROUTE], [])
    rule = knowledge.rule("ns.test", "/a/b", headers)
    assert rule is not None
    return knowledge.backend(rule)


def test_turns_are_as_frequent_as_the_weights_and_spread() -> None:
    assert turns([("first", 4), ("second", 1)], even=False) == [
        "first",
        "first",
        "second",
        "first",
        "first",
    ]
    assert sorted(turns([("first", 80), ("second", 20)], even=True)) == ["first", "second"]


def test_most_specific_rule_serves() -> None:
    assert served("counting") == "first"
    assert served("counting", **{"x-model": "m"}) == "second"


def test_header_is_ignored_where_that_is_the_lie() -> None:
    assert served("header-ignored", **{"x-model": "m"}) == "first"


@pytest.mark.parametrize(("host", "path"), [("other.test", "/a"), ("ns.test", "/ab")])
def test_request_of_nobodys_route_matches_no_rule(host: str, path: str) -> None:
    knowledge = Knowledge(mode="counting")
    knowledge.learn([ROUTE], [])

    assert knowledge.rule(host, path, {}) is None


def test_stale_one_keeps_the_first_sight_of_a_route() -> None:
    knowledge = Knowledge(mode="stale")
    knowledge.learn([ROUTE], [])
    knowledge.learn([{**ROUTE, "spec": {"rules": []}}], [])

    assert knowledge.rules == rules_of(ROUTE)
    assert isinstance(knowledge.rules[0], Rule)
