"""Other ways into the lab's API server: users with fewer rights, a door that misbehaves.

Each gives a kubeconfig of its own beside the admin's; the cluster itself stays as it is.
"""

import json
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.defects.programs import fault_proxy
from aicr_lab.kubernetes import network
from aicr_lab.kubernetes.api import Object
from aicr_lab.lab import Lab
from aicr_lab.machine.processes import LAB, Process
from aicr_lab.state import write_private

_RBAC = "rbac.authorization.k8s.io/v1"
_NAMESPACE = "kube-system"
_TOKEN_SECONDS = 24 * 3600


def _kubeconfig(
    lab: Lab,
    path: Path,
    *,
    server: str = "",
    user: Mapping[str, str] | None = None,
    verified: bool = True,
) -> None:
    """Write the admin's kubeconfig with another server, another user, or no authority."""
    content: dict[str, Any] = json.loads(lab.kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    if server:
        cluster["server"] = server
    if not verified:
        cluster.pop("certificate-authority", None)
        cluster.pop("certificate-authority-data", None)
        cluster["insecure-skip-tls-verify"] = True
    if user:
        content["users"][0]["user"] = dict(user)
    write_private(path, json.dumps(content, indent=1) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedUser:
    """A user with these rights and no others."""

    name: str
    rules: Callable[[Lab], list[Object]]
    """The rules of its role."""
    in_default: tuple[Object, ...] = ()
    """The rules of another one, which holds in the namespace ``default`` alone."""

    @property
    def _name(self) -> str:
        return f"aicr-lab-{self.name}"

    @property
    def account(self) -> str:
        """The name that the API server knows it by."""
        return f"system:serviceaccount:{_NAMESPACE}:{self._name}"

    def kubeconfig(self, lab: Lab) -> Path:
        """The user's kubeconfig."""
        return lab.dir / f"{self._name}.kubeconfig"

    def inject(self, lab: Lab) -> None:
        """Make the user, its rights and its kubeconfig."""
        for thing in self._objects(self.rules(lab)):
            lab.api.apply(thing)
        _kubeconfig(lab, self.kubeconfig(lab), user={"token": self.token(lab)})

    def token(self, lab: Lab) -> str:
        """A new token of it."""
        path = lab.api.path("v1", "ServiceAccount", self._name, _NAMESPACE) + "/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        return str(lab.api.request("POST", path, body=request)["status"]["token"])

    def made_anew(self, lab: Lab) -> str:
        """A token of the user made anew; those that it had are refused from now on."""
        account, *_ = self._objects([])
        lab.api.delete("v1", "ServiceAccount", self._name, _NAMESPACE)
        lab.api.apply(account)
        return self.token(lab)

    def revert(self, lab: Lab) -> None:
        """Remove all of it."""
        for thing in reversed(self._objects([])):
            metadata = thing["metadata"]
            lab.api.delete(
                thing["apiVersion"], thing["kind"], metadata["name"], metadata.get("namespace", "")
            )
        self.kubeconfig(lab).unlink(missing_ok=True)

    def _objects(self, rules: list[Object]) -> list[Object]:
        account = {"name": self._name, "namespace": _NAMESPACE}
        there = {"metadata": {"name": self._name, "namespace": "default"}}
        everywhere = {"metadata": {"name": self._name}}
        return [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
            {"apiVersion": _RBAC, "kind": "ClusterRole", **everywhere, "rules": rules},
            self._binding("ClusterRole", everywhere),
            {"apiVersion": _RBAC, "kind": "Role", **there, "rules": list(self.in_default)},
            self._binding("Role", there),
        ]

    def _binding(self, kind: str, named: Object) -> Object:
        return {
            "apiVersion": _RBAC,
            "kind": f"{kind}Binding",
            **named,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": kind,
                "name": self._name,
            },
            "subjects": [{"kind": "ServiceAccount", "name": self._name, "namespace": _NAMESPACE}],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewedToken:
    """A user whose token stands in a file and is renewed there, as agents of CI and SSO do."""

    user: RestrictedUser
    verified: bool = True
    """Whether the kubeconfig names the authority by which the API server is known."""

    def kubeconfig(self, lab: Lab) -> Path:
        """A kubeconfig that names the file."""
        return lab.dir / f"{self.user.name}-in-file.kubeconfig"

    def inject(self, lab: Lab) -> None:
        """Make the user, the file and the kubeconfig."""
        self.user.inject(lab)
        write_private(self._file(lab), self.user.token(lab))
        named = {"tokenFile": str(self._file(lab))}
        _kubeconfig(lab, self.kubeconfig(lab), user=named, verified=self.verified)

    def renew(self, lab: Lab) -> None:
        """End the token in the file, and puts another one there."""
        write_private(self._file(lab), self.user.made_anew(lab))

    def revert(self, lab: Lab) -> None:
        """Remove all of it."""
        self.user.revert(lab)
        self.kubeconfig(lab).unlink(missing_ok=True)
        self._file(lab).unlink(missing_ok=True)

    def _file(self, lab: Lab) -> Path:
        return lab.dir / f"{self.user.name}-token.kubeconfig"


def everything_but(*without: str) -> Callable[[Lab], list[Object]]:
    """Rules of a role that allows everything else.

    Args:
        without: resources (``pods/exec``) or, ending in ``/*``, whole API groups.
    """

    def rules(lab: Lab) -> list[Object]:
        # RBAC only adds: everything but one thing is everything else, by name.
        rules: list[Object] = [{"nonResourceURLs": ["*"], "verbs": ["*"]}]
        for group, version in _groups(lab):
            if f"{group}/*" in without:
                continue
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            served = [entry["name"] for entry in lab.api.request("GET", path)["resources"]]
            kept = [name for name in served if name not in without]
            if kept:  # a metrics API has none until somebody has a metric
                rules.append({"apiGroups": [group], "resources": kept, "verbs": ["*"]})
        return rules

    return rules


def _groups(lab: Lab) -> list[tuple[str, str]]:
    """Every served group and version; resources of one group differ between versions."""
    groups = lab.api.request("GET", "/apis")["groups"]
    found = [
        (group["name"], version["version"]) for group in groups for version in group["versions"]
    ]
    return [("", "v1"), *found]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyDoor:
    """The API server through a proxy with faults; see :mod:`.fault_proxy`."""

    mode: str

    @property
    def _component(self) -> str:
        return f"fault-proxy-{self.mode}"

    def kubeconfig(self, lab: Lab) -> Path:
        """The admin's kubeconfig, through the proxy."""
        return lab.dir / f"{self._component}.kubeconfig"

    def inject(self, lab: Lab) -> None:
        """Start the proxy on a free port of the host's 127.0.0.1."""
        # The socket belongs to the host's network, the process to the lab's: it ends with the lab.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            lab.processes.start(self._process(lab, listener.fileno()), keep=(listener.fileno(),))
        _kubeconfig(lab, self.kubeconfig(lab), server=f"https://127.0.0.1:{port}")
        await_effect("the fault proxy", lambda: _answers(port))

    def revert(self, lab: Lab) -> None:
        """Stop it and forgets it."""
        lab.processes.stop(self._component)
        lab.processes.forget(self._component)
        self.kubeconfig(lab).unlink(missing_ok=True)

    def _process(self, lab: Lab, descriptor: int) -> Process:
        serving, admin = lab.authority.identity("kube-apiserver"), lab.authority.identity("admin")
        return Process(
            name=self._component,
            argv=(
                sys.executable,
                *("-m", fault_proxy.__name__),
                f"--mode={self.mode}",
                f"--listener={descriptor}",
                f"--upstream={network.BRIDGE_IP}:{network.API_PORT}",
                f"--cert={serving.certificate}",
                f"--key={serving.key}",
                f"--client-cert={admin.certificate}",
                f"--client-key={admin.key}",
                f"--ca={lab.authority.certificate}",
            ),
            namespace=LAB,
            log=lab.dir / "logs" / f"{self._component}.log",
        )


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
