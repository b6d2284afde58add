"""What an answer that is not a success means, as one of our errors.

A 403 has meanings that must not be mixed: RBAC refuses *us* (we could not look), and admission
refuses the object, with this or with another status. Whose doing that is, ``responsibility`` says.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator

from aicr_pytest.cluster import responsibility
from aicr_pytest.cluster.messages import read_json
from aicr_pytest.errors import (
    AccessDenied,
    AggregatedApiDown,
    AicrError,
    ApiError,
    ApiUnreachable,
    Inconclusive,
    NotAuthenticated,
)

# Written by apiserver's responsewriters.Forbidden, whichever authorizer refused.
_RBAC = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) '
    r'(?:resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
    r'|path "(?P<path>[^"]*)")'
)
_FENCE = "denied request: fence of aicr-pytest"
"""Of the policy that docs/rbac.md recommends for our own account; see ``requirements.fence``."""
_BY_SERVER = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429})
"""What API servers say; anything else below 500 is the word of a proxy, or of a page to log in."""
_REASON, _MESSAGE = 100, 16_000
"""Characters of what a refusal says that become part of an error."""
_STARTING = "not yet ready to handle request"
"""Of admission while an API server starts, as a 403: it does not know all objects yet."""
_AGGREGATOR = re.compile(r"service unavailable|error trying to reach service: .*", re.DOTALL)
"""All that kube-aggregator says in place of an API server behind it; proxies use other words."""
_ESCALATION = "is attempting to grant RBAC permissions not currently held"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The parts of an unsuccessful answer that say why."""

    status: int
    """HTTP status."""
    reason: str
    """``Status.reason``; HTTP's reason phrase where no Status came."""
    message: str
    """``Status.message``; the head of the body where no Status came."""
    is_status: bool
    """Whether the body is a Kubernetes Status, hence the API server's own words."""

    @classmethod
    def read(cls, status: int, phrase: str, body: bytes | str | None) -> "Answer":
        """Read a body, whoever wrote it: the API server, or a proxy before it."""
        text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
        try:
            said = read_json(text)
        except ValueError:
            said = None
        if isinstance(said, dict) and said.get("kind") == "Status":
            return cls(
                status=status,
                reason=str(said.get("reason") or phrase)[:_REASON],
                message=str(said.get("message") or "")[:_MESSAGE],
                is_status=True,
            )
        return cls(
            status=status, reason=phrase[:_REASON], message=text[:300].strip(), is_status=False
        )


def error_for(answer: Answer, request: str) -> AicrError:
    """The error that an unsuccessful answer stands for."""
    if (
        answer.is_status
        and _FENCE not in answer.message
        and responsibility.is_policy(answer.message)
    ):
        # Who writes a policy chooses its status: 400, 401, 403, 413, 422, 429, 500 were seen.
        return ApiError(answer.status, answer.reason, answer.message, request=request)
    if answer.status == 401:
        # What a service behind the API server's proxy wants is not what the API server wants.
        by_server = answer.is_status or "/proxy" not in request
        return (NotAuthenticated if by_server else AccessDenied)(
            f"{request}: the API server does not accept our credentials (401 {answer.message}).",
            hint="Log in again, or choose another context: kubectl auth whoami",
        )
    if answer.status == 403 and answer.is_status and answer.message.endswith(_STARTING):
        return ApiUnreachable(f"{request}: the API server starts: {answer.message[:600]}")
    if answer.status == 403 and (denied := _denied(answer, request)):
        return denied
    if _FENCE in answer.message and answer.is_status:
        return AccessDenied(
            f"{request}: {answer.message[:600]}",
            hint="Apply the docs/fence.yaml of this version; it says how to let more through.",
        )
    theirs = answer.status in _BY_SERVER or answer.is_status or answer.status >= 500
    if answer.status < 400 or not theirs:
        return ApiUnreachable(
            f"{request}: not an API server answers, but something with {answer.status}"
            f" {answer.reason}" + (f": {answer.message}" if answer.message else ""),
            hint="See what stands before it, such as a proxy or a page to log in.",
        )
    of_a_group = answer.status == 503 and " /apis/" in request and not answer.is_status
    if of_a_group and _AGGREGATOR.fullmatch(answer.message):
        return AggregatedApiDown(
            f"{request}: whom the APIService of this group names gives no answer: 503"
            f" {answer.message}",
            hint="See kubectl get apiservices.",
        )
    if answer.status == 429 or answer.status >= 500:
        return ApiUnreachable(
            f"{request}: the API server answers only {answer.status} {answer.reason}"
            + (f": {answer.message}" if answer.message else "")
        )
    return ApiError(answer.status, answer.reason, answer.message, request=request)


def _denied(answer: Answer, request: str) -> AccessDenied | None:
    if not answer.is_status:
        return AccessDenied(f"{request}: refused before the API server (403): {answer.message}")
    if _ESCALATION in answer.message:
        return AccessDenied(
            f"{request}: {answer.message[:600]}",
            hint="Who makes a role must hold its rights, or the verb escalate.",
        )
    if not (match := _RBAC.search(answer.message)):
        return None
    verb = match["verb"]
    if match["path"]:
        return AccessDenied(
            f"{request}: {match['user']} may not {verb} {match['path']}.",
            hint=f"Check with: kubectl auth can-i {verb} {match['path']}",
        )
    resource, _, subresource = match["resource"].partition("/")
    where = f"in namespace {match['namespace']}" if match["namespace"] else "in the whole cluster"
    words = [verb, f"{resource}.{match['group']}" if match["group"] else resource]
    words += [f"--subresource={subresource}"] if subresource else []
    words += ["-n", match["namespace"]] if match["namespace"] else ["-A"]
    return AccessDenied(
        f"{request}: {match['user']} may not {verb} {match['resource']} {where}.",
        hint=f"Check with: kubectl auth can-i {' '.join(words)}",
    )


@contextlib.contextmanager
def policies_told(*, whatever: bool = False) -> Iterator[None]:
    """Raise an excuse in place of an ``ApiError`` for which the platform is not responsible.

    Args:
        whatever: the object is of a kind that every Kubernetes takes, so that no refusal accuses.
    """
    try:
        yield
    except ApiError as error:
        if excuse := excuse_of(error, whatever=whatever):
            raise excuse from error
        raise


def excuse_of(error: ApiError, *, whatever: bool = False) -> Inconclusive | None:
    """Why a refusal does not accuse the platform; None where it may."""
    if finding := responsibility.of_answer(error.message):
        return finding.excuse(error.request)
    if whatever and error.reason != "AlreadyExists":
        return Inconclusive(str(error), hint=responsibility.EXEMPT)
    return None
