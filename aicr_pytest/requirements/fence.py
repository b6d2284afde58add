"""A fence around the suite's account: what RBAC cannot say, said by an admission policy.

RBAC grants verbs on kinds, in all namespaces or in some that exist already. The suite makes its
namespaces, so that its account may create pods everywhere by RBAC, which is nearly everything. The
policy holds that account to what a run makes; it leaves alone what is only read.
"""

from collections.abc import Sequence

from aicr_pytest.cluster.kinds import Object

NAME = "aicr-pytest"
ACCOUNT = f"system:serviceaccount:{NAME}:{NAME}"
_GROUP = "admissionregistration.k8s.io/v1"

_OURS = "[?'app.kubernetes.io/managed-by'].orValue('') == 'aicr-pytest'"
_LEVEL = "[?'pod-security.kubernetes.io/enforce'].orValue('')"

VARIABLES = {
    # What a request leaves empty is not there at all.
    "name": "request.?name.orValue('')",
    "place": "request.?namespace.orValue('')",
    "subresource": "request.?subResource.orValue('')",
    "kind": "request.resource.group + '/' + request.resource.resource",
    "isNamespace": "variables.kind == '/namespaces'",
    "isNamed": "variables.name.startsWith('aicr-') && variables.name != 'aicr-pytest'",
    # By name and by label: a namespace of a tenant may have one of them by chance.
    "isInside": (
        "variables.place.startsWith('aicr-') && variables.place != 'aicr-pytest'"
        f" && namespaceObject.?metadata.?labels{_OURS}"
    ),
    "isReview": (
        "request.resource.group in ['authorization.k8s.io', 'authentication.k8s.io']"
        " && request.operation == 'CREATE' && variables.place == ''"
    ),
    "isLease": (
        "variables.kind == 'coordination.k8s.io/leases' && variables.place == 'default'"
        " && variables.name.startsWith('aicr-pytest-')"
    ),
    # Exporters are asked through a port of their pods, Prometheus through its Service.
    "isLook": (
        "request.operation == 'CONNECT'"
        " && (variables.kind == '/pods' && variables.subresource == 'portforward'"
        " || variables.kind == '/services' && variables.subresource == 'proxy')"
    ),
    # A check that has to be allowed deletes a pod of an operator.
    "isDisruption": (
        "request.operation == 'DELETE' && variables.kind == '/pods'"
        " && variables.place in variables.disrupted"
    ),
    "labels": "object.?metadata.?labels.orValue({})",
    "oldLabels": "oldObject.?metadata.?labels.orValue({})",
    "isOurs": (
        f"variables.isNamed && variables.labels{_OURS}"
        f" && variables.labels{_LEVEL} in ['restricted', 'baseline', 'privileged']"
        " && !('resource.kubernetes.io/admin-access' in variables.labels)"
    ),
    "wasOurs": f"variables.isNamed && variables.oldLabels{_OURS}",
    "containers": (
        "object.spec.containers + object.spec.?initContainers.orValue([])"
        " + object.spec.?ephemeralContainers.orValue([])"
    ),
}
"""Names of CEL expressions that the rules share."""

RULES = {
    "in a namespace, only in those of a run, and Leases in default": (
        "variables.place == '' || variables.isNamespace || variables.isLook"
        " || variables.isLease || variables.isDisruption || variables.isInside"
    ),
    "in the whole cluster, only what is named aicr-*": (
        "variables.place != '' && !variables.isNamespace || variables.isReview || variables.isNamed"
    ),
    "of namespaces, only those of a run, whose Pod Security level stays": (
        "!variables.isNamespace || variables.subresource == ''"
        " && (request.operation == 'CREATE' ? variables.isOurs"
        " : request.operation == 'DELETE' ? variables.wasOurs"
        " : variables.isOurs && variables.wasOurs"
        f" && variables.labels{_LEVEL} == variables.oldLabels{_LEVEL})"
    ),
    # Pods that somebody makes for the account are made by another, whom this policy does not hold.
    "where Pod Security holds nothing back, only plain pods and what they need": (
        "!(request.operation in ['CREATE', 'UPDATE']) || variables.isNamespace"
        " || !variables.isInside || variables.kind in ['/pods', '/secrets', '/configmaps',"
        " 'resource.k8s.io/resourceclaims', 'resource.k8s.io/resourceclaimtemplates']"
        f" || namespaceObject.?metadata.?labels{_LEVEL} in ['restricted', 'baseline']"
    ),
    "of pods, none with privileges, with a part of its node, or of another service account": (
        "variables.kind != '/pods' || !(request.operation in ['CREATE', 'UPDATE'])"
        " || !(variables.subresource in ['', 'ephemeralcontainers'])"
        " || !object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false)"
        " && !object.spec.?hostIPC.orValue(false)"
        " && object.spec.?nodeName.orValue('') == oldObject.?spec.?nodeName.orValue('')"
        " && object.spec.?serviceAccountName.orValue('default') in ['', 'default']"
        " && object.spec.?volumes.orValue([]).all(v, !has(v.hostPath)"
        " || v.hostPath.path == '/dev/null')"
        " && variables.containers.all(c, !c.?securityContext.?privileged.orValue(false)"
        " && !c.?securityContext.?allowPrivilegeEscalation.orValue(true)"
        " && c.?securityContext.?capabilities.?add.orValue([]).size() == 0)"
    ),
}
"""What the account may do → the condition, in CEL."""


def fence(
    account: str = ACCOUNT, *, name: str = NAME, disrupted: Sequence[str] = ()
) -> list[Object]:
    """The policy and its binding.

    Args:
        account: the user name that the API server knows the suite by.
        name: of both objects.
        disrupted: namespaces of operators whose pods may be deleted, for ``--aicr-allow``.
    """
    variables = {"disrupted": str([*disrupted]), **VARIABLES}
    policy = {
        "apiVersion": _GROUP,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["*"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
                        "resources": ["*/*"],
                        "scope": "*",
                    }
                ]
            },
            "matchConditions": [
                {"name": "account", "expression": f"request.userInfo.username == '{account}'"}
            ],
            "variables": [
                {"name": key, "expression": expression} for key, expression in variables.items()
            ],
            "validations": [
                {"expression": rule, "message": f"fence of aicr-pytest: {says}"}
                for says, rule in RULES.items()
            ],
        },
    }
    binding = {
        "apiVersion": _GROUP,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return [policy, binding]
