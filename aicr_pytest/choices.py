"""The words among which the user chooses; what they mean."""

from typing import Literal, get_args

Publication = Literal["secrets", "pseudonyms", "identities"]
"""What is taken out of what is published: credentials; names of the platform too; all addresses."""

ALLOWANCES = {
    "scale-out": "let an autoscaler buy nodes",
    "load-balancer": "create a Service of type LoadBalancer, which may be public and cost money",
    "disruption": "delete pods of controllers to see them come back",
}
"""What costs or disturbs and needs the user's word, with what it is."""

PROVISION = ("kind", "k3d", "minikube", "lab")
"""What can make a cluster for a run."""

KEEP = ("never", "failed", "always")
REDACTION = get_args(Publication)
ALLOCATION = ("auto", "dra", "extended-resource", "device-plugin")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

IMAGE_NAMES = {
    "probe": "what probe pods run; the vendor's own base image, as users run it",
    "load": "what keeps an accelerator busy: the vendor's N-body sample",
    "service": "what the sample inference service runs on: Python, the service itself is ours",
    "ray": "what the pods of a Ray cluster run, where KubeRay is looked at",
}
"""What ``--aicr-image`` can replace, with the meaning."""
