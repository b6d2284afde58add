"""The recipes for CI systems: what the systems would refuse, and the taking down at every exit.

Their commands are tried in ``test_commands``.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.docs.shown import ROOT, recipes

CI = ROOT / "examples" / "ci"
CLEAN = "test ! -e out || aicr-pytest clean --run out --presume-dead"
OURS = """\
#!/bin/sh
echo "$@" >> "$ARTIFACTS/said"
case "$1" in
run)
  mkdir -p "$3" && touch "$3/run.json" "$3/junit-report.xml"
  trap 'echo signalled >> "$ARTIFACTS/said"; kill $!; exit 2' TERM
  [ ! -p "$ARTIFACTS/begun" ] || { sleep 60 & echo > "$ARTIFACTS/begun"; wait $!; }
  exit 1 ;;
esac
"""
"""Stands for our command: notes its words; a run says where a test listens that it has begun, and
waits for a signal; else it fails."""


def read(name: str) -> Any:
    return yaml.safe_load((CI / name).read_text(encoding="utf-8"))


def test_there_is_a_recipe_for_each_system() -> None:
    assert [path.name for path in recipes()] == [
        "Jenkinsfile",
        "github.yml",
        "gitlab.yml",
        "prow.yaml",
    ]


@pytest.mark.parametrize(
    ("name", "schema"), [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci")]
)
def test_file_is_what_the_systems_schema_wants(name: str, schema: str) -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    done = subprocess.run(
        [program, "--builtin-schema", f"vendor.{schema}", CI / name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_github_takes_down_and_keeps_evidence_whatever_happened() -> None:
    (job,) = read("github.yml")["jobs"].values()
    steps = {step.get("name", step.get("uses")): step for step in job["steps"]}
    always = [name for name, step in steps.items() if step.get("if") == "always()"]

    assert [steps[name].get("run", steps[name].get("uses")) for name in always] == [
        CLEAN,
        'test ! -e out/summary.md || cat out/summary.md >> "$GITHUB_STEP_SUMMARY"',
        "actions/upload-artifact@v4",
        'rm -f "$KUBECONFIG"',
    ]
    assert steps["Conformance"]["timeout-minutes"] < job["timeout-minutes"]
    assert {"schedule", "workflow_dispatch"} == {*read("github.yml")[True]}  # YAML 1.1: on


def test_gitlab_takes_down_and_keeps_evidence_whatever_happened() -> None:
    job = read("gitlab.yml")["conformance"]

    assert job["after_script"] == [CLEAN]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"] == {"junit": "out/junit-report.xml"}
    variables = [job["variables"][f"RUNNER_{name}_TIMEOUT"] for name in ("SCRIPT", "AFTER_SCRIPT")]
    assert sum(int(one.rstrip("m")) for one in variables) < int(job["timeout"].rstrip("m"))


def test_jenkins_takes_down_and_keeps_evidence_whatever_happened() -> None:
    text = (CI / "Jenkinsfile").read_text(encoding="utf-8")
    always = text.partition("        always {")[2].partition("\n        }")[0]

    assert f"sh '{CLEAN}'" in always
    assert "junit testResults: 'out/junit-report.xml'" in always
    assert "archiveArtifacts artifacts: 'out/**'" in always
    code = re.sub(r"(?m)//.*$", "", text)
    assert [code.count(opened) - code.count(closed) for opened, closed in ("{}", "()")] == [0, 0]
    assert [code.count(quote) % 2 for quote in "'\""] == [0, 0]


@pytest.mark.parametrize("signalled", [True, False])
def test_prow_takes_down_and_keeps_evidence_whatever_happened(
    tmp_path: Path, signalled: bool
) -> None:
    out, begun, programs = (tmp_path / name for name in ("conformance", "begun", "bin"))
    programs.mkdir()
    for name, text in (("aicr-pytest", OURS), ("pip", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    if signalled:
        os.mkfifo(begun)
    (container,) = read("prow.yaml")["periodics"][0]["spec"]["containers"]
    path = f"{programs}:{os.environ['PATH']}"

    with subprocess.Popen(
        [*container["command"], *container["args"]],
        env={**os.environ, "ARTIFACTS": str(tmp_path), "PATH": path},
    ) as shell:
        if signalled:
            begun.read_text()
            shell.send_signal(signal.SIGTERM)

    assert shell.returncode != 0
    assert (tmp_path / "said").read_text().splitlines() == [
        "preflight",
        f"run --evidence-dir {out}",
        *(["signalled"] if signalled else []),
        f"clean --run {out} --presume-dead",
    ]
    assert (tmp_path / "junit_conformance.xml").exists()
