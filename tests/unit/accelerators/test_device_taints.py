"""Devices that a taint keeps from everybody."""

from typing import Any

import pytest

from aicr_pytest.accelerators.device_taints import doubtful_taints_of, taints_of, with_rules

TAINTS = [
    {"key": "a", "effect": "NoSchedule"},
    {"key": "b", "effect": "NoExecute"},
    {"key": "c", "effect": "None"},
    {"key": "d"},
]


def test_taints_that_keep_from_a_device_are_those_with_an_effect() -> None:
    assert taints_of({"taints": TAINTS}) == ["a", "b"]


@pytest.mark.parametrize("device", [{}, {"taints": None}])
def test_device_without_taints_has_none(device: Any) -> None:
    assert taints_of(device) == []


def test_rule_adds_to_the_taints_that_are_there_and_changes_no_slice() -> None:
    there = {"name": "gpu-0", "taints": [TAINTS[1]]}
    slices: Any = [
        {"spec": {"driver": "d", "pool": {"name": "n0"}, "devices": [there, {"name": "gpu-1"}]}},
        {"spec": {"driver": "d", "pool": {"name": "n1"}, "devices": None}},
        {"spec": {"driver": "d", "pool": {"name": "n2"}}},
    ]
    rules: Any = [
        {"spec": {"taint": TAINTS[0], "deviceSelector": {"pool": "n0"}}},
        {"spec": {"taint": TAINTS[0], "deviceSelector": {"pool": "n0", "device": "gpu-1"}}},
        {"spec": {"deviceSelector": {"pool": "n0"}}},
        {"spec": None},
        {},
    ]

    devices = with_rules(slices, rules)[0]["spec"]["devices"]
    assert [taints_of(one) for one in devices] == [["b", "a"], ["a", "a"]]
    assert there["taints"] == [TAINTS[1]]
    assert with_rules(slices, rules[2:]) == slices


@pytest.mark.parametrize(
    ("spec", "tainted"), [({"deviceSelector": {}}, ["a"]), ({"deviceSelector": None}, []), ({}, [])]
)
def test_empty_selector_is_for_every_device_and_none_is_for_no_device(
    spec: Any, tainted: list[str]
) -> None:
    slices: Any = [{"spec": {"driver": "d", "pool": {"name": "n0"}, "devices": [{"name": "g"}]}}]

    (there,) = with_rules(slices, [{"spec": {"taint": TAINTS[0], **spec}}])

    assert taints_of(there["spec"]["devices"][0]) == tainted


@pytest.mark.parametrize(
    ("spec", "tainted", "doubtful"),
    [
        ({}, ["a"], []),
        ({"selectors": None}, ["a"], []),
        ({"selectors": [{"cel": {"expression": "device.driver == 'd'"}}]}, ["a"], []),
        ({"selectors": [{"cel": {"expression": "device.driver == 'other'"}}]}, [], []),
        (
            {"selectors": [{"cel": {"expression": "device.attributes['d'].model == 'x'"}}]},
            ["a"],
            [],
        ),
        (
            {"selectors": [{"cel": {"expression": "device.attributes['d'].model == 'y'"}}]},
            [],
            [],
        ),
        (None, [], ["a by DeviceTaintRule r"]),
    ],
)
def test_rule_for_a_class_is_for_the_devices_that_the_class_selects(
    spec: Any, tainted: list[str], doubtful: list[str]
) -> None:
    device = {"name": "g", "attributes": {"model": {"string": "x"}}}
    slices: Any = [{"spec": {"driver": "d", "pool": {"name": "n0"}, "devices": [device]}}]
    classes = [] if spec is None else [{"metadata": {"name": "gpu"}, "spec": spec}]
    by_class = {"taint": TAINTS[0], "deviceSelector": {"deviceClassName": "gpu"}}
    rule = {"metadata": {"name": "r"}, "spec": by_class}

    (there,) = with_rules(slices, [rule], classes)

    (seen,) = there["spec"]["devices"]
    assert (taints_of(seen), doubtful_taints_of(seen)) == (tainted, doubtful)
