"""What was written is read back as it was, and what cannot be read is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.record import read_records
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import (
    AcceleratorPool,
    CheckResult,
    ClusterInfo,
    NodeSeen,
    RequirementResult,
    RunInfo,
    read_run,
)
from aicr_pytest.evidence.store import EvidenceStore

RUN = RunInfo(
    run_id="run-1",
    simulated=True,
    started_at="2026-11-23T20:14:05.000Z",
    finished_at="2026-11-23T20:15:05.000Z",
    seconds=60.25,
    cluster=ClusterInfo(
        context="lab",
        server="https://127.0.0.1:6443",
        version="v1.37.2",
        platform="aicr lab",
        nodes=(NodeSeen(name="node-1", accelerators=8, looked_at=True),),
        accelerators=(AcceleratorPool(pool="lab", model="H100", mechanism="DRA claim", count=8),),
    ),
    settings={"aicr_keep": "never"},
    versions={"pytest": "9.2.0"},
    requirements=(
        RequirementResult(
            id="dra_support",
            title="DRA",
            category="accelerators",
            level="MUST",
            verdict="N/A",
            reason="by the user's word",
            checks=(CheckResult(check="test_x", title="X", basis="plan", outcome="skipped"),),
        ),
    ),
    exit_status=1,
    list_version="1.35",
    interrupted=True,
    command="pytest -m dra",
    problems=("disk full",),
)


def test_run_comes_back_as_it_was(tmp_path: Path) -> None:
    EvidenceStore.open(tmp_path, "run-1", Redactor()).write_run(RUN)

    assert read_run(tmp_path) == RUN


def test_run_json_says_what_programs_look_for(tmp_path: Path) -> None:
    EvidenceStore.open(tmp_path, "run-1", Redactor()).write_run(RUN)

    told = json.loads((tmp_path / "run.json").read_text())

    assert (told["schema"], told["simulated"]) == (1, True)
    assert told["requirements"][0]["verdict"] == "N/A"
    assert {"id", "level", "verdict", "reason", "checks"} <= told["requirements"][0].keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2 is not readable by this version"),
        ({"schema": 0}, "schema 0 is not readable"),
        ({"run_id": None}, r"the field 'run_id' is missing or wrong \(nothing\)"),
        ({"simulated": "yes"}, r"the field 'simulated' is missing or wrong \(str\)"),
        ({"requirements": [{}]}, r"requirements\[0\]: the field 'id' is missing"),
        ({"requirements": ["x"]}, r"requirements\[0\]: an object is expected, found str"),
        ({"cluster": []}, "the field 'cluster' is missing or wrong"),
    ],
)
def test_broken_run_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    data = {**RUN.to_json(), **change}
    (tmp_path / "run.json").write_text(json.dumps(data))

    with pytest.raises(SettingsError, match=rf"run\.json.*{message}"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", "[" * 100_000])
def test_file_that_is_no_object_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(SettingsError, match=r"run\.json: "):
        read_run(tmp_path)


def test_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"run\.json: cannot be read: No such file"):
        read_run(tmp_path)


def test_broken_record_is_refused_and_not_left_out(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    store.begin("dra_support", "test_x", title="X", proves="", basis="text")
    path = tmp_path / "dra_support/test_x/record.json"
    path.write_text(path.read_text().replace('"not run"', '"fine"'))

    with pytest.raises(SettingsError, match=r"record\.json: outcome is 'fine'; valid are passed"):
        read_records(tmp_path)
