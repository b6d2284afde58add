"""What a big cluster costs: ``python -m benchmarks.scale [NODES] [PODS]``, as root.

Brings up a lab with KWOK, fills it with 1,000 nodes of 8 accelerators each, by ResourceSlices and
by counts, and 20,000 pods that KWOK lets run, and looks at it as users do: ``aicr-pytest
preflight``, one look at accelerators as checks take it again and again, the checks of claims on one
real node. For each: wall time, processor time, peak memory, calls. The lab stays for a second look;
``python -m aicr_lab down --name scale`` ends it.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aicr_lab import startup
from aicr_lab.lab import Lab
from aicr_lab.options import LabOptions
from aicr_pytest.cluster.client import Cluster

LAB = "scale"
PER_NODE = 8
"""Accelerators of a node."""
DRIVER, RESOURCE = "gpu.nvidia.com", "nvidia.com/gpu"
TEAMS = 50
"""Namespaces that the pods are in."""
WRITERS = 8
"""Objects that are created at once."""
TOLD = 20
"""Lines of a program's end that are printed."""
Object = dict[str, Any]


def metadata(name: str, namespace: str = "", **labels: str) -> Object:
    """Of an object that looks like one of many."""
    return {
        "name": name,
        "labels": {"app": name.rpartition("-")[0], **labels},
        **({"namespace": namespace} if namespace else {}),
    }


def node(number: int) -> Object:
    """One that KWOK keeps alive; nothing of the suite goes there unasked."""
    room = {"cpu": "128", "memory": "2Ti", "pods": "250", RESOURCE: str(PER_NODE)}
    labels = {
        "kubernetes.io/hostname": f"big-{number}",
        "node.kubernetes.io/instance-type": f"gpu-{number % 4}",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            **metadata(f"big-{number}", **labels),
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"taints": [{"key": "kwok.x-k8s.io/node", "value": "x", "effect": "NoSchedule"}]},
        "status": {
            "capacity": room,
            "allocatable": room,
            "images": [
                {"names": [f"registry.example/image-{image}@sha256:{'0' * 64}"], "sizeBytes": 1}
                for image in range(50)
            ],
        },
    }


def resource_slice(number: int) -> Object:
    """The devices of such a node."""

    def device(index: int) -> Object:
        name = f"{number:08x}-0000-0000-0000-{index:012x}"
        texts = {"type": "gpu", "uuid": f"GPU-{name}", "productName": "NVIDIA H100 80GB HBM3"}
        texts["architecture"] = "Hopper"
        attributes = {key: {"string": value} for key, value in texts.items()}
        return {
            "name": f"gpu-{index}",
            "attributes": {**attributes, "driverVersion": {"version": "580.65.6"}},
            "capacity": {"memory": {"value": "80Gi"}},
        }

    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": metadata(f"big-{number}-gpu"),
        "spec": {
            "driver": DRIVER,
            "nodeName": f"big-{number}",
            "pool": {"name": f"big-{number}", "generation": 1, "resourceSliceCount": 1},
            "devices": [device(index) for index in range(PER_NODE)],
        },
    }


def pod(number: int, nodes: int) -> Object:
    """One of a Deployment's, on such a node."""
    container = {
        "name": "main",
        "image": f"registry.example/app:{number}",
        "env": [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(12)],
        "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(f"app-{number % 500}-{number}", f"team-{number % TEAMS}"),
        "spec": {
            "nodeName": f"big-{number % nodes}",
            "containers": [container],
            "automountServiceAccountToken": False,
            "tolerations": [{"operator": "Exists"}],
        },
    }


def fill(cluster: Cluster, nodes: int, pods: int) -> None:
    """Create what is not there; returns when KWOK lets every pod run."""
    teams = [metadata(f"team-{number}") for number in range(TEAMS)]
    create(
        cluster,
        "/api/v1/namespaces",
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": team} for team in teams),
    )
    create(cluster, "/api/v1/nodes", (node(number) for number in range(nodes)))
    slices = "/apis/resource.k8s.io/v1/resourceslices"
    create(cluster, slices, (resource_slice(number) for number in range(nodes)))
    create(cluster, "/api/v1/pods", (pod(number, nodes) for number in range(pods)))
    print("  waiting until KWOK lets all of them run", flush=True)
    while is_any(cluster, "status.phase=Pending"):
        time.sleep(5)


def create(cluster: Cluster, path: str, objects: Iterable[Object]) -> None:
    """Create objects of one collection, some at once."""
    began, lock, made = time.monotonic(), threading.Lock(), 0

    def one(obj: Object) -> None:
        nonlocal made
        namespace = obj["metadata"].get("namespace")
        base, _, plural = path.rpartition("/")
        place = f"{base}/namespaces/{namespace}/{plural}" if namespace else path
        answer = cluster.raw("POST", place, body=obj)
        if answer.status not in (201, 409):
            raise SystemExit(f"POST {place}: {answer.status} {answer.text[:300]}")
        with lock:
            made += 1
            if made % 1000 == 0:
                print(f"  {made} {plural} in {time.monotonic() - began:.0f} s", flush=True)

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(one, objects))


def is_any(cluster: Cluster, fields: str) -> bool:
    """Whether a pod of the cluster has these fields."""
    query = [("fieldSelector", fields), ("limit", "1")]
    return bool(cluster.raw("GET", "/api/v1/pods", query=query).json()["items"])


COUNTED = """
import atexit, re, sys
from collections import Counter
from aicr_pytest.cluster.transport import Transport
asked = Counter()
def counting(method):
    def count(self, request, *arguments, **keywords):
        asked[f"{request.method} {request.path}"] += 1
        return method(self, request, *arguments, **keywords)
    return count
for name in ("answered", "request", "stream"):
    setattr(Transport, name, counting(getattr(Transport, name)))
def tell():
    with open("/proc/self/status") as status:
        peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
    print(f"{peak / 1024:.0f} MB at its peak, {sum(asked.values())} calls")
    for what, count in asked.most_common(6):
        print(f"  {count:4} {what}")
atexit.register(tell)
"""
"""Tells a program's own peak of memory, since what ``wait4`` tells begins with that of its parent,
and its calls."""
PREFLIGHT = f"{COUNTED}from aicr_pytest.cli.main import main; sys.exit(main())"
CHECKS = f"{COUNTED}import pytest; sys.exit(pytest.main(sys.argv[1:]))"
LOOK = (
    COUNTED
    + """
import time
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster.client import Cluster
cluster = Cluster.connect(kubeconfig=sys.argv[1], context=None, run_id="20260101-000000-0000")
accelerators = Accelerators(cluster)
nodes = accelerators.sample_nodes()
asked.clear()
began, before = time.monotonic(), time.process_time()
offers = len(accelerators.now(nodes))
wall, used = time.monotonic() - began, time.process_time() - before
print(f"again: {offers} offers, {wall:.2f} s wall, {used:.2f} s of CPU")
"""
)


def measure(what: str, program: str, *arguments: str) -> None:
    """Run a program and print what it took."""
    print(f"{what}:", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=directory,
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    for line in said.splitlines()[-TOLD:]:
        print(f"  {line}")
    print(
        f"  exit {os.waitstatus_to_exitcode(status)}, {wall:.1f} s wall, "
        f"{used.ru_utime + used.ru_stime:.1f} s of CPU",
        flush=True,
    )


def main() -> None:
    """Print all of it."""
    nodes, pods = (int(word) for word in (*sys.argv[1:3], "1000", "20000")[:2])
    lab = Lab(LAB)
    startup.up(lab, LabOptions(addons=("kwok",)), print)
    kubeconfig = str(lab.kubeconfig)
    cluster = Cluster.connect(kubeconfig=kubeconfig, context=None, run_id="20260101-000000-0000")
    fill(cluster, nodes, pods)
    print(f"{nodes} nodes and {pods} pods beside the lab's own")
    ours = ("--aicr-kubeconfig", kubeconfig)
    measure("preflight", PREFLIGHT, "preflight", *ours)
    measure("one more look at the accelerators of sample nodes", LOOK, kubeconfig)
    real = ("--aicr-nodes=kubernetes.io/hostname=node-0", "-p", "no:cacheprovider")
    measure("checks of claims", CHECKS, "--aicr", "-n0", "-m", "dra", *ours, *real, "--evidence")


if __name__ == "__main__":
    main()
