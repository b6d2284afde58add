"""The admission policies of the catalogue, each with a way to see whether it has its effect."""

from collections.abc import Callable

from aicr_lab.defects.injections.admission_policies import refusing, rewriting, rule
from aicr_lab.defects.injections.device_path import release_claims
from aicr_lab.defects.injections.injection import DRA, Applied, dry_run
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab

_PODS = rule("", ["pods"], ["CREATE"])
_NAMESPACES = rule("", ["namespaces"], ["CREATE", "UPDATE"])
_CLAIMS = rule("resource.k8s.io", ["resourceclaims"], ["CREATE"])


def _claim(*, selector: str = "true") -> Object:
    selectors = [{"cel": {"expression": selector}}]
    exactly = {"deviceClassName": "gpu.nvidia.com", "count": 1, "selectors": selectors}
    return {
        "apiVersion": DRA,
        "kind": "ResourceClaim",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}},
    }


def _template() -> Object:
    return {
        "apiVersion": DRA,
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {"spec": _claim()["spec"]},
    }


def _namespace() -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aicr-lab-probe"}}


def _pod() -> Object:
    container = {"name": "probe", "image": "probe", "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "aicr-lab-probe", "namespace": "default"},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }


def _selectors_are_dropped(lab: Lab) -> bool:
    made = dry_run(lab, _claim())
    return made is not None and "selectors" not in made["spec"]["devices"]["requests"][0]["exactly"]


def _namespaces_are_labelled(label: str) -> Callable[[Lab], bool]:
    def look(lab: Lab) -> bool:
        made = dry_run(lab, _namespace())
        return made is not None and label in made["metadata"].get("labels", {})

    return look


def _images_are_pulled(lab: Lab) -> bool:
    made = dry_run(lab, _pod())
    return made is not None and made["spec"]["containers"][0]["imagePullPolicy"] == "Always"


CRUD_REFUSED = Applied(
    objects=tuple(
        refusing(
            "crud",
            [rule("resource.k8s.io", ["resourceclaimtemplates"], ["CREATE"])],
            expression="false",
            message="claim templates are not allowed here",
        )
    ),
    effective=lambda lab: dry_run(lab, _template()) is None,
)

# The control plane frees a claim by taking its allocation from the status; a refused write leaves
# the device taken for ever, as a driver does whose unprepare fails. (NVIDIA's driver v0.4.1 logs
# and forgets when it cannot remove its files, so that they cannot be used for it.)
NEVER_RELEASED = Applied(
    objects=tuple(
        refusing(
            "release",
            [rule("resource.k8s.io", ["resourceclaims/status"], ["UPDATE"])],
            expression=(
                "!has(oldObject.status) || !has(oldObject.status.allocation) || "
                "(has(object.status) && has(object.status.allocation))"
            ),
            message="unprepare failed: device is busy",
        )
    ),
    afterwards=release_claims,
)

SELECTORS_IGNORED = Applied(
    objects=tuple(
        rewriting(
            "selectors",
            [_CLAIMS],
            when="object.spec.devices.requests.exists(r, has(r.exactly.selectors))",
            patches=[
                '[JSONPatch{op: "remove", path: "/spec/devices/requests/0/exactly/selectors"}]'
            ],
        )
    ),
    effective=_selectors_are_dropped,
)

ADMIN_LABEL = "resource.kubernetes.io/admin-access"
PSA_LABEL = "pod-security.kubernetes.io/enforce"


def every_namespace_gets(name: str, label: str, value: str) -> Applied:
    """Namespaces that do not carry a label are given it."""
    return Applied(
        objects=tuple(
            rewriting(
                name,
                [_NAMESPACES],
                when=f"!has(object.metadata.labels) || !('{label}' in object.metadata.labels)",
                merge=f"Object{{metadata: Object.metadata{{labels: {{'{label}': '{value}'}}}}}}",
            )
        ),
        effective=_namespaces_are_labelled(label),
    )


IMAGES_UNPULLABLE = Applied(
    objects=tuple(
        rewriting(
            "images",
            [_PODS],
            when="true",
            merge=(
                "Object{spec: Object.spec{containers: object.spec.containers.map(c, "
                'Object.spec.containers{name: c.name, imagePullPolicy: "Always"})}}'
            ),
        )
    ),
    effective=_images_are_pulled,
)


_OF_THE_SUITE = "request.namespace.startsWith('aicr-')"
"""Pods of the suite; CEL. Whoever else makes pods in the lab is left alone."""

PODS_DENIED = Applied(
    objects=tuple(
        refusing(
            "pods",
            [_PODS],
            expression=f"!{_OF_THE_SUITE} || "
            "(has(object.metadata.labels) && 'owner' in object.metadata.labels)",
            message="pods need the label owner",
        )
    )
)

ROOT_DENIED = Applied(
    objects=tuple(
        refusing(
            "root",
            [_PODS, rule("", ["pods/ephemeralcontainers"], ["UPDATE"])],
            expression=f"!{_OF_THE_SUITE} || ("
            "has(object.spec.securityContext) && "
            "object.spec.securityContext.?runAsNonRoot.orValue(false) && "
            "object.spec.?ephemeralContainers.orValue([]).all(each, "
            "each.?securityContext.?runAsUser.orValue(1) != 0 && "
            "each.?securityContext.?runAsNonRoot.orValue(true)))",
            message="nobody runs as root here",
        )
    )
)

NAMESPACES_DENIED = Applied(
    objects=tuple(
        refusing(
            "namespaces",
            [rule("", ["namespaces"], ["CREATE"])],
            expression="has(object.metadata.labels) && 'owner' in object.metadata.labels",
            message="namespaces need the label owner",
        )
    ),
    effective=lambda lab: dry_run(lab, _namespace()) is None,
)

UPDATES_LOST = Applied(
    objects=tuple(
        rewriting(
            "updates",
            [rule("resource.k8s.io", ["resourceclaimtemplates"], ["UPDATE"])],
            when="has(object.metadata.annotations) && "
            "'aicr-pytest/updated' in object.metadata.annotations",
            patches=[
                (
                    '[JSONPatch{op: "replace", path: "/metadata/annotations/aicr-pytest~1updated", '
                    'value: "lost"}]'
                )
            ],
        )
    )
)


def _pods_get(name: str, *, patch: str = "", merge: str = "") -> Applied:
    """Pods of the suite are changed when they are made."""
    patches = [patch] if patch else []
    return Applied(
        objects=tuple(rewriting(name, [_PODS], when=_OF_THE_SUITE, patches=patches, merge=merge))
    )


NODE_SELECTOR = _pods_get(
    "node-selector",
    patch='[JSONPatch{op: "add", path: "/spec/nodeSelector", '
    'value: {"node-role.example.com/app": "true"}}]',
)

GATED_PODS = _pods_get(
    "gate",
    merge="Object{spec: Object.spec{schedulingGates: "
    '[Object.spec.schedulingGates{name: "kueue.x-k8s.io/admission"}]}}',
)

_SIDECAR = """Object.spec.containers{
  name: "mesh-proxy", image: "docker.io/library/busybox:1.37",
  command: ["sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 1; done"],
  securityContext: Object.spec.containers.securityContext{
    allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: 2102,
    capabilities: Object.spec.containers.securityContext.capabilities{drop: ["ALL"]},
    seccompProfile: Object.spec.containers.securityContext.seccompProfile{
      type: "RuntimeDefault"}}}"""


def sidecar(place: str) -> Applied:
    """Pods of the suite get a container that never ends: first (``0``) or last (``-``)."""
    name = "sidecar-first" if place == "0" else "sidecar-last"
    patch = f'[JSONPatch{{op: "add", path: "/spec/containers/{place}", value: {_SIDECAR}}}]'
    return _pods_get(name, patch=patch)
