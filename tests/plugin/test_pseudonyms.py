"""Names of a platform in what a run publishes: pseudonyms, the same in every file."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.plugin.living_api import LivingApi, Session

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

NODE = "gpu-pool-7.dc1.customer.example"
SUITE = f"""
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    def test_says_names(aicr_cluster, aicr_evidence):
        server = aicr_cluster.server
        aicr_cluster.raw("GET", "/api/v1/nodes/{NODE}")
        aicr_evidence.text("log", "scheduled to {NODE} by " + server, source="kubectl logs")
        aicr_evidence.fact("node", "{NODE}")
        raise AssertionError("{NODE} does not answer; asked " + server)

    def test_asks(aicr_cluster):
        assert aicr_cluster.version()
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_names_of_nodes_and_of_the_server_are_in_no_file(
    project: "Project", api: LivingApi, workers: str
) -> None:
    node = api.objects["/api/v1/nodes/gpu-1"]
    api.remove("/api/v1/nodes/gpu-1")
    api.put("/api/v1/nodes", {**node, "metadata": {**node["metadata"], "name": NODE}})
    project.suite(secure_accelerator_access=SUITE)

    with Session(project, api, "-n", workers, "--junit-xml", "out/pytest.xml") as session:
        status = session.end()

    assert status == 1, session.said
    files = published(project)
    for name in ("run.json", "index.html", "junit-report.xml", "pytest.xml", "report.html"):
        assert name in files
    assert any(name.endswith("requests.jsonl") for name in files)
    assert [name for name, text in files.items() if NODE in text or NODE in name] == []
    called = {one for text in files.values() for one in re.findall(r"\bnode-[0-9a-f]{8}\b", text)}
    assert len(called) == 1, "one name in every process"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_name_of_the_api_server_is_in_no_file(project: "Project", workers: str) -> None:
    project.suite(secure_accelerator_access=SUITE.replace("aicr_cluster.raw", "str"))

    project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out", "-n", workers)

    files = published(project)
    assert [name for name, text in files.items() if "fake.example" in text] == []
    called = {one for text in files.values() for one in re.findall(r"\bserver-[0-9a-f]{8}\b", text)}
    assert len(called) == 1


def published(project: "Project") -> dict[str, str]:
    """What is in the evidence directory: path, text."""
    return {
        path.relative_to(project.path / "out").as_posix(): path.read_text(encoding="utf-8")
        for path in (project.path / "out").rglob("*")
        if path.is_file()
    }
