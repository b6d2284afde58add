"""A checkout, a product.yaml and a run's evidence, all made up."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.evidence.record import Outcome, Phase
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import (
    CheckResult,
    ClusterInfo,
    RequirementResult,
    RunInfo,
    Verdict,
)
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.requirements.catalogue import BY_ID

RUN_ID = "20261123-201405-7f3a"

LIST = """\
# A list.  With a comment
metadata:
  kubernetesVersion: v1.37
  platformName: "[Platform Name]"
  repoUrl: "[Repository URL]"
  contactEmailAddress: "[Contact Email Address]"

spec:
  accelerators:
    - id: gpu_sharing
      description: "Shares: what is 'shared'."
      level: SHOULD
      status: ""
      evidence: []
      notes: ""
  schedulingOrchestration:
    - id: gang_scheduling
      description: "Gangs are all or nothing."
      level: MUST
      status: ""
      evidence: []
      notes: ""
    - id: cluster_autoscaling
      description: "Nodes come and go."
      level: MUST
      status: ""
      evidence: []
      notes: ""
"""

PRODUCT = """\
directory: analytical-engine
setup: engine create --accelerators 8
metadata:
  platformName: Analytical Engine
  platformVersion: "1.7"
  vendorName: Babbage
  websiteUrl: https://babbage.example/engine
  documentationUrl: https://babbage.example/docs
  productLogoUrl: https://babbage.example/engine.svg
  description: A superb Kubernetes.
  contactEmailAddress: engine@babbage.example
  k8sConformanceUrl: https://github.com/cncf/k8s-conformance/tree/master/v1.36/engine
"""

GREEN: Mapping[str, Verdict] = {
    "gang_scheduling": "Implemented",
    "cluster_autoscaling": "Implemented",
}
_OUTCOMES: dict[Verdict, Outcome] = {
    "Implemented": "passed",
    "Not Implemented": "failed",
    "Inconclusive": "inconclusive",
    "Unknown": "unknown",
    "N/A": "not run",
}


def checkout(root: Path, text: str = LIST) -> Path:
    """A checkout with the list of one version."""
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "AIConformance-1.37.yaml").write_text(text, encoding="utf-8")
    return root


def product(path: Path, more: str = "") -> Path:
    """A product.yaml."""
    path.write_text(PRODUCT + more, encoding="utf-8")
    return path


def evidence(directory: Path, verdicts: Mapping[str, Verdict] = GREEN, **changes: Any) -> Path:
    """The directory of a run that came to these verdicts, with a check for each."""
    store = EvidenceStore.open(directory, RUN_ID, Redactor())
    requirements = []
    for name, verdict in verdicts.items():
        outcome = _OUTCOMES[verdict]
        if outcome != "not run":
            check = store.begin(
                name, "test_it_works", title="It works", proves="That it works.", basis="text"
            )
            check.phase = "call"
            check.text("What was <seen>", "8 of 8 | bound\n", source="GET /api/v1/pods")
            check.fact("node", "node-1")
            phase = Phase(name="call", outcome="passed", seconds=1.0)
            store.end(check, outcome, "" if outcome == "passed" else "It is so.", [phase], "")
        requirements.append(_result(name, verdict, outcome))
    info = RunInfo(
        run_id=RUN_ID,
        started_at="2026-11-23T20:14:05Z",
        finished_at="2026-11-23T20:54:05Z",
        seconds=2400.0,
        cluster=ClusterInfo(version="v1.37.2", platform="a platform"),
        versions={"aicr_pytest": "0.1.0"},
        requirements=tuple(requirements),
        exit_status=0,
        list_version="1.37",
        command="aicr-pytest run --evidence-dir out",
    )
    store.write_run(dataclasses.replace(info, **changes))
    store.finish()
    write_manifest(directory)
    return directory


def _result(name: str, verdict: Verdict, outcome: Outcome) -> RequirementResult:
    known = BY_ID[name]
    result = CheckResult(check="test_it_works", title="It works", basis="text", outcome=outcome)
    return RequirementResult(
        id=name,
        title=known.title,
        category=known.category,
        level=known.level("1.37"),
        verdict=verdict,
        reason="by the user's word: no autoscaler" if verdict == "N/A" else "1 of 1 passed",
        checks=(result,),
    )


def submission(root: Path, text: str, **files: str) -> Path:
    """A product's folder in a checkout: its PRODUCT.yaml, and files beside it."""
    folder = root / "v1.37" / "engine"
    folder.mkdir(parents=True)
    (folder / "PRODUCT.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(content, encoding="utf-8")
    return folder
