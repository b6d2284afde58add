"""The lists of the programme as data."""

from fnmatch import fnmatchcase

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.requirements.catalogue import (
    BY_ID,
    REQUIREMENTS,
    VERSIONS,
    Level,
    applicable_list,
    find_requirement,
    list_told,
    mark_names,
    minor_version,
)


@pytest.mark.parametrize(
    ("version", "must", "should"),
    [("1.33", 8, 1), ("1.34", 9, 0), ("1.35", 9, 3), ("1.36", 8, 6), ("1.37", 8, 7)],
)
def test_lists_have_the_published_lengths(version: str, must: int, should: int) -> None:
    levels = [requirement.level(version) for requirement in REQUIREMENTS]

    assert levels.count(Level.MUST) == must
    assert levels.count(Level.SHOULD) == should


def test_dra_support_was_should_then_must_then_left_the_list() -> None:
    levels = [str(BY_ID["dra_support"].level(version)) for version in VERSIONS]

    assert levels == ["SHOULD", "MUST", "MUST", "not listed", "not listed"]


def test_only_cluster_autoscaling_may_be_a_must_that_is_not_applicable() -> None:
    assert [r.id for r in REQUIREMENTS if r.may_be_not_applicable] == ["cluster_autoscaling"]


def test_no_name_stands_for_two_requirements() -> None:
    names = [name for requirement in REQUIREMENTS for name in requirement.names]

    assert len(names) == len(set(names))


def test_marks_are_names_that_a_mark_expression_takes() -> None:
    assert all(name.isidentifier() for name in mark_names())
    assert mark_names()["dra"].id == "dra_support"


def test_unknown_name_gets_the_closest_one() -> None:
    with pytest.raises(SettingsError, match="Did you mean 'secure-access'"):
        find_requirement("secure-acces")


@pytest.mark.parametrize(
    ("text", "minor"), [("v1.37.2", "1.37"), ("1.35", "1.35"), ("v1.36.0-gke.100", "1.36")]
)
def test_minor_version_is_read_off_what_servers_say(text: str, minor: str) -> None:
    assert minor_version(text) == minor


@pytest.mark.parametrize(
    ("version", "known"), [("v1.37.2", "1.37"), ("v1.40.0", "1.37"), ("v1.28.1", "1.33")]
)
def test_nearest_known_list_applies(version: str, known: str) -> None:
    assert applicable_list(version) == known


@pytest.mark.parametrize(
    ("version", "chosen", "told"),
    [
        ("v1.37.2", "1.37", "the list of Kubernetes 1.37"),
        ("v1.38.0", "1.37", "the list of Kubernetes 1.37 (the nearest: none is known of the*"),
        ("v1.28.9", "1.33", "the list of Kubernetes 1.33 (the nearest: none is known of the*"),
        ("v1.37.2", "1.35", "* (by --aicr-k8s-version; the server has 1.37)"),
        ("v1.38.0", "1.35", "* (by --aicr-k8s-version; the server has 1.38)"),
    ],
)
def test_list_of_another_version_is_told(version: str, chosen: str, told: str) -> None:
    assert fnmatchcase(list_told(version, chosen), told)
