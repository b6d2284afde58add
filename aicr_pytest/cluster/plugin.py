"""Credential plugins: a program that kubectl, too, asks for a token or a client certificate.

Run by ourselves, as client-go does it. The kubernetes client's loader goes on without credentials
when a plugin fails, and its words are lost.
"""

import contextlib
import dataclasses
import datetime
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from aicr_pytest.cluster.messages import read_json
from aicr_pytest.cluster.shapes import Section, token_in
from aicr_pytest.errors import AccessDenied, SettingsError

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_MODES = ("Never", "IfAvailable", "Always")
_CLUSTER_EXTENSION = f"{_GROUP}/exec"
_LARGEST = 1 << 20
"""Bytes of the largest answer; a certificate chain takes a few thousand."""
_SAID_LINES = 10
_SAID_LENGTH = 1000
_TELL_AFTER = 2.0
"""Seconds after which it is said that a plugin is awaited: a login may want the user."""
PATIENCE = 300.0
"""Seconds that a plugin has: a person may have to log in with a browser meanwhile."""

Awaiting = Callable[[str, str, float, float], None]
"""Is told what is awaited, what was seen of it, for how long, and the deadline (seconds)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a plugin gave."""

    token: str = ""
    """Bearer token; empty where there is none."""
    certificate: str = ""
    """Client certificate, PEM; empty where there is none."""
    key: str = ""
    """Its key, PEM."""
    expires: datetime.datetime | None = None
    """When it is no longer valid; None where the plugin does not say."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A credential plugin, as a kubeconfig's user names it."""

    command: str
    """Name or path of the program."""
    arguments: tuple[str, ...]
    """Its arguments."""
    environment: Mapping[str, str]
    """Added to ours."""
    api_version: str
    """Of the ``ExecCredential`` that it is to give."""
    mode: str
    """``Never``, ``IfAvailable`` or ``Always``: whether it wants a terminal."""
    cluster: Mapping[str, Any] | None
    """What it wants to know of the cluster; None where it wants nothing."""
    install_hint: str
    """The kubeconfig's own words for where it is not installed."""
    context: str
    """For messages: the context that it belongs to."""
    try_with: str
    """For messages: a command that asks it, too."""

    def __str__(self) -> str:
        return f"Context {self.context}: the credential plugin {Path(self.command).name}"

    @classmethod
    def read(cls, spec: Section, cluster: Section, *, context: str, try_with: str) -> "Plugin":
        """Out of a user's ``exec``.

        Raises:
            SettingsError: a field is missing, or has a value that no version knows.
        """
        command, version = spec.text("command"), spec.text("apiVersion")
        if not command:
            raise SettingsError(f"{spec.where}: names no command.")
        if version not in _VERSIONS:
            raise SettingsError(
                f"{spec.where}: apiVersion {version!r} is not supported."
                f"\n  Valid are {' and '.join(_VERSIONS)}; the plugin's own tool writes them,"
                " e.g. by logging in once more."
            )
        # v1 demands a mode; with v1beta1 kubectl takes this one.
        mode = spec.text("interactiveMode") or ("IfAvailable" if version != _VERSIONS[0] else "")
        if mode not in _MODES:
            raise SettingsError(
                f"{spec.where}: interactiveMode {mode!r} is none of {', '.join(_MODES)}."
            )
        environment = {}
        for variable in spec.sections("env"):
            if not variable.text("name"):
                raise SettingsError(f"{variable.where}: names no variable.")
            environment[variable.text("name")] = variable.text("value")
        # A bare name is looked for in PATH; a path leads from the kubeconfig's folder.
        return cls(
            command=spec.path("command") if os.sep in command else command,
            arguments=tuple(spec.texts("args")),
            environment=environment,
            api_version=version,
            mode=mode,
            cluster=_told_of(cluster) if spec.flag("provideClusterInfo") else None,
            install_hint=spec.text("installHint"),
            context=context,
            try_with=try_with,
        )

    def ask(
        self,
        awaiting: Awaiting,
        *,
        clean: Callable[[str], str] = str,
        patience: float = PATIENCE,
    ) -> Given:
        """Run it.

        Args:
            awaiting: is told once it takes a while, with the plugin's own last words.
            clean: takes secrets out of its words.

        Raises:
            AccessDenied: it could not be run, failed, took too long, or gave no credentials.
        """
        interactive = self.mode != "Never" and _has_terminal()
        if self.mode == "Always" and not interactive:
            raise self._denied(
                "wants a terminal, and standard input is none",
                hint="Log in beforehand; or run pytest with -s, not with -n.",
            )
        run = _Run(self._start(interactive), interactive)
        try:
            ended = run.wait(
                lambda seen, elapsed: awaiting(
                    f"{self}: credentials, e.g. a login", _harmless(clean(seen)), elapsed, patience
                ),
                patience,
            )
        finally:
            run.end()
        said = _last_line(clean(run.said))
        if run.too_much:
            raise self._denied(f"gave more than {_LARGEST >> 20} MiB", said)
        if not ended:
            raise self._denied(f"did not end within {patience:g} s", said)
        if (code := run.exit_code) != 0:
            how = f"failed with exit code {code}" if code > 0 else f"was ended by signal {-code}"
            raise self._denied(how, said)
        return self._given(run.answer, said)

    def _start(self, interactive: bool) -> "subprocess.Popen[bytes]":
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        asked = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        try:
            return subprocess.Popen(
                [self.command, *self.arguments],
                env={
                    **os.environ,
                    **self.environment,
                    "KUBERNETES_EXEC_INFO": json.dumps(asked),
                },
                stdin=None if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # So that its children can be ended with it; who reads a terminal must stay in the
                # terminal's own group.
                start_new_session=not interactive,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "its words are no command line"
            raise self._denied(
                f"cannot be run: {self.command}: {why}", _last_line(self.install_hint)
            ) from error

    def _given(self, answer: bytes, said: str) -> Given:
        try:
            answered = read_json(answer)
        except ValueError:
            words = "printed nothing" if not answer.strip() else "printed something that is no JSON"
            raise self._denied(f"{words}, and no ExecCredential", said) from None
        try:
            credential = Section.of(answered, "its answer", Path())
            if credential.text("kind") != "ExecCredential":
                raise self._denied("printed JSON that is no ExecCredential", said)
            if (version := credential.text("apiVersion")) != self.api_version:
                raise self._denied(
                    f"answered in apiVersion {_harmless(version)[:80]!r}, and the kubeconfig wants"
                    f" {self.api_version}",
                    said,
                    hint="Update the plugin, or let its tool write the kubeconfig again.",
                )
            status = credential.section("status")
            given = Given(
                token=token_in(text, "status.token") if (text := status.text("token")) else "",
                certificate=status.text("clientCertificateData"),
                key=status.text("clientKeyData"),
                expires=_moment(status),
            )
        except SettingsError as error:
            raise self._denied(f"gave no credentials: {error}", said) from error
        if bool(given.certificate) != bool(given.key):
            raise self._denied("gave a certificate without its key, or the other way round", said)
        if not given.token and not given.certificate:
            raise self._denied("gave neither a token nor a certificate", said)
        return given

    def _denied(self, what: str, said: str = "", *, hint: str = "") -> AccessDenied:
        message = f"{self} {what}" + (f", and said:\n{said}" if said else ".")
        return AccessDenied(message, hint=hint or f"Try it: {self.try_with}")


class _Run:
    """One run of a plugin: both its outputs are read, and no more of them than is wanted."""

    def __init__(self, process: "subprocess.Popen[bytes]", interactive: bool) -> None:
        self._process = process
        self._interactive = interactive
        self._answer = bytearray()
        self._said = bytearray()
        self.too_much = False
        self._readers = [
            threading.Thread(target=self._read, args=(stream, keep), daemon=True)
            for stream, keep in (
                (process.stdout, self._keep_answer),
                (process.stderr, self._keep_said),
            )
        ]
        for reader in self._readers:
            reader.start()

    @property
    def answer(self) -> bytes:
        return bytes(self._answer)

    @property
    def said(self) -> str:
        return bytes(self._said).decode(errors="replace")

    @property
    def exit_code(self) -> int:
        return self._process.wait()

    def wait(self, tell: Callable[[str, float], None], patience: float) -> bool:
        """Whether it ended in time, and with no more of an answer than is read."""
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < patience and not self.too_much:
            try:
                self._process.wait(min(0.2, patience - elapsed))
            except subprocess.TimeoutExpired:
                if elapsed >= _TELL_AFTER:
                    tell(_last_line(self.said).strip() or "it has said nothing", elapsed)
                continue
            for reader in self._readers:
                # A child that goes on, such as an agent, may hold the pipes open.
                reader.join(1.0)
            return True
        return False

    def end(self) -> None:
        """End it and what it has started, where it has not ended by itself."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self._interactive:
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _read(self, stream: IO[bytes], keep: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            while piece := os.read(stream.fileno(), 65536):
                keep(piece)

    def _keep_answer(self, piece: bytes) -> None:
        if len(self._answer) + len(piece) > _LARGEST:
            self.too_much = True
        else:
            self._answer += piece

    def _keep_said(self, piece: bytes) -> None:
        self._said += piece
        del self._said[:-65536]


def _has_terminal() -> bool:
    # The descriptor and not sys.stdin, which pytest replaces; an xdist worker's is its link.
    try:
        return os.isatty(0)
    except OSError:
        return False


def _told_of(cluster: Section) -> dict[str, Any]:
    told: dict[str, Any] = {"server": cluster.text("server")}
    told |= {
        name: cluster.text(name) for name in ("tls-server-name", "proxy-url") if name in cluster
    }
    if cluster.flag("insecure-skip-tls-verify"):
        told["insecure-skip-tls-verify"] = True
    if "certificate-authority-data" in cluster:
        told["certificate-authority-data"] = cluster.text("certificate-authority-data")
    elif path := cluster.path("certificate-authority"):
        with contextlib.suppress(OSError):  # said where the connection is prepared
            import base64

            told["certificate-authority-data"] = base64.b64encode(Path(path).read_bytes()).decode()
    for extension in cluster.sections("extensions"):
        if extension.text("name") == _CLUSTER_EXTENSION:
            told["config"] = extension.fields.get("extension")
    return told


def _moment(status: Section) -> datetime.datetime | None:
    text = status.text("expirationTimestamp")
    if not text:
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError("status.expirationTimestamp is no time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _last_line(text: str) -> str:
    lines = [_harmless(line).rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-_SAID_LINES:])[-_SAID_LENGTH:]


def _harmless(text: str) -> str:
    """Without escapes, marks of direction and the like, which would act on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
