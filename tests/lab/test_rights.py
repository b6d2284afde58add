"""The suite runs with exactly the rights of docs/rbac.yaml, and asks for no others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aicr_lab.lab import Lab
from aicr_pytest.cluster.rbac import Rule, needs_from_journal
from aicr_pytest.rights import all_needs
from tests.lab.conftest import Kubectl

ROOT = Path(__file__).resolve().parents[2]

CORE = ("dra_support", "gang_scheduling", "secure_accelerator_access")
"""Requirements that a lab without add-ons implements."""

FOR_EVERYBODY = {("authorization.k8s.io", "selfsubjectaccessreviews", "create")}
"""Rights that every authenticated user has (system:basic-user)."""


@pytest.fixture(scope="module")
def entitled(lab: Lab, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the ServiceAccount in docs/rbac.yaml."""
    kubectl("apply", "-f", str(ROOT / "docs" / "rbac.yaml"))
    token = kubectl("create", "token", "-n", "aicr-pytest", "aicr-pytest").strip()
    content = json.loads(lab.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    path = tmp_path_factory.mktemp("rights") / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def run(entitled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of what the core lab implements, run with these rights."""
    directory = tmp_path_factory.mktemp("run") / "evidence"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--aicr", "--aicr-kubeconfig", str(entitled)),
            *("--evidence-dir", str(directory), "-p", "no:cacheprovider"),
            *(f"--aicr-feature={requirement}" for requirement in CORE),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return directory


def test_with_exactly_these_rights_every_requirement_is_implemented(run: Path) -> None:
    told = json.loads((run / "run.json").read_text())

    verdicts = {item["id"]: item["verdict"] for item in told["requirements"]}
    assert verdicts == dict.fromkeys(CORE, "Implemented")


def test_the_suite_asks_for_no_right_beyond_the_table(run: Path) -> None:
    lines = (run / "requests.jsonl").read_text().splitlines()
    requests = [json.loads(line) for line in lines]
    asked = needs_from_journal((item["method"], item["path"]) for item in requests)
    granted = {(n.group, n.resource, n.subresource, n.verb) for n in all_needs()}

    assert len(requests) > 100
    assert {rule for rule in asked if not _is_granted(rule, granted)} == set()


def _is_granted(rule: Rule, granted: set[tuple[str, str, str, str]]) -> bool:
    if rule.path or (rule.group, rule.resource, rule.verb) in FOR_EVERYBODY:
        return True
    whole_group = (rule.group, "*", "", rule.verb)  # metrics are resources of any name
    return whole_group in granted or (
        (rule.group, rule.resource, rule.subresource, rule.verb) in granted
    )


def test_the_kubeconfig_of_the_user_is_left_as_it_was(entitled: Path, run: Path) -> None:
    assert run.is_dir()
    assert "token" in json.loads(entitled.read_text())["users"][0]["user"]


def test_nothing_of_ours_stays_on_the_cluster(run: Path, kubectl: Kubectl) -> None:
    assert run.is_dir()
    left = kubectl(
        *("get", "namespaces,pods,resourceclaims,resourceclaimtemplates,deviceclasses"),
        *("-A", "-l", "app.kubernetes.io/managed-by=aicr-pytest", "-o", "name"),
    )

    assert left.strip() == ""
