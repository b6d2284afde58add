"""pytest-kubernetes' fixture works on the lab."""

from pathlib import Path

import pytest

from aicr_lab.lab import Lab

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
