"""What each requirement costs on a running lab: ``python benchmarks/suite.py [LAB]``.

Prints one row per requirement: wall time, how much of it was spent waiting for the cluster (wall
without processor time of the run), calls of the API, processes that the run started.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aicr_lab.lab import Lab
from aicr_pytest.requirements.catalogue import NOT_AUTOMATED, REQUIREMENTS

AUDITED = """
import os, sys
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
def note(event, arguments):
    if event in STARTS:
        with open(os.environ["PROCESSES"], "a") as log:
            log.write(event + "\\n")
sys.addaudithook(note)
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
"""pytest that notes each process which it starts."""


def run(kubeconfig: Path, requirement: str, directory: Path) -> list[str]:
    """Run one requirement; the cells of its row."""
    processes, evidence = directory / "processes", directory / "evidence"
    arguments = [
        *("--aicr", f"--aicr-feature={requirement}", f"--aicr-kubeconfig={kubeconfig}"),
        *("--aicr-allow=scale-out", f"--evidence-dir={evidence}", "-q", "-p", "no:cacheprovider"),
    ]
    environment = {**os.environ, "PROCESSES": str(processes)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began, before = time.monotonic(), _processor_time()
    with (directory / "output").open("w") as output:
        subprocess.run(
            [sys.executable, "-c", AUDITED, *arguments], env=environment, stdout=output, check=False
        )
    wall = time.monotonic() - began
    waited = wall - (_processor_time() - before)
    verdict = json.loads((evidence / "run.json").read_text())["requirements"][0]["verdict"]
    calls = len((evidence / "requests.jsonl").read_text().splitlines())
    started = len(processes.read_text().splitlines()) if processes.exists() else 0
    return [f"`{requirement}`", verdict, f"{wall:.1f}", f"{waited:.1f}", str(calls), str(started)]


def _processor_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the table."""
    lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "default")
    print(
        "| requirement | verdict | wall (s) | of it waiting (s) | API calls | processes started |"
    )
    print("|---|---|---|---|---|---|")
    for requirement in REQUIREMENTS:
        if requirement.id not in NOT_AUTOMATED:
            with tempfile.TemporaryDirectory() as directory:
                cells = run(lab.kubeconfig, requirement.id, Path(directory))
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
