"""The published schemas are true of what runs write, and say no to what they do not."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aicr_pytest.evidence.schemas import schemas
from tests.unit.reports import sample

EXAMPLE = Path(__file__).parents[3] / "reports" / "lab"
"""A real run, on the lab."""


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = schemas()[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.make(tmp_path_factory.mktemp("sample") / "out")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["run", "record", "manifest"])
def test_every_file_of_a_run_is_valid(made: Path, name: str) -> None:
    valid = validator(name)
    files = [*made.rglob(f"{name}.json"), *EXAMPLE.rglob(f"{name}.json")]

    assert len(files) >= 2
    for path in files:
        valid.validate(read(path))


@pytest.mark.parametrize("name", ["run", "record"])
def test_everything_that_a_run_writes_is_described(made: Path, name: str) -> None:
    told = schemas()[f"{name}.schema.json"]
    properties = told["properties"]

    assert set(read(next(made.rglob(f"{name}.json")))) == set(properties)
    defined = [one for shown in told["$defs"].values() for one in shown["properties"].values()]
    assert all(one["description"] for one in (*properties.values(), *defined))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("run", {"schema": 2}),
        ("run", {"run_id": 3}),
        ("run", {"exit_status": "1"}),
        ("run", {"replaced": {"node": "many"}}),
        ("run", {"requirements": [{}]}),
        ("record", {"outcome": "fine"}),
        ("record", {"observations": {}}),
        ("manifest", {"files": [{"path": "x"}]}),
    ],
)
def test_what_no_run_writes_is_not_valid(made: Path, name: str, change: dict[str, Any]) -> None:
    told = read(next(made.rglob(f"{name}.json"))) | change

    assert list(validator(name).iter_errors(told))
