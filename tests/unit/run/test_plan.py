"""Names of checks as people read them."""

import pytest

from aicr_pytest.run.plan import sentence


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_stable_dra_api_is_served", "Stable DRA API is served"),
        ("test_a_pod_sees_its_device", "A pod sees its device"),
        ("test_rapid_change", "Rapid change"),
    ],
)
def test_sentence_begins_large_and_knows_names(name: str, expected: str) -> None:
    assert sentence(name) == expected
