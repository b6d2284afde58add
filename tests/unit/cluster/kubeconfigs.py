"""Kubeconfigs with whatever credentials, and plugins that give some."""

import json
import pathlib
from typing import Any

from aicr_pytest.cluster.client import Cluster
from tests.unit.cluster.conftest import QUICK, RUN
from tests.unit.cluster.fake_api import FakeApi

V1 = "client.authentication.k8s.io/v1"
LATER = "2999-01-01T00:00:00Z"


def answer(*, status: object = None, version: str = V1, **fields: object) -> str:
    content = {"apiVersion": version, "kind": "ExecCredential", "status": status or fields}
    return json.dumps(content)


def gives(*, status: object = None, version: str = V1, **fields: object) -> str:
    """The line of a script that gives this credential."""
    return f"echo '{answer(status=status, version=version, **fields)}'"


def program(folder: pathlib.Path, body: str) -> str:
    """A plugin: a shell script that also counts its runs in the file ``runs``."""
    path = folder / "plugin.sh"
    path.write_text(f"#!/bin/sh\necho >> {folder}/runs\n{body}\n")
    path.chmod(0o755)
    return str(path)


def runs(folder: pathlib.Path) -> int:
    return len((folder / "runs").read_text().splitlines())


GIVES = gives(token="t")


class Kubeconfig:
    """A kubeconfig of the fake API server, in a folder; gives its path."""

    def __init__(self, fake: FakeApi, folder: pathlib.Path) -> None:
        self.fake = fake
        self.folder = folder

    def __call__(self, user: dict[str, Any], **cluster: Any) -> str:
        path = pathlib.Path(self.fake.kubeconfig(self.folder))
        content = json.loads(path.read_text())
        content["users"][0]["user"] = user
        content["clusters"][0]["cluster"] |= cluster
        path.write_text(json.dumps(content))
        return str(path)

    def plugin(self, body: str, **spec: Any) -> str:
        return self({"exec": self.spec(body, **spec)})

    def spec(self, body: str, **spec: Any) -> dict[str, Any]:
        command = program(self.folder, body)
        return {"command": command, "apiVersion": V1, "interactiveMode": "Never", **spec}


def connect(path: str, **more: Any) -> Cluster:
    return Cluster.connect(kubeconfig=path, run_id=RUN, patience=QUICK, **more)
