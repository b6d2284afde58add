"""Defects that cut across: no fault of the platform's AI features, whatever requirement is run."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.admission import (
    GATED_PODS,
    IMAGES_UNPULLABLE,
    NAMESPACES_DENIED,
    NODE_SELECTOR,
    PODS_DENIED,
    PSA_LABEL,
    every_namespace_gets,
    sidecar,
)
from aicr_lab.defects.injections.aggregated_apis import DeadApi
from aicr_lab.defects.injections.api_access import FaultyDoor
from aicr_lab.defects.injections.injection import Cordoned, Injection, Tainted
from aicr_lab.defects.injections.nodes import SilentKubelet, VirtualNode, WithoutNetwork
from aicr_lab.defects.injections.other_tenants import (
    FilledNodes,
    RemainsOfRun,
    TaintedDevice,
    quota_everywhere,
)


def _door(
    mode: str,
    sentence: str,
    *,
    defect: str,
    expected_message: str,
    healthy: bool = True,
    leaves_behind: bool = False,
) -> Defect:
    door = FaultyDoor(mode=mode)
    return Defect(
        id=defect,
        requirement="",
        sentence=sentence,
        injection=door,
        expected_message=expected_message,
        leaves_behind=leaves_behind,
        kubeconfig=door.kubeconfig,
        expects="Implemented" if healthy else "Inconclusive",
    )


def _blinding(defect: str, sentence: str, injection: Injection, expected_message: str) -> Defect:
    """What others have decided: nobody can look, and nobody is accused."""
    return Defect(
        id=defect,
        requirement="",
        sentence=sentence,
        injection=injection,
        expects="Inconclusive",
        expected_message=expected_message,
    )


DEFECTS = (
    _door("429-storm", "The API server refuses every ninth request for a second.",
          defect="api-429-storm", expected_message='"status": 429'),
    _door("500-blips", "The API server answers every fourth request with a 5xx.",
          defect="api-500-blips", expected_message='"status": 50[0234]'),
    _door("watch-drops", "The API server cuts every watch after 2 s.", defect="watch-drops",
          # The same namespace is watched once more before it is gone.
          expected_message=r"(/api/v1/namespaces\?fieldSelector=metadata\.name%3D[\w-]+&watch=true)"
                  r"(?s:.*)\1"),
    _door("slow", "The API server is 100 ms away.", defect="api-slow",
          expected_message=r'"/version", "status": 200, "ms": \d{3}'),
    _door("clock-skew", "The clock of the API server is 120 s ahead of ours.", defect="clock-skew",
          expected_message="its clock is 1[12]\\d s ahead of ours"),
    _door("kubernetes-1.33", "The API server is of Kubernetes 1.33 and has DRA as v1beta1 alone.",
          defect="older-kubernetes", expected_message="/apis/resource.k8s.io/v1beta1/"),
    _door("errors-only", "The API server answers nothing but errors.",
          defect="api-errors-only", expected_message="500 InternalError", healthy=False),
    _door("gone-midway", "The API server goes away in the middle of the run.",
          defect="api-gone-midway", expected_message="gives no answer",
          healthy=False, leaves_behind=True),
    _door("no-streams", "A proxy before the API server takes the header Upgrade away.",
          defect="no-streams", expected_message=r"no stream is opened: 4\d\d [\s\S]*does not pass",
          healthy=False),
    Defect(
        id="image-pull-fails",
        requirement="",
        sentence="The images of new pods cannot be pulled.",
        injection=IMAGES_UNPULLABLE,
        expects="Inconclusive",
        expected_message="--aicr-image NAME=REF|still being pulled",
    ),
    Defect(
        id="no-capacity",
        requirement="",
        sentence="Somebody else holds every accelerator.",
        injection=FilledNodes(),
        expects="Inconclusive",
        expected_message="needs 1 accelerators of node-0, 0 of 8 are free",
    ),
    _blinding("pods-denied", "An admission policy denies pods without a label.",
              PODS_DENIED, "pods need the label owner"),
    _blinding("namespaces-denied", "An admission policy denies namespaces without a label.",
              NAMESPACES_DENIED, "namespaces need the label owner"),
    _blinding("no-quota-of-devices", "New namespaces have a quota of no accelerators.",
              quota_everywhere(devices=False), "exceeded quota: platform"),
    _blinding("cpu-full", "Others have taken the CPU of all nodes; accelerators are free.",
              FilledNodes(cpu_left=5), "Insufficient cpu"),
    _blinding("default-node-selector", "Pods get a node selector that no node fulfils.",
              NODE_SELECTOR, r"nodeSelector\.node-role\.\S+ was added"),
    _blinding("pods-gated", "A queue holds every pod that names none.",
              GATED_PODS, "kueue.x-k8s.io/admission has not been taken"),
    _blinding("nodes-without-network", "No node has routes: all are tainted by that condition.",
              WithoutNetwork(nodes=slice(None)), "tainted node.kubernetes.io/network-unavailable"),
    Defect(
        id="sidecar-first",
        requirement="",
        sentence="A mesh puts a container first into every pod: healthy.",
        injection=sidecar("0"),
        expects="Implemented",
        expected_message=r"containers\[mesh-proxy\] was added",
    ),
    Defect(
        id="sidecar-last",
        requirement="",
        sentence="A mesh puts a container last into every pod: healthy.",
        injection=sidecar("-"),
        expects="Implemented",
        expected_message=r"containers\[mesh-proxy\] was added",
    ),
    Defect(
        id="device-tainted",
        requirement="",
        sentence="A rule keeps the last device of the first node from everybody: healthy.",
        injection=TaintedDevice(),
        expects="Implemented",
        expected_message="gpu-7 is tainted example.com/unhealthy",
    ),
    Defect(
        id="psa-restricted-default",
        requirement="",
        sentence="Namespaces without a label enforce Pod Security restricted: healthy.",
        injection=every_namespace_gets("psa", PSA_LABEL, "restricted"),
        expects="Implemented",
        expected_message="",  # the suite's namespaces say themselves what they enforce
    ),
    Defect(
        id="limitrange-and-quota",
        requirement="",
        sentence="Every new namespace gets a LimitRange and a ResourceQuota: healthy.",
        injection=quota_everywhere(),
        expects="Implemented",
        expected_message="aicr-.*: a LimitRange and a ResourceQuota",
    ),
    Defect(
        id="node-cordoned",
        requirement="",
        sentence="The last node is cordoned: healthy.",
        injection=Cordoned(),
        expects="Implemented",
        expected_message="cordoned",
    ),
    Defect(
        id="tainted-accelerators",
        requirement="",
        sentence="Accelerator nodes carry the taint nvidia.com/gpu: healthy.",
        injection=Tainted(key="nvidia.com/gpu", value="present"),
        expects="Implemented",
        expected_message="key: nvidia.com/gpu",
    ),
    Defect(
        id="leftover-of-last-run",
        requirement="",
        sentence="A killed run has left a namespace with a pod that holds an accelerator: healthy.",
        injection=RemainsOfRun(namespace="aicr-000-1ab0-dra-support-7c21"),
        expects="Implemented",
        expected_message=r"20260101-000000-1ab0 has left: 1 namespace \(aicr-000-1ab0-dra-support",
    ),
    Defect(
        id="stale-namespace-terminating",
        requirement="",
        sentence="A namespace of an earlier run does not go away: healthy.",
        injection=RemainsOfRun(namespace="aicr-000-1ab0-secure-7c21", stuck=True),
        expects="Implemented",
        expected_message=r"run 20260101-000000-1ab0 has left: 1 namespace \(aicr-000-1ab0-secure",
    ),
    Defect(
        id="node-not-ready",
        requirement="",
        sentence="The last node's kubelet is silent: healthy, there is another.",
        injection=SilentKubelet(),
        expects="Implemented",
        expected_message="not Ready",
    ),
    Defect(
        id="node-without-network",
        requirement="",
        sentence="The first node is Ready and tainted by a condition: healthy, another is alike.",
        injection=WithoutNetwork(nodes=slice(1)),
        expects="Implemented",
        expected_message="node-0: tainted node.kubernetes.io/network-unavailable",
    ),
    Defect(
        id="dead-api",
        requirement="",
        sentence="The server of an APIService is gone, so that namespaces stay: healthy.",
        injection=DeadApi(),
        expects="Implemented",
        leaves_behind=True,
        expected_message="NamespaceDeletionDiscoveryFailure: .*metrics.field.example",
    ),
    Defect(
        id="virtual-node",
        requirement="",
        sentence="A node without a kubelet offers accelerators, and runs nothing: healthy.",
        injection=VirtualNode(),
        expects="Implemented",
        expected_message="virtual-node-0: simulated or virtual",
    ),
)  # fmt: skip
