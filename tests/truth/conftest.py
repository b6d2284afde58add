"""Real labs for the truth tests, one at a time per process."""

import os
from collections.abc import Callable, Iterator

import pytest

from aicr_lab.defects.defect import Defect
from aicr_lab.lab import Lab
from aicr_lab.state import LabOptions

Labs = Callable[[LabOptions], Lab]

EVERY_TIME = frozenset(
    {
        "gang-plain-scheduler",
        "gang-leaks",
        "metrics-static",
        "metrics-missing-device",
        "svc-counter-frozen",
        "svc-slow",
        "hpa-metric-frozen",
        "ca-at-limit",
        "gw-header-ignored",
        "op-schema-only",
        "op-reconciles-nothing",
        "every check: create pods/exec",
        "dra_support: list resourceslices.resource.k8s.io",
    }
)
"""Trials of requirements beyond the first two that ``make test`` makes; ``make truth`` makes all,
which takes hours."""
_ALWAYS = ("", "dra_support", "secure_accelerator_access")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks ``thorough`` what only ``make truth`` runs."""
    for item in items:
        call = getattr(item, "callspec", None)
        given = call.params if call is not None else {}
        defect, need = given.get("defect"), given.get("need")
        if isinstance(defect, Defect):
            every_time = defect.requirement in _ALWAYS or defect.id in EVERY_TIME
        else:
            every_time = need is None or f"{need.feature}: {need}" in EVERY_TIME
        if not every_time:
            item.add_marker("thorough")


class Stage:
    """At most one lab; another kind of lab takes the place of the one before."""

    def __init__(self, name: str) -> None:
        self._lab = Lab(name)

    def lab(self, options: LabOptions) -> Lab:
        """A running lab of this kind."""
        if self._lab.running and self._lab.options != options:
            self.clear()
        self._lab.up(options, lambda _: None)
        return self._lab

    def clear(self) -> None:
        """Takes the lab down."""
        self._lab.down(lambda _: None)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The place for labs of this process."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    made = Stage(f"truth-{os.getpid()}-{worker}")
    try:
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="session")
def labs(stage: Stage) -> Labs:
    """Gives a running lab of some kind; the one of the test before where it is of that kind."""
    return stage.lab
