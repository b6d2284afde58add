"""What the programme's validators and we say of a submission, each by one made-up case."""

from pathlib import Path

import pytest

from aicr_pytest.errors import SettingsError
from aicr_pytest.submission.rule import Whose
from aicr_pytest.submission.validate import Judged, validate
from tests.unit.submission import world

GOOD = """\
metadata:
  kubernetesVersion: v1.37
  platformName: Analytical Engine
  platformVersion: "1.7"
  vendorName: Babbage
  website_url: https://babbage.example/engine
  documentationUrl: https://babbage.example/docs
  productLogoUrl: https://babbage.example/engine.svg
  description: A superb Kubernetes.
  contactEmailAddress: engine@babbage.example
  k8sConformanceUrl: https://github.com/cncf/k8s-conformance/tree/main/v1.36/engine/
spec:
  accelerators:
    - id: gpu_sharing
      description: "Shares: what is 'shared'."
      level: SHOULD
  schedulingOrchestration:
    - id: gang_scheduling
      description: "Gangs are all or nothing."
      level: MUST
      status: Implemented
      evidence: [https://babbage.example/gangs]
      notes: ""
    - id: cluster_autoscaling
      description: "Nodes come and go."
      level: MUST
      status: Implemented
      evidence: [nodes.md]
      notes: ""
"""
JUNIT = """\
<testsuites><testsuite>
  <testcase name="TestGangScheduling/positive"/>
  <testcase name="TestGangScheduling/negative"><skipped/></testcase>
  <testcase name="TestAcceleratorClusterAutoscaling"><skipped message="none"/></testcase>
</testsuite></testsuites>
"""
AUGUST, SEPTEMBER, OURS = Whose.AUGUST, Whose.SEPTEMBER, Whose.OURS
NEITHER: tuple[Whose, ...] = ()


def judge(tmp_path: Path, text: str = GOOD, **files: str) -> Judged:
    root = world.checkout(tmp_path / "co")
    return validate(
        world.submission(root, text, **{"nodes__md": "Seen.\n", **files}), None, online=False
    )


def refusing(judged: Judged) -> tuple[Whose, ...]:
    return tuple(whose for whose in Whose if judged.of(whose))


def test_good_submission_is_accepted_by_all(tmp_path: Path) -> None:
    judged = judge(tmp_path)

    assert refusing(judged) == NEITHER
    assert judged.is_good
    assert judged.as_lines()[0] == "v1.37/engine"
    assert judged.as_lines()[-1].strip().startswith("not looked at: URLs")


@pytest.mark.parametrize(
    ("old", "new", "who", "said"),
    [
        # both generations
        ("metadata:\n", "other:\n", (AUGUST, SEPTEMBER), "metadata is missing"),
        ("spec:\n", "other:\n", (AUGUST, SEPTEMBER), "spec is missing"),
        ("  platformName: ", "  x: ", (AUGUST, SEPTEMBER), "metadata.platformName is missing"),
        ('"1.7"', "1.7", (AUGUST, SEPTEMBER), "metadata.platformVersion is no string: 1.7"),
        ("Babbage", '""', (AUGUST, SEPTEMBER), "metadata.vendorName is empty"),
        ("Babbage", '"[X]"', (AUGUST, SEPTEMBER), "metadata.vendorName is a placeholder"),
        ("k8s-conformance/", "x/", (AUGUST, SEPTEMBER), "k8sConformanceUrl is no folder of"),
        ("  accelerators:", "  a:", (AUGUST, SEPTEMBER), "spec.accelerators is missing"),
        ("id: gang_scheduling", "id: x", (AUGUST, SEPTEMBER), "gang_scheduling is missing in"),
        ("status: Implemented", "status: implemented", (AUGUST, SEPTEMBER), "is none of"),
        ("status: Implemented", "status: Not Implemented", (AUGUST, SEPTEMBER), "is a MUST and"),
        ("[nodes.md]", "[gone.md]", (AUGUST, SEPTEMBER), "'gone.md' is no file of v1.37/engine"),
        ("[nodes.md]", "nodes.md", (AUGUST, SEPTEMBER), "evidence of cluster_autoscaling is no li"),
        ("spec:", "spec: [", (AUGUST, SEPTEMBER), "is not YAML"),
        ("spec:", "---\nspec:", (AUGUST, SEPTEMBER), "holds 2 YAML documents"),
        # one of them
        ("engine.svg", "engine.png", (SEPTEMBER,), "is no vector picture"),
        ("[nodes.md]", "['nodes.md#a']", (AUGUST,), "is no file of"),
        ("[nodes.md]", "['file://v1.37/engine/nodes.md']", (AUGUST,), "is no file of"),
        ("[nodes.md]", "[../../docs/AIConformance-1.37.yaml]", (SEPTEMBER,), "outside of the"),
        ("[nodes.md]", "[v1.37/other/nodes.md]", (AUGUST, SEPTEMBER), "in another product's"),
        ("[nodes.md]", "['file://']", (AUGUST, SEPTEMBER), "no file is named"),
        # ours
        ("Gangs are all", "Gangs may be all", (OURS,), "description is not the programme's"),
        ("level: SHOULD", "level: MUST", (OURS,), "gpu_sharing: level is not the programme's"),
        ("v1.37\n", "v1.36\n", (OURS,), "metadata.kubernetesVersion is v1.36, and the folder is"),
        (
            "[https://babbage.example/gangs]",
            "[]",
            (OURS,),
            "gang_scheduling: is Implemented, and no ev",
        ),
        ("gangs]", "gangs]\n      notes: TODO", (OURS,), "'TODO' is a placeholder"),
        (
            "babbage.example/gangs",
            "example.com/g",
            (OURS,),
            "'https://example.com' is a placeholder",
        ),
        ("[nodes.md]", "[nodes.md, /home/me/x]", (AUGUST, SEPTEMBER, OURS), "somebody's machine"),
    ],
)
def test_each_fault_is_refused_by_whom_it_concerns(
    tmp_path: Path, old: str, new: str, who: tuple[Whose, ...], said: str
) -> None:
    text = GOOD.replace(old, new, 1)
    if "notes: TODO" in text:
        text = text.replace('notes: TODO\n      notes: ""', "notes: TODO")

    judged = judge(tmp_path, text)

    assert text != GOOD
    assert refusing(judged) == who
    assert said in "\n".join(judged.as_lines())
    assert not judged.is_good or who == (AUGUST,)


@pytest.mark.parametrize(
    ("notes", "who", "warned"),
    [("No autoscaler on bare metal.", (AUGUST,), 1), ("  ", (AUGUST, SEPTEMBER), 1)],
)
def test_autoscaling_may_be_excused_since_september(
    tmp_path: Path, notes: str, who: tuple[Whose, ...], warned: int
) -> None:
    text = GOOD.replace(
        'status: Implemented\n      evidence: [nodes.md]\n      notes: ""',
        f'status: N/A\n      evidence: [nodes.md]\n      notes: "{notes}"',
    )
    judged = judge(tmp_path, text)

    assert refusing(judged) == who
    excused = [one for one in judged.findings if one.rule.name == "must-is-excused"]
    assert len(excused) == warned


def test_should_without_an_answer_is_left_alone(tmp_path: Path) -> None:
    open_ = 'status: ""\n      evidence: []\n      notes: later'
    text = GOOD.replace("level: SHOULD", f"level: SHOULD\n      {open_}")

    assert judge(tmp_path, text).is_good


@pytest.mark.parametrize(
    ("evidence", "files", "said"),
    [
        ("junit.xml#TestGangScheduling", {"junit__xml": JUNIT}, ""),
        ("JUnit.xml", {"JUnit__xml": JUNIT}, "TestAcceleratorClusterAutoscaling was skipped"),
        ("junit.xml#TestOther", {"junit__xml": JUNIT}, "knows no TestOther"),
        (
            "junit.xml#TestGangScheduling",
            {"junit__xml": JUNIT.replace("<skipped/>", "<failure/>")},
            "junit.xml holds tests that failed: TestGangScheduling/negative",
        ),
        ("junit.xml", {"junit__xml": "<testsuites/>"}, "no result of a test is in it"),
        ("junit.xml", {"junit__xml": "<test"}, "it is no XML"),
        ("junit.xml", {"junit__xml": "<!DOCTYPE x []><a/>"}, "declares a document type"),
        ("e2e.log", {"e2e__log": "--- PASS: TestAcceleratorClusterAutoscaling (1s)\n"}, ""),
        ("e2e.log", {"e2e__log": "ok\n"}, "e2e.log holds no results of tests"),
        (
            "e2e.log",
            {"e2e__log": "    --- FAIL: TestAcceleratorClusterAutoscaling/up (1s)\n"},
            "TestAcceleratorClusterAutoscaling failed in e2e.log",
        ),
        (
            "results.json",
            {
                "results__json": '{"Action":"run","Test":"T"}\n\n'
                '{"Action":"pass","Test":"TestAcceleratorClusterAutoscaling"}\n'
            },
            "",
        ),
        ("results.json", {"results__json": '{"Action":"fail","Package":"p"}'}, "failed: package p"),
        ("results.json", {"results__json": '{"tests": 1}\nx'}, "line 2 is no event"),
        ("results.txt", {"results__txt": "anything"}, ""),
    ],
)
def test_artifacts_of_the_three_names_are_read_since_september(
    tmp_path: Path, evidence: str, files: dict[str, str], said: str
) -> None:
    text = GOOD.replace("[nodes.md]", f"['{evidence}']")

    judged = judge(tmp_path, text, **files)

    found = [one.message for one in judged.of(SEPTEMBER)]
    assert bool(found) == bool(said)
    assert said in "\n".join(found)


def test_artifacts_are_recommended_where_upstream_has_a_test(tmp_path: Path) -> None:
    judged = judge(tmp_path)

    warned = [one.message.partition(":")[0] for one in judged.of(SEPTEMBER, warnings=True)]
    assert warned == ["gang_scheduling", "cluster_autoscaling"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"nodes__md": "[a](gone.md)"}, "nodes.md: links to gone.md, which is not there"),
        ({"nodes__md": "![a](<gone.png>)"}, "nodes.md: links to gone.png"),
        ({"nodes__md": "[a](/docs/none)"}, "links to /docs/none"),
        ({"nodes__md": ""}, "nodes.md is empty"),
        ({"e2e__log": "--- PASS: TestX (1s)"}, "e2e.log is named as the evidence of no"),
        ({"nodes__md": "hf_" + "a1B2c3D4" * 5}, "nodes.md, line 1: looks like a credential"),
        ({"SIMULATED-x__md": "x"}, "simulated: 1 files say"),
    ],
)
def test_files_beside_it_are_looked_at(tmp_path: Path, files: dict[str, str], said: str) -> None:
    judged = judge(tmp_path, **files)

    assert refusing(judged) == (OURS,)
    assert said in "\n".join(judged.as_lines())


@pytest.mark.parametrize(
    "page",
    [
        "[a](nodes.md#x) [b](https://babbage.example) [c](#here) [d](mailto:x@y.z) [e](/docs)",
        "```text\n[a](gone.md)\n```\n",
        "`[a](gone.md)`",
        "````\n```\n[a](gone.md)\n````\n",
    ],
)
def test_links_that_lead_somewhere_and_code_are_left_alone(tmp_path: Path, page: str) -> None:
    assert judge(tmp_path, nodes__md=page).is_good


def test_folder_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aicr_pytest.submission.stricter_rules._LARGEST_FILE", 1000)
    monkeypatch.setattr("aicr_pytest.submission.stricter_rules._LARGEST_FOLDER", 1500)

    lines = judge(tmp_path, nodes__md="x" * 1001).as_lines()
    whole = [line for line in lines if "error: the folder has" in line]

    assert "  error: nodes.md has 1001 B; at most 1000 B [sizes]" in lines
    assert len(whole) == 1


def test_second_product_in_the_folder_is_refused(tmp_path: Path) -> None:
    root = world.checkout(tmp_path / "co")
    folder = world.submission(root, GOOD, nodes__md="x")
    (folder / "other").mkdir()
    (folder / "other" / "PRODUCT.yaml").write_text(GOOD)

    found = validate(folder, None, online=False).of(OURS)
    assert [one.message for one in found] == ["other/PRODUCT.yaml: a second product in one folder"]


def test_requirement_that_stands_twice_is_refused_by_us(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("    - id: gang_scheduling") : GOOD.index("    - id: cluster_auto")]

    assert refusing(judge(tmp_path, GOOD + again)) == (OURS,)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("v1.37", "there is no PRODUCT.yaml in it. Those below it: engine."),
        ("docs", "there is no PRODUCT.yaml in it."),
        ("elsewhere", "lies in one of a version, e.g. v1.37/."),
        ("v1.99/engine", "has no list for Kubernetes 1.99"),
    ],
)
def test_what_is_no_submission_is_one_message(tmp_path: Path, place: str, said: str) -> None:
    root = world.checkout(tmp_path / "co")
    world.submission(root, GOOD)
    for folder in ("elsewhere", "v1.99/engine"):
        (root / folder).mkdir(parents=True)
        (root / folder / "PRODUCT.yaml").write_text(GOOD)

    with pytest.raises(SettingsError) as error:
        validate(root / place, None, online=False)

    assert said in str(error.value)


def test_lists_may_lie_in_another_checkout(tmp_path: Path) -> None:
    folder = world.submission(tmp_path / "mine", GOOD, nodes__md="x")
    other = world.checkout(tmp_path / "co")

    with pytest.raises(SettingsError, match="is no checkout of cncf/k8s-ai-conformance"):
        validate(folder, None, online=False)
    assert validate(folder / "PRODUCT.yaml", other, online=False).is_good
