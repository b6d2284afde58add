"""Names of checks as people read them."""

import re
from pathlib import Path

import pytest

from aicr_pytest.run.sentences import sentence


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_stable_dra_api_is_served", "The stable DRA API is served"),
        ("test_environment_variable_gives_no_device", "An environment variable gives no device"),
        ("test_two_pods_hold_different_devices", "Two pods hold different devices"),
        (
            "test_temperature_power_and_interconnect_have_values",
            "Temperature, power and interconnect have values",
        ),
        (
            "test_flawed_resource_is_denied_by_the_operators_own_webhook",
            "A flawed resource is denied by the operator's own webhook",
        ),
        ("test_a_pod_sees_its_device", "A pod sees its device"),
        ("test_rapid_change", "Rapid change"),
    ],
)
def test_sentence_begins_large_and_knows_names(name: str, expected: str) -> None:
    assert sentence(name) == expected


def test_a_title_has_the_words_of_its_name_and_an_article_at_most() -> None:
    suite = Path(__file__).parents[2] / "conformance"
    names = [
        name
        for file in suite.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    ]
    assert len(names) > 50
    for name in names:
        words = re.sub(r"[,']", "", sentence(name)).lower().split()
        plain = name.removeprefix("test_").split("_")
        assert words[-len(plain) :] == plain
        assert words[: -len(plain)] in ([], ["a"], ["an"], ["the"])
