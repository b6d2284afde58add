"""pytest-kubernetes' fixture works on the lab, and a lab is made for a run."""

import json
from pathlib import Path

import pytest

from aicr_lab.build.builder import cache_dir
from aicr_lab.lab import Lab
from aicr_lab.state import default_base
from tests.lab.conftest import SMALL, Host, look_at_host

pytest_plugins = ["pytester"]

CONFTEST = "from aicr_lab.pytest_kubernetes_manager import k8s_manager\n"

TEST = """
from pathlib import Path

def test_a_cluster_is_there(k8s):
    k8s.create()
    nodes = k8s.kubectl(["get", "nodes"])["items"]
    assert [node["metadata"]["name"] for node in nodes] == ["node-0", "node-1"]
    assert k8s.version() == (1, 37)
    Path("copy").write_text(str(k8s.kubeconfig))
"""


def test_the_fixture_uses_a_running_lab_and_leaves_it_alone(
    lab: Lab, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Names of pytest-kubernetes' clusters begin with "pytest-"; the lab of this session does not.
    monkeypatch.setattr("aicr_lab.pytest_kubernetes_manager.Lab", lambda name: lab)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    content = lab.kubeconfig.read_bytes()
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert lab.running
    assert lab.kubeconfig.read_bytes() == content
    copy = (pytester.path / "copy").read_text()
    assert not Path(copy).exists()
    assert copy != str(lab.kubeconfig)


CHECK = """
import pytest
from pathlib import Path

@pytest.mark.aicr_check(requirement="dra_support", basis="hardening")
def test_the_lab_has_a_node(aicr_cluster):
    from aicr_pytest.cluster.kinds import NODE
    assert [node["metadata"]["name"] for node in aicr_cluster.list(NODE)] == ["node-0"]
"""


@pytest.fixture(scope="session")
def places() -> dict[str, str]:
    """Where labs and built programs lie: pytester's HOME has none, and would build for long."""
    return {"AICR_LAB_HOME": str(default_base()), "AICR_LAB_CACHE": str(cache_dir())}


def test_a_lab_is_made_for_the_run_and_deleted(
    host_before: Host,
    places: dict[str, str],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    monkeypatch.setattr("aicr_lab.provider.LabOptions", lambda **whole: SMALL)
    pytester.makeini("[pytest]\naicr_suite = checks")
    pytester.makepyfile(CHECK)

    result = pytester.runpytest_inprocess(
        "--aicr-provision=lab", "--evidence-dir=out", "-p", "no:cacheprovider"
    )

    result.assert_outcomes(passed=1)
    run = json.loads((pytester.path / "out" / "run.json").read_text())
    name = f"aicr-{run['run_id']}"
    platform = run["cluster"]["platform"]
    assert platform.startswith(f"lab {name!r} of this machine: 1 node, ")
    assert platform.endswith(", made for this run")
    assert run["problems"] == []
    result.stdout.fnmatch_lines([f"cluster: {platform}, *", f"lab {name!r} is down"])
    assert not Lab(name).exists
    assert not Lab(name).dir.exists()
    assert look_at_host().namespaces == host_before.namespaces
