"""Every error that aicr-pytest raises, and what each says about the platform.

::

    AicrError
    ├── Inconclusive            we could not look: never "not conformant"
    │   ├── ApiUnreachable      no answer, or only 5xx/429, after all retries
    │   │   └── AggregatedApiDown  from whom an APIService names; the API server itself answers
    │   ├── LeaseLost           accelerators were not ours any more while a check looked
    │   ├── StreamNotPassed     what stands before the API server passes no exec or port-forward
    │   ├── AccessDenied        the API server refuses *us* (RBAC, authentication)
    │   │   └── NotAuthenticated  it does not know who we are (401)
    │   ├── NoAccelerators      nothing that any known profile describes
    │   ├── NoCapacity          accelerators exist, but none is free, or their node is full
    │   ├── ImageNotPullable    the probe image cannot be had on the node
    │   ├── PolicyRefused       a policy of the cluster refuses or changes what we make
    │   ├── SchedulerSilent     the scheduler has said nothing of a pod of ours
    │   ├── NotAllowed          the user has to opt in (``--aicr-allow``)
    │   └── ProbeFailed         the probe ran and could not look
    ├── DoesNotApply            this check says nothing about this platform; counts for no verdict
    ├── SolutionAbsent          the platform has none of the known solutions: not implemented
    │   └── UnknownSolution     and something of their kind is there that the suite cannot drive
    ├── UnknownAccelerator      accelerators of a vendor that no profile describes
    ├── ApiError                the API server answered, and the answer is no (404, 409, 422 …)
    ├── WaitTimeout             what was awaited did not happen in time
    ├── WaitFailed              what was awaited cannot happen any more
    │   └── PodFailed           a pod cannot start or has failed
    ├── EndpointSilent          a pod's or the monitoring system's endpoint gives no usable answer
    ├── InvalidExposition       a metrics endpoint answers something else than metrics
    ├── ManifestError           a manifest and its values do not fit
    ├── LeftBehind              something of ours stays on the cluster
    └── SettingsError           bad input of the user; ends as pytest's usage error (4)

In its call phase a check accuses the platform by a failed assertion of its own, by
``SolutionAbsent``, and by ``ApiError``, ``WaitTimeout``, ``WaitFailed``, ``EndpointSilent`` or
``InvalidExposition``. Any other error there, and every error in setup, says that we could not look.
"""

import datetime


class AicrError(Exception):
    """Base of all errors of this package."""


class Inconclusive(AicrError):
    """We could not look; the platform is not accused.

    Public: third-party checks raise it for the same meaning.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}\n  {hint}" if hint else message)
        self.hint = hint
        """The way out, one sentence; empty where there is none."""


class ApiUnreachable(Inconclusive):
    """The API server gives no answer, or only 429 and 5xx, after all retries."""


class AggregatedApiDown(ApiUnreachable):
    """Whom an APIService names for a group gives no answer; the API server itself is well."""


class LeaseLost(Inconclusive):
    """Accelerators that were ours are not any more: somebody else may have taken them."""

    def __init__(self, message: str, *, since: datetime.datetime) -> None:
        super().__init__(message)
        self.since = since
        """UTC: until then they surely were ours, and what failed earlier failed by itself."""


class StreamNotPassed(Inconclusive):
    """What stands before the API server passes no streams, hence neither exec nor port-forward."""


class AccessDenied(Inconclusive):
    """The API server refuses us (401, or 403 by RBAC); the message names the verb."""


class NotAuthenticated(AccessDenied):
    """The API server does not accept our credentials (401); others may have been had since."""


class NoAccelerators(Inconclusive):
    """The cluster shows no accelerator that any known profile describes."""


class NoCapacity(Inconclusive):
    """Accelerators exist, but fewer are free than the check needs, or their node has no room."""

    def __init__(self, message: str, *, hint: str = "", held: bool = True) -> None:
        super().__init__(message, hint=hint)
        self.held = held
        """Whether others hold the accelerators; else the node lacks something else."""


class ImageNotPullable(Inconclusive):
    """The probe image cannot be pulled on the node."""


class PolicyRefused(Inconclusive):
    """A policy of the cluster, of whatever kind, refuses, holds or changes what we make."""


class SchedulerSilent(Inconclusive):
    """A scheduler has said nothing of a pod in time, whatever it is busy with."""


class NotAllowed(Inconclusive):
    """The check costs or disturbs, and the user has not allowed it."""


class ProbeFailed(Inconclusive):
    """The probe ran in the container and could not look."""


class DoesNotApply(AicrError):
    """The check says nothing about this platform, e.g. a claim check where no driver has claims.

    Neither for nor against the verdict; the message is the reason and becomes evidence.
    """


class SolutionAbsent(AicrError):
    """None of the known solutions is installed; the message says what was looked for and where.

    Absent is not broken: the check has nothing to look at, and the verdict is ``Not Implemented``.
    """


class UnknownSolution(SolutionAbsent):
    """None of the known solutions, and signs of another one; the verdict is ``Unknown``."""


class UnknownAccelerator(AicrError):
    """Accelerators of a vendor that no profile describes; the verdict is ``Unknown``."""


class ApiError(AicrError):
    """The API server answered, and the answer is no."""

    def __init__(self, status: int, reason: str, message: str, *, request: str) -> None:
        super().__init__(f"{request}: {status} {reason}: {message}")
        self.status = status
        """HTTP status, e.g. 404."""
        self.reason = reason
        """``Status.reason``, e.g. ``NotFound``; empty where the server sent none."""
        self.message = message
        """``Status.message`` verbatim."""
        self.request = request
        """Method and path that were asked."""


class WaitTimeout(AicrError):
    """What was awaited did not happen in time; names object, wait and what was last seen."""


class WaitFailed(AicrError):
    """What was awaited cannot happen any more; names the object and what was seen."""


class PodFailed(WaitFailed):
    """A pod cannot start or has failed; carries the kubelet's words."""


class EndpointSilent(AicrError):
    """An endpoint of the platform, e.g. an exporter or Prometheus, gives no usable answer."""


class InvalidExposition(AicrError):
    """A metrics endpoint answers something else than metrics, or than it claims to answer."""


class ManifestError(AicrError):
    """A manifest wants values that it was not given, or the other way round."""


class LeftBehind(AicrError):
    """Something of ours stays on the cluster; names it, its finalizers and the last event."""


class SettingsError(AicrError):
    """Bad input; names the option, the value and what is valid."""


def single_errors(error: BaseException) -> list[BaseException]:
    """The exception, or every one of a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        return [single for inner in error.exceptions for single in single_errors(inner)]
    return [error]


def single_message(error: BaseException) -> str:
    """What an exception says, and its kind where it does not say it itself, as ours do.

    Where an assertion has words of its own they are all. pytest indents all but the first line of
    them, and puts the comparison below.
    """
    text = str(error).strip()
    if isinstance(error, AssertionError):
        words = text.rpartition("\nassert ")[0].replace("\n  ", "\n")
        return words or text or "assertion failed"
    if isinstance(error, AicrError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def error_message(error: BaseException) -> str:
    """What an exception, or every one of a group, says."""
    return "\n".join(map(single_message, single_errors(error)))
