"""Defects that the checks of ``ai_inference`` must notice."""

from aicr_lab.addons import contour
from aicr_lab.defects.defect import Defect
from aicr_lab.defects.injections.gateways import (
    ClosedGateway,
    FrozenDataPlane,
    HostnameAddress,
    HttpsOnly,
    LyingGateway,
    PodsCutOff,
    ScaledToNothing,
    UntoldDataPlane,
)
from aicr_lab.defects.injections.injection import Injection

ANSWERS = "test_gateway_is_programmed_and_its_address_answers"
SPLIT = "test_requests_are_split_by_weight"
CHANGED = "test_changed_weights_take_effect"
HEADER = "test_requests_are_routed_by_a_model_header"
MISSING = "test_route_to_a_missing_backend_is_reported_and_answers_no_200"
STREAM = "test_streamed_answer_arrives_event_by_event"
BODY = "test_body_of_some_megabytes_passes"
_ALL = frozenset({ANSWERS, SPLIT, CHANGED, HEADER, MISSING, STREAM, BODY})

NOT_OURS = "gw-takes-no-routes-of-ours"
"""The defect in which a Gateway of our own is the way out, where that is allowed."""

_NO_ANSWER = r"(timed out|refused|[Uu]nreachable|No route|reset)"
_NO_ROUTE = r"(404|[^;]*refused)"
"""What an Envoy answers that knows no route; Contour gives it no listener before the first one."""
_WELL = r"HTTPRoute .*/route-\S+: Accepted=True, ResolvedRefs=True"


def _healthy(defect: str, sentence: str, injection: Injection, trace: str) -> Defect:
    return Defect(
        id=defect,
        requirement="ai_inference",
        sentence=f"{sentence}: healthy.",
        injection=injection,
        expects="Implemented",
        expected_message=trace,
    )


DEFECTS = (
    _healthy(
        "gw-counting-splitter",
        "Another data plane answers for the Gateway, and splits by counting",
        LyingGateway(mode="counting"),
        r'"first", "80", "80\.0", "75\.0", "85\.0", "800"',
    ),
    _healthy(
        "gw-host-name-address",
        "The Gateway's address is a host name",
        HostnameAddress(),
        rf'"address": "{contour.DATA_PLANE}\.{contour.NAMESPACE}\.svc\.cluster\.local:80"',
    ),
    _healthy(
        "gw-https-only",
        "The Gateway speaks nothing but TLS",
        HttpsOnly(),
        r"projectcontour/edge \(listener http, TLS, certificate not verified\)",
    ),
    Defect(
        id=NOT_OURS,
        requirement="ai_inference",
        sentence="The platform's Gateway takes routes of its own namespace only.",
        injection=ClosedGateway(),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message="projectcontour/edge, listener http: it takes routes of its own",
        expects="Inconclusive",
    ),
    Defect(
        id="gw-pods-cut-off",
        requirement="ai_inference",
        sentence="Pods reach neither the Gateway nor each other: an egress policy.",
        injection=PodsCutOff(),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message="does not reach a backend without the Gateway either",
        expects="Inconclusive",
    ),
    Defect(
        id="gw-weights-ignored",
        requirement="ai_inference",
        sentence="The data plane splits evenly, whatever the weights.",
        injection=LyingGateway(mode="weights-ignored"),
        detected_by=SPLIT,
        also_fails=frozenset({CHANGED}),
        expected_message=rf"first of weight 80 answered 1000 requests: 50\.0 %.*though {_WELL}",
    ),
    Defect(
        id="gw-header-ignored",
        requirement="ai_inference",
        sentence="The data plane looks at no header.",
        injection=LyingGateway(mode="header-ignored"),
        detected_by=HEADER,
        expected_message=r"-model were for second: 100 of 100 reached another.*: 100 times 200 "
        r"by first",
    ),
    Defect(
        id="gw-one-backend-dead",
        requirement="ai_inference",
        sentence="The data plane takes one of two backends for dead and answers 503 in its place.",
        injection=LyingGateway(mode="one-backend-dead"),
        detected_by=SPLIT,
        also_fails=frozenset({CHANGED, HEADER}),
        expected_message=r"400 of 2000 requests reached no backend: 400 times 503",
    ),
    Defect(
        id="gw-weights-stale",
        requirement="ai_inference",
        sentence="The data plane serves each route as it first was; its status is up to date.",
        injection=LyingGateway(mode="stale"),
        detected_by=CHANGED,
        expected_message=rf"first of weight 30 answered 1600 requests: 80\.0 %.*though {_WELL}",
    ),
    Defect(
        id="gw-missing-backend-200",
        requirement="ai_inference",
        sentence="The data plane itself answers 200 where the backend does not exist.",
        injection=LyingGateway(mode="missing-backend-200"),
        detected_by=MISSING,
        expected_message="20 of 20 requests to a missing backend were answered 200",
        expects="Implemented",
        basis="hardening",
    ),
    Defect(
        id="gw-buffering",
        requirement="ai_inference",
        sentence="The data plane sends an answer once it has all of it.",
        injection=LyingGateway(mode="buffering"),
        detected_by=STREAM,
        expected_message="8 events were sent 0.25 s apart and came in 1 pieces",
        expects="Implemented",
        basis="hardening",
    ),
    Defect(
        id="gw-body-limit",
        requirement="ai_inference",
        sentence="The data plane takes no body of more than 1 MiB.",
        injection=LyingGateway(mode="body-limit"),
        detected_by=BODY,
        expected_message="a body of 4194304 bytes to the backend: status 413",
        expects="Implemented",
        basis="hardening",
    ),
    Defect(
        id="gw-dataplane-frozen",
        requirement="ai_inference",
        sentence="Envoy is stopped by a signal; every condition stays as it was.",
        injection=FrozenDataPlane(),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message=rf"a request reaches our backend: not within.*{_NO_ANSWER}; {_WELL}",
    ),
    Defect(
        id="gw-route-not-applied",
        requirement="ai_inference",
        sentence="Envoy hears no more from Contour, which says that every route is in effect.",
        injection=UntoldDataPlane(),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message=rf"a request reaches our backend: not within.*answered by {_NO_ROUTE}; "
        rf"{_WELL}",
    ),
    Defect(
        id="gw-controller-down",
        requirement="ai_inference",
        sentence="Contour has no pods; the Gateway is Programmed as it was, Envoy serves the past.",
        injection=ScaledToNothing(deployment=contour.CONTROLLER),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message=rf"answered by {_NO_ROUTE}; HTTPRoute .*/route-\S+: no condition",
    ),
    Defect(
        id="gw-programmed-lies",
        requirement="ai_inference",
        sentence="The Gateway is Programmed and has no data plane at all.",
        injection=ScaledToNothing(deployment=contour.DATA_PLANE),
        detected_by=ANSWERS,
        also_fails=_ALL,
        expected_message=rf"a request reaches our backend: not within.*{_NO_ANSWER}; {_WELL}",
    ),
)
