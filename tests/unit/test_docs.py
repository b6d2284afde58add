"""What stands in docs/ is what the code says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from aicr_pytest.config.options import OPTIONS
from aicr_pytest.evidence.record import Outcome
from aicr_pytest.evidence.run import Verdict
from aicr_pytest.requirements.registry import AREAS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_rights_is_the_generated_one(generate: ModuleType) -> None:
    assert (ROOT / "docs" / "rbac.md").read_text() == generate.rbac_markdown()


def test_the_manifest_of_rights_is_the_generated_one(generate: ModuleType) -> None:
    assert (ROOT / "docs" / "rbac.yaml").read_text() == generate.rbac_yaml()


def test_what_is_deployed_is_generated(generate: ModuleType) -> None:
    made = {**generate.image_locks(), **generate.deploy_manifests()}

    assert {name: (ROOT / "deploy" / name).read_text() for name in made} == made


def test_the_schemas_are_the_generated_ones(generate: ModuleType) -> None:
    made = generate.json_schemas()
    found = {path.name: path.read_text() for path in (ROOT / "docs" / "schemas").iterdir()}
    assert found == made


def test_the_fence_is_the_generated_one(generate: ModuleType) -> None:
    assert (ROOT / "docs" / "fence.yaml").read_text() == generate.fence_yaml()


def test_the_readmes_table_of_checks_is_the_generated_one(generate: ModuleType) -> None:
    page = (ROOT / "README.md").read_text()

    assert page.count("| `dra_support` | SHOULD |") == 1
    assert page == generate.readme(page)


def test_every_option_that_the_readme_names_exists() -> None:
    named = set(
        re.findall(
            r"(?<![\w-])--(?:aicr-[\w-]+|evidence[\w-]*|cncf[\w-]*)",
            (ROOT / "README.md").read_text(),
        )
    )

    assert named
    assert named <= {option.flag for option in OPTIONS} | {"--aicr"}


def test_the_glossary_knows_every_outcome_verdict_and_area() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    rows = dict(re.findall(r"(?m)^\| (\w+) \| (.*) \|$", page))

    assert rows["outcome"] == f"of a check: {', '.join(get_args(Outcome))}"
    assert [one for one in get_args(Verdict) if one not in rows["verdict"]] == []
    assert re.findall(r"`(\w+)`", rows["area"]) == list(AREAS)


def test_the_page_of_solutions_is_the_generated_one(generate: ModuleType) -> None:
    assert (ROOT / "docs" / "solutions.md").read_text() == generate.solutions_markdown()
