"""What the client tells whoever records the run: requests, executions, waits."""

import dataclasses
import datetime
import shlex
from typing import Protocol


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A command that ran in a container, and what came back."""

    pod: str
    """Name of the pod."""
    namespace: str
    """Namespace of the pod."""
    container: str
    """Name of the container; empty for the pod's default one."""
    command: tuple[str, ...]
    """The command with its arguments, not passed through a shell."""
    stdout: str
    """Standard output, verbatim; bytes that are not UTF-8 are replaced."""
    stderr: str
    """Standard error, verbatim; the runtime's words where the command could not be started."""
    exit_code: int
    """Exit code; 127 when the runtime found no such executable, 126 when it may not run it."""
    taken_at: datetime.datetime
    """When the command was started, UTC."""
    request: str
    """Method and path of the request that ran it."""
    seconds: float
    """How long it took, connection included."""
    stdin: bool = False
    """Whether something was sent to standard input."""

    @property
    def command_line(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self.command)

    @property
    def source(self) -> str:
        """By which request, where, and what ran; programs may be long, and so come last."""
        where = f"{self.request}, container {self.container}" if self.container else self.request
        return f"{where}: `{self.command_line}`"

    @property
    def by_hand(self) -> str:
        """The kubectl command line of the same meaning, quoted for a shell; nobody ran it."""
        words = ["kubectl", "exec", "-n", self.namespace, self.pod]
        words += ["-c", self.container] if self.container else []
        words += ["-i"] if self.stdin else []
        return shlex.join([*words, "--", *self.command])


class Observer(Protocol):
    """Gets told what the client does, as it happens, and from whatever thread it happens in.

    Must neither raise nor block.
    """

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """One request was answered; status 0 when no answer came. The path holds the query."""

    def saw(self, execution: Execution) -> None:
        """A command ran in a container."""

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """Something is awaited: told on every change of ``seen``, and every few seconds."""


class Unobserved:
    """The observer of a client that nobody watches."""

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Not recorded."""

    def saw(self, execution: Execution) -> None:
        """Not recorded."""

    def awaiting(self, what: str, seen: str, elapsed: float, timeout: float) -> None:
        """Not shown."""
