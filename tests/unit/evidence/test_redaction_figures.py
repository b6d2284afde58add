"""What the redactor is measured by: benchmarks/redaction.py, with values from a seed."""

import pytest

from aicr_pytest.evidence.redaction.redact import Redactor
from benchmarks.redaction import forms, recall, recall_in_objects, survival, unstable

SEED = 20261128


@pytest.fixture
def publishing() -> Redactor:
    return Redactor(key="1" * 32)


@pytest.fixture
def anonymous() -> Redactor:
    return Redactor(level="identities", key="1" * 32)


def test_at_least_98_percent_of_planted_credentials_are_taken_out(publishing: Redactor) -> None:
    found = recall(forms()["credentials"], publishing, SEED)

    assert found.share >= 0.98, found.lost


def test_credentials_that_only_their_place_in_an_object_gives_away_are_taken_out(
    publishing: Redactor,
) -> None:
    assert recall_in_objects(publishing, SEED).lost == ()


def test_at_least_95_percent_of_planted_identities_are_taken_out(anonymous: Redactor) -> None:
    found = recall(forms()["identities"], anonymous, SEED)

    assert found.share >= 0.95, found.lost


def test_at_least_98_percent_of_innocent_texts_survive(publishing: Redactor) -> None:
    found = survival(forms()["innocent"], publishing)

    assert found.share >= 0.98, found.lost


def test_a_second_pass_changes_nothing(anonymous: Redactor) -> None:
    assert unstable(forms()["credentials"], anonymous, SEED) == []
    assert unstable(forms()["identities"], anonymous, SEED) == []
