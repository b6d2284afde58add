"""Which cluster, and as whom: the user's kubeconfig, read and never written."""

import dataclasses
import os
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from aicr_pytest.cluster.shapes import Section
from aicr_pytest.errors import SettingsError

_LARGEST = 16 << 20
"""Bytes of the largest kubeconfig that is read; a device or a log would never end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The context of a kubeconfig that was chosen; ``paths`` is empty inside a cluster."""

    paths: tuple[str, ...]
    """Kubeconfig files in the order in which kubectl merges them."""
    context: str
    """Name of the context; ``in-cluster`` inside a cluster."""
    cluster: Section = dataclasses.field(default_factory=lambda: Section(where=""))
    """The context's cluster."""
    user: Section = dataclasses.field(default_factory=lambda: Section(where=""))
    """The context's user."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Headers of impersonation, which the kubernetes client leaves out of account."""

    @property
    def kubectl(self) -> str:
        """A command that tries the same cluster and user."""
        return f"kubectl get namespaces --context {self.context}" if self.paths else ""


def choose(
    kubeconfig: str | None, context: str | None, environ: Mapping[str, str] = os.environ
) -> Target:
    """Choose as kubectl does: the file given, ``KUBECONFIG``, ``~/.kube/config``, the pod's own.

    Raises:
        SettingsError: a file is missing or unreadable, the context is unknown, or something that
            it needs is missing or has a wrong shape.
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
        return Target(paths=(), context="in-cluster")
    files = [_read(path, origin, may_be_empty=len(paths) > 1) for path in paths]
    contexts = _entries(files, "contexts")
    # kubectl and the kubernetes client differ over several files: first and last one win.
    current = next((named for file in files if (named := file.text("current-context"))), "")
    name = context or current
    if not name:
        raise SettingsError(
            f"{origin}: no current context.\n  Choose one with --aicr-context: {_listed(contexts)}"
        )
    if name not in contexts:
        raise SettingsError(f"{origin}: no context {name!r}.\n  There are: {_listed(contexts)}")
    chosen = _content(contexts[name], "context")
    user = _referred(chosen, "user", _entries(files, "users"))
    return Target(
        paths=tuple(paths),
        context=name,
        cluster=_referred(chosen, "cluster", _entries(files, "clusters")),
        user=user,
        headers=_impersonation(user),
    )


def _paths(kubeconfig: str | None, environ: Mapping[str, str]) -> tuple[list[str], str]:
    if kubeconfig:
        return [_expanded(kubeconfig)], f"Kubeconfig {kubeconfig}"
    if listed := environ.get("KUBECONFIG"):
        paths = [_expanded(path) for path in listed.split(os.pathsep) if path]
        there = [path for path in paths if os.path.exists(path)]  # noqa: PTH110 - never raises
        if not there:
            raise SettingsError(f"KUBECONFIG={listed}: no such file.")
        return there, f"KUBECONFIG={listed}"
    default = Path(_expanded(environ.get("HOME", "~"))) / ".kube" / "config"
    return ([str(default)] if default.exists() else []), f"Kubeconfig {default}"


def _expanded(path: str) -> str:
    # Path's own raises where there is no such user; a shell leaves the path as it is.
    return os.path.expanduser(path)  # noqa: PTH111


def _read(path: str, origin: str, *, may_be_empty: bool) -> Section:
    where = origin if path in origin else f"{origin}: {path}"
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise SettingsError(f"{where}: cannot be read: {why}.") from error
    if len(data) > _LARGEST:
        raise SettingsError(f"{where}: not a kubeconfig (larger than {_LARGEST >> 20} MiB).")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        # Without its context, which quotes the line: that may be a token.
        raise SettingsError(f"{where}: not YAML: {_complaint(error)}") from None
    if content is None and may_be_empty:
        content = {}
    if not isinstance(content, dict):
        raise SettingsError(f"{where}: not a kubeconfig (no mapping).")
    return Section(where=where, folder=Path(path).absolute().parent, fields=content)


def _complaint(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or type(error).__name__
    return re.sub("'.*'", "something", problem) + place


def _entries(files: Iterable[Section], key: str) -> dict[str, Section]:
    """Name → entry; of several with one name the first counts, as for kubectl."""
    found: dict[str, Section] = {}
    for file in files:
        for entry in file.sections(key):
            if name := entry.text("name"):
                found.setdefault(name, entry)
    return found


def _referred(context: Section, key: str, entries: Mapping[str, Section]) -> Section:
    name = context.text(key)
    if not name:
        raise SettingsError(f"{context.where}: names no {key}.")
    if name not in entries:
        raise SettingsError(
            f"{context.where}: there is no {key} {name!r}.\n  There are: {_listed(entries)}"
        )
    return _content(entries[name], key)


def _content(entry: Section, key: str) -> Section:
    content = entry.section(key)
    where = f"{entry.where.partition(f'.{key}s[')[0]}: {key} {entry.text('name')}"
    return dataclasses.replace(content, where=where)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _impersonation(user: Section) -> dict[str, str]:
    groups, extra = user.texts("as-groups"), user.section("as-user-extra")
    uid = user.text("as-uid")
    if not user.text("as"):
        if groups or uid or extra.fields:
            raise SettingsError(f"{user.where}: as-groups, as-uid and as-user-extra want an `as`.")
        return {}
    headers = {"Impersonate-User": user.text("as")}
    if len(groups) > 1:  # a header of one name twice is beyond the client's reach
        raise SettingsError(
            f"{user.where}: as-groups with more than one group is not supported.\n"
            "  Use a kubeconfig with credentials of its own for that user."
        )
    if groups:
        headers["Impersonate-Group"] = groups[0]
    if uid:
        headers["Impersonate-Uid"] = uid
    for key in extra.fields:
        values = extra.texts(key)
        if not str(key).isprintable():
            raise SettingsError(f"{user.where}: as-user-extra has a key that is no text.")
        if len(values) > 1:
            raise SettingsError(
                f"{user.where}: as-user-extra with more than one value is not supported."
            )
        headers |= {
            f"Impersonate-Extra-{urllib.parse.quote(str(key), safe='')}": value for value in values
        }
    for name, value in headers.items():
        if not value.isprintable() or not value.isascii():
            raise SettingsError(f"{user.where}: {name} cannot be sent in a header.")
    return headers
