"""Ways to break an operator: its webhook, its controller, its rights, what the API makes of it.

Each breaks every operator that the lab has, so that none of them can stand in for another.
"""

import base64
import copy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aicr_lab import network
from aicr_lab.addons import jobset, kuberay
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.manifests import apply_all
from aicr_lab.defects.policies import Object, rewriting, rule
from aicr_lab.defects.ways import Applied, Way, await_effect
from aicr_lab.lab import Lab
from aicr_lab.processes import LAB, Process

_ADMISSION = "admissionregistration.k8s.io/v1"
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_CRD = "apiextensions.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io/v1"
_MERGE, _JSON = "application/merge-patch+json", "application/json-patch+json"
_POLICY = "aicr-lab-policy"
_POLICY_PORT = 9888
_NOWHERE = '[JSONPatch{op: "add", path: "/spec/nodeSelector", value: {"aicr-lab": "nowhere"}}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """An operator of the lab, and where it can be hurt."""

    addon: Addon
    objects: Callable[[Lab], list[Object]]
    """What it was installed from."""
    namespace: str
    deployment: str
    group: str
    version: str
    plural: str
    """Its custom resource."""
    role: str
    """ClusterRole of its controller."""
    makes: tuple[str, str]
    """Group and plural of the children that it makes."""
    flaw: str
    """CEL over ``object``: the flaw that its own webhook denies."""
    schema: str
    """JSON pointer below the version's schema of what makes the schema refuse the flaw."""
    schema_value: Object
    """What stands there then, by key."""
    has_pods: str
    """CEL over ``object``: whether a pod belongs to a custom resource."""
    lie: str
    """CEL of the JSON patches after which a status tells of children that are ready."""
    lie_when: str
    """CEL over ``object``: whether there is a status to be changed."""


_JOBSET = Victim(
    addon=jobset.ADDON,
    objects=jobset.objects,
    namespace=jobset.NAMESPACE,
    deployment=jobset.DEPLOYMENT,
    group="jobset.x-k8s.io",
    version="v1alpha2",
    plural="jobsets",
    role="jobset-manager-role",
    makes=("batch", "jobs"),
    flaw="object.spec.successPolicy.targetReplicatedJobs.exists(name, name == 'nobody')",
    schema="properties/spec/properties/successPolicy/properties/targetReplicatedJobs/items",
    schema_value={"enum": ["workers"]},
    has_pods="'jobset.sigs.k8s.io/jobset-name' in object.metadata.?labels.orValue({})",
    lie='[JSONPatch{op: "replace", path: "/status/replicatedJobsStatus/0/ready", value: 2}]',
    lie_when="has(object.status.replicatedJobsStatus) && object.status.replicatedJobsStatus != []",
)
_KUBERAY = Victim(
    addon=kuberay.ADDON,
    objects=kuberay.objects,
    namespace=kuberay.NAMESPACE,
    deployment=kuberay.DEPLOYMENT,
    group="ray.io",
    version="v1",
    plural="rayclusters",
    role="kuberay-operator",
    makes=("", "pods"),
    flaw="object.spec.workerGroupSpecs.filter(group, group.groupName == 'workers').size() > 1",
    schema="properties/spec/properties/workerGroupSpecs",
    schema_value={
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["groupName"],
    },
    has_pods="'ray.io/cluster' in object.metadata.?labels.orValue({})",
    lie='[JSONPatch{op: "add", path: "/status/state", value: "ready"}]',
    lie_when="has(object.status)",
)
_VICTIMS = (_JOBSET, _KUBERAY)


def victims(lab: Lab) -> list[Victim]:
    """The operators of this lab."""
    return [victim for victim in _VICTIMS if victim.addon.name in lab.options.addons]


def _configurations(lab: Lab, victim: Victim) -> Iterator[tuple[str, Object]]:
    for kind in _WEBHOOKS:
        for found in lab.api.list(_ADMISSION, kind):
            services = [each["clientConfig"].get("service") or {} for each in found["webhooks"]]
            if any(service.get("namespace") == victim.namespace for service in services):
                yield kind, found


def _delete_webhooks(lab: Lab, victim: Victim) -> None:
    for kind, found in _configurations(lab, victim):
        lab.api.delete(_ADMISSION, kind, found["metadata"]["name"])


def _restore(lab: Lab, victim: Victim, *kinds: str) -> None:
    """Applies what the operator was installed from, and waits until it works again."""
    apply_all(lab, [obj for obj in victim.objects(lab) if obj["kind"] in kinds])
    await_effect(victim.addon.name, lambda: not victim.addon.missing(lab))


def _restore_webhooks(lab: Lab, victim: Victim) -> None:
    # Anew: fields that a defect has added belong to nobody who would take them away.
    _delete_webhooks(lab, victim)
    _restore(lab, victim, *_WEBHOOKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksMissing:
    """The configurations of the webhooks are not there: nobody is asked."""

    only: str = ""
    """The add-on that has none; empty: no operator has one."""

    def inject(self, lab: Lab) -> None:
        """Deletes them."""
        for victim in self._concerned(lab):
            _delete_webhooks(lab, victim)

    def heal(self, lab: Lab) -> None:
        """Applies them again."""
        for victim in self._concerned(lab):
            _restore_webhooks(lab, victim)

    def _concerned(self, lab: Lab) -> list[Victim]:
        return [victim for victim in victims(lab) if self.only in ("", victim.addon.name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksChanged:
    """Every webhook of the operators is changed by a merge patch."""

    change: Object

    def inject(self, lab: Lab) -> None:
        """Changes them."""
        for victim in victims(lab):
            for kind, found in _configurations(lab, victim):
                changed = [_merged(webhook, self.change) for webhook in found["webhooks"]]
                name = found["metadata"]["name"]
                lab.api.patch(_ADMISSION, kind, name, {"webhooks": changed})

    def heal(self, lab: Lab) -> None:
        """Applies them as they were."""
        for victim in victims(lab):
            _restore_webhooks(lab, victim)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaInstead:
    """No webhook is asked; the CRD's schema refuses what the webhook would deny."""

    def inject(self, lab: Lab) -> None:
        """Deletes the webhooks and tightens the schema."""
        for victim in victims(lab):
            _delete_webhooks(lab, victim)
            self._patch(lab, victim, "add")

    def heal(self, lab: Lab) -> None:
        """Loosens the schema and applies the webhooks again."""
        for victim in victims(lab):
            if self._is_tight(lab, victim):
                self._patch(lab, victim, "remove")
            _restore_webhooks(lab, victim)

    def _patch(self, lab: Lab, victim: Victim, op: str) -> None:
        place = f"/spec/versions/{_version(lab, victim)}/schema/openAPIV3Schema/{victim.schema}"
        patch = [
            {"op": op, "path": f"{place}/{key}", "value": value}
            for key, value in victim.schema_value.items()
        ]
        name = f"{victim.plural}.{victim.group}"
        lab.api.patch(_CRD, "CustomResourceDefinition", name, patch, content_type=_JSON)

    def _is_tight(self, lab: Lab, victim: Victim) -> bool:
        found = _crd(lab, victim)["spec"]["versions"][_version(lab, victim)]
        part: Object = found["schema"]["openAPIV3Schema"]
        for key in victim.schema.split("/"):
            part = part[key]
        return all(key in part for key in victim.schema_value)


def _crd(lab: Lab, victim: Victim) -> Object:
    name = f"{victim.plural}.{victim.group}"
    return lab.api.get(_CRD, "CustomResourceDefinition", name)


def _version(lab: Lab, victim: Victim) -> int:
    names = [version["name"] for version in _crd(lab, victim)["spec"]["versions"]]
    return names.index(victim.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInstead:
    """The operators' webhooks are gone; a policy engine denies what they would deny."""

    def inject(self, lab: Lab) -> None:
        """Starts the policy engine and has it asked."""
        if not lab.processes.alive(_POLICY):
            lab.start(self._process(lab))
        for victim in victims(lab):
            _delete_webhooks(lab, victim)
        lab.api.apply(self._configuration(lab))

    def heal(self, lab: Lab) -> None:
        """Ends it and applies the webhooks again."""
        lab.api.delete(_ADMISSION, "ValidatingWebhookConfiguration", _POLICY)
        if lab.processes.process(_POLICY) is not None:
            lab.processes.stop(_POLICY)
            lab.processes.forget(_POLICY)
        for victim in victims(lab):
            _restore_webhooks(lab, victim)

    def _process(self, lab: Lab) -> Process:
        serving = lab.authority.identity("kube-apiserver")  # good for the bridge's address
        return Process(
            name=_POLICY,
            argv=(
                sys.executable,
                "-m",
                "aicr_lab.defects.policy_webhook",
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
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": _POLICY},
            "webhooks": [
                {
                    "name": f"{victim.plural}.policy.example.com",
                    "clientConfig": {
                        "url": f"https://{network.BRIDGE_IP}:{_POLICY_PORT}/",
                        "caBundle": bundle,
                    },
                    "rules": [
                        {
                            "apiGroups": [victim.group],
                            "apiVersions": ["*"],
                            "resources": [victim.plural],
                            "operations": ["CREATE"],
                        }
                    ],
                    "matchConditions": [{"name": "flawed", "expression": victim.flaw}],
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                }
                for victim in victims(lab)
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllersDown:
    """The Deployments of the controllers have no replicas."""

    def inject(self, lab: Lab) -> None:
        """Scales them to nothing, and waits until no pod is left."""
        self._scale(lab, 0)
        for victim in victims(lab):
            await_effect(
                f"the end of {victim.deployment}",
                lambda victim=victim: not lab.api.list("v1", "Pod", victim.namespace),  # type: ignore[misc]
            )

    def heal(self, lab: Lab) -> None:
        """Scales them back and waits until they are available."""
        self._scale(lab, 1)
        for victim in victims(lab):
            await_effect(
                victim.deployment,
                lambda victim=victim: not victim.addon.missing(lab),  # type: ignore[misc]
            )

    def _scale(self, lab: Lab, replicas: int) -> None:
        change = {"spec": {"replicas": replicas}}
        for victim in victims(lab):
            lab.api.patch("apps/v1", "Deployment", victim.deployment, change, victim.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class MayNotCreate:
    """The controllers may not create the children of their custom resources."""

    def inject(self, lab: Lab) -> None:
        """Takes the right away."""
        for victim in victims(lab):
            role = copy.deepcopy(lab.api.get(_RBAC, "ClusterRole", victim.role))
            group, plural = victim.makes
            for each in role["rules"]:
                if group in each.get("apiGroups", []) and plural in each.get("resources", []):
                    each["verbs"] = [verb for verb in each["verbs"] if verb != "create"]
            lab.api.patch(_RBAC, "ClusterRole", victim.role, {"rules": role["rules"]})

    def heal(self, lab: Lab) -> None:
        """Gives it back."""
        for victim in victims(lab):
            _restore(lab, victim, "ClusterRole")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLies:
    """Pods get no node; the status of their custom resource says that all is ready."""

    def inject(self, lab: Lab) -> None:
        """Has the API server write it so."""
        for way in self._ways(lab):
            way.inject(lab)

    def heal(self, lab: Lab) -> None:
        """Ends that."""
        for way in self._ways(lab):
            way.heal(lab)

    def _ways(self, lab: Lab) -> list[Way]:
        found: list[Way] = []
        for victim in victims(lab):
            pods = rewriting(
                f"{victim.plural}-nowhere",
                [rule("", ["pods"], ["CREATE"])],
                when=victim.has_pods,
                patches=[_NOWHERE],
            )
            status = rewriting(
                f"{victim.plural}-status",
                [rule(victim.group, [f"{victim.plural}/status"], ["UPDATE"], victim.version)],
                when=victim.lie_when,
                patches=[victim.lie],
            )
            found.append(Applied(objects=(*pods, *status)))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoGarbageCollector:
    """Nobody deletes what the deleted owned."""

    def inject(self, lab: Lab) -> None:
        """Starts the controller manager without its garbage collector."""
        lab.restart(_MANAGER, ["--controllers=*,-garbage-collector-controller"])
        lab.await_healthy(_MANAGER)

    def heal(self, lab: Lab) -> None:
        """Starts it as it was."""
        lab.restart(_MANAGER)
        lab.await_healthy(_MANAGER)


_MANAGER = "kube-controller-manager"


def _merged(webhook: Object, change: Object) -> Object:
    merged = copy.deepcopy(webhook)
    for key, value in change.items():
        if isinstance(value, dict):
            merged[key] = _merged(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged
