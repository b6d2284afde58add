"""Ways to break the API server's neighbours: APIs that it only passes on."""

from dataclasses import dataclass

from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.lab import Lab

_GROUP, _VERSION = "metrics.field.example", "v1beta1"
_SERVICE = ("apiregistration.k8s.io/v1", "APIService", f"{_VERSION}.{_GROUP}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadApi:
    """An APIService is there, and the Service that it names is not, as of a removed product.

    While it is there no namespace is deleted to its end: the namespace controller has to know every
    kind that there is.
    """

    def inject(self, lab: Lab) -> None:
        """Make it, and wait until it is known to be dead."""
        api_version, kind, name = _SERVICE
        spec = {
            "group": _GROUP,
            "version": _VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "metrics-server", "namespace": "kube-system"},
        }
        service = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
        lab.api.apply({**service, "spec": spec})
        await_effect(f"{name}, dead", lambda: _available(lab) == "False")

    def revert(self, lab: Lab) -> None:
        """Delete it, and wait until the namespaces that it held up are gone."""
        lab.api.delete(*_SERVICE)
        await_effect("the end of the dead API", lambda: lab.api.find(*_SERVICE) is None)
        for name in _terminating(lab):
            # The controller looks again after up to a minute, or when the object changes.
            nudge = {"metadata": {"annotations": {"aicr-lab/nudged": "true"}}}
            lab.api.patch("v1", "Namespace", name, nudge)
        await_effect("the end of namespaces", lambda: not _terminating(lab))


def _available(lab: Lab) -> str:
    found = lab.api.find(*_SERVICE) or {}
    conditions = found.get("status", {}).get("conditions", ())
    return next((one["status"] for one in conditions if one["type"] == "Available"), "")


def _terminating(lab: Lab) -> list[str]:
    """Those of the suite, which nothing else holds up."""
    return [
        namespace["metadata"]["name"]
        for namespace in lab.api.list("v1", "Namespace")
        if namespace["status"]["phase"] == "Terminating"
        and any(
            one["type"] == "NamespaceDeletionDiscoveryFailure"
            for one in namespace["status"].get("conditions", ())
        )
    ]
