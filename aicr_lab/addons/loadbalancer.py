"""LoadBalancer Services that get an address, as a cloud or MetalLB would give them."""

import sys

from aicr_lab.addons.addon import Addon
from aicr_lab.kubernetes import loadbalancer
from aicr_lab.lab import Lab
from aicr_lab.machine.processes import LAB, Process

PROCESS = "loadbalancer"


def _install(lab: Lab) -> None:
    if lab.processes.alive(PROCESS):
        return
    identity = lab.authority.issue(PROCESS, "aicr-lab-loadbalancer", organization="system:masters")
    argv = (
        *(sys.executable, "-m", loadbalancer.__name__),
        f"--ca={lab.authority.certificate}",
        f"--certificate={identity.certificate}",
        f"--key={identity.key}",
    )
    log = lab.control_plane.log(PROCESS)
    lab.start(Process(name=PROCESS, argv=argv, namespace=LAB, log=log))


def _missing(lab: Lab) -> str:
    return "" if lab.processes.alive(PROCESS) else "the process does not run"


ADDON = Addon(
    name="loadbalancer",
    sentence="addresses for Services of type LoadBalancer",
    install=_install,
    missing=_missing,
)
