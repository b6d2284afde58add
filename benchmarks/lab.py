"""Times of the lab, on an idle machine with built binaries: ``python benchmarks/lab.py [ROUNDS]``.

Prints one row per figure: what, promised, median, worst.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from aicr_lab import startup
from aicr_lab.addons import catalogue
from aicr_lab.build.images import BUSYBOX
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions

WHOLE = LabOptions(addons=catalogue.parse(catalogue.ALL), fast=True)

PROMISED = {
    "up to nodes Ready, slices, DNS (s)": 15.0,
    "up of a running lab (s)": 1.0,
    "pod create to Ready (s)": 2.0,
    "idle memory, sum of RSS (MB)": 1536.0,
    "down (s)": 5.0,
    "up with all add-ons ready (s)": 60.0,
    "its memory, shared pages once (MB)": 3072.0,
    "down of it (s)": 10.0,
}

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bare", "namespace": "default"},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": BUSYBOX, "command": ["sleep", "600"]}],
    },
}


def seconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


def pod_ready(lab: Lab) -> None:
    """Create a pod and wait, by kubectl, as a user would."""
    command = ["kubectl", "--kubeconfig", str(lab.kubeconfig)]
    subprocess.run([*command, "create", "-f", "-"], input=json.dumps(POD), text=True, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run([*command, "wait", "--for=condition=Ready", "pod/bare"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip


def proportional_memory(lab: Lab) -> int:
    """Bytes of all processes in the lab's cgroups, pods included; a shared page counts once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{lab.cgroups.path()}/" in (process / "cgroup").read_text():
                rollup = (process / "smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0]) << 10
        except (OSError, IndexError):
            continue  # it ended meanwhile
    return total


def one_round(lab: Lab) -> list[float]:
    """One value per figure, in the order of ``PROMISED``."""

    def quiet(_: str) -> None:
        return None

    lab.down(quiet)
    up = seconds(lambda: startup.up(lab, LabOptions(), quiet))
    again = seconds(lambda: startup.up(lab, None, quiet))
    pod = seconds(lambda: pod_ready(lab))
    lab.api.delete("v1", "Pod", "bare", "default")
    time.sleep(20)  # until it idles
    memory = sum(component.rss for component in lab.status()) / 2**20
    down = seconds(lambda: lab.down(quiet))
    whole = seconds(lambda: startup.up(lab, WHOLE, quiet))
    time.sleep(20)
    all_memory = proportional_memory(lab) / 2**20
    return [up, again, pod, memory, down, whole, all_memory, seconds(lambda: lab.down(quiet))]


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    lab = Lab("benchmark")
    try:
        measured = [one_round(lab) for _ in range(rounds)]
    finally:
        lab.down(lambda _: None)
    print("| figure | promised | median | worst |\n|---|---|---|---|")
    for (name, promised), values in zip(PROMISED.items(), zip(*measured, strict=True), strict=True):
        median = statistics.median(values)
        print(f"| {name} | {promised:.0f} | {median:.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    main()
