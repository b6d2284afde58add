"""The public fixtures.

Importing this module is cheap; the Kubernetes client comes with the first fixture that needs it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.life import Life
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.monitoring.discovery import Monitoring
    from aicr_pytest.requirements.accelerator_metrics.trial import Metrics
    from aicr_pytest.requirements.platform import Platform
    from aicr_pytest.requirements.solutions import Solutions
    from aicr_pytest.run.session import Run
    from aicr_pytest.settings import Settings
    from aicr_pytest.workloads.reservations import Exclusive
    from aicr_pytest.workloads.workspaces import Workspaces


def _run(config: pytest.Config) -> "Run":
    from aicr_pytest.errors import SettingsError
    from aicr_pytest.run.session import run_key

    run = config.stash.get(run_key, None)
    if run is None:
        raise SettingsError(
            "This test needs a cluster, and the run was not asked to look at one.\n"
            "  Add --aicr, or aicr_suite = true to the project's pytest configuration."
        )
    return run


@pytest.fixture(scope="session")
def aicr_settings(request: pytest.FixtureRequest) -> "Settings":
    """What the user wants, as it was resolved from command line, environment and project."""
    return _run(request.config).settings


@pytest.fixture(scope="session")
def aicr_cluster(request: pytest.FixtureRequest) -> "Cluster":
    """The cluster under test: raw objects, exec, logs, port-forward."""
    return _run(request.config).cluster


@pytest.fixture(scope="session")
def aicr_wait(request: pytest.FixtureRequest, aicr_cluster: "Cluster") -> "Waiter":
    """Waits by watch or by polling, with named deadlines scaled by --aicr-timeout-scale."""
    return _run(request.config).waiter


@pytest.fixture(scope="session")
def aicr_accelerators(request: pytest.FixtureRequest, aicr_cluster: "Cluster") -> "Accelerators":
    """The cluster's accelerators: nodes to look at, mechanism, what is free."""
    from aicr_pytest.accelerators.discovery import accelerators_for

    return accelerators_for(aicr_cluster, _run(request.config).settings)


@pytest.fixture
def aicr_evidence(request: pytest.FixtureRequest) -> "CheckEvidence":
    """What this check observes: texts, objects, tables, facts."""
    return _run(request.config).evidence


@pytest.fixture(scope="module")
def aicr_solution(request: pytest.FixtureRequest, aicr_cluster: "Cluster") -> "Solutions[Any]":
    """The installed solutions of this module's requirement; absent ones are not implemented."""
    from aicr_pytest.errors import SettingsError
    from aicr_pytest.requirements.registry import solutions_for

    run = _run(request.config)
    mark = request.node.get_closest_marker("requirement")
    if mark is None:
        raise SettingsError(
            f"{request.node.name} uses aicr_solution and says not for which requirement.\n"
            '  Add pytestmark = pytest.mark.requirement("<id>").'
        )
    return solutions_for(mark.args[0], aicr_cluster, run.settings, evidence=lambda: run.evidence)


@pytest.fixture(scope="module")
def aicr_exclusive(
    request: pytest.FixtureRequest,
    aicr_cluster: "Cluster",
    aicr_wait: "Waiter",
    aicr_accelerators: "Accelerators",
) -> Iterator["Exclusive"]:
    """Accelerators for this module alone, among all checks of ours on the cluster."""
    from aicr_pytest.run.module_resources import reservations_for

    run = _run(request.config)
    exclusive = reservations_for(request, run, aicr_cluster, aicr_wait, aicr_accelerators)
    yield exclusive
    exclusive.close()


@pytest.fixture(scope="module")
def aicr_monitoring(
    request: pytest.FixtureRequest, aicr_cluster: "Cluster", aicr_wait: "Waiter"
) -> "Monitoring":
    """The cluster's monitoring system; looked for when it is first asked."""
    from aicr_pytest.monitoring.discovery import Monitoring

    run = _run(request.config)
    return Monitoring(aicr_cluster, aicr_wait, run.settings, evidence=lambda: run.evidence)


@pytest.fixture(scope="module")
def aicr_metrics(
    request: pytest.FixtureRequest,
    aicr_cluster: "Cluster",
    aicr_wait: "Waiter",
    aicr_accelerators: "Accelerators",
    aicr_monitoring: "Monitoring",
) -> "Metrics":
    """The accelerators' metrics: exporters, and the cluster's Prometheus."""
    from aicr_pytest.requirements.accelerator_metrics.trial import Metrics

    run = _run(request.config)
    return Metrics(
        aicr_cluster,
        aicr_wait,
        aicr_accelerators,
        aicr_monitoring,
        lambda: run.evidence,
        exporter=run.settings.exporter,
    )


@pytest.fixture(scope="session")
def _aicr_life(request: pytest.FixtureRequest, aicr_cluster: "Cluster") -> Iterator["Life"]:
    """The sign that this process goes on; given from its first namespace on."""
    from aicr_pytest.cluster.life import Life

    life = Life(aicr_cluster, worker=_run(request.config).worker)
    yield life
    life.end()


@pytest.fixture(scope="module")
def aicr_workspace(
    request: pytest.FixtureRequest,
    aicr_cluster: "Cluster",
    aicr_wait: "Waiter",
    aicr_accelerators: "Accelerators",
    aicr_exclusive: "Exclusive",
    _aicr_life: "Life",
) -> Iterator["Workspaces"]:
    """The namespaces of this module with everything in them; taken down DRA-safe at its end."""
    from aicr_pytest.run.module_resources import workspaces_for

    run = _run(request.config)
    workspaces = workspaces_for(
        request, run, aicr_cluster, aicr_wait, aicr_accelerators, aicr_exclusive, _aicr_life
    )
    yield workspaces
    workspaces.close()


@pytest.fixture(scope="module")
def aicr_platform(
    aicr_cluster: "Cluster",
    aicr_wait: "Waiter",
    aicr_settings: "Settings",
    aicr_accelerators: "Accelerators",
    aicr_monitoring: "Monitoring",
    aicr_exclusive: "Exclusive",
    aicr_workspace: "Workspaces",
) -> "Platform":
    """The platform under test and what this module may use of it, in one."""
    from aicr_pytest.requirements.platform import Platform

    return Platform(
        cluster=aicr_cluster,
        accelerators=aicr_accelerators,
        monitoring=aicr_monitoring,
        workspaces=aicr_workspace,
        reservations=aicr_exclusive,
        waiter=aicr_wait,
        settings=aicr_settings,
    )
