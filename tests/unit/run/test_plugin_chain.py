"""One string, the requirement id, finds everything; and nothing lies about unused."""

import re
from functools import cache
from pathlib import Path

import aicr_pytest
from aicr_pytest.cli.listing import as_json, collect
from aicr_pytest.locations import manifests_dir, suite_dir
from aicr_pytest.requirements.catalogue import BY_ID, NOT_AUTOMATED
from aicr_pytest.run.plan import Plan


@cache
def plan() -> Plan:
    return collect()


def test_every_requirement_has_a_module_or_a_reason() -> None:
    modules = {path.stem.removeprefix("test_") for path in suite_dir().glob("test_*.py")}

    assert modules | NOT_AUTOMATED.keys() == BY_ID.keys()
    assert modules & NOT_AUTOMATED.keys() == set()


def test_every_module_proves_the_requirement_that_it_is_named_after() -> None:
    for check in plan().selected:
        assert f"test_{check.requirement}.py" in check.nodeid


def test_every_check_says_what_it_proves_creates_and_takes() -> None:
    for check in plan().selected:
        assert check.proves.endswith("."), f"{check.name}: no sentence in its docstring"
        assert check.creates, f"{check.name}: aicr_check(creates=…) is missing"
        assert check.seconds > 0, f"{check.name}: aicr_check(seconds=…) is missing"


def test_every_requirement_with_a_module_has_a_check_that_decides() -> None:
    deciding = {check.requirement for check in plan().selected if check.basis != "hardening"}

    assert deciding == BY_ID.keys() - NOT_AUTOMATED.keys()


def test_every_folder_of_manifests_is_a_requirement() -> None:
    assert {path.name for path in manifests_dir().iterdir()} <= BY_ID.keys()


def test_every_manifest_is_used() -> None:
    package = Path(aicr_pytest.__file__).parent
    sources = [*suite_dir().glob("test_*.py"), *package.rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    for path in manifests_dir().glob("*/*.yaml"):
        family = path.stem.partition("_")[0]  # api_Kind is used as api_{kind}
        used = rf"(?<![\w-])({re.escape(path.stem)}(?![\w-])|{re.escape(family)}_\{{)"
        assert re.search(used, text), f"{path} is used nowhere"


def test_list_tells_every_requirement_for_programs() -> None:
    told = as_json(plan())["requirements"]

    assert [one["id"] for one in told] == list(BY_ID)
    assert all(one["checks"] or one["not_automated"] for one in told)
