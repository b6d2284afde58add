"""The suite inside the cluster: its image on the nodes, a Job with the minimal rights."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aicr_pytest.evidence.run import read_run
from tests.lab.conftest import Kubectl

if TYPE_CHECKING:
    from aicr_lab.lab import Lab

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_a_job_with_the_minimal_rights_gives_verdict_and_evidence(
    lab: "Lab", kubectl: Kubectl, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    made = run("aicr_lab", "image", str(archive), "--load", "--name", lab.name, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    config = ("--aicr-kubeconfig", str(lab.kubeconfig))

    done = run(
        *("aicr_pytest.cli.main", "in-cluster", *config, "--evidence-dir", "out"),
        *("--", "-m", "dra"),
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = read_run(tmp_path / "out")
    assert told.cluster.context == "in-cluster"
    assert [(one.id, one.verdict) for one in told.requirements] == [("dra_support", "Implemented")]
    assert told.left_behind == ()
    assert "dra_support  Implemented" in done.stdout
    left = kubectl("get", "namespaces,clusterroles,clusterrolebindings", "-o", "name")
    assert "aicr" not in left
    assert "aicr" not in kubectl("get", "validatingadmissionpolicies", "-o", "name")
