"""Which cluster, and with which credentials: the user's kubeconfig, read and never written."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from aicr_pytest.errors import SettingsError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The context of a kubeconfig that was chosen; ``paths`` is empty inside a cluster."""

    paths: tuple[str, ...]
    """Kubeconfig files in the order in which kubectl merges them."""
    context: str
    """Name of the context; ``in-cluster`` inside a cluster."""
    headers: Mapping[str, str]
    """Headers of impersonation, which the kubernetes client leaves out of account."""
    plugin: str
    """The credential plugin's command; empty where the user has none."""


def choose(
    kubeconfig: str | None, context: str | None, environ: Mapping[str, str] = os.environ
) -> Target:
    """Choose as kubectl does: the file given, ``KUBECONFIG``, ``~/.kube/config``, the pod's own.

    Raises:
        SettingsError: a file is missing or unreadable, or the context is unknown.
    """
    paths, origin = _paths(kubeconfig, environ)
    if not paths:
        if not environ.get("KUBERNETES_SERVICE_HOST"):
            raise SettingsError(
                "No cluster to look at: there is no KUBECONFIG, no ~/.kube/config, and this is no"
                " pod.\n  Name one with --aicr-kubeconfig FILE, or use the lab: --aicr-lab"
            )
        if context:
            raise SettingsError(f"Context {context!r}: inside a cluster there are no contexts.")
        return Target(paths=(), context="in-cluster", headers={}, plugin="")
    files = [_read(path, origin) for path in paths]
    contexts = {entry["name"]: entry for entry in _entries(files, "contexts")}
    # kubectl and the kubernetes client differ over several files: first and last one win. The name
    # is passed on, so that the one decided here is the one that is used.
    current = next((file["current-context"] for file in files if file.get("current-context")), "")
    name = context or current
    if not name:
        raise SettingsError(
            f"{origin}: no current context.\n  Choose one with --aicr-context: {_listed(contexts)}"
        )
    if name not in contexts:
        raise SettingsError(f"{origin}: no context {name!r}.\n  There are: {_listed(contexts)}")
    user_name = (contexts[name].get("context") or {}).get("user")
    users = {entry["name"]: entry.get("user") or {} for entry in _entries(files, "users")}
    user = users.get(user_name, {})
    return Target(
        paths=tuple(paths),
        context=name,
        headers=_impersonation(user),
        plugin=str((user.get("exec") or {}).get("command", "")),
    )


def _paths(kubeconfig: str | None, environ: Mapping[str, str]) -> tuple[list[str], str]:
    if kubeconfig:
        return [_expanded(kubeconfig)], f"Kubeconfig {kubeconfig}"
    if listed := environ.get("KUBECONFIG"):
        paths = [_expanded(path) for path in listed.split(os.pathsep) if path]
        there = [path for path in paths if pathlib.Path(path).exists()]
        if not there:
            raise SettingsError(f"KUBECONFIG={listed}: no such file.")
        return there, f"KUBECONFIG={listed}"
    default = pathlib.Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    return ([str(default)] if default.exists() else []), f"Kubeconfig {default}"


def _expanded(path: str) -> str:
    return str(pathlib.Path(path).expanduser())


def _read(path: str, origin: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SettingsError(f"{origin}: cannot be read: {why}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{origin}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{origin}: not a kubeconfig (no mapping).")
    return content


def _entries(files: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for entry in file.get(key) or []:
            if isinstance(entry, dict) and "name" in entry:
                found.setdefault(entry["name"], entry)
    return list(found.values())


def _listed(contexts: Iterable[str]) -> str:
    return ", ".join(sorted(contexts)) or "none"


def _impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    if not user.get("as"):
        return {}
    headers = {"Impersonate-User": str(user["as"])}
    if groups := user.get("as-groups"):
        if len(groups) > 1:  # a header of one name twice is beyond the client's reach
            raise SettingsError("Kubeconfig: as-groups with more than one group is not supported.")
        headers["Impersonate-Group"] = str(groups[0])
    if uid := user.get("as-uid"):
        headers["Impersonate-Uid"] = str(uid)
    return headers


def read_configuration(target: Target) -> Any:
    """The kubernetes client's ``Configuration`` for a target.

    Raises:
        SettingsError: the kubeconfig lacks what the chosen context needs.
    """
    import kubernetes

    # Typed in some versions, and differently: what counts is what it does.
    config: Any = kubernetes.config
    make: Any = kubernetes.client.Configuration

    # Not Configuration(): a process-wide default that somebody has set would shine through.
    chosen = type.__call__(make)
    try:
        if target.paths:
            config.load_kube_config(
                config_file=os.pathsep.join(target.paths),
                context=target.context,
                client_configuration=chosen,
                persist_config=False,  # the default rewrites the user's file on a token refresh
            )
        else:
            config.load_incluster_config(client_configuration=chosen)
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError) as error:
        raise SettingsError(f"Context {target.context}: {error}") from error
    return chosen
