"""Add-ons come up with the lab, do what the products do, and end with it."""

import json
import os
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from aicr_lab import startup
from aicr_lab.addons import catalogue
from aicr_lab.addons.accelerator_exporter import NAME as EXPORTER
from aicr_lab.addons.accelerator_exporter import NAMESPACE as EXPORTER_NAMESPACE
from aicr_lab.addons.accelerator_exporter import defects_file
from aicr_lab.addons.python import IMAGE as PYTHON
from aicr_lab.build.images import NBODY
from aicr_lab.cli import main
from aicr_lab.errors import ApiRefused
from aicr_lab.lab import Lab
from aicr_lab.machine.namespaces import wait_until
from aicr_lab.options import LabOptions
from tests.lab.conftest import Host
from tests.lab.test_life import assert_nothing_is_left

CHOSEN = catalogue.parse("accelerator-exporter,prometheus-adapter,loadbalancer,python")
UTILIZATION = re.compile(r"^DCGM_FI_DEV_GPU_UTIL\{(?P<labels>[^}]*)\} (?P<value>\S+)", re.M)


@pytest.fixture(scope="module")
def equipped(host_before: Host) -> Iterator[Lab]:
    """A lab with the add-ons that metrics and addresses need; its end is a test too."""
    made = Lab(f"addons-{os.getpid()}")
    try:
        startup.up(made, LabOptions(gpus=2, addons=CHOSEN, fast=True), lambda _: None)
        yield made
    finally:
        made.down(lambda _: None)


@pytest.fixture
def run_pod(equipped: Lab) -> Iterator[Callable[..., dict[str, Any]]]:
    """Creates a pod of one container and waits until it is Ready; deletes it afterwards."""
    created = []

    def run(name: str, image: str, command: list[str], **container: Any) -> dict[str, Any]:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 1,  # with 0 it is gone before its processes are
                "containers": [{"name": "c", "image": image, "command": command, **container}],
            },
        }
        created.append(name)
        equipped.api.create(pod)
        assert wait_until(lambda: is_ready(equipped, name), 30, every=0.2)
        return equipped.api.get("v1", "Pod", name, "default")

    yield run
    for name in created:
        equipped.api.delete("v1", "Pod", name, "default")
        assert wait_until(lambda name=name: not equipped.api.find("v1", "Pod", name, "default"), 30)  # type: ignore[misc]


def is_ready(lab: Lab, pod: str) -> bool:
    conditions = lab.api.get("v1", "Pod", pod, "default")["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def page(lab: Lab, node: str) -> str:
    """What the exporter of a node serves now."""
    pods = lab.api.list("v1", "Pod", EXPORTER_NAMESPACE, labels=f"app={EXPORTER}")
    name = next(pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == node)
    path = lab.api.path("v1", "Pod", f"{name}:9400", EXPORTER_NAMESPACE)
    return str(lab.api.request("GET", f"{path}/proxy/metrics"))


def utilization(lab: Lab, node: str) -> dict[str, float]:
    """Holding pod, or UUID where nobody holds it, to utilization."""
    found = {}
    for match in UTILIZATION.finditer(page(lab, node)):
        labels: dict[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', match["labels"]))
        found[labels.get("pod", labels["UUID"])] = float(match["value"])
    return found


def custom_metric(lab: Lab, pod: str) -> int | None:
    path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/{pod}/gpu_utilization"
    try:
        return int(lab.api.request("GET", path)["items"][0]["value"])
    except ApiRefused:
        return None


def test_every_addon_is_ready_and_status_says_so(
    equipped: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json", "--name", equipped.name]) == 0
    listed = json.loads(capsys.readouterr().out)["addons"]
    assert {each["name"]: each["missing"] for each in listed} == dict.fromkeys(CHOSEN, "")


def test_readings_follow_a_workload_up_to_the_metrics_of_the_autoscaler(
    equipped: Lab, run_pod: Callable[..., dict[str, Any]]
) -> None:
    script = "while :; do [ ! -f /tmp/load ] || nbody -numbodies=4194304; sleep 0.1; done"
    limits = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    node = run_pod("load", NBODY, ["sh", "-c", script], **limits)["spec"]["nodeName"]
    assert wait_until(lambda: utilization(equipped, node).get("load") == 0, 10, every=0.5)
    assert len(utilization(equipped, node)) == 2
    assert wait_until(lambda: custom_metric(equipped, "load") == 0, 40, every=0.5)

    container = f"/proc/{_pid_of(equipped, node)}/root"
    equipped.node(node).run(["touch", f"{container}/tmp/load"])
    assert wait_until(lambda: utilization(equipped, node)["load"] > 90, 10, every=0.5)
    other = next(value for name, value in utilization(equipped, node).items() if name != "load")
    assert other == 0
    assert wait_until(lambda: (custom_metric(equipped, "load") or 0) > 90, 20, every=0.5)

    equipped.node(node).run(["rm", f"{container}/tmp/load"])
    assert wait_until(lambda: custom_metric(equipped, "load") == 0, 20, every=0.5)


def _pid_of(lab: Lab, node: str) -> str:
    """A process of the load's shell, as the node numbers it."""
    found = lab.node(node).run(["pgrep", "-f", "while :; do"]).stdout.split()
    return found[0]


def test_an_exporter_lies_as_it_is_told_and_heals(equipped: Lab) -> None:
    file = defects_file(equipped.node("node-0"))
    healthy = utilization(equipped, "node-0")
    assert set(healthy.values()) == {0.0}
    try:
        file.write_text("static\nmissing-device\n")
        assert list(utilization(equipped, "node-0").values()) == [42.0]
        file.write_text("html\n")
        assert page(equipped, "node-0").startswith("<!DOCTYPE html>")
    finally:
        file.unlink()
    assert utilization(equipped, "node-0") == healthy


def test_a_service_gets_an_address_that_pods_and_the_labs_side_reach(
    equipped: Lab, run_pod: Callable[..., dict[str, Any]]
) -> None:
    serve = ["python3", "-m", "http.server", "8080", "--directory", "/etc"]
    run_pod("web", PYTHON, serve, readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})
    equipped.api.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "type": "LoadBalancer",
                "externalTrafficPolicy": "Local",
                "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": 8080}],
            },
        }
    )
    try:
        assert wait_until(lambda: bool(_address(equipped)), 10, every=0.2)
        address = _address(equipped)
        assert wait_until(lambda: "nobody" in _fetched(equipped, address), 10, every=0.5)
        ask = f"import urllib.request as u; print(u.urlopen('http://{address}/passwd').status)"
        run_pod("client", PYTHON, ["python3", "-u", "-c", f"{ask}; import time; time.sleep(60)"])
        log = equipped.api.path("v1", "Pod", "client", "default") + "/log"
        assert wait_until(lambda: "200" in str(equipped.api.request("GET", log)), 10, every=0.5)
    finally:
        equipped.api.delete("v1", "Service", "web", "default")


def _address(lab: Lab) -> str:
    status = lab.api.get("v1", "Service", "web", "default")["status"]
    ingress = status["loadBalancer"].get("ingress") or [{}]
    return str(ingress[0].get("ip", ""))


def _fetched(lab: Lab, address: str) -> str:
    connection = HTTPConnection(address, 80, timeout=2)
    try:
        connection.sock = lab.namespaces.dial(address, 80, timeout=2)
        connection.request("GET", "/passwd")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def test_down_takes_the_addons_along(equipped: Lab, host_before: Host) -> None:
    equipped.down(lambda _: None)
    assert_nothing_is_left(equipped, host_before)
