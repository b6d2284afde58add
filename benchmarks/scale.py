"""What a big cluster costs: ``python -m benchmarks.scale [NODES] [PODS]``.

Serves a made-up cluster of 1,000 nodes with 8 accelerators each, by ResourceSlices and by counts,
and 20,000 pods, and lets ``aicr-pytest preflight`` look at it: wall time, processor time, peak
memory, calls. Then what one look at accelerators costs that checks take again and again.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.unit.cluster.fake_api import _selected

PER_NODE = 8
"""Accelerators of a node."""
DRIVER, RESOURCE = "gpu.nvidia.com", "nvidia.com/gpu"
Object = dict[str, Any]

GROUPS: dict[str, dict[str, str]] = {
    "/api/v1": {
        "namespaces": "Namespace", "nodes": "Node", "pods": "Pod", "services": "Service",
        "configmaps": "ConfigMap", "events": "Event",
    },
    "/apis/resource.k8s.io/v1": {
        "resourceslices": "ResourceSlice", "resourceclaims": "ResourceClaim",
        "resourceclaimtemplates": "ResourceClaimTemplate", "deviceclasses": "DeviceClass",
    },
    "/apis/coordination.k8s.io/v1": {"leases": "Lease"},
    "/apis/apiregistration.k8s.io/v1": {"apiservices": "APIService"},
    "/apis/apps/v1": {"deployments": "Deployment"},
}  # fmt: skip


def metadata(name: str, namespace: str = "", **labels: str) -> Object:
    """As the API server gives it, managed fields of one writer included."""
    fields: Object = {f"f:field-{number}": {".": {}, "f:value": {}} for number in range(12)}
    return {
        "name": name,
        "uid": f"uid-{namespace}-{name}",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"app": name.rpartition("-")[0], **labels},
        "managedFields": [{"manager": "kwok", "operation": "Update", "fieldsV1": fields}],
        **({"namespace": namespace} if namespace else {}),
    }


def node(number: int) -> Object:
    room = {"cpu": "128", "memory": "2Ti", "pods": "250", RESOURCE: str(PER_NODE)}
    return {
        "metadata": metadata(
            f"node-{number}",
            **{
                "node.kubernetes.io/instance-type": f"gpu-{number % 4}",
                "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
            },
        ),
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {
            "capacity": room,
            "allocatable": room,
            "conditions": [
                {"type": kind, "status": "True" if kind == "Ready" else "False", "reason": "x"}
                for kind in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
            ],
            "images": [
                {"names": [f"registry.example/image-{image}@sha256:{'0' * 64}"], "sizeBytes": 1}
                for image in range(50)
            ],
            "nodeInfo": {"kubeletVersion": "v1.37.2", "osImage": "Debian", "architecture": "amd64"},
        },
    }


def resource_slice(number: int) -> Object:
    def device(index: int) -> Object:
        name = f"{number:08x}-0000-0000-0000-{index:012x}"
        texts = {"type": "gpu", "uuid": f"GPU-{name}", "productName": "NVIDIA H100 80GB HBM3"}
        return {
            "name": f"gpu-{index}",
            "attributes": {key: {"string": value} for key, value in texts.items()},
            "capacity": {"memory": {"value": "80Gi"}},
        }

    return {
        "metadata": metadata(f"node-{number}-gpu"),
        "spec": {
            "driver": DRIVER,
            "nodeName": f"node-{number}",
            "pool": {"name": f"node-{number}", "generation": 1, "resourceSliceCount": 1},
            "devices": [device(index) for index in range(PER_NODE)],
        },
    }


def pod(number: int, nodes: int) -> Object:
    container = {
        "name": "main",
        "image": f"registry.example/app:{number}",
        "env": [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(12)],
        "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}},
    }
    return {
        "metadata": metadata(f"app-{number % 500}-{number}", f"team-{number % 50}"),
        "spec": {"nodeName": f"node-{number % nodes}", "containers": [container]},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [{"name": "main", "ready": True, "image": container["image"]}],
        },
    }


class BigCluster:
    """An API server that answers what a preflight asks, from lists that it has ready."""

    def __init__(self, nodes: int, pods: int) -> None:
        expression = f"device.driver == '{DRIVER}' && device.attributes['{DRIVER}'].type == 'gpu'"
        self.lists: dict[str, list[Object]] = {
            "/api/v1/nodes": [node(number) for number in range(nodes)],
            "/api/v1/pods": [pod(number, nodes) for number in range(pods)],
            "/api/v1/namespaces": [
                {"metadata": metadata(name)}
                for name in ("default", "kube-system", *(f"team-{number}" for number in range(50)))
            ],
            "/apis/resource.k8s.io/v1/resourceslices": [
                resource_slice(number) for number in range(nodes)
            ],
            "/apis/resource.k8s.io/v1/deviceclasses": [
                {
                    "metadata": metadata(DRIVER),
                    "spec": {"selectors": [{"cel": {"expression": expression}}]},
                }
            ],
        }
        self.asked: Counter[str] = Counter()
        self.sent = 0
        big = self

        class Bound(_Handler):
            cluster = big

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self, directory: Path) -> Path:
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        content = {
            "current-context": "big",
            "clusters": [{"name": "big", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": {"token": "none"}}],
            "contexts": [{"name": "big", "context": {"cluster": "big", "user": "me"}}],
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(content))
        return path

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Object]:
        if path == "/version":
            return 200, {"gitVersion": "v1.37.2"}
        if path in GROUPS:
            resources = [
                {"name": name, "kind": kind, "namespaced": True, "verbs": ["get", "list"]}
                for name, kind in GROUPS[path].items()
            ]
            return 200, {"kind": "APIResourceList", "resources": resources}
        collection, _, name = path.rpartition("/")
        found = [one for one in self.lists.get(collection, ()) if one["metadata"]["name"] == name]
        if found:
            return 200, found[0]
        if collection not in GROUPS:
            return 404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": path}
        chosen = self.lists.get(path, [])
        if {"labelSelector", "fieldSelector"} & query.keys():
            chosen = [one for one in chosen if _selected(one, query)]
        start = int(query.get("continue", "0"))
        end = start + (int(query.get("limit", "0")) or len(chosen))
        more = {"continue": str(end)} if end < len(chosen) else {}
        listed = {"resourceVersion": "9", **more}
        return 200, {"kind": "List", "metadata": listed, "items": chosen[start:end]}


class _Handler(BaseHTTPRequestHandler):
    cluster: BigCluster
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = {name: text[0] for name, text in urllib.parse.parse_qs(url.query).items()}
        self.cluster.asked[f"GET {url.path}"] += 1
        self._send(*self.cluster.answer(url.path, query))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.cluster.asked[f"POST {self.path}"] += 1
        self._send(201, {"status": {"allowed": True}})

    def _send(self, code: int, content: Object) -> None:
        payload = json.dumps(content).encode()
        self.cluster.sent += len(payload)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class' name
        """Say nothing."""


PEAK = """
import atexit, re, sys
def tell():
    with open("/proc/self/status") as status:
        print("peak", re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
atexit.register(tell)
"""
"""Tells a program's own peak of memory; what ``wait4`` tells begins with that of its parent."""
PREFLIGHT = f"{PEAK}from aicr_pytest.cli.main import main; sys.exit(main())"
LOOK = (
    PEAK
    + """
import time
from aicr_pytest.accelerators.discovery import Accelerators
from aicr_pytest.cluster.client import Cluster
cluster = Cluster.connect(kubeconfig=sys.argv[1], context=None, run_id="20260101-000000-0000")
accelerators = Accelerators(cluster)
nodes = accelerators.sample_nodes()
began = time.monotonic()
print("again", len(accelerators.now(nodes)), f"offers: {time.monotonic() - began:.1f} s")
"""
)


def measure(cluster: BigCluster, command: list[str]) -> None:
    """Run a command and print what it took."""
    cluster.asked.clear()
    cluster.sent, began = 0, time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    last, peak = said.splitlines()[-2:]
    print(f"exit {os.waitstatus_to_exitcode(status)}: {last}")
    print(
        f"{wall:.1f} s wall, {used.ru_utime + used.ru_stime:.1f} s of CPU, "
        f"{int(peak.split()[1]) / 1024:.0f} MB, {sum(cluster.asked.values())} calls, "
        f"{cluster.sent / 2**20:.0f} MiB"
    )
    for what, count in cluster.asked.most_common(6):
        print(f"  {count:4} {what}")


def main() -> None:
    """Print both."""
    nodes, pods = (int(word) for word in (*sys.argv[1:3], "1000", "20000")[:2])
    with tempfile.TemporaryDirectory() as directory:
        cluster = BigCluster(nodes, pods)
        kubeconfig = str(cluster.kubeconfig(Path(directory)))
        print(f"preflight, {nodes} nodes, {pods} pods")
        measure(
            cluster,
            [sys.executable, "-c", PREFLIGHT, "preflight", "--aicr-kubeconfig", kubeconfig],
        )
        print("one more look at the accelerators of sample nodes")
        measure(cluster, [sys.executable, "-c", LOOK, kubeconfig])


if __name__ == "__main__":
    main()
