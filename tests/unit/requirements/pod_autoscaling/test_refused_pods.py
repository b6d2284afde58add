"""A Deployment whose controller can make no pod: whose doing that is, by its condition."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.errors import Inconclusive
from aicr_pytest.requirements.pod_autoscaling.deployment import Scaled, _refused


def views(message: str) -> Any:
    failure = {"type": "ReplicaFailure", "status": "True", "message": message}
    return [{}, {"scaled": {"status": {"conditions": [failure]}}}]


@pytest.mark.parametrize(
    "message",
    [
        'admission webhook "validate.kyverno.svc-fail" denied the request: no label owner',
        "pods \"s-1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request",
        'pods "s-1" is forbidden: exceeded quota: q, requested: requests.nvidia.com/gpu=1',
        'pods "s-1" is forbidden: unable to validate against any security context constraint',
        'pods "s-1" is forbidden: status unknown for quota: q',
        (
            'Internal error occurred: failed calling webhook "inject.istio.io": failed to call '
            "webhook: context deadline exceeded"
        ),
        (
            'pods "s-1" is forbidden: unable to create new content in namespace n because it is '
            "being terminated"
        ),
    ],
)
def test_a_policy_that_refuses_the_deployments_pods_accuses_nobody(message: str) -> None:
    with pytest.raises(Inconclusive) as caught:
        _refused(views(message))
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_controller_that_may_not_make_pods_has_no_excuse() -> None:
    _refused(views('pods is forbidden: User "system:replicaset-controller" cannot create'))


def test_a_pod_of_the_deployment_that_others_took_away_accuses_nobody() -> None:
    platform: Any = SimpleNamespace(
        cluster=SimpleNamespace(find=lambda *_: None),
        workspaces=SimpleNamespace(at=lambda: SimpleNamespace(namespace="ns")),
    )

    with pytest.raises(Inconclusive, match="Pod ns/s-1: was deleted under us"):
        Scaled(platform).pod("s-1")
