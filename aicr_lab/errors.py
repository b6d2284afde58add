"""Every error that the lab raises on purpose.

::

    AicrLabError
    └── LabError                 something of the lab cannot be done; names it and the way out
        ├── HostUnfit            this machine lacks something: root, a package, a kernel feature
        ├── NotOurs              a directory holds what the lab did not make
        ├── BuildFailed          a binary cannot be built
        ├── ComponentFailed      a component died or is not healthy; carries its last log lines
        └── ApiRefused           the lab's API server answered, and the answer is no
"""

from pathlib import Path


class AicrLabError(Exception):
    """Base of all errors of this package."""


class LabError(AicrLabError):
    """Something of the lab cannot be done; says what, why, and what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}\n  {hint}" if hint else message)
        self.hint = hint
        """The way out, one sentence; empty where there is none."""


class HostUnfit(LabError):
    """This machine lacks something that the lab needs."""


class NotOurs(LabError):
    """A directory holds what the lab did not make; nothing in it was touched."""


class BuildFailed(LabError):
    """A binary cannot be built; carries the last lines of the compiler."""


_NO_INOTIFY = (
    "this machine's programs have used up the kernel's inotify instances: take another lab down, or"
    " raise them: sysctl -w fs.inotify.max_user_instances=512"
)


class ComponentFailed(LabError):
    """A component died or does not become healthy; carries the last lines of its log."""

    def __init__(self, component: str, what: str, log: Path, *, hint: str = "") -> None:
        tail = last_lines(log)
        shown = f"\n  last lines of {log}:\n{tail}" if tail else f"\n  its log {log} is empty"
        if "too many open files" in tail and "notify" in tail:
            hint = hint or _NO_INOTIFY
        super().__init__(f"{component} {what}{shown}", hint=hint)
        self.component = component
        """Name of the component, e.g. ``kube-apiserver``."""


class ApiRefused(LabError):
    """The lab's API server answered, and the answer is no."""

    def __init__(self, request: str, status: int, message: str) -> None:
        super().__init__(f"{request}: {status}: {message}")
        self.status = status
        """HTTP status, e.g. 404."""


def last_lines(log: Path, count: int = 12, width: int = 400) -> str:
    """The last lines of a log, indented; empty where there is no log or nothing in it.

    Only the end of the file is read: a component's log can be large.
    """
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - count * width * 4))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:width]}" for line in lines[-count:])
