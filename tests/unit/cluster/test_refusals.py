"""What an answer that is not a success means: whose words it holds, and what is told of it."""

import json
from typing import Any

import pytest

from aicr_pytest.cluster import responsibility
from aicr_pytest.cluster.refusals import Answer, error_for, excuse_of, policies_told
from aicr_pytest.errors import (
    AccessDenied,
    AggregatedApiDown,
    AicrError,
    ApiError,
    ApiUnreachable,
    Inconclusive,
    NotAuthenticated,
    PolicyRefused,
)

GET = "GET /api/v1/pods"
OF_A_GROUP = "GET /apis/metrics.k8s.io/v1beta1/pods"
DENIED = 'admission webhook "x.example.com" denied the request: no'
FENCED = (
    "ValidatingAdmissionPolicy 'aicr-pytest' with binding 'aicr-pytest' denied request: fence of"
    " aicr-pytest: not one of its namespaces"
)
STARTS = 'pods "p" is forbidden: not yet ready to handle request'
ESCALATES = 'user "me" is attempting to grant RBAC permissions not currently held:\n{}'
LOOK = "See what stands before it, such as a proxy or a page to log in."


def refused(verb: str, what: str, *, group: str = "", namespace: str = "") -> str:
    """What the API server says where RBAC refuses."""
    within = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    return (
        f'x is forbidden: User "me" cannot {verb} resource "{what}" in API group "{group}"{within}'
    )


def said(
    status: int, message: str, *, reason: str = "Reason", is_status: bool = True, to: str = GET
) -> AicrError:
    answer = Answer(status=status, reason=reason, message=message, is_status=is_status)
    return error_for(answer, to)


@pytest.mark.parametrize("encoded", [True, False])
def test_status_is_read_as_the_api_servers_own_words(encoded: bool) -> None:
    body: Any = json.dumps({"kind": "Status", "reason": "NotFound", "message": "no such pod"})

    read = Answer.read(404, "Not Found", body.encode() if encoded else body)

    assert read == Answer(status=404, reason="NotFound", message="no such pod", is_status=True)


def test_status_that_says_nothing_has_the_phrase_of_http_and_no_message() -> None:
    read = Answer.read(409, "Conflict", '{"kind": "Status"}')

    assert read == Answer(status=409, reason="Conflict", message="", is_status=True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, ""),
        (b"", ""),
        (b" <html>\n", "<html>"),
        (b"\xff!", "\N{REPLACEMENT CHARACTER}!"),
        ('{"kind": "Pod"}', '{"kind": "Pod"}'),
        ('["Status"]', '["Status"]'),
        ("x" * 301, "x" * 300),
    ],
)
def test_what_is_no_status_is_the_word_of_whoever_answered(
    body: bytes | str | None, message: str
) -> None:
    read = Answer.read(502, "Bad Gateway" + "y" * 100, body)

    told = "Bad Gateway" + "y" * 89
    assert read == Answer(status=502, reason=told, message=message, is_status=False)


def test_status_that_says_too_much_is_cut() -> None:
    body = json.dumps({"kind": "Status", "reason": "r" * 101, "message": "m" * 16_001})

    read = Answer.read(500, "", body)

    assert (read.reason, read.message) == ("r" * 100, "m" * 16_000)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 429, 500])
def test_policy_refuses_with_whatever_status(status: int) -> None:
    error = said(status, DENIED)

    assert isinstance(error, ApiError)
    assert (error.status, error.reason, error.message) == (status, "Reason", DENIED)
    assert error.request == GET


def test_policy_is_the_api_servers_word_or_nobodys() -> None:
    assert isinstance(said(403, DENIED, is_status=False), AccessDenied)
    assert isinstance(said(401, DENIED, is_status=False), NotAuthenticated)


@pytest.mark.parametrize(
    ("to", "is_status", "kind"),
    [
        (GET, True, NotAuthenticated),
        (GET, False, NotAuthenticated),
        (f"{GET}/x/proxy/metrics", True, NotAuthenticated),
        (f"{GET}/x/proxy/metrics", False, AccessDenied),
    ],
)
def test_credentials_are_the_matter_of_the_api_server_alone(
    to: str, is_status: bool, kind: type[AicrError]
) -> None:
    error = said(401, "Unauthorized", is_status=is_status, to=to)

    assert type(error) is kind
    assert str(error) == (
        f"{to}: the API server does not accept our credentials (401 Unauthorized).\n"
        "  Log in again, or choose another context: kubectl auth whoami"
    )


def test_api_server_that_starts_refuses_nobody() -> None:
    error = said(403, STARTS)

    assert type(error) is ApiUnreachable
    assert str(error) == f"{GET}: the API server starts: {STARTS}"
    assert type(said(403, STARTS, is_status=False)) is AccessDenied
    assert type(said(403, f"{STARTS} of yours")) is ApiError
    assert type(said(409, STARTS)) is ApiError
    assert str(said(403, f"{'x' * 700} {STARTS}")).endswith(": " + "x" * 600)


@pytest.mark.parametrize(
    ("message", "told", "check"),
    [
        (refused("get", "pods"), "get pods in the whole cluster", "get pods -A"),
        (
            refused("create", "pods/exec", namespace="ns"),
            "create pods/exec in namespace ns",
            "create pods --subresource=exec -n ns",
        ),
        (
            refused("list", "resourceslices", group="resource.k8s.io"),
            "list resourceslices in the whole cluster",
            "list resourceslices.resource.k8s.io -A",
        ),
        (
            'forbidden: User "me" cannot get path "/metrics"',
            "get /metrics",
            "get /metrics",
        ),
    ],
)
def test_right_that_is_missing_is_told_with_how_to_check_it(
    message: str, told: str, check: str
) -> None:
    error = said(403, message)

    assert type(error) is AccessDenied
    assert str(error) == f"{GET}: me may not {told}.\n  Check with: kubectl auth can-i {check}"


def test_refusal_before_the_api_server_is_told_as_such() -> None:
    error = said(403, "go away", is_status=False)

    assert type(error) is AccessDenied
    assert str(error) == f"{GET}: refused before the API server (403): go away"


def test_who_may_not_grant_is_told_what_a_grant_takes() -> None:
    error = said(403, ESCALATES + "x" * 700)

    assert type(error) is AccessDenied
    cut = (ESCALATES + "x" * 700)[:600]
    hint = "Who makes a role must hold its rights, or the verb escalate."
    assert str(error) == f"{GET}: {cut}\n  {hint}"


def test_fence_of_our_own_is_no_policy_of_the_platform() -> None:
    error = said(422, FENCED + "x" * 700)

    assert type(error) is AccessDenied
    hint = "Apply the docs/fence.yaml of this version; it says how to let more through."
    assert str(error) == f"{GET}: {(FENCED + 'x' * 700)[:600]}\n  {hint}"
    assert type(said(422, FENCED, is_status=False)) is ApiError
    assert type(said(403, FENCED)) is AccessDenied


@pytest.mark.parametrize(
    ("status", "is_status", "kind"),
    [
        (204, True, ApiUnreachable),
        (302, True, ApiUnreachable),
        (399, True, ApiUnreachable),
        (407, False, ApiUnreachable),
        (418, False, ApiUnreachable),
        (418, True, ApiError),
        *((code, False, ApiError) for code in (400, 404, 405, 406, 409, 410, 413, 415, 422)),
    ],
)
def test_what_api_servers_do_not_say_is_said_by_something_else(
    status: int, is_status: bool, kind: type[AicrError]
) -> None:
    assert type(said(status, "words", is_status=is_status)) is kind


@pytest.mark.parametrize(("message", "told"), [("log in", ": log in"), ("", "")])
def test_something_else_that_answers_is_quoted(message: str, told: str) -> None:
    assert str(said(302, message, reason="Found", is_status=False)) == (
        f"{GET}: not an API server answers, but something with 302 Found{told}\n  {LOOK}"
    )


@pytest.mark.parametrize(("status", "is_status"), [(429, True), (500, True), (500, False)])
@pytest.mark.parametrize(("message", "told"), [("wait", ": wait"), ("", "")])
def test_api_server_that_cannot_answer_now_is_unreachable(
    status: int, is_status: bool, message: str, told: str
) -> None:
    error = said(status, message, reason="Busy", is_status=is_status)

    assert type(error) is ApiUnreachable
    assert str(error) == f"{GET}: the API server answers only {status} Busy{told}"


@pytest.mark.parametrize(
    "message",
    ["service unavailable", "error trying to reach service: dial tcp 10.0.0.1:443:\nrefused"],
)
def test_group_behind_the_api_server_that_is_down_is_told_as_such(message: str) -> None:
    error = said(503, message, is_status=False, to=OF_A_GROUP)

    assert type(error) is AggregatedApiDown
    assert str(error) == (
        f"{OF_A_GROUP}: whom the APIService of this group names gives no answer: 503 {message}\n"
        "  See kubectl get apiservices."
    )
    for elsewhere in (
        said(503, message, is_status=True, to=OF_A_GROUP),
        said(503, message, is_status=False, to=GET),
        said(502, message, is_status=False, to=OF_A_GROUP),
        said(503, f"{message.title()}, sorry", is_status=False, to=OF_A_GROUP),
    ):
        assert type(elsewhere) is ApiUnreachable


def test_answer_that_is_no_is_told_as_it_is() -> None:
    error = said(404, "no such pod", reason="NotFound")

    assert isinstance(error, ApiError)
    assert str(error) == f"{GET}: 404 NotFound: no such pod"
    assert (error.status, error.reason) == (404, "NotFound")
    assert (error.message, error.request) == ("no such pod", GET)


def no(message: str, reason: str = "Forbidden") -> ApiError:
    return ApiError(403, reason, message, request="POST /x")


def test_policy_excuses_and_quotes_itself() -> None:
    excuse = excuse_of(no(DENIED))

    assert type(excuse) is PolicyRefused
    assert str(excuse) == f"POST /x: {DENIED}\n  {responsibility.EXEMPT}"


def test_refusal_that_nobody_signs_excuses_only_where_every_kubernetes_takes_it() -> None:
    unsigned = no("must be greater than zero", "Invalid")

    assert excuse_of(unsigned) is None
    excuse = excuse_of(unsigned, whatever=True)
    assert type(excuse) is Inconclusive
    assert str(excuse) == f"{unsigned}\n  {responsibility.EXEMPT}"
    assert excuse_of(no("already exists", "AlreadyExists"), whatever=True) is None


def test_excuse_is_raised_in_place_of_the_refusal_and_names_it() -> None:
    refusal, unsigned = no(DENIED), no("must be greater than zero", "Invalid")

    with pytest.raises(PolicyRefused) as excused, policies_told():
        raise refusal
    assert excused.value.__cause__ is refusal
    with pytest.raises(ApiError) as accused, policies_told():
        raise unsigned
    assert accused.value is unsigned
    with pytest.raises(Inconclusive), policies_told(whatever=True):
        raise unsigned
    with pytest.raises(AccessDenied), policies_told(whatever=True):
        raise AccessDenied("not yours")
