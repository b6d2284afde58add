"""Defects that cut across: no fault of the platform's AI features, whatever requirement is run."""

from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.admission import IMAGES_UNPULLABLE, PSA_LABEL, every_namespace_gets
from aicr_lab.defects.injections.api_access import FaultyDoor
from aicr_lab.defects.injections.injection import Cordoned, Tainted
from aicr_lab.defects.injections.other_tenants import (
    FilledNodes,
    QuotaEverywhere,
    RemainsOfRun,
    SilentKubelet,
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
        way=door,
        expected_message=expected_message,
        leaves_behind=leaves_behind,
        kubeconfig=door.kubeconfig,
        expects="Implemented" if healthy else "Inconclusive",
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
    _door("errors-only", "The API server answers nothing but errors.",
          defect="api-errors-only", expected_message="500 InternalError", healthy=False),
    _door("gone-midway", "The API server goes away in the middle of the run.",
          defect="api-gone-midway", expected_message="gives no answer",
          healthy=False, leaves_behind=True),
    Defect(
        id="image-pull-fails",
        requirement="",
        sentence="The images of new pods cannot be pulled.",
        way=IMAGES_UNPULLABLE,
        expects="Inconclusive",
        expected_message="--aicr-image NAME=REF|still being pulled",
    ),
    Defect(
        id="no-capacity",
        requirement="",
        sentence="Somebody else holds every accelerator.",
        way=FilledNodes(),
        expects="Inconclusive",
        expected_message="needs 1 accelerators of node-0, 0 of 8 are free",
    ),
    Defect(
        id="psa-restricted-default",
        requirement="",
        sentence="Namespaces without a label enforce Pod Security restricted: healthy.",
        way=every_namespace_gets("psa", PSA_LABEL, "restricted"),
        expects="Implemented",
        expected_message="",  # the suite's namespaces say themselves what they enforce
    ),
    Defect(
        id="limitrange-and-quota",
        requirement="",
        sentence="Every new namespace gets a LimitRange and a ResourceQuota: healthy.",
        way=QuotaEverywhere(),
        expects="Implemented",
        expected_message="aicr-.*: a LimitRange and a ResourceQuota",
    ),
    Defect(
        id="node-cordoned",
        requirement="",
        sentence="The last node is cordoned: healthy.",
        way=Cordoned(),
        expects="Implemented",
        expected_message="cordoned",
    ),
    Defect(
        id="tainted-accelerators",
        requirement="",
        sentence="Accelerator nodes carry the taint nvidia.com/gpu: healthy.",
        way=Tainted(key="nvidia.com/gpu", value="present"),
        expects="Implemented",
        expected_message="key: nvidia.com/gpu",
    ),
    Defect(
        id="leftover-of-last-run",
        requirement="",
        sentence="A killed run has left a namespace with a pod that holds an accelerator: healthy.",
        way=RemainsOfRun(namespace="aicr-000-1ab0-dra-support-7c21"),
        expects="Implemented",
        expected_message=r"20260101-000000-1ab0 has left: 1 namespace \(aicr-000-1ab0-dra-support",
    ),
    Defect(
        id="stale-namespace-terminating",
        requirement="",
        sentence="A namespace of an earlier run does not go away: healthy.",
        way=RemainsOfRun(namespace="aicr-000-1ab0-secure-7c21", stuck=True),
        expects="Implemented",
        expected_message=r"run 20260101-000000-1ab0 has left: 1 namespace \(aicr-000-1ab0-secure",
    ),
    Defect(
        id="node-not-ready",
        requirement="",
        sentence="The last node's kubelet is silent: healthy, there is another.",
        way=SilentKubelet(),
        expects="Implemented",
        expected_message="not Ready",
    ),
)  # fmt: skip
