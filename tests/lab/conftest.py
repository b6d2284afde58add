"""Labs for tests: real ones, under names of their own, taken down at the end."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aicr_lab.options import LabOptions

if TYPE_CHECKING:
    # At run time only fixtures import it: pytest loads this file wherever it runs, and the lab's
    # extra may be missing.
    from aicr_lab.lab import Lab

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What of this machine a lab could leave a trace in."""

    links: frozenset[str]
    routes: frozenset[str]
    rules: frozenset[str]
    namespaces: frozenset[str]
    mounts: frozenset[str]
    settings: tuple[str, ...]


def look_at_host() -> Host:
    """The host as it is now. Other labs may come and go meanwhile: they must not show either."""

    def lines(*argv: str) -> frozenset[str]:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return frozenset(line.strip() for line in done.stdout.splitlines())

    mounts = Path("/proc/mounts").read_text().splitlines()
    settings = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
    return Host(
        links=frozenset(line.split(":")[1] for line in lines("ip", "-o", "link")),
        routes=lines("ip", "route", "show", "table", "all"),
        rules=lines("nft", "list", "tables"),
        namespaces=lines("ip", "netns"),
        mounts=frozenset(mounts),
        settings=tuple(Path(f"/proc/sys/{name}").read_text() for name in settings),
    )


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl on one lab."""

    kubeconfig: Path

    def __call__(self, *arguments: str, check: bool = True, input: str | None = None) -> str:  # noqa: A002  (subprocess' name)
        """What it prints."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments],
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, f"kubectl {arguments}: {done.stderr}"
        return done.stdout if check else done.stdout + done.stderr


@pytest.fixture(scope="session", autouse=True)
def root() -> None:
    """Labs need root."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")


@pytest.fixture(scope="session")
def host_before() -> Host:
    """The host before any lab of this session."""
    return look_at_host()


@pytest.fixture(scope="session")
def lab(host_before: Host, worker_id: str) -> "Iterator[Lab]":
    """A lab with two nodes, as ``up`` makes it without options."""
    from aicr_lab import startup
    from aicr_lab.lab import Lab

    made = Lab(f"test-{os.getpid()}-{worker_id}")
    try:
        startup.up(made, LabOptions(), lambda _: None)
        yield made
    finally:
        made.down(lambda _: None)


@pytest.fixture(scope="session")
def kubectl(lab: "Lab") -> Kubectl:
    """kubectl on the lab."""
    return Kubectl(lab.kubeconfig)


@pytest.fixture
def small_lab(host_before: Host) -> "Iterator[Lab]":
    """The name of a lab that a test brings up and down itself: one node, no accelerators."""
    from aicr_lab.lab import Lab

    named = Lab(f"small-{os.getpid()}")
    yield named
    named.down(lambda _: None)


SMALL = LabOptions(nodes=1, gpus=0)


@pytest.fixture
def launcher() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts ``python -m aicr_lab`` beside the test; what still runs at its end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(arguments: Sequence[str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "aicr_lab", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
