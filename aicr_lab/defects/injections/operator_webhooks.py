"""Ways to break what stands before an operator: its webhooks."""

import base64
import copy
import sys
from dataclasses import dataclass

from aicr_lab.defects.injections.operators import OperatorUnderTest, operators_under_test, restore
from aicr_lab.defects.programs import policy_webhook
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab
from aicr_lab.machine.processes import LAB, Process

_ADMISSION = "admissionregistration.k8s.io/v1"
_DENYING = "ValidatingWebhookConfiguration"
"""Those that deny. Mutating ones stay: without its defaults a JobSet is not reconciled."""
_CRD = "apiextensions.k8s.io/v1"
_JSON = "application/json-patch+json"
_POLICY = "aicr-lab-policy"
_POLICY_PORT = 9888


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksMissing:
    """The webhooks that deny are not registered: nobody is asked."""

    only: str = ""
    """The add-on that has none; empty: no operator has one."""

    def inject(self, lab: Lab) -> None:
        """Delete them."""
        for operator in self._concerned(lab):
            _delete_webhooks(lab, operator)

    def revert(self, lab: Lab) -> None:
        """Apply them again."""
        for operator in self._concerned(lab):
            _restore_webhooks(lab, operator)

    def _concerned(self, lab: Lab) -> list[OperatorUnderTest]:
        return [
            operator
            for operator in operators_under_test(lab)
            if self.only in ("", operator.addon.name)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksChanged:
    """Every webhook of the operators that denies is changed by a merge patch."""

    change: Object

    def inject(self, lab: Lab) -> None:
        """Change them."""
        for operator in operators_under_test(lab):
            for found in _configurations(lab, operator):
                changed = [_merged(webhook, self.change) for webhook in found["webhooks"]]
                name = found["metadata"]["name"]
                lab.api.patch(_ADMISSION, _DENYING, name, {"webhooks": changed})

    def revert(self, lab: Lab) -> None:
        """Apply them as they were."""
        for operator in operators_under_test(lab):
            _restore_webhooks(lab, operator)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaInstead:
    """No webhook is asked; the CRD's schema refuses what the webhook would deny."""

    def inject(self, lab: Lab) -> None:
        """Delete the webhooks and tighten the schema."""
        for operator in operators_under_test(lab):
            _delete_webhooks(lab, operator)
            self._patch(lab, operator, "add")

    def revert(self, lab: Lab) -> None:
        """Loosens the schema and applies the webhooks again."""
        for operator in operators_under_test(lab):
            if self._is_tight(lab, operator):
                self._patch(lab, operator, "remove")
            _restore_webhooks(lab, operator)

    def _patch(self, lab: Lab, operator: OperatorUnderTest, op: str) -> None:
        place = f"/spec/versions/{_version(lab, operator)}/schema/openAPIV3Schema/{operator.schema}"
        patch = [
            {"op": op, "path": f"{place}/{key}", "value": value}
            for key, value in operator.schema_value.items()
        ]
        name = f"{operator.plural}.{operator.group}"
        lab.api.patch(_CRD, "CustomResourceDefinition", name, patch, content_type=_JSON)

    def _is_tight(self, lab: Lab, operator: OperatorUnderTest) -> bool:
        found = _crd(lab, operator)["spec"]["versions"][_version(lab, operator)]
        part: Object = found["schema"]["openAPIV3Schema"]
        for key in operator.schema.split("/"):
            part = part[key]
        return all(key in part for key in operator.schema_value)


def _crd(lab: Lab, operator: OperatorUnderTest) -> Object:
    name = f"{operator.plural}.{operator.group}"
    return lab.api.get(_CRD, "CustomResourceDefinition", name)


def _version(lab: Lab, operator: OperatorUnderTest) -> int:
    names = [version["name"] for version in _crd(lab, operator)["spec"]["versions"]]
    return names.index(operator.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPolicy:
    """A policy engine denies custom resources of the operators."""

    instead: bool
    """Whether it denies what the operators' own webhooks would deny, and those are gone; else it
    denies all of them."""

    def inject(self, lab: Lab) -> None:
        """Start the policy engine and have it asked."""
        if not lab.processes.alive(_POLICY):
            lab.start(self._process(lab))
        for operator in operators_under_test(lab) if self.instead else ():
            _delete_webhooks(lab, operator)
        lab.api.apply(self._configuration(lab))

    def revert(self, lab: Lab) -> None:
        """End it and apply the webhooks again."""
        lab.api.delete(_ADMISSION, _DENYING, _POLICY)
        if lab.processes.process(_POLICY) is not None:
            lab.processes.stop(_POLICY)
            lab.processes.forget(_POLICY)
        for operator in operators_under_test(lab):
            _restore_webhooks(lab, operator)

    def _process(self, lab: Lab) -> Process:
        serving = lab.authority.identity("kube-apiserver")  # good for the bridge's address
        return Process(
            name=_POLICY,
            argv=(
                sys.executable,
                *("-m", policy_webhook.__name__),
                f"--address={network.BRIDGE_IP}:{_POLICY_PORT}",
                f"--cert={serving.certificate}",
                f"--key={serving.key}",
            ),
            namespace=LAB,
            log=lab.dir / "logs" / f"{_POLICY}.log",
        )

    def _configuration(self, lab: Lab) -> Object:
        bundle = base64.b64encode(lab.authority.certificate.read_bytes()).decode()
        return {
            "apiVersion": _ADMISSION,
            "kind": _DENYING,
            "metadata": {"name": _POLICY},
            "webhooks": [
                {
                    "name": f"{operator.plural}.policy.example.com",
                    "clientConfig": {
                        "url": f"https://{network.BRIDGE_IP}:{_POLICY_PORT}/",
                        "caBundle": bundle,
                    },
                    "rules": [
                        {
                            "apiGroups": [operator.group],
                            "apiVersions": ["*"],
                            "resources": [operator.plural],
                            "operations": ["CREATE"],
                        }
                    ],
                    "matchConditions": [
                        {
                            "name": "flawed",
                            "expression": operator.flaw if self.instead else "true",
                        }
                    ],
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
                for operator in operators_under_test(lab)
            ],
        }


def _configurations(lab: Lab, operator: OperatorUnderTest) -> list[Object]:
    return [
        found
        for found in lab.api.list(_ADMISSION, _DENYING)
        if any(
            (webhook["clientConfig"].get("service") or {}).get("namespace") == operator.namespace
            for webhook in found["webhooks"]
        )
    ]


def _delete_webhooks(lab: Lab, operator: OperatorUnderTest) -> None:
    for found in _configurations(lab, operator):
        lab.api.delete(_ADMISSION, _DENYING, found["metadata"]["name"])


def _restore_webhooks(lab: Lab, operator: OperatorUnderTest) -> None:
    # Anew: fields that a defect has added belong to nobody who would take them away.
    _delete_webhooks(lab, operator)
    restore(lab, operator, _DENYING)


def _merged(webhook: Object, change: Object) -> Object:
    merged = copy.deepcopy(webhook)
    for key, value in change.items():
        if isinstance(value, dict):
            merged[key] = _merged(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged
