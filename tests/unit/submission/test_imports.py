"""Results of other suites in a submission: evidence beside ours, never instead of it."""

from pathlib import Path
from typing import Any

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.evidence.checksums import write_manifest
from aicr_pytest.evidence.run import Verdict
from aicr_pytest.submission.rule import Whose
from aicr_pytest.submission.submit import Request
from aicr_pytest.submission.validate import validate
from tests.unit.submission import suites, world
from tests.unit.submission.test_submit import Case

LIST = f"""{world.LIST}\
  networking:
    - id: ai_inference
      description: "Routes."
      level: MUST
      status: ""
      evidence: []
      notes: ""
    - id: advanced_inference_ingress
      description: "Clever routes."
      level: SHOULD
      status: ""
      evidence: []
      notes: ""
  security:
    - id: workload_sandboxing
      description: "Sandboxes."
      level: SHOULD
      status: ""
      evidence: []
      notes: ""
"""
GREEN: dict[str, Verdict] = {**world.GREEN, "ai_inference": "Implemented"}
SANDBOX = """\
requirements:
  workload_sandboxing:
    status: Implemented
"""


class Importing(Case):
    """A case whose submission takes in results of others."""

    def __init__(self, root: Path, more: str = "", **changes: Any) -> None:
        super().__init__(root, more, **{"verdicts": GREEN, **changes})
        (self.checkout / "docs" / "AIConformance-1.37.yaml").write_text(LIST)
        self.folder = root / "theirs"
        self.folder.mkdir()
        self.said: list[str] = []

    def has(self, name: str, text: str) -> Path:
        """Put a file into the folder that is imported."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def submit(self, *paths: Path) -> Path:
        request = Request.read(self.checkout, self.product, origins=("--checkout", "--product"))
        return request.submit(
            self.evidence,
            simulated=self.simulated,
            imported=paths or [self.folder],
            say=self.said.append,
        )


@pytest.fixture
def case(tmp_path: Path) -> Importing:
    return Importing(tmp_path)


def errors(folder: Path) -> list[str]:
    """What today's validator of the programme refuses, and we; August's knew no tests in files."""
    judged = validate(folder, None, online=False)
    return [one.message for one in (*judged.of(Whose.SEPTEMBER), *judged.of(Whose.OURS))]


def test_all_of_a_run_of_upstreams_is_named_by_test(case: Importing) -> None:
    case.has("a.xml", suites.junit())
    case.has("deep/b.json", suites.events())
    case.has("c.txt", suites.log())
    case.has("notes.md", "How we ran it.")
    target = case.submit()

    assert case.entry("schedulingOrchestration", "gang_scheduling")["evidence"] == [
        "gang_scheduling.md",
        "upstream/junit.xml#TestGangScheduling",
        "upstream/e2e.log#TestGangScheduling",
        "upstream/results.json#TestGangScheduling",
    ]
    assert (target / "upstream/junit.xml").read_text() == suites.junit()
    assert (target / "upstream/e2e.log").read_text() == suites.log()
    assert errors(target) == []
    assert validate(target, None, online=False).of(Whose.SEPTEMBER, warnings=True) == []
    assert case.said[0] == (
        f"upstream/junit.xml: {case.folder}/a.xml: upstream's AI conformance suite, 4 passed, "
        "0 failed, 0 skipped"
    )
    assert case.said[3].startswith(f"left out: {case.folder}/notes.md: ")


def test_pages_show_the_numbers_and_link_the_files(case: Importing) -> None:
    case.has("a.xml", suites.junit())
    case.has("gateway.yaml", suites.gateway())
    target = case.submit()

    readme = (target / "README.md").read_text()
    assert (
        "| [upstream/junit.xml](upstream/junit.xml) | upstream's AI conformance suite |" in readme
    )
    assert "|  | 4 | 0 | 0 |" in readme
    assert "| egret v2.1, API v1.6.1 | 41 | 0 | 1 |" in readme
    assert "Contradiction" not in readme
    page = (target / "gang_scheduling.md").read_text()
    assert "- upstream's TestGangScheduling passed ([upstream/junit.xml]" in page
    assert case.entry("networking", "ai_inference")["evidence"] == [
        "ai_inference.md",
        "upstream/gateway-api-report.yaml",
    ]
    assert errors(target) == []


def test_kubernetes_own_results_are_shown_and_evidence_of_nothing(case: Importing) -> None:
    case.has("e2e.log", suites.kubernetes_log())
    case.has("junit_01.xml", suites.kubernetes_junit())
    target = case.submit()

    assert (target / "upstream/kubernetes-e2e.log").is_file()
    assert (target / "upstream/kubernetes-junit_01.xml").is_file()
    assert "Kubernetes' conformance suite" in (target / "README.md").read_text()
    assert case.entry("schedulingOrchestration", "gang_scheduling")["evidence"] == [
        "gang_scheduling.md"
    ]
    assert errors(target) == []


def test_reports_of_two_implementations_stand_side_by_side(case: Importing) -> None:
    case.has("a.yaml", suites.gateway())
    case.has("b.yaml", suites.gateway(project="heron"))
    case.has("same-again.yaml", suites.gateway())
    case.submit()

    assert case.entry("networking", "ai_inference")["evidence"][1:] == [
        "upstream/gateway-api-report.yaml",
        "upstream/gateway-api-report-2.yaml",
    ]


def test_passed_test_states_nothing_by_itself(case: Importing) -> None:
    case.has("a.xml", suites.junit(suites.GREEN | {suites.SANDBOX: "PASS"}))
    target = case.submit()

    assert case.entry("security", "workload_sandboxing")["status"] == ""
    assert case.entry("security", "workload_sandboxing")["evidence"] == []
    assert case.said[-1] == (
        "no evidence: workload_sandboxing is left open, and upstream's TestWorkloadSandboxing "
        "passed"
    )
    assert errors(target) == []


def test_passed_test_is_the_evidence_of_what_the_vendor_states(tmp_path: Path) -> None:
    case = Importing(tmp_path, SANDBOX)
    case.has("a.xml", suites.junit({suites.SANDBOX: "PASS"}))
    target = case.submit()

    entry = case.entry("security", "workload_sandboxing")
    assert (entry["status"], entry["evidence"]) == (
        "Implemented",
        ["upstream/junit.xml#TestWorkloadSandboxing"],
    )
    assert errors(target) == []


def test_skipped_test_is_no_evidence_and_is_said(case: Importing) -> None:
    case.has("a.xml", suites.junit(suites.GREEN | {suites.NODES: "SKIP"}))
    target = case.submit()

    entry = case.entry("schedulingOrchestration", "cluster_autoscaling")
    assert entry["evidence"] == ["cluster_autoscaling.md"]
    assert (
        "Not tested by another suite: upstream's TestAcceleratorClusterAutoscaling was"
        in (entry["notes"])
    )
    assert errors(target) == []


def test_skipped_test_stands_beside_not_applicable(tmp_path: Path) -> None:
    verdicts: dict[str, Verdict] = {**GREEN, "cluster_autoscaling": "N/A"}
    case = Importing(tmp_path, verdicts=verdicts)
    case.has("a.xml", suites.junit(suites.GREEN | {suites.NODES: "SKIP"}))
    target = case.submit()

    entry = case.entry("schedulingOrchestration", "cluster_autoscaling")
    assert entry["evidence"] == ["upstream/junit.xml#TestAcceleratorClusterAutoscaling"]
    assert errors(target) == []


class TestContradiction:
    """Another suite says something else than what is answered."""

    WHY = "requirements:\n  {}:\n    notes: We know.\n"

    def test_not_applicable_though_a_test_passed_needs_words(self, tmp_path: Path) -> None:
        verdicts: dict[str, Verdict] = {**GREEN, "cluster_autoscaling": "N/A"}
        case = Importing(tmp_path, verdicts=verdicts)
        case.has("a.xml", suites.junit())

        assert (
            "requirements.cluster_autoscaling.notes: say why it is 'N/A', though upstream's "
            "TestAcceleratorClusterAutoscaling passed" in case.refused()
        )
        assert case.said == []

    def test_it_stands_wherever_one_looks(self, tmp_path: Path) -> None:
        case = Importing(tmp_path, self.WHY.format("ai_inference"))
        case.has("a.yaml", suites.gateway(failed=2))
        target = case.submit()

        told = "the Gateway API's conformance suite (egret v2.1, API v1.6.1) failed"
        assert f"CONTRADICTION: ai_inference is Implemented, though {told}" in case.said
        entry = case.entry("networking", "ai_inference")
        assert f"This contradicts another suite: {told}. We know." in entry["notes"]
        for page in ("README.md", "ai_inference.md"):
            assert "**Contradiction:** the Gateway API's" in (target / page).read_text()

    def test_failed_report_needs_words(self, case: Importing) -> None:
        case.has("a.yaml", suites.gateway(failed=2))

        assert "requirements.ai_inference.notes: say why it is 'Implemented'" in case.refused()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a.xml": suites.junit(suites.GREEN | {suites.GANG: "FAIL"})},
            "theirs/a.xml: upstream's AI conformance suite failed: TestGangScheduling.\n",
        ),
        (
            {"a.xml": suites.kubernetes_junit(suites.KUBERNETES | {suites.DRA: "FAIL"})},
            "theirs/a.xml: Kubernetes' conformance suite failed: [It] [sig-node] [DRA] CRUD",
        ),
        ({"a.log": suites.kubernetes_log(3)}, "Kubernetes' conformance suite failed: 3 of its"),
        (
            {"a.xml": suites.junit(), "b.json": suites.events({suites.GANG: "PASS"})},
            "theirs/b.json: are of different runs: TestAcceleratorClusterAutoscaling is passed in",
        ),
        (
            {"a.xml": suites.junit(), "b.xml": suites.junit({suites.GANG: "PASS"})},
            "theirs/b.xml: are two runs of upstream's AI conformance suite",
        ),
        (
            {"a.xml": suites.junit({suites.GANG: "SKIP"})},
            "theirs/a.xml: no test in it is evidence of a requirement that is answered",
        ),
        (
            {"a.log": suites.kubernetes_log(version="1.36.4")},
            "theirs/a.log: was measured on Kubernetes 1.36, and the run on 1.37",
        ),
        ({"a.xml": suites.junit()[:200]}, "--import-upstream: */theirs/a.xml is broken off"),
        ({"junit.xml": ""}, "theirs/junit.xml is empty."),
        ({"notes.md": "x"}, "theirs holds no results.\n  Valid are"),
        ({}, "theirs holds no results.\n  Valid are"),
    ],
)
def test_what_cannot_be_taken_is_one_message_and_nothing_is_written(
    case: Importing, files: dict[str, str], said: str
) -> None:
    for name, text in files.items():
        case.has(name, text)

    assert said.rpartition("*/")[2] in case.refused()


def test_left_out_files_are_counted_and_not_all_named(case: Importing) -> None:
    case.has("g.yaml", suites.gateway())
    for number in range(8):
        case.has(f"pods/{number}.log", "a line")
    case.submit()

    assert [line for line in case.said if line.startswith("left out")][5:] == [
        "left out: 3 more files"
    ]


def test_half_a_run_is_said_before_half_a_log(tmp_path: Path) -> None:
    case = Importing(tmp_path, interrupted=True)
    case.has("e2e.log", f"=== RUN   {suites.GANG}\n")

    assert "half a run proves nothing" in case.refused()


def test_file_that_is_named_has_to_hold_results(case: Importing) -> None:
    notes = case.has("notes.md", "x")

    with pytest.raises(
        SettingsError, match=r"^--import-upstream: .*notes\.md holds no results: it"
    ):
        case.submit(notes)
    with pytest.raises(SettingsError, match=r"^--import-upstream: .*none is no file and no folder"):
        case.submit(case.folder / "none")


def test_secret_in_imported_results_is_refused(case: Importing) -> None:
    token = "ghp_" + "a1B2" * 9
    case.has("e2e.log", suites.log().replace("of TestGangScheduling\n", f"{token}\n", 1))

    assert "upstream/e2e.log, line 2: looks like a credential" in case.refused()


def test_results_in_the_evidence_itself_are_taken_unasked(case: Importing) -> None:
    (case.evidence / "upstream").mkdir()
    (case.evidence / "upstream" / "e2e.log").write_text(suites.log())
    write_manifest(case.evidence)
    case.has("gateway.yaml", suites.gateway())
    target = case.submit()

    assert (target / "upstream/e2e.log").is_file()
    assert (target / "upstream/gateway-api-report.yaml").is_file()


def test_rehearsal_gives_nothing_a_name_that_the_programme_parses(tmp_path: Path) -> None:
    case = Importing(tmp_path, simulated=True)
    case.has("a.xml", suites.junit())
    target = case.submit()

    assert [path.name for path in (target / "upstream").iterdir()] == ["SIMULATED-junit.xml"]
    assert case.entry("schedulingOrchestration", "gang_scheduling")["evidence"] == [
        "gang_scheduling.md",
        "upstream/SIMULATED-junit.xml#TestGangScheduling",
    ]


def test_same_results_give_the_same_bytes_again_and_go_when_they_are_not_named(
    case: Importing,
) -> None:
    case.has("a.xml", suites.junit())
    case.has("g.yaml", suites.gateway())
    case.submit()
    before = case.files()
    case.submit()
    assert case.files() == before

    target = case.submit(case.folder / "a.xml")
    assert [path.name for path in (target / "upstream").iterdir()] == ["junit.xml"]
