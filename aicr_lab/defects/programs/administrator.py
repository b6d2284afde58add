"""The API server as a program of a defect asks it: from inside the lab, as its administrator."""

from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Api
from aicr_lab.lab import Lab


def api_within(lab: Lab) -> Api:
    """By the address that it has in the lab's own network, where those programs run."""
    admin = lab.authority.identity("admin")
    return Api(
        port=network.API_PORT,
        ca=lab.authority.certificate,
        certificate=admin.certificate,
        key=admin.key,
    )
