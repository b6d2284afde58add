"""The folder of a pull request: all of it or nothing, and nothing of anybody else is lost."""

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission import folder as folders
from aicr_pytest.submission.artifacts import READERS
from aicr_pytest.submission.submit import Request
from aicr_pytest.submission.validate import validate
from tests.unit.submission import world

SHARING = """\
requirements:
  gpu_sharing:
    status: Implemented
    evidence: [docs/sharing guide.md, https://babbage.example/sharing]
    notes: Slices.
"""


class Case:
    """A checkout, a product.yaml and evidence, side by side."""

    def __init__(self, root: Path, more: str = "", **changes: Any) -> None:
        (root / "docs").mkdir()
        (root / "docs" / "sharing guide.md").write_text("How to share.\n")
        self.checkout = world.checkout(root / "co")
        self.product = world.product(root / "product.yaml", more)
        self.evidence = world.evidence(root / "out", **changes)
        self.simulated = bool(changes.get("simulated"))
        name = "analytical-engine" + "-simulated" * self.simulated
        self.target = self.checkout / "v1.37" / name

    def submit(self) -> Path:
        request = Request.read(self.checkout, self.product, origins=("--checkout", "--product"))
        return request.submit(self.evidence, simulated=self.simulated)

    def refused(self) -> str:
        before = self.files()
        with pytest.raises(SettingsError) as error:
            self.submit()
        assert self.files() == before
        return str(error.value)

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.checkout.rglob("*") if path.is_file())
        return {path.relative_to(self.checkout).as_posix(): path.read_bytes() for path in found}

    def product_yaml(self) -> Any:
        return yaml.safe_load((self.target / "PRODUCT.yaml").read_text())

    def entry(self, category: str, name: str) -> Any:
        (found,) = [one for one in self.product_yaml()["spec"][category] if one["id"] == name]
        return found


def test_list_is_filled_in_with_its_own_words(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)

    assert case.submit() == case.target
    assert case.product_yaml()["metadata"]["kubernetesVersion"] == "v1.37"
    assert "repoUrl" not in case.product_yaml()["metadata"]
    assert case.entry("schedulingOrchestration", "gang_scheduling") == {
        "id": "gang_scheduling",
        "description": "Gangs are all or nothing.",
        "level": "MUST",
        "status": "Implemented",
        "evidence": ["gang_scheduling.md"],
        "notes": f"Measured by aicr-pytest 0.1.0 in run {world.RUN_ID} on Kubernetes v1.37.2: "
        "1 of 1 passed.",
    }
    assert (case.target / "PRODUCT.yaml").read_text().startswith("# A list.  With a comment\n")


def test_programme_and_we_accept_what_was_written(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)

    judged = validate(case.submit(), None, online=False)

    assert [one.message for one in judged.findings if not one.rule.warns] == []


def test_vendors_files_come_along(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)
    case.submit()

    assert case.entry("accelerators", "gpu_sharing")["evidence"] == [
        "vendor/docs/sharing-guide.md",
        "https://babbage.example/sharing",
    ]
    assert (case.target / "vendor/docs/sharing-guide.md").read_text() == "How to share.\n"


def test_test_that_a_file_is_named_for_stays_beside_it(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING.replace("docs/sharing guide.md", "junit.xml#TestSharing"))
    (tmp_path / "junit.xml").write_text("<testsuite><testcase name='TestSharing'/></testsuite>")

    judged = validate(case.submit(), None, online=False)

    evidence = case.entry("accelerators", "gpu_sharing")["evidence"]
    assert evidence == ["vendor/junit.xml#TestSharing", "https://babbage.example/sharing"]
    assert judged.is_good


def test_page_shows_what_was_seen_and_links_the_file(tmp_path: Path) -> None:
    case = Case(tmp_path)
    page = (case.submit() / "gang_scheduling.md").read_text()

    assert "> Gangs are all or nothing." in page
    assert "```text\n8 of 8 | bound\n```" in page
    (target,) = re.findall(r"\]\((evidence/[^)]*)\)", page)
    assert (case.target / unquote(target)).read_text() == "8 of 8 | bound\n"


def test_readme_tells_how_to_repeat_the_run(tmp_path: Path) -> None:
    readme = (Case(tmp_path).submit() / "README.md").read_text()

    assert "engine create --accelerators 8" in readme
    assert "pip install aicr-pytest==0.1.0\naicr-pytest run --evidence-dir out" in readme
    assert "| [`gang_scheduling`](gang_scheduling.md) | MUST | Implemented | Measured |" in readme
    assert "| `gpu_sharing` | SHOULD | open | nobody |" in readme


def test_sums_are_such_that_sha256sum_reads_them(tmp_path: Path) -> None:
    target = Case(tmp_path, SHARING).submit()

    said = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=target, check=False
    )

    assert said.returncode == 0


def test_no_file_of_ours_has_a_name_that_the_programme_reads(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)
    case.submit()

    names = [Path(path).name.lower() for path in case.files()]
    assert [name for name in names if name in READERS] == []


def test_same_evidence_gives_the_same_bytes_again(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)
    case.submit()
    before = case.files()
    case.submit()

    assert case.files() == before


@pytest.mark.parametrize("more", ["", SHARING])
def test_every_file_of_a_rehearsal_says_so(tmp_path: Path, more: str) -> None:
    case = Case(tmp_path, more, simulated=True)
    target = case.submit()

    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) > 6
    assert [
        path for path in files if "SIMULATED" not in path.name + path.read_text(encoding="utf-8")
    ] == []
    refused = [one.rule.name for one in validate(target, None, online=False).findings]
    assert set(refused) == {"artifact-is-recommended", "not-simulated"}


def test_rehearsal_is_not_written_where_the_product_goes(tmp_path: Path) -> None:
    case = Case(tmp_path, simulated=True)

    assert case.submit().name == "analytical-engine-simulated"
    assert not (case.checkout / "v1.37" / "analytical-engine").exists()


class TestUpdate:
    """A PRODUCT.yaml that is there already."""

    OLD = """\
# ours, by hand
metadata:
  kubernetesVersion: v1.36 # bump me
  platform_name: Analytical Engine
  vendorName: 'Babbage'
  contactEmailAddress: old@babbage.example # the team
  owner: team-engine
spec:
  schedulingOrchestration:
    # gangs
    - id: gang_scheduling
      description: >-
        Gangs are
        all or nothing.
      level: MUST
      status: Not Implemented # soon
      evidence: [] # none yet
      notes: ""
"""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        case = Case(tmp_path)
        case.target.mkdir(parents=True)
        (case.target / "PRODUCT.yaml").write_text(self.OLD)
        (case.target / "logo.svg").write_text("<svg/>")
        return case

    def test_comments_and_fields_of_others_stay(self, case: Case) -> None:
        case.submit()
        text = (case.target / "PRODUCT.yaml").read_text()

        for kept in ("# ours, by hand", "# bump me", "# the team", "# gangs", "# soon"):
            assert text.count(kept) == 1
        assert "owner: team-engine" in text
        assert ">-\n        Gangs are\n        all or nothing.\n" in text
        assert 'contactEmailAddress: "engine@babbage.example" # the team' in text
        assert "platform_name: Analytical Engine\n" in text
        assert "platformName" not in text

    def test_what_was_missing_is_there(self, case: Case) -> None:
        case.submit()

        assert case.entry("schedulingOrchestration", "gang_scheduling")["status"] == "Implemented"
        assert case.entry("accelerators", "gpu_sharing")["status"] == ""
        findings = validate(case.target, None, online=False).findings
        assert [one.message for one in findings if not one.rule.warns] == []

    def test_files_of_others_stay(self, case: Case) -> None:
        case.submit()
        case.submit()

        assert (case.target / "logo.svg").read_text() == "<svg/>"

    def test_what_is_no_longer_stated_goes_with_its_files(self, case: Case) -> None:
        case.submit()
        world.product(case.product, SHARING)
        case.submit()
        world.product(case.product)
        case.submit()

        assert case.entry("accelerators", "gpu_sharing")["status"] == ""
        assert case.entry("accelerators", "gpu_sharing")["evidence"] == []
        assert not (case.target / "vendor").exists()

    def test_another_product_is_refused(self, case: Case) -> None:
        (case.target / "PRODUCT.yaml").write_text(self.OLD.replace("Analytical E", "Difference E"))

        assert "platformName is 'Difference Engine' there and 'Analytical Eng" in case.refused()

    def test_readme_of_others_is_not_overwritten(self, case: Case) -> None:
        (case.target / "README.md").write_text("by hand")

        assert "would be overwritten: README.md" in case.refused()

    def test_page_that_was_changed_by_hand_is_not_overwritten(self, case: Case) -> None:
        case.submit()
        page = case.target / "gang_scheduling.md"
        page.write_text(page.read_text() + "\nAnd more.\n")

        assert "would be overwritten: gang_scheduling.md" in case.refused()

    def test_answer_that_only_stands_there_is_asked_for(self, case: Case) -> None:
        case.submit()
        path = case.target / "PRODUCT.yaml"
        path.write_text(path.read_text().replace('status: ""', "status: Implemented"))

        assert "answers what neither the run nor" in case.refused()

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("metadata:\n", "metadata: 5\nx:\n", "metadata is no mapping"),
            ("spec:\n", "spec: []\nx:\n", "spec is no mapping"),
            ("  schedulingOrchestration:\n", "  schedulingOrchestration: a\n  x:\n", "is no list"),
            ("# ours", "---\na: 1\n---\n#", "holds 2 YAML documents"),
        ],
    )
    def test_file_that_is_none_is_one_message(
        self, case: Case, old: str, new: str, said: str
    ) -> None:
        (case.target / "PRODUCT.yaml").write_text(self.OLD.replace(old, new, 1))

        assert said in case.refused()


def test_statement_about_an_unknown_id_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING.replace("gpu_sharing", "gpu_shering"))

    said = case.refused()
    assert "requirements.gpu_shering: the list of 1.37 has no such id" in said
    assert "It has gpu_sharing, gang_scheduling, cluster_autoscaling." in said


def test_wrong_repository_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (case.checkout / "docs" / "AIConformance-1.37.yaml").unlink()
    (case.checkout / "v1.33" / "gke").mkdir(parents=True)
    (case.checkout / "v1.33" / "gke" / "PRODUCT.yaml").touch()

    said = case.refused()
    assert "--checkout: " in said
    assert "is no checkout of cncf/k8s-ai-conformance" in said
    assert "It looks like cncf/k8s-conformance." in said


def test_checkout_without_that_version_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path)
    path = case.checkout / "docs" / "AIConformance-1.37.yaml"
    path.rename(path.with_name("AIConformance-1.36.yaml"))

    said = case.refused()
    assert "has no list for Kubernetes 1.37; it has those of 1.36.\n  git -C" in said


@pytest.mark.parametrize(
    "text",
    ["spec: []\n", "spec: {a: [{id: x}]}\n", world.LIST.replace("level: MUST", "level: MAY")],
)
def test_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    case = Case(tmp_path)
    (case.checkout / "docs" / "AIConformance-1.37.yaml").write_text(text)

    assert "is no list of requirements" in case.refused()


def test_secret_in_a_vendors_file_is_refused_and_not_told(tmp_path: Path) -> None:
    case = Case(tmp_path, SHARING)
    token = "hf_" + "a1B2c3D4" * 5
    (tmp_path / "docs" / "sharing guide.md").write_text(f"one\ntoken {token}\n")

    said = case.refused()
    assert "vendor/docs/sharing-guide.md, line 2: looks like a credential" in said
    assert token not in said


def test_secret_in_the_evidence_is_refused(tmp_path: Path) -> None:
    def unredacted(_: object, text: str) -> str:
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aicr_pytest.evidence.redaction.redact.Redactor.text", unredacted)
        patch.setattr("aicr_pytest.evidence.redaction.redact.Redactor.publish", unredacted)
        patch.setattr("aicr_pytest.evidence.redaction.redact.Redactor.publishable", unredacted)
        case = Case(tmp_path, command="pytest --password=hunter2hunter2")

    assert "evidence/run.json, line " in case.refused()


def test_folder_that_cannot_be_written_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(tmp_path)
    case.submit()
    world.product(case.product, SHARING)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(folders, "_swap", full)

    assert "somewhere: cannot be written: No space left on device." in case.refused()
    assert [path.name for path in case.target.parent.iterdir()] == [case.target.name]


def test_nothing_is_left_of_a_first_submission_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "_swap", full)

    assert "cannot be written" in case.refused()
    assert [path.name for path in case.checkout.iterdir()] == ["docs"]


def test_text_of_a_cluster_makes_no_links_and_mentions_nobody(tmp_path: Path) -> None:
    from aicr_pytest.evidence.run import ClusterInfo

    hostile = "<script>x</script> @everybody [a](http://evil.invalid) | \x1b[2J"
    case = Case(tmp_path, cluster=ClusterInfo(version="v1.37.2", platform=hostile))
    readme = (case.submit() / "README.md").read_text()

    assert "<script>" not in readme
    assert "@everybody" not in readme
    assert "http://evil" not in readme
    assert "\x1b" not in readme
