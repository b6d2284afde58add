"""From a run to its pull request: ``--cncf-submission``, ``submit`` and ``validate``."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from aicr_pytest.submission.official_rules import OFFICIAL_RULES
from aicr_pytest.submission.online import online_rules
from aicr_pytest.submission.rule import Whose
from aicr_pytest.submission.stricter_rules import STRICTER_RULES
from tests.plugin.test_cli import command
from tests.unit.submission import suites, world

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

LIST = """\
metadata:
  kubernetesVersion: v1.37
spec:
  accelerators:
    - {id: gpu_sharing, description: "Shared.", level: SHOULD, status: "", evidence: [], notes: ""}
  security:
    - id: secure_accelerator_access
      description: "Isolated."
      level: MUST
      status: ""
      evidence: []
      notes: ""
"""
RED = """
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    def test_pod_sees_its_device(aicr_cluster):
        assert False, "it sees none"
"""
SUBMIT = ("submit", "out", "--checkout", "co", "--product", "product.yaml")
FOLDER = "v1.37/analytical-engine"


@pytest.fixture
def vendor(project: "Project") -> "Project":
    """A project with a checkout and a product.yaml beside it."""
    world.checkout(project.path / "co", LIST)
    world.product(project.path / "product.yaml")
    return project


def said_by(project: "Project", *arguments: str) -> tuple[int, str]:
    """What the command ends with, and what it says."""
    said = command(*arguments, directory=project.path)
    assert "Traceback" not in said.stderr
    return said.returncode, said.stdout + said.stderr


def test_run_becomes_a_pull_request_that_is_accepted(vendor: "Project") -> None:
    vendor.run("--aicr", "--evidence-dir", "out")

    status, said = said_by(vendor, *SUBMIT)
    assert (status, said.splitlines()[0]) == (0, f"co/{FOLDER}")

    status, said = said_by(vendor, "validate", f"co/{FOLDER}")
    assert status == 0
    assert "the programme's validator of September 2026: accepts" in said
    assert "aicr-pytest: accepts" in said
    folder = vendor.path / "co" / FOLDER
    product = yaml.safe_load((folder / "PRODUCT.yaml").read_text())
    assert product["spec"]["security"][0]["status"] == "Implemented"
    assert "A pod sees its device" in (folder / "secure_accelerator_access.md").read_text()


def test_run_writes_its_pull_request_itself(vendor: "Project") -> None:
    result = vendor.run("--aicr", "--cncf-submission", "co")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"pull request: */co/{FOLDER}", "*Next: aicr-pytest validate *"])
    assert (vendor.path / "co" / FOLDER / "PRODUCT.yaml").is_file()
    assert len(list(vendor.path.glob("aicr-evidence/*/run.json"))) == 1


def test_run_with_a_checkout_shows_the_programmes_own_words(vendor: "Project") -> None:
    vendor.run("--aicr", "--cncf-submission", "co", "--evidence-dir", "out")
    out = vendor.path / "out"
    page = (out / "index.html").read_bytes()

    words = json.loads((out / "run.json").read_text())["official_words"]
    assert words == {"gpu_sharing": "Shared.", "secure_accelerator_access": "Isolated."}
    assert b'<blockquote class="words">Isolated.</blockquote>' in page
    said_by(vendor, "report", "out")
    assert (out / "index.html").read_bytes() == page, "the checkout is not needed any more"


def test_run_without_a_checkout_links_to_the_programmes_words(vendor: "Project") -> None:
    vendor.run("--aicr", "--evidence-dir", "out")
    page = (vendor.path / "out" / "index.html").read_text()

    assert "blockquote" not in page.split("</style>")[1]
    assert "<code>secure_accelerator_access</code>\nis a MUST of the <a href=" in page
    assert "k8s-ai-conformance/blob/main/docs/AIConformance-1.37.yaml" in page


def test_what_the_run_writes_is_what_submit_writes(vendor: "Project") -> None:
    vendor.run("--aicr", "--cncf-submission", "co", "--evidence-dir", "out")
    folder = vendor.path / "co" / FOLDER
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    said_by(vendor, *SUBMIT)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_run_that_fails_writes_no_pull_request_and_says_why(vendor: "Project") -> None:
    vendor.suite(secure_accelerator_access=RED)

    result = vendor.run("--aicr", "--cncf-submission", "co", "--evidence-dir", "out")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "no pull request was written: Nothing was written; 1 to see to:*",
            "*secure_accelerator_access is a MUST and is Not Implemented: *it sees none*",
        ]
    )
    assert not (vendor.path / "co" / "v1.37").exists()


def test_simulated_run_is_only_rehearsed(vendor: "Project") -> None:
    vendor.run("--aicr", "--aicr-lab", "--evidence-dir", "out")

    status, said = said_by(vendor, *SUBMIT)
    assert status == 4
    assert "had simulated accelerators" in said
    assert not (vendor.path / "co" / "v1.37").exists()

    status, _ = said_by(vendor, *SUBMIT, "--simulated")
    assert status == 0
    status, said = said_by(vendor, "validate", f"co/{FOLDER}-simulated")
    assert status == 1
    assert [line for line in said.splitlines() if " error: " in line] == [
        line for line in said.splitlines() if "[not-simulated]" in line
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--cncf-submission", "none"), "--cncf-submission: */none is no directory"),
        (("--cncf-submission", "."), "--cncf-submission: * is no checkout of cncf/k8s-ai-confor"),
        (("--cncf-submission", " "), "--cncf-submission: ' ' is not valid"),
        (
            ("--cncf-submission", "co", "--aicr-product", "x.yaml"),
            "--aicr-product: */x.yaml is no file",
        ),
        (("--aicr-product", "product.yaml"), "*Add --cncf-submission"),
        (
            ("--cncf-submission", "co", "--aicr-lab"),
            "--cncf-submission and --aicr-lab: *submit --simulated`",
        ),
    ],
)
def test_bad_option_is_said_before_anything_runs(
    vendor: "Project", arguments: tuple[str, ...], named: str
) -> None:
    result = vendor.run("--aicr", *arguments)

    said = result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said.count("ERROR:") == 1
    assert all(part in said for part in named.split("*"))
    assert vendor.connections == []


def test_checkout_without_the_clusters_version_ends_the_run_before_any_check(
    vendor: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VERSION", "v1.36.1")

    result = vendor.run("--aicr", "--cncf-submission", "co")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*has no list for Kubernetes 1.36; it has those of 1.37.*"])
    assert "passed" not in result.stdout.str()


def test_product_yaml_with_gaps_is_said_before_anything_runs(vendor: "Project") -> None:
    (vendor.path / "product.yaml").write_text("directory: engine\n")

    result = vendor.run("--aicr", "--cncf-submission", "co")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*metadata.platformName: is missing; the name of the product"])
    assert vendor.connections == []


def test_paths_of_the_submitter_are_not_published(vendor: "Project") -> None:
    vendor.run("--aicr", f"--cncf-submission={vendor.path}/co", "--evidence-dir", "out")

    settings = vendor.read_run()["settings"]
    assert settings["cncf_submission"] == "co  [--cncf-submission]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "out"), "the following arguments are required: --checkout, --product"),
        ((*SUBMIT[:1], "none", *SUBMIT[2:]), "none is no directory"),
        (("validate", "none"), "there is no PRODUCT.yaml in it"),
    ],
)
def test_bad_input_of_a_command_is_one_message(
    vendor: "Project", arguments: tuple[str, ...], said: str
) -> None:
    status, told = said_by(vendor, *arguments)

    assert status == 4
    assert told.count("ERROR:") == 1
    assert said in told
    assert Path(vendor.path / "co").is_dir()


PAGE = (Path(__file__).parents[2] / "docs" / "submission.md").read_text(encoding="utf-8")


def git(project: "Project", *arguments: str) -> None:
    """Run git, where nobody is configured."""
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@babbage.example")
    subprocess.run(["git", *name, *arguments], cwd=project.path, check=True, capture_output=True)


def test_every_command_of_the_page_does_what_it_says(
    vendor: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    (vendor.path / "kubeconfig").write_text(suites.KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", "kubeconfig")
    (vendor.path / "theirs").mkdir()
    (vendor.path / "theirs" / "report.yaml").write_text(suites.gateway())
    (vendor.path / "co" / "docs" / "more.md").touch()
    git(vendor, "init", "--quiet", "co")
    git(vendor, "-C", "co", "add", ".")
    git(vendor, "-C", "co", "commit", "--quiet", "-m", "theirs")
    (example,) = re.findall(r"(?s)```yaml\n(.*?)```", PAGE)
    (vendor.path / "product.yaml").write_text(example)
    commands = [
        shlex.split(line) for line in re.findall(r"(?m)^    (\w.*)$", PAGE.replace(example, ""))
    ]

    for words in commands:
        match words:
            case ["git", "clone", url]:
                assert url.startswith("https://github.com/")
                git(vendor, "clone", "--quiet", "--bare", "co", "fork")
                git(vendor, "clone", "--quiet", "fork", url.rpartition("/")[2])
            case ["git", *arguments]:
                git(vendor, *arguments)
            case ["go", "test", "-c", "-o", name, "./test"]:
                suites.stand_in(vendor.path / name)
            case ["aicr-pytest", "run", *arguments]:
                assert vendor.run("--aicr", *arguments).ret == pytest.ExitCode.OK
            case ["aicr-pytest", *arguments]:
                assert said_by(vendor, *arguments)[0] == 0
            case _:
                pytest.fail(f"nobody tries {words}")

    assert [words[:2] for words in commands].count(["git", "-C"]) == 4
    told = subprocess.run(
        ["git", "-C", "fork", "ls-tree", "-r", "--name-only", "analytical-engine"],
        cwd=vendor.path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert f"{FOLDER}/PRODUCT.yaml\n" in told.stdout
    assert f"{FOLDER}/upstream/e2e.log\n" in told.stdout
    assert f"{FOLDER}/upstream/gateway-api-report.yaml\n" in told.stdout


def test_page_has_a_row_for_every_rule() -> None:
    (table,) = re.findall(r"(?s)\| rule \|.*?\n\n", PAGE)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.split("\n")[2:-2]]
    told = {row[0].split("`")[1]: row[1:] for row in rows}

    rules = (*OFFICIAL_RULES, *STRICTER_RULES, *online_rules())
    assert told == {
        rule.name: [
            ("warns" if rule.warns else "refuses") if whose in rule.whose else "" for whose in Whose
        ]
        for rule in rules
    }
