"""`aicr-pytest rbac`: an account for runs that has no more rights than they need."""

import argparse
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from aicr_pytest.cli.connecting import add_options, connect, settings_of
from aicr_pytest.cli.saying import say
from aicr_pytest.errors import SettingsError

if TYPE_CHECKING:
    from aicr_pytest.cli.saying import Commands
    from aicr_pytest.cluster.client import Cluster

_TARGET = ("kubeconfig", "context", "lab", "lab_name")
_LEAST, _MOST = 10, 24 * 60
"""Minutes for which a token may be asked; the API server gives none for less."""


def add(commands: "Commands") -> None:
    """The words of the command."""
    added = commands.add_parser(
        "rbac",
        help="print an account with the rights that a run needs, or a kubeconfig of it",
        description="Print a ServiceAccount with exactly the rights that the suite needs: "
        "`aicr-pytest rbac | kubectl apply -f -`; with --fence also an admission policy that holds "
        "the account to what a run makes, for without it these rights are nearly cluster-admin. "
        "Asks no cluster. With --kubeconfig, once that was applied: print a kubeconfig of the "
        "account, whose token ends by itself; keep it private: "
        "`(umask 077; aicr-pytest rbac --kubeconfig > aicr.kubeconfig)`, then "
        "`aicr-pytest run --aicr-kubeconfig aicr.kubeconfig`.",
    )
    added.add_argument(
        "--fence", action="store_true", help="print the admission policy too (Kubernetes >= 1.30)"
    )
    added.add_argument(
        "--kubeconfig",
        action="store_true",
        help="print a kubeconfig of the account; asks the API server for a token (TokenRequest), "
        "with your rights",
    )
    added.add_argument(
        "--minutes",
        metavar="N",
        type=_minutes,
        default=120,
        help="how long the token is good for (default: 120)",
    )
    add_options(added, _TARGET)
    added.set_defaults(command=rbac)


def rbac(parsed: argparse.Namespace) -> int:
    """Print it; a kubeconfig goes past the redactor, since its token is what is asked for."""
    if parsed.kubeconfig:
        if parsed.fence:
            raise SettingsError("--fence and --kubeconfig are two things; ask for one at a time.")
        cluster = connect(settings_of(parsed))
        print(yaml.safe_dump(kubeconfig(cluster, parsed.minutes), sort_keys=False), end="")
        say(f"a kubeconfig of {_account()}, good for {parsed.minutes} minutes", sys.stderr)
        return 0
    from aicr_pytest.requirements.account import account
    from aicr_pytest.requirements.fence import fence

    print(yaml.safe_dump_all(account(), sort_keys=False), end="")
    if parsed.fence:
        print("---")
        print(yaml.safe_dump_all(fence(), sort_keys=False, width=100), end="")
    return 0


def kubeconfig(cluster: "Cluster", minutes: int) -> dict[str, Any]:
    """A kubeconfig of the account, for the server that a client is connected to.

    Raises:
        SettingsError: the account is not there.
        AccessDenied: we may ask for no token of it.
        AicrError: the API server gives none.
    """
    answer = cluster.raw(
        "POST",
        "/api/v1/namespaces/{0}/serviceaccounts/{0}/token".format(_account()),
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": minutes * 60},
        },
    )
    if answer.status == 404:
        raise SettingsError(
            f"There is no ServiceAccount {_account()} in namespace {_account()}.\n"
            "  Make it first: aicr-pytest rbac | kubectl apply -f -"
        )
    told = answer.json() if answer.status < 300 else {}
    token = (told.get("status") or {}).get("token")
    if not token:
        raise SettingsError(f"The API server gives no token: HTTP {answer.status}.")
    name = _account()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": _server(cluster)}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def _server(cluster: "Cluster") -> dict[str, Any]:
    """How the server is reached, complete in itself: the file may be carried elsewhere."""
    chosen = cluster.api_client.configuration
    told: dict[str, Any] = {"server": cluster.server}
    if not chosen.verify_ssl:
        told["insecure-skip-tls-verify"] = True
    elif chosen.ssl_ca_cert:
        authority = Path(chosen.ssl_ca_cert).read_bytes()
        told["certificate-authority-data"] = base64.b64encode(authority).decode()
    if chosen.tls_server_name:
        told["tls-server-name"] = chosen.tls_server_name
    return told


def _account() -> str:
    from aicr_pytest.requirements.account import NAME

    return NAME


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and _LEAST <= int(text) <= _MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not {_LEAST} to {_MOST} minutes")
    return int(text)
