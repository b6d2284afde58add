"""Side by side with its ancestor: ``python -m benchmarks.ancestor SCRIPT [LAB]``, as root.

SCRIPT is ``collect-evidence.sh`` of NVIDIA/aicr, its manifests beside it; it is not part of this
project. Either is asked for the same requirement on the same running lab, one after the other, as a
user of its own, so that the API server's own books tell whose calls are whose. strace counts the
processes. kubectl and jq have to be there.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aicr_lab.build.images import CUDA
from aicr_lab.defects.injections.api_access import RestrictedUser
from aicr_lab.errors import LabError
from aicr_lab.lab import Lab

SECTIONS = {
    "dra_support": ("dra", "dra-support"),
    "gang_scheduling": ("gang", "gang-scheduling"),
    "secure_accelerator_access": ("secure", "secure-accelerator-access"),
    "accelerator_metrics": ("metrics", "accelerator-metrics"),
    "ai_inference": ("gateway", "inference-gateway"),
    "robust_controller": ("operator", "robust-operator"),
    "pod_autoscaling": ("hpa", "pod-autoscaling"),
    "cluster_autoscaling": ("cluster-autoscaling", "cluster-autoscaling"),
}
"""Requirement → what the script calls it, and its evidence."""
_PULLED = re.compile(r"(nvcr\.io/)?nvidia/cuda:[\w.-]+")
"""The script's images; the lab has one of that product, and pulls none."""
NEEDED = ("strace", "kubectl", "jq")
EVERYTHING = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
]
USER = RestrictedUser(name="side-by-side", rules=lambda _: EVERYTHING)
"""Not of ``system:masters``, whose calls are on no schema of ours."""
FLOW = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "FlowSchema",
    "metadata": {"name": USER.name},
    "spec": {
        "matchingPrecedence": 2,
        "priorityLevelConfiguration": {"name": "workload-high"},
        "rules": [
            {
                "subjects": [{"kind": "User", "user": {"name": USER.account}}],
                "resourceRules": [
                    {
                        "apiGroups": ["*"],
                        "resources": ["*"],
                        "verbs": ["*"],
                        "namespaces": ["*"],
                        "clusterScope": True,
                    }
                ],
                "nonResourceRules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
            }
        ],
    },
}
"""Makes the API server count the calls of this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took."""

    verdict: str
    wall: float
    """Seconds."""
    processes: int
    calls: int

    def __str__(self) -> str:
        return f"{self.verdict} | {self.wall:.1f} | {self.processes} | {self.calls}"


class SideBySide:
    """Both on one lab."""

    def __init__(self, lab: Lab, script: Path) -> None:
        self._lab, self._script = lab, script

    def ancestor(self, requirement: str) -> Cost:
        """The script, for one of its sections."""
        section, evidence = SECTIONS[requirement]
        with tempfile.TemporaryDirectory() as made:
            directory = Path(made)
            scripts = shutil.copytree(self._script.parent, directory / "scripts")
            for file in (*scripts.glob("*.sh"), *scripts.glob("manifests/*.yaml")):
                file.write_text(_PULLED.sub(CUDA, file.read_text()))
            wall, processes, calls = self._run(
                ["bash", str(scripts / self._script.name), section],
                directory,
                {"EVIDENCE_DIR": str(directory / "evidence"), "SCRIPT_DIR": str(scripts)},
            )
            told = directory / "evidence" / f"{evidence}.md"
            # The first of these words in the file is its verdict, as the script itself has it.
            found = re.search(r"Result: (\w+)", told.read_text()) if told.exists() else None
        verdict = found[1] if found else "SKIP"
        return Cost(verdict=verdict, wall=wall, processes=processes, calls=calls)

    def ours(self, requirement: str) -> Cost:
        """The suite, for one requirement."""
        command = [
            *(sys.executable, "-m", "pytest", "--aicr", "-n0", f"--aicr-feature={requirement}"),
            *("--aicr-allow=scale-out", "--evidence-dir=evidence", "-p", "no:cacheprovider"),
        ]
        with tempfile.TemporaryDirectory() as made:
            directory = Path(made)
            wall, processes, calls = self._run(command, directory, {})
            said = (directory / "output").read_text()
        found = re.search(
            rf"^{requirement} .*?\b(Not Implemented|Implemented|Inconc\w+)", said, re.M
        )
        verdict = found[1] if found else "no verdict"
        return Cost(verdict=verdict, wall=wall, processes=processes, calls=calls)

    def _run(
        self, command: Sequence[str], directory: Path, extra: dict[str, str]
    ) -> tuple[float, int, int]:
        """Seconds, processes and calls of a command; its output stands in ``output``."""
        environment = {**os.environ, **extra, "KUBECONFIG": str(USER.kubeconfig(self._lab))}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        log = directory / "processes"
        tracer = [*("strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log))]
        tracer += ["-e", "trace=clone,clone3,fork,vfork", "-e", "signal=none"]
        before, began = self._calls(), time.monotonic()
        with (directory / "output").open("w") as output:
            subprocess.run(
                [*tracer, *command],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        wall = time.monotonic() - began
        started = [
            line
            for line in log.read_text().splitlines()
            if "CLONE_THREAD" not in line and "resumed" not in line
        ]
        return wall, len(started), self._calls() - before

    def _calls(self) -> int:
        """How many calls of the user the API server has let through so far."""
        text: str = self._lab.api.request("GET", "/metrics")
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.splitlines()
            if line.startswith("apiserver_flowcontrol_dispatched_requests_total{")
            and f'flow_schema="{USER.name}"' in line
        )


def main() -> None:
    """Print the table."""
    if missing := [tool for tool in NEEDED if not shutil.which(tool)]:
        raise SystemExit(f"not on the path: {', '.join(missing)}")
    if len(sys.argv) < 2 or not (script := Path(sys.argv[1]).resolve()).is_file():
        raise SystemExit(
            f"collect-evidence.sh is wanted: {' '.join(sys.argv[1:2]) or 'none given'}"
        )
    lab = Lab(sys.argv[2] if len(sys.argv) > 2 else "default")
    if not lab.running:
        way = f"python -m aicr_lab up --name {lab.name} --addons all --fast"
        raise SystemExit(f"lab {lab.name} does not run: {way}")
    USER.inject(lab)
    try:
        lab.api.apply(FLOW)
        both = SideBySide(lab, script)
        print("| requirement | ancestor | wall (s) | processes | calls | ours | wall (s) |", end="")
        print(" processes | calls |")
        print("|---|---|---|---|---|---|---|---|---|")
        for requirement in sys.argv[3:] or SECTIONS:
            row = f"{both.ancestor(requirement)} | {both.ours(requirement)}"
            print(f"| `{requirement}` | {row} |", flush=True)
    except LabError as error:
        raise SystemExit(str(error)) from error
    finally:
        lab.api.delete(FLOW["apiVersion"], FLOW["kind"], USER.name)  # type: ignore[arg-type]
        USER.revert(lab)


if __name__ == "__main__":
    main()
