"""The list of defects is whole and means existing checks; no lab is needed."""

import ast
import re
from pathlib import Path

import pytest

from aicr_lab.defects.catalogue import DEFECTS
from aicr_lab.defects.defect import Defect
from aicr_pytest.locations import suite_dir

from .suite import REQUIREMENTS

DEMANDED = {
    "dra_support": (
        "dra-driver-down dra-driver-injects-all dra-driver-injects-none "
        "dra-driver-injects-wrong-device dra-slices-incomplete-pool dra-class-matches-nothing "
        "dra-class-ignores-selector dra-claim-never-released dra-same-device-twice "
        "dra-uuid-attribute-lies dra-api-not-served dra-crud-refused dra-api-forbidden"
    ),
    "secure_accelerator_access": (
        "env-bypass env-bypass-explicit runtimeclass-bypass volume-mount-bypass "
        "sibling-gets-device device-cgroup-open plugin-injects-all every-pod-gets-a-device "
        "admin-access-open tool-lies exec-forbidden mknod-refused positive-twin-fails"
    ),
    "": (
        "api-429-storm api-500-blips watch-drops api-slow psa-restricted-default "
        "limitrange-and-quota node-cordoned node-not-ready tainted-accelerators "
        "image-pull-fails no-capacity api-gone-midway api-errors-only"
    ),
}


def checks_of(requirement: str) -> set[str]:
    """Names of the tests of a requirement's module."""
    source = (Path(suite_dir()) / f"test_{requirement}.py").read_text(encoding="utf-8")
    return {
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("requirement", DEMANDED)
def test_every_demanded_defect_is_there(requirement: str) -> None:
    listed = {defect.id for defect in DEFECTS if defect.requirement == requirement}

    assert set(DEMANDED[requirement].split()) <= listed


def test_ids_are_unique() -> None:
    assert len({defect.id for defect in DEFECTS}) == len(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.id)
def test_defect_names_checks_that_exist(defect: Defect) -> None:
    requirements = [defect.requirement] if defect.requirement else REQUIREMENTS
    known = set().union(*map(checks_of, requirements))
    named = {name for name in (defect.aimed_at, *defect.turns_red) if name}

    assert {name.partition("[")[0] for name in named} <= known


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.id)
def test_defect_that_breaks_something_is_aimed_at_a_check(defect: Defect) -> None:
    assert re.compile(defect.because).pattern or defect.expects == "Implemented"
    assert defect.aimed_at or not defect.requirement or defect.expects == "Implemented"
    assert defect.aimed_at or not defect.turns_red
    assert defect.aimed_at or defect.expects != "Not Implemented"
