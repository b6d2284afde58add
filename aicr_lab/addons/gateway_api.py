"""The Gateway API: the kinds that gateways are told by; no product."""

from aicr_lab.addons import manifests
from aicr_lab.addons.addon import Addon
from aicr_lab.addons.module_files import files_artifact
from aicr_lab.build.builder import locate
from aicr_lab.lab import Lab

_CRDS = files_artifact(
    "gateway-api", module="sigs.k8s.io/gateway-api", files=("config/crd/standard/*.yaml",)
)


def _install(lab: Lab) -> None:
    found = manifests.documents(locate(_CRDS))
    # Without the bundle's admission policy: it refuses the older CRDs that products may bring.
    manifests.apply_all(lab, [obj for obj in found if obj["kind"] == "CustomResourceDefinition"])


ADDON = Addon(
    name="gateway-api",
    sentence="the kinds of the Gateway API v1.6.1, standard channel",
    artifacts=(_CRDS,),
    install=_install,
)
