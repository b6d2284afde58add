"""Stands for kind, k3d, minikube and kubectl, by the name that it is called by.

In the directory ``STAND_IN``: ``calls.txt``, what was called with which KUBECONFIG; ``clusters``, a
file for each cluster that is there, from the first moment of its making on; ``create`` and
``delete``, what shall become of that (fails, hangs, waits until there is ``go-on``).
"""

import os
import sys
import time
from pathlib import Path

DIRECTORY = Path(os.environ["STAND_IN"])
USED = os.environ.get("KUBECONFIG", "")


def meet_fate(deed: str) -> None:
    """Succeed or fail with it, or go on for long."""
    file = DIRECTORY / deed
    fate = file.read_text() if file.exists() else ""
    if fate == "fails":
        sys.exit(f"ERROR: failed to {deed} cluster: no room")
    if fate == "hangs":
        time.sleep(120)
    while fate == "waits" and not (DIRECTORY / "go-on").exists():
        time.sleep(0.05)


def note() -> None:
    with (DIRECTORY / "calls.txt").open("a") as calls:
        calls.write(" ".join([Path(sys.argv[0]).name, *sys.argv[1:], f"KUBECONFIG={USED}\n"]))


def create(cluster: str, kubeconfig: str = "") -> None:
    (DIRECTORY / "clusters" / cluster).touch()
    note()
    meet_fate("create")
    if kubeconfig:
        Path(kubeconfig).write_text((DIRECTORY / "kubeconfig").read_text())


def delete(cluster: str) -> None:
    note()
    meet_fate("delete")
    (DIRECTORY / "clusters" / cluster).unlink()
    Path(USED).write_text("edited")  # as they all do


match [Path(sys.argv[0]).name, *sys.argv[1:]]:
    case ["kubectl", "--kubeconfig", kubeconfig, "get", *_]:
        print("readyz check passed") if Path(kubeconfig).exists() else sys.exit(1)  # noqa: T201
    case ["kind", "create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--image", _]:
        create(name, kubeconfig)
    case ["kind", "delete", "cluster", "--name", name]:
        delete(name)
    case ["k3d", "--version"]:
        print("k3d version v5.8.3")  # noqa: T201
    case ["k3d", "cluster", "create", name, *_]:
        create(name)
    case ["k3d", "kubeconfig", "get", _]:
        print((DIRECTORY / "kubeconfig").read_text())  # noqa: T201
    case ["k3d", "cluster", "delete", name] | ["minikube", "delete", "-p", name]:
        delete(name)
    case ["minikube", "start", "-p", name, *_]:
        create(name, USED)
    case _:
        sys.exit(64)
