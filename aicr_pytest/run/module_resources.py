"""What a module of checks holds on the cluster while it runs: accelerators, namespaces."""

from collections.abc import Callable

import pytest

from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.leases import Leases
from aicr_pytest.cluster.life import Life
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.workspace import PodSecurity, Workspace
from aicr_pytest.run.session import Run
from aicr_pytest.workloads.reservations import Exclusive
from aicr_pytest.workloads.workspaces import Workspaces


def reservations_for(
    request: pytest.FixtureRequest,
    run: Run,
    cluster: Cluster,
    waiter: Waiter,
    accelerators: Accelerators,
) -> Exclusive:
    """Accelerators for the module that uses a fixture; none is held yet."""
    holder = "/".join(part for part in (run.run_id, run.worker, _module(request)) if part)
    return Exclusive(
        Leases(cluster, waiter, holder=holder),
        lambda: [node for node in accelerators.stock if node.ready and node.schedulable],
    )


def workspaces_for(
    request: pytest.FixtureRequest,
    run: Run,
    cluster: Cluster,
    waiter: Waiter,
    accelerators: Accelerators,
    exclusive: Exclusive,
    life: Life,
) -> Workspaces:
    """The namespaces of the module that uses a fixture; none is made yet."""
    workspaces = Workspaces(
        _maker(request, run, cluster, waiter, life),
        accelerators,
        image=run.image,
        pull_secret=run.pull_secret(),
        run_id=run.run_id,
        evidence=lambda: run.evidence,
        take_down=lambda workspace, emptied: run.outage.sit_out(
            f"Namespace {workspace.namespace}: being removed",
            lambda: workspace.close(emptied),
            waiter,
        ),
        emptied=exclusive.give_back,
        way_out=run.clean_command,
    )
    run.witnesses.append(workspaces.explain)
    request.addfinalizer(lambda: run.witnesses.remove(workspaces.explain))
    return workspaces


def _module(request: pytest.FixtureRequest) -> str:
    """Name of the module that uses a fixture: the requirement's id in our suite."""
    name: str = request.node.name
    return name.rpartition("/")[2].removeprefix("test_").removesuffix(".py")


def _maker(
    request: pytest.FixtureRequest,
    run: Run,
    cluster: Cluster,
    waiter: Waiter,
    life: Life,
) -> Callable[[PodSecurity], Workspace]:
    """Makes the namespace of a Pod Security level."""
    module = _module(request)
    failed_before = request.session.testsfailed

    def keep() -> bool:
        wish = run.settings.keep
        return wish == "always" or (
            wish == "failed" and request.session.testsfailed > failed_before
        )

    def make(level: PodSecurity) -> Workspace:
        life.begin()
        suffix = "" if level == "restricted" else f"-{level}"
        return Workspace(
            cluster,
            waiter,
            run_id=run.run_id,
            module=f"{module}{suffix}",
            psa=level,
            keep=keep,
            priority_class=run.settings.priority_class,
        )

    return make
