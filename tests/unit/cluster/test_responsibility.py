"""Who is responsible, by the words of real clusters: policies, schedulers, kubelets."""

from typing import Any

import pytest

from aicr_pytest.cluster import responsibility
from aicr_pytest.cluster.kinds import Object
from aicr_pytest.errors import (
    ImageNotPullable,
    Inconclusive,
    NoCapacity,
    PolicyRefused,
    SchedulerSilent,
)

ASKED = {"nvidia.com/gpu"}
PINNED = "1 node(s) didn't match Pod's node affinity/selector"
SERVER = 'Get "https://10.96.0.1:443/apis/resource.k8s.io/v1/namespaces/a/resourceclaims/b": '
PREEMPTION = (
    "still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for "
    "scheduling."
)


def pending(reasons: str, *, events: Any = (), **spec: Any) -> responsibility.Finding:
    said = f"Unschedulable: 0/2 nodes are available: {reasons}. {PREEMPTION}" if reasons else ""
    return responsibility.of_pending({"spec": spec}, said, events=events, asked=ASKED)


@pytest.mark.parametrize(
    ("message", "who"),
    [
        ('admission webhook "validate.kyverno.svc-fail" denied the request: policy', "policy"),
        ('admission webhook "validation.gatekeeper.sh" denied the request: [owner] no', "policy"),
        (('admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the '
         "request: GKE Warden rejected the request"), "policy"),
        (("pods \"x\" is forbidden: ValidatingAdmissionPolicy 'field-pods' with binding "
         "'field-pods' denied request: pods need the label owner"), "policy"),
        ("ValidatingAdmissionPolicy 'p' denied request: failed to configure binding", "policy"),
        ("policy 'm' with binding 'm' denied request: no such key: labels", "policy"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
         "policy"),
        (("resourceclaims.resource.k8s.io \"x\" is forbidden: exceeded quota: tenant, requested: "
         "gpu.nvidia.com.deviceclass.resource.k8s.io/devices=1, used: 0, limited: 0"), "policy"),
        ('pods "x" is forbidden: failed quota: q: must specify limits.cpu for: probe', "policy"),
        ('pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2', "policy"),
        (('pods "x" is forbidden: pod node label selector conflicts with its namespace node label '
         "selector"), "policy"),
        ('pods "x" is forbidden: image policy webhook backend denied one or more images', "policy"),
        ('pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found', "policy"),
        ('pods "x" is forbidden: status unknown for quota: tenant, resources: pods', "moment"),
        (('pods "x" is forbidden: error looking up service account a/default: serviceaccount '
         '"default" not found'), "moment"),
        ('pods "x" is forbidden: no PriorityClass with name aicr-x was found', "moment"),
        (('Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": failed to '
         'call webhook: Post "https://kyverno-svc.kyverno.svc:443/validate?timeout=10s": dial tcp '
         "10.0.0.1:443: connect: connection refused"), "policy"),
        (('Internal error occurred: failed calling webhook "object.sidecar-injector.istio.io": '
         'failed to call webhook: Post "https://istiod.istio-system.svc:443/inject?timeout=10s": '
         "context deadline exceeded"), "policy"),
        (('Internal error occurred: failed calling webhook "m.example.com": failed to call webhook:'
         ' Post "https://w.ns.svc:443/m": no endpoints available for service "w"'), "policy"),
        (('Internal error occurred: failed calling webhook "m.example.com": failed to call webhook:'
         ' Post "https://w.ns.svc:443/m": tls: failed to verify certificate: x509: certificate '
         "signed by unknown authority"), "policy"),
        ("etcdserver: request timed out", "moment"),
        ("etcdserver: leader changed", "moment"),
        ("Timeout: request did not complete within requested timeout", "moment"),
        ("the server is currently unable to handle the request", "moment"),
        (('pods "x" is forbidden: unable to create new content in namespace aicr-x because it is '
         "being terminated"), "somebody"),
        ('namespaces "aicr-x" not found', "somebody"),
    ],
)  # fmt: skip
def test_who_refuses_an_object_is_not_the_platform(message: str, who: str) -> None:
    finding = responsibility.of_answer(message)

    assert finding is not None
    assert (finding.who, finding.accuses) == (who, False)
    assert finding.way_out
    event = {"type": "Warning", "reason": "FailedCreate", "message": f"Error creating: {message}"}
    assert responsibility.of_events([event]) is not None


@pytest.mark.parametrize(
    "message",
    [
        (
            'pods is forbidden: User "system:serviceaccount:kube-system:replicaset-controller" '
            'cannot create resource "pods" in API group "" in the namespace "a"'
        ),
        'ResourceClaim.resource.k8s.io "x" is invalid: spec.devices: Required value',
        'conversion webhook for ray.io/v1, Kind=RayCluster failed: Post "https://x": EOF',
        'resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found',
    ],
)
def test_words_that_name_no_policy_are_not_taken_for_one(message: str) -> None:
    assert responsibility.of_answer(message) is None


@pytest.mark.parametrize(
    "reasons",
    [
        f"1 cannot allocate all claims, {PINNED}",
        f"1 Insufficient nvidia.com/gpu, {PINNED}",
        (
            "1 cannot allocate all claims, 1 node(s) had untolerated taint "
            "{node-role.kubernetes.io/control-plane: }"
        ),
        "1 cannot allocate all claims, 1 node(s) were unschedulable",
        "2 cannot allocate all claims",
        "1 cannot allocate all claims, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]",
        f"1 node(s) device class gpu.nvidia.com does not exist, {PINNED}",
    ],
)
def test_devices_that_are_not_given_accuse_the_platform(reasons: str) -> None:
    finding = pending(reasons)

    assert finding.accuses
    assert reasons in finding.reason


@pytest.mark.parametrize(
    ("reasons", "who"),
    [
        (f"1 Insufficient cpu, {PINNED}", "room"),
        (f"1 Insufficient memory, {PINNED}", "room"),
        (f"1 Insufficient ephemeral-storage, {PINNED}", "room"),
        (f"1 Too many pods, {PINNED}", "room"),
        (f"1 Insufficient cpu, 1 Insufficient nvidia.com/gpu, {PINNED}", "room"),
        (f"1 Insufficient rdma/hca, {PINNED}", "room"),
        ("1 Insufficient cpu, 1 cannot allocate all claims", "room"),
        ("2 node(s) didn't match Pod's node affinity/selector", "room"),
        ("1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }, " + PINNED, "room"),
        ("2 node(s) had untolerated taint {team: a}", "room"),
        ("1 node(s) were unschedulable, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]",
         "room"),
        (f"1 node(s) didn't match pod topology spread constraints, {PINNED}", "room"),
        (f"1 node(s) didn't have free ports for the requested pod ports, {PINNED}", "room"),
        (f"1 node(s) exceed max volume count, {PINNED}", "room"),
        ("waiting for dynamic resource controller to create the resourceclaim", "unknown"),
        ("1 node(s) are asleep", "unknown"),
    ],
)  # fmt: skip
def test_what_a_node_lacks_beside_devices_accuses_nobody(reasons: str, who: str) -> None:
    finding = pending(reasons)

    assert finding.who == who
    excuse = finding.excuse("Pod a/b")
    assert reasons in str(excuse)
    assert excuse.hint
    if who == "room":
        assert isinstance(excuse, NoCapacity)
        assert excuse.held is False, "what others do not hold proves nothing about devices"


def test_gates_and_queues_that_hold_a_pod_are_named_with_the_way_out() -> None:
    finding = pending(
        "1 cannot allocate all claims", schedulingGates=[{"name": "kueue.x-k8s.io/admission"}]
    )

    excuse = finding.excuse("Pod a/b")
    assert isinstance(excuse, PolicyRefused)
    assert "kueue.x-k8s.io/admission has not been taken" in str(excuse)
    assert "aicr-*" in excuse.hint
    said = "SchedulingGated: Scheduling is blocked due to non-empty scheduling gates"
    assert responsibility.of_pending({"spec": {}}, said).who == "policy"


def test_a_claim_that_a_quota_refuses_to_its_controller_accuses_nobody() -> None:
    message = 'failed to create ResourceClaim: "x" is forbidden: exceeded quota: tenant'
    event = {"type": "Warning", "reason": "FailedResourceClaimCreation", "message": message}
    waiting = "waiting for dynamic resource controller to create the resourceclaim"

    assert pending(waiting, events=[event]).who == "policy"
    for down, who in (
        ('Internal error occurred: failed calling webhook "a.b": connection refused', "policy"),
        ("etcdserver: request timed out", "moment"),
    ):
        assert pending(waiting, events=[{**event, "message": down}]).who == who
    assert pending(waiting, events=[{**event, "message": "the server is broken"}]).accuses
    assert pending("2 cannot allocate all claims", events=[event]).accuses, "it was made since"


def test_a_scheduler_that_says_nothing_accuses_nobody() -> None:
    finding = pending("")

    assert finding.who == "scheduler"
    excuse = finding.excuse("Pod a/b")
    assert isinstance(excuse, SchedulerSilent)
    assert "the scheduler has said nothing" in str(excuse)
    assert "--aicr-timeout-scale" in excuse.hint


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FailedPrepareDynamicResources", "DRA driver gpu.nvidia.com is not registered"),
        ("UnexpectedAdmissionError", ("Allocate failed due to rpc error: code = Unknown desc = no "
         "such device: GPU-1, which is unexpected")),
        ("UnexpectedAdmissionError", ("Allocate failed due to requested number of devices "
         "unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected")),
        ("CreateContainerError", ("container probe: failed to generate spec: unresolvable CDI "
         "devices k8s.gpu.nvidia.com/claim=1")),
        ("RunContainerError", ("container probe: failed to create containerd task: "
         "nvidia-container-cli: initialization error: nvml error: driver not loaded")),
        ("StartError", "container probe: error adding device /dev/nvidia0: no such file"),
        ("FailedCreatePodSandBox", "OCI runtime create failed: nvidia-container-cli: mount error"),
        ("FailedPrepareDynamicResources", ("rpc error: code = Unavailable desc = connection error: "
         'desc = "transport: Error while dialing: dial unix /var/lib/kubelet/plugins/'
         'gpu.nvidia.com/dra.sock: connect: connection refused"')),
        ("FailedPrepareDynamicResources", (f"claim b, {SERVER}not modified: dial unix /plugins/"
         "gpu.nvidia.com/dra.sock: connect: connection refused")),
        ("FailedPrepareDynamicResources", ("NodePrepareResources failed: rpc error: code = "
         "DeadlineExceeded desc = context deadline exceeded")),
        ("FailedPrepareDynamicResources", ("error preparing devices for claim 1: unable to create "
         "CDI spec file: EOF")),
        ("UnexpectedAdmissionError", ("Allocate failed due to no healthy devices present; cannot "
         "allocate unhealthy devices nvidia.com/gpu, which is unexpected")),
        ("CreateContainerError", "nvidia-container-cli: device error: GPU-1: unknown device"),
        ("RunContainerError", "nvidia-container-cli: initialization error: load library failed"),
    ],
)  # fmt: skip
def test_what_the_device_path_cannot_start_accuses_the_platform(reason: str, message: str) -> None:
    assert responsibility.of_start(reason, message).accuses


@pytest.mark.parametrize(
    ("reason", "message", "who"),
    [
        ("ErrImagePull", "toomanyrequests: You have reached your pull rate limit", "image"),
        ("ImagePullBackOff", 'Back-off pulling image "nvcr.io/nvidia/cuda:13"', "image"),
        ("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets", "image"),
        ("StartError", "container probe: exec /bin/sh: exec format error", "image"),
        ("FailedCreatePodSandBox", ('plugin type="calico" failed (add): error getting '
         "ClusterInformation: connection is unauthorized"), "node"),
        ("FailedCreatePodSandBox", ("failed to setup network for sandbox of pod gpu in namespace "
         "aicr-1-secure-accelerator-access-0a1b"), "node"),
        ("FailedCreatePodSandBox", 'rpc error: no runtime for "nvidia" is configured', "node"),
        ("FailedCreatePodSandBox", ('Failed to create pod sandbox: rpc error: code = Unknown desc ='
         ' failed to setup network for sandbox "ab": plugin type="bridge" failed (add): failed to '
         "create veth: no such device"), "node"),
        ("FailedCreatePodSandBox", ('networkPlugin cni failed to set up pod "gpu_a" network: '
         "device not found"), "node"),
        ("FailedCreatePodSandBox", ("error adding container to network \"sriov\": plugin type="
         '"sriov" failed (add): SRIOV-CNI failed to load netconf: VF device not found'), "node"),
        ("FailedPrepareDynamicResources", (f"fetch ResourceClaim a/b: {SERVER}dial tcp "
         "10.96.0.1:443: connect: connection refused"), "moment"),
        ("FailedPrepareDynamicResources", (f"fetch ResourceClaim a/b: {SERVER}context deadline "
         "exceeded"), "moment"),
        ("FailedPrepareDynamicResources", f"(combined from similar events): {SERVER}EOF", "moment"),
        ("FailedPrepareDynamicResources", "fetch ResourceClaim a/b: etcdserver: leader changed",
         "moment"),
        ("UnexpectedAdmissionError", ("Allocate failed due to can't allocate unregistered device "
         "nvidia.com/gpu, which is unexpected"), "moment"),
        ("UnexpectedAdmissionError", ("Allocate failed due to rpc error: code = Unknown desc = "
         'invalid allocation request for "nvidia.com/gpu": invalid request: maximum request size '
         "for shared resources is 1; found 30, which is unexpected"), "policy"),
        ("RunContainerError", ("nvidia-container-cli: requirement error: unsatisfied condition: "
         "cuda>=12.8, please update your driver to a newer version"), "image"),
        ("Error", "CUDA driver version is insufficient for CUDA runtime version", "image"),
        ("Error", "CUDA error: no kernel image is available for execution", "image"),
        ("Error", "CUDA error: out of memory", "node"),
        ("Evicted", "The node was low on resource: ephemeral-storage", "room"),
        ("Preempting", "Preempted in order to admit critical pod", "room"),
        ("OutOfcpu", "Node didn't have enough resource: cpu", "room"),
        ("OutOfnvidia.com/gpu", "Node didn't have enough resource: nvidia.com/gpu", "room"),
        ("TopologyAffinityError", "Resources cannot be allocated with Topology locality", "room"),
        ("UnexpectedAdmissionError", ("Allocate failed due to not enough cpus available to satisfy "
         "request: requested=2, available=1, which is unexpected"), "room"),
        ("NodeShutdown", "Pod was rejected as the node is shutting down.", "node"),
        ("Terminated", "Pod was terminated in response to imminent node shutdown.", "node"),
        ("NodeAffinity", "Predicate NodeAffinity failed", "node"),
        ("OOMKilled", "container load ended with exit code 137 (OOMKilled)", "node"),
        ("CreateContainerError", "failed to reserve container name: no space left on device",
         "node"),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root",
         "policy"),
        ("Error", "container probe ended with exit code 137 (Error)", "unknown"),
        ("CrashLoopBackOff", "container istio-proxy: back-off 10s restarting", "unknown"),
    ],
)  # fmt: skip
def test_what_else_keeps_a_pod_from_starting_accuses_nobody(
    reason: str, message: str, who: str
) -> None:
    finding = responsibility.of_start(reason, message)

    assert finding.who == who
    excuse = finding.excuse("Pod a/b")
    assert excuse.hint
    assert isinstance(excuse, ImageNotPullable if who == "image" else Inconclusive)


def test_a_program_that_finds_no_device_accuses_by_its_log() -> None:
    ended = ("Error", "container load ended with exit code 1")

    assert responsibility.of_start(*ended, log="CUDA error: no CUDA-capable device").accuses
    assert not responsibility.of_start(*ended, log="cannot open config").accuses


def test_a_deletion_and_a_slow_start_are_told_with_the_way_out() -> None:
    deleted = responsibility.of_deletion("was deleted while it was awaited")
    slow = responsibility.of_slow_start("Pending; on n0")

    assert (deleted.who, deleted.reason) == ("somebody", "was deleted while it was awaited")
    assert "aicr-*" in deleted.excuse("Pod a/b").hint
    assert (slow.who, slow.reason) == ("unknown", "not ready in time; last seen: Pending; on n0")
    assert "--aicr-timeout-scale" in slow.excuse("Pod a/b").hint


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", "platform"),
        ("0/1 nodes are available: 1 cannot allocate all claims, .", "platform"),
        ("1 Insufficient nvidia.com/gpu", "platform"),
        ("waiting for the claim", "unknown"),
        ("0/0 nodes are available: .", "room"),
    ],
)
def test_schedulers_words_are_read_to_their_end(said: str, who: str) -> None:
    finding = responsibility.of_pending({}, said, asked=ASKED)

    assert (finding.who, finding.reason) == (who, said)


def test_an_event_that_is_no_warning_says_nothing_of_a_refusal() -> None:
    normal: Object = {"type": "Normal", "message": 'pods "x" is forbidden: exceeded quota: q'}

    assert responsibility.of_events([normal]) is None


def test_the_last_warning_tells_who_refuses() -> None:
    quota: Object = {"type": "Warning", "message": 'pods "x" is forbidden: exceeded quota: q'}
    gone: Object = {"message": 'namespaces "aicr-x" not found'}
    other: Object = {"type": "Warning", "message": None}

    for events, who in (([quota, gone, other], "somebody"), ([gone, quota], "policy")):
        finding = responsibility.of_events(events)
        assert finding is not None
        assert finding.who == who


def test_a_gate_is_told_by_its_name_and_with_what_the_scheduler_says() -> None:
    gated: Object = {"spec": {"schedulingGates": [{"name": "a/x"}, {"name": "b/y"}]}}
    held = "SchedulingGated: blocked"

    assert responsibility.of_pending(gated, "").reason == "a/x, b/y has not been taken from it"
    finding = responsibility.of_pending({}, held)
    assert finding.reason == f"a scheduling gate has not been taken from it: {held}"


def test_the_last_word_of_who_should_make_a_claim_is_told_beside_the_schedulers() -> None:
    events: Any = [
        {"reason": "FailedResourceClaimCreation", "message": "first"},
        {"reason": "FailedResourceClaimCreation", "message": "last"},
        {"reason": "Scheduled", "message": "other"},
    ]
    finding = responsibility.of_pending({}, "waiting for the claim", events=events)

    assert (finding.accuses, finding.reason) == (True, "waiting for the claim; last")
    silent: Any = [{"reason": "FailedResourceClaimCreation"}]
    assert responsibility.of_pending({}, "waiting", events=silent).reason == "waiting; "


def test_where_no_node_suits_who_moved_the_pod_is_named() -> None:
    nowhere = pending("2 node(s) didn't match Pod's node affinity/selector")
    full = pending(f"1 Insufficient cpu, {PINNED}")

    moved = responsibility.of_moved(nowhere, ["nodeSelector.a was added", "nodeSelector.b too"])
    assert moved.who == "policy"
    assert moved.reason == f"nodeSelector.a was added; nodeSelector.b too: {nowhere.reason}"
    assert moved.way_out == nowhere.way_out
    assert responsibility.of_moved(nowhere, []) == nowhere
    assert responsibility.of_moved(full, ["nodeSelector.a was added"]) == full


def test_a_namespace_that_is_refused_accuses_nobody() -> None:
    known = responsibility.of_namespace('admission webhook "w" denied the request: no owner')
    other = responsibility.of_namespace("the server is broken")

    assert (known.who, other.who) == ("policy", "unknown")
    assert "no owner" in known.reason
    assert other.reason == "the server is broken"
    assert "--aicr-label" in known.way_out == other.way_out


def test_kubelets_words_are_told_as_they_are_and_the_log_is_not() -> None:
    assert responsibility.of_start("StartError", "").reason == "StartError"
    found = responsibility.of_start("StartError", "no exec", log="NVML: driver error")
    assert (found.who, found.reason) == ("platform", "StartError: no exec")
    assert found.excuse_unless_accusing("Pod a/b") is None
    unknown = responsibility.of_start("StartError", "no exec")
    assert (unknown.who, unknown.reason) == ("unknown", "StartError: no exec")
    told = unknown.excuse_unless_accusing("Pod a/b")
    assert told is not None
    assert str(told).startswith("Pod a/b: StartError: no exec")
    assert "--aicr-nodes" in told.hint


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ('admission webhook "w" attempted to modify the object, which is not supported', True),
        ("ValidatingAdmissionPolicy 'p' denied request: no", True),
        ('pods "x" is forbidden: exceeded quota: q', False),
    ],
)
def test_a_policy_is_who_names_itself_as_one(message: str, is_one: bool) -> None:
    assert responsibility.is_policy(message) is is_one
