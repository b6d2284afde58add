"""What ``aicr-pytest clean`` removes from a real API server, which writes managedFields itself."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aicr_lab.lab import Lab
from aicr_pytest.cli.main import main
from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import NAMESPACE
from tests.lab.conftest import Kubectl

KILLED, LIVE, COPIED = "20260101-101010-aaaa", "20260102-101010-bbbb", "20260103-101010-cccc"

RUN = textwrap.dedent(
    """
    import os, signal, sys
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.life import Life
    from aicr_pytest.cluster.names import cluster_name
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.cluster.workspace import Workspace

    kubeconfig, run = sys.argv[1:]
    cluster = Cluster.connect(kubeconfig=kubeconfig, run_id=run)
    Life(cluster).begin()
    home = Workspace(
        cluster, Waiter(cluster), run_id=run, module="test_x", psa="restricted", keep=lambda: False
    ).open()
    labels = {"app": "web"}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    security |= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "c", "image": "none.invalid/none", "securityContext": security}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    device = {"requests": [{"name": "a", "exactly": {"deviceClassName": "none.invalid"}}]}
    use = [{"name": "a", "resourceClaimTemplateName": "claims"}]
    home.apply([
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
         "spec": {"selector": {"matchLabels": labels}, "template": template}},
        {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate",
         "metadata": {"name": "claims"}, "spec": {"spec": {"devices": device}}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "program"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": labels, "ports": [{"port": 80}]}},
        {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
         "metadata": {"name": cluster_name(run, "deviceclass")}},
    ])
    home.pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gpu"},
              "spec": {"resourceClaims": use, "containers": [container]}})
    print("made", flush=True)
    sys.stdin.read()
    """
)
"""A run that makes what checks make, and then does nothing more."""

TENANTS = f"""
apiVersion: v1
kind: Namespace
metadata:
  name: tenant
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {COPIED}}}
---
apiVersion: v1
kind: Namespace
metadata:
  name: {names.namespace_name(COPIED, "test_x", "0a1b")}
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {COPIED}}}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: tenant
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {COPIED}}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: tenant
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {KILLED}}}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata:
  name: aicr-{KILLED}-copied
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {KILLED}}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: aicr-{COPIED}
  labels: {{app.kubernetes.io/managed-by: aicr-pytest, aicr-pytest/run: {COPIED}}}
value: 1
"""


@pytest.fixture
def begin(lab: Lab) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Starts a run that makes its things and stays; killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(run: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", RUN, str(lab.kubeconfig), run]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "made\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def tenants(kubectl: Kubectl, tmp_path: Path) -> Iterator[None]:
    """What others have made with labels that they have copied from ours."""
    file = tmp_path / "tenants.yaml"
    file.write_text(TENANTS)
    kubectl("create", "-f", str(file))
    kubectl("create", "configmap", "plain", "-n", "tenant")
    yield
    kubectl("delete", "-f", str(file))


def carrying(kubectl: Kubectl, run: str) -> set[str]:
    """What there is of a run."""
    kinds = "namespaces,deviceclasses,priorityclasses,services,configmaps,pods,leases"
    found = kubectl("get", kinds, "-A", "-o", "name", "-l", labels.selector(run))
    return set(found.split())


@pytest.mark.usefixtures("tenants")
def test_all_removes_what_a_killed_run_has_left_and_nothing_else(
    lab: Lab,
    kubectl: Kubectl,
    begin: Callable[[str], "subprocess.Popen[str]"],
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed, live = begin(KILLED), begin(LIVE)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    of_live, of_tenants = carrying(kubectl, LIVE), carrying(kubectl, COPIED)
    assert len(carrying(kubectl, KILLED)) > 6

    status = main(["clean", "--aicr-kubeconfig", str(lab.kubeconfig), "--all", "--yes"])

    said = capsys.readouterr().out
    assert status == 0, said
    assert carrying(kubectl, KILLED) == {
        "configmap/settings",
        f"deviceclass.resource.k8s.io/aicr-{KILLED}-copied",
    }
    assert carrying(kubectl, LIVE) == of_live
    assert carrying(kubectl, COPIED) == of_tenants
    assert f"run {LIVE} goes on" in said
    assert f"DeviceClass aicr-{KILLED}-copied carries our labels and is left alone: not a" in said
    live.kill()
    live.wait()
    assert main(["clean", "--aicr-kubeconfig", str(lab.kubeconfig), "--run", LIVE]) == 0
    assert carrying(kubectl, LIVE) == set()


def test_namespace_in_which_a_tenant_has_put_something_stays_with_that(
    lab: Lab, kubectl: Kubectl, begin: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    begin(KILLED).kill()
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig), run_id="looking")
    (namespace,) = cluster.list(NAMESPACE, labels=labels.selector(KILLED))
    home = namespace["metadata"]["name"]
    kubectl("create", "secret", "generic", "theirs", "-n", home)
    clean = ["clean", "--aicr-kubeconfig", str(lab.kubeconfig), "--run", KILLED, "--presume-dead"]

    assert main(clean) == 1
    assert kubectl("get", "pods,deployments,resourceclaims", "-n", home, "-o", "name") == ""
    assert kubectl("get", "secrets", "-n", home, "-o", "name") == "secret/theirs\n"
    kubectl("delete", "secret", "theirs", "-n", home)

    assert main(clean) == 0
    assert carrying(kubectl, KILLED) == set()
