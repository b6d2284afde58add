"""kubeconfig files of the lab: each with one cluster, one user, one context."""

import base64
import json
from pathlib import Path

from aicr_lab.kubernetes.pki import Authority, Identity
from aicr_lab.state import write_private


def kubeconfig(*, context: str, server: str, ca: bytes, certificate: bytes, key: bytes) -> str:
    """The text of a kubeconfig; JSON, which is YAML too."""

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(ca)}
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    return json.dumps(content, indent=1) + "\n"


def write_kubeconfig(
    path: Path, *, context: str, server: str, authority: Authority, identity: Identity
) -> Path:
    """Write a kubeconfig of mode 0600 for an identity."""
    write_private(
        path,
        kubeconfig(
            context=context,
            server=server,
            ca=authority.certificate.read_bytes(),
            certificate=identity.certificate.read_bytes(),
            key=identity.key.read_bytes(),
        ),
    )
    return path
