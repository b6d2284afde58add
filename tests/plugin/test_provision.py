"""--aicr-provision: a cluster is made for the run, used, and deleted once, whatever ends it."""

import os
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.plugin.living_api import PATIENCE, SUITE, LivingApi, Session

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

STAND_IN = Path(__file__).parent / "stand_in.py"
PROGRAMS = ("kind", "k3d", "minikube", "kubectl")
HASTE = "import pytest_kubernetes.providers.base as base\nbase.sleep = lambda seconds: None\n"
FAILS = """
    import pytest

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    def test_platform_is_at_fault(aicr_cluster):
        assert False
"""


class Programs:
    """Stand-ins for the programs that make clusters, alone on PATH, and what they were called."""

    def __init__(self, directory: Path, kubeconfig: str) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir(parents=True)
        (directory / "clusters").mkdir()
        shutil.copy(kubeconfig, directory / "kubeconfig")
        program = f"#!{sys.executable} -IS\n{STAND_IN.read_text(encoding='utf-8')}"
        for name in PROGRAMS:
            (self.bin / name).write_text(program, encoding="utf-8")
            (self.bin / name).chmod(0o755)

    def let(self, deed: str, fate: str) -> None:
        """Let the making (``create``) or the deletion (``delete``) fail, hang or wait."""
        (self.directory / deed).write_text(fate)

    def go_on(self) -> None:
        (self.directory / "go-on").touch()

    @property
    def calls(self) -> list[str]:
        file = self.directory / "calls.txt"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def deeds(self) -> list[str]:
        """What was done, in order."""
        return [found for call in self.calls for found in re.findall(r"create|start|delete", call)]

    @property
    def clusters(self) -> list[str]:
        """What is there."""
        return sorted(file.name for file in (self.directory / "clusters").iterdir())

    def until(self, deed: str) -> None:
        """Wait until a program has begun with it."""
        never = threading.Event()
        for _ in range(round(PATIENCE / 0.05)):
            if deed in self.deeds:
                return
            never.wait(0.05)
        raise AssertionError(f"nobody called {deed}: {self.calls}")


@pytest.fixture
def programs(
    project: "Project", api: LivingApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Programs:
    made = Programs(tmp_path / "stand-in", api.kubeconfig(tmp_path))
    monkeypatch.setenv("STAND_IN", str(made.directory))
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("FAKE_API", "1")
    monkeypatch.setattr("pytest_kubernetes.providers.base.sleep", lambda seconds: None)
    project.pytester.makeconftest(HASTE)
    return made


@pytest.fixture
def waiting(project: "Project", programs: Programs) -> Programs:
    """Programs beside a suite whose check makes pods and waits until it may go on."""
    project.suite(secure_accelerator_access=SUITE)
    return programs


@pytest.fixture
def users_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    monkeypatch.setenv("KUBECONFIG", str(mine))
    return mine


@pytest.mark.parametrize("kind", ["kind", "k3d", "minikube"])
def test_cluster_is_made_used_and_deleted(
    project: "Project", programs: Programs, users_kubeconfig: Path, api: LivingApi, kind: str
) -> None:
    result = project.run("--aicr", f"--aicr-provision={kind}", "--evidence-dir=out", "-W", "error")

    result.assert_outcomes(passed=3)
    run = project.read_run()
    name = f"pytest-aicr-{run['run_id']}"
    result.stdout.fnmatch_lines(
        [
            f"making the {kind} cluster {name}, Kubernetes 1.37.0; *",
            f"cluster: {kind} cluster {name}, made for this run, {api.url}, Kubernetes *",
            f"deleting the {kind} cluster {name}",
        ]
    )
    assert run["cluster"]["platform"] == f"{kind} cluster {name}, made for this run"
    assert run["settings"]["provision"] == f"{kind}  [--aicr-provision]"
    first, last = programs.calls
    assert name in first
    assert "1.37.0" in first
    assert name in last
    assert "delete" in last
    kubeconfigs = {call.partition(" KUBECONFIG=")[2] for call in programs.calls}
    assert len(kubeconfigs) == 1
    assert not Path(kubeconfigs.pop()).parent.exists()
    assert users_kubeconfig.read_text() == "precious"
    assert os.environ["KUBECONFIG"] == str(users_kubeconfig)
    assert programs.clusters == []


def test_name_of_the_cluster_is_one_that_k3d_takes(programs: Programs, project: "Project") -> None:
    project.run("--aicr", "--aicr-provision=k3d", "--evidence-dir=out")

    assert len(f"pytest-aicr-{project.read_run()['run_id']}") <= 32


def test_version_is_the_one_that_pytest_kubernetes_is_given(
    project: "Project", programs: Programs
) -> None:
    project.run("--aicr", "--aicr-provision=kind", "--k8s-version=v1.35.4")

    assert "--image kindest/node:v1.35.4 " in programs.calls[0]


def test_list_of_requirements_chooses_the_version_where_nothing_else_does(
    project: "Project", programs: Programs
) -> None:
    project.run("--aicr", "--aicr-provision=kind", "--aicr-k8s-version=1.36")

    assert "--image kindest/node:v1.36.0 " in programs.calls[0]


def test_project_file_and_environment_make_a_cluster_too(
    project: "Project", programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.ini("aicr_provision = kind")
    monkeypatch.setenv("AICR_PROVISION", "minikube")

    project.run("--aicr").assert_outcomes(passed=3)

    assert programs.deeds == ["start", "delete"]


def test_cluster_is_deleted_when_a_check_fails(project: "Project", programs: Programs) -> None:
    project.suite(secure_accelerator_access=FAILS)

    result = project.run("--aicr", "--aicr-provision=kind", "-x")

    result.assert_outcomes(failed=1, passed=1)
    assert programs.deeds == ["create", "delete"]


def test_cluster_is_deleted_when_its_api_server_says_no(
    project: "Project", programs: Programs, api: LivingApi
) -> None:
    api.refuse("GET", "/version", 403, times=100)

    result = project.run("--aicr", "--aicr-provision=kind")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert programs.deeds == ["create", "delete"]


def test_only_the_controller_makes_the_cluster(project: "Project", programs: Programs) -> None:
    result = project.run_apart("--aicr", "--aicr-provision=kind", "-n", "2")

    result.assert_outcomes(passed=3)
    assert programs.deeds == ["create", "delete"]


def test_the_lab_is_made_under_a_name_of_its_own(project: "Project") -> None:
    result = project.run("--aicr", "--aicr-provision=lab", "--evidence-dir=out")

    run = project.read_run()
    result.stdout.fnmatch_lines(["cluster: fake lab, made for this run, *"])
    assert project.lab == [f"start aicr-{run['run_id']}", f"stop aicr-{run['run_id']}"]
    assert run["cluster"]["platform"] == "fake lab, made for this run"


def test_lab_that_does_not_start_is_taken_down(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LAB_TROUBLE", "a node did not come up")

    result = project.run("--aicr", "--aicr-provision=lab")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --aicr-provision: a node did not come up"])
    assert [line.partition(" ")[0] for line in project.lab] == ["stop"]


@pytest.mark.parametrize("program", ["kind", "kubectl"])
def test_missing_program_is_named(project: "Project", programs: Programs, program: str) -> None:
    (programs.bin / program).unlink()

    result = project.run("--aicr", "--aicr-provision=kind")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: --aicr-provision: kind needs the program {program}, which is not on PATH.",
            "  Install it, *",
        ]
    )
    assert result.stderr.str().count("ERROR:") == 1
    assert programs.calls == []


def test_missing_package_is_named(
    project: "Project", programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytest_kubernetes.providers", None)

    result = project.run("--aicr", "--aicr-provision=kind")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --aicr-provision: pytest-kubernetes cannot be loaded: *", "  Install it: pip *"]
    )


def test_making_that_fails_is_told_in_the_programs_words_and_undone(
    project: "Project", programs: Programs
) -> None:
    programs.let("create", "fails")

    result = project.run("--aicr", "--aicr-provision=kind")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --aicr-provision: the kind cluster * could not be made: exit status 1",
            "  ERROR: failed to create cluster: no room",
            "  --k8s-version names another Kubernetes*",
        ]
    )
    assert programs.deeds == ["create", "delete"]
    assert programs.clusters == []


def test_making_that_takes_too_long_is_ended_and_undone(
    project: "Project", programs: Programs
) -> None:
    programs.let("create", "hangs")

    result = project.run("--aicr", "--aicr-provision=kind", "--aicr-timeout-scale=0.001")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: * could not be made: not within 0.6 s"])
    assert programs.clusters == []


@pytest.mark.parametrize("fate", ["", "fails"], ids=["whole", "half-made"])
def test_cluster_that_cannot_be_deleted_is_named_with_the_command(
    project: "Project", programs: Programs, fate: str
) -> None:
    programs.let("create", fate)
    programs.let("delete", "fails")

    result = project.run("--aicr", "--aicr-provision=kind", "--evidence-dir=out")

    assert result.ret == (pytest.ExitCode.USAGE_ERROR if fate else pytest.ExitCode.TESTS_FAILED)
    (name,) = programs.clusters
    told = "the cluster made for this run may be there still: exit status 1"
    said = result.stdout.str()
    assert told in said
    assert f"Delete it: kind delete cluster --name {name}" in said
    if not fate:
        (problem,) = project.read_run()["problems"]
        assert problem.startswith(told)
        assert project.read_run()["exit_status"] == 1


def test_what_a_check_leaves_goes_with_the_cluster(
    project: "Project", waiting: Programs, api: LivingApi
) -> None:
    api.gone_after["pods"] = None
    api.let_go_on()
    with Session(project, api, target="--aicr-provision=kind") as session:
        api.until(lambda: api.asked("DELETE", "/pods/"))
        session.send("SIGTERM")
        session.until_said("interrupting:")
        session.send("SIGTERM")
        session.end()

    assert session.run["clean_command"].startswith("kind delete cluster --name pytest-aicr-")
    assert waiting.clusters == []


def test_run_that_does_not_ask_imports_nothing_of_it(project: "Project") -> None:
    project.pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            print("imported:", "aicr_pytest.run.managed_clusters" in sys.modules)
        """
    )

    project.run_apart("--aicr", "-s").stdout.fnmatch_lines(["*imported: False"])


@pytest.mark.parametrize(
    ("name", "group", "workers"),
    [("SIGINT", True, ()), ("SIGTERM", False, ()), ("SIGINT", True, ("-n2",))],
)
def test_signal_in_a_check_deletes_the_cluster(
    project: "Project",
    waiting: Programs,
    api: LivingApi,
    name: str,
    group: bool,
    workers: tuple[str, ...],
) -> None:
    with Session(project, api, *workers, target="--aicr-provision=kind") as session:
        api.until(lambda: api.asked("GET", "/here"))
        session.send(name, group=group)
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert waiting.deeds == ["create", "delete"]
    assert waiting.clusters == []
    assert api.left() == []
    assert session.run["problems"] == []


@pytest.mark.parametrize(("name", "group"), [("SIGINT", True), ("SIGTERM", False)])
def test_signal_while_it_is_made_deletes_what_was_half_made(
    project: "Project", waiting: Programs, api: LivingApi, name: str, group: bool
) -> None:
    waiting.let("create", "hangs")
    with Session(project, api, target="--aicr-provision=kind") as session:
        waiting.until("create")
        session.send(name, group=group)
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert waiting.deeds == ["create", "delete"]
    assert waiting.clusters == []
    assert session.run["interrupted"] is True


def test_ctrl_c_while_it_is_deleted_does_not_meet_the_program(
    project: "Project", waiting: Programs, api: LivingApi
) -> None:
    waiting.let("delete", "waits")
    api.let_go_on()
    with Session(project, api, target="--aicr-provision=kind") as session:
        waiting.until("delete")
        session.send("SIGINT", group=True)
        session.until_said("interrupting:")
        waiting.go_on()
        status = session.end()

    assert status == pytest.ExitCode.INTERRUPTED
    assert waiting.clusters == []
    assert session.run["interrupted"] is True


def test_who_leaves_while_it_is_deleted_is_told_the_command(
    project: "Project", waiting: Programs, api: LivingApi
) -> None:
    waiting.let("delete", "waits")
    api.let_go_on()
    with Session(project, api, target="--aicr-provision=kind") as session:
        waiting.until("delete")
        for word in ("interrupting:", "hurrying:", "leaving:"):
            session.send("SIGINT", group=True)
            session.until_said(word)
        session.end()
        (name,) = waiting.clusters
        waiting.go_on()

    assert f"Delete it: kind delete cluster --name {name}" in session.said
    assert "Delete it: kind delete" in session.run["problems"][0]
