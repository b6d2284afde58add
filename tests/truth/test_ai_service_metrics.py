"""Every defect of ``ai_service_metrics`` is seen, on a lab with a Prometheus Operator."""

from pathlib import Path

import pytest
import yaml

from aicr_lab.addons import catalogue
from aicr_lab.defects.catalogue import defect_named
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.prometheus import PrometheusReplicas
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions

from .conftest import Labs
from .health import faults
from .judging import complaints
from .matrix import broken, defects_of, name_of, try_out
from .suite import TIMEOUT_SCALE, run_suite
from .users_service import NAMED, users_service

pytestmark = pytest.mark.thorough

REQUIREMENT = "ai_service_metrics"
LAB = LabOptions(nodes=1, gpus=1, addons=catalogue.parse("prometheus,python"), fast=True)
WAYS = ("service-monitor", "pod-monitor", "annotations")


def pinned(way: str) -> str:
    """The option that lets the suite try one way to collect metrics only."""
    return f"--aicr-solution=metrics={way}"


@pytest.mark.parametrize("defect", defects_of(REQUIREMENT), ids=name_of)
def test_defect_is_seen(defect: Defect, labs: Labs, tmp_path: Path) -> None:
    assert try_out(labs(LAB), defect, tmp_path, pinned("service-monitor")) == []


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_be_collected_is_enough(way: str, labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned(way))

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
    assert faults(lab) == []


def test_platform_without_that_way_does_not_implement_it(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned("gke-pod-monitoring"))

    (judged,) = run.requirements
    assert judged.verdict == "Not Implemented", run
    assert "No solution of metrics is installed" in judged.reason
    assert "the API monitoring.googleapis.com/v1 with PodMonitoring" in judged.reason


@pytest.mark.thorough
def test_way_that_fails_a_later_check_gives_way_to_the_next(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    with broken(lab, defect_named("svc-counter-frozen")) as kubeconfig:
        run = run_suite(kubeconfig, [REQUIREMENT], tmp_path / "run")

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
    assert faults(lab) == []


@pytest.mark.thorough
def test_two_replicas_of_prometheus_are_as_good_as_one(labs: Labs, tmp_path: Path) -> None:
    lab, two = labs(LAB), PrometheusReplicas(replicas=2)
    try:
        two.inject(lab)
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", pinned("service-monitor"))
    finally:
        two.revert(lab)

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    assert {result.outcome for result in run.results} == {"passed"}
    assert faults(lab) == []


def test_service_of_the_user_is_enough(labs: Labs, tmp_path: Path) -> None:
    lab = labs(LAB)

    with users_service(lab):
        run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", NAMED)

    assert [one.verdict for one in run.requirements] == ["Implemented"], run
    outcomes = [result.outcome for result in run.results]
    assert outcomes == ["passed"] * 4 + ["not applicable"], run
    assert faults(lab) == []


@pytest.mark.thorough
def test_counter_of_the_users_service_that_stands_still_is_seen(labs: Labs, tmp_path: Path) -> None:
    lab, defect = labs(LAB), defect_named("svc-counter-frozen")

    with broken(lab, defect) as kubeconfig, users_service(lab):
        run = run_suite(
            kubeconfig, [REQUIREMENT], tmp_path / "run", NAMED, timeout_scale=TIMEOUT_SCALE / 2
        )

    assert complaints(defect, run) == []
    assert faults(lab) == []


@pytest.mark.thorough
def test_service_of_the_user_that_nobody_collects_is_seen(labs: Labs, tmp_path: Path) -> None:
    with users_service(labs(LAB), monitored=False):
        run = run_suite(
            labs(LAB).kubeconfig,
            [REQUIREMENT],
            tmp_path / "run",
            NAMED,
            timeout_scale=TIMEOUT_SCALE / 3,
        )

    (judged,) = run.requirements
    assert judged.verdict == "Not Implemented", run
    assert "no target of it is known" in run.results[0].message


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("scheme", "expected_message"),
    [("http", "HTTP request to an HTTPS server"), ("https", "no TLS connection")],
)
def test_prometheus_that_does_not_let_us_in_accuses_nobody(
    scheme: str, expected_message: str, labs: Labs, tmp_path: Path
) -> None:
    lab = labs(LAB)
    closed = f"--aicr-prometheus-url={scheme}://127.0.0.1:{_port_of(lab)}"

    run = run_suite(lab.kubeconfig, [REQUIREMENT], tmp_path / "run", closed)

    (judged,) = run.requirements
    assert judged.verdict == "Inconclusive", run
    assert {result.outcome for result in run.results} == {"inconclusive"}
    assert all(expected_message in result.message for result in run.results), run


def _port_of(lab: Lab) -> str:
    """Of the API server, which speaks TLS by a certificate that nobody else trusts."""
    (cluster,) = yaml.safe_load(lab.kubeconfig.read_text())["clusters"]
    return str(cluster["cluster"]["server"]).rpartition(":")[2]
