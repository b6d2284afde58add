"""Real labs for the truth tests, one at a time per process, and what their runs said."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aicr_lab.options import LabOptions
from aicr_pytest.evidence.run import RUN_FILE, read_run

if TYPE_CHECKING:
    # At run time only fixtures import it: pytest loads this file wherever it runs, and the lab's
    # extra may be missing.
    from aicr_lab.lab import Lab

Labs = Callable[[LabOptions], "Lab"]


LONG = ("tests/truth/test_everything.py", "tests/lab")
"""What takes minutes for few tests, and is begun first: a worker would sit on it alone at the end.

The rest comes by the number of its tests."""


def _is_of_trials(config: pytest.Config) -> bool:
    """Whether trials were asked for: every run in the checkout reads this file."""
    return any("tests/truth" in str(word) for word in config.invocation_params.args)


@pytest.hookimpl(trylast=True)  # what is deselected is gone by then
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what takes longest first, lab by lab."""
    if not _is_of_trials(config):
        return
    labs = [lab_of(item.nodeid) for item in items]
    order = longest_first(labs)
    items[:] = [item for lab in order for item, its in zip(items, labs, strict=True) if its == lab]


def longest_first(labs: Sequence[str]) -> list[str]:
    """In which order the labs come, of the labs of all tests."""
    tests = Counter(labs)
    return sorted(tests, key=lambda lab: (lab not in LONG, -tests[lab]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the trials of one lab to one worker: by module, and each personality by itself.

    ``make test`` has the tests of the lab itself in the same session; they share one, too.
    """
    if not _is_of_trials(config):
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByLab(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return lab_of(nodeid)

    config.option.loadscopereorder = False  # their order is the one of the collection
    return ByLab(config, log)


def lab_of(nodeid: str) -> str:
    """What trials on the same lab have in common, of a trial's node id."""
    from .personalities import PERSONALITIES

    module, _, name = nodeid.partition("::")
    if "tests/lab/" in module:
        return module.rpartition("/")[0]
    personality = name.partition("[")[2].removesuffix("]")
    longest_first = sorted(PERSONALITIES, key=lambda one: len(one.name), reverse=True)
    for one in longest_first if "test_personalities" in module else ():
        if personality.startswith(f"{one.name}-"):
            return f"{module}::{one.name}"
    return module


class Stage:
    """At most one lab; another kind of lab takes the place of the one before."""

    def __init__(self, name: str) -> None:
        from aicr_lab.lab import Lab

        self._lab = Lab(name)

    def lab(self, options: LabOptions) -> "Lab":
        """A running lab of this kind."""
        from aicr_lab import startup

        if self._lab.running and self._lab.options != options:
            self.clear()
        startup.up(self._lab, options, lambda _: None)
        return self._lab

    def clear(self) -> None:
        """Take the lab down."""
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
    """Give a running lab of some kind; the one of the test before where it is of that kind."""
    return stage.lab


@pytest.fixture(autouse=True)
def kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what the suite said in a trial for ``--junit-xml``, of which docs/truth.md is made."""
    # record_property would warn that it is not of JUnit's second family; this is written as well.
    properties = request.node.user_properties
    directory = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    if callspec := getattr(request.node, "callspec", None):
        tried = callspec.params
        if "defect" in tried:
            properties.append(("defect", tried["defect"].id))
        if "personality" in tried:
            broken = tried["broken"]
            properties.append(("personality", tried["personality"].name))
            properties.append(("broken", broken.name if broken else ""))
    yield
    for file in sorted(directory.rglob(RUN_FILE)) if directory else ():
        properties.append(("run", json.dumps(_said(file.parent))))


def _said(evidence: Path) -> dict[str, Any]:
    """Verdicts of a run, and the outcome of each check, with its words where it did not pass."""
    run = read_run(evidence)
    return {
        "verdicts": {one.id: one.verdict for one in run.requirements},
        "checks": [
            {"check": check.check, "outcome": check.outcome, "message": check.message}
            for requirement in run.requirements
            for check in requirement.checks
        ],
    }
