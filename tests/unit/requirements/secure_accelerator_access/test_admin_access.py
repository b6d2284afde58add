"""Admin access to devices: what the API server's answer to a claim means."""

from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cluster.kinds import Kind
from aicr_pytest.errors import ApiError, DoesNotApply, PolicyRefused
from aicr_pytest.requirements.secure_accelerator_access.admin_access import ClaimOffer, offer_claim
from tests.conformance import test_secure_accelerator_access as suite
from tests.unit.kept import Kept
from tests.unit.requirements.judging import words_of

NODE = SimpleNamespace(device_class="gpu.nvidia.com")


class Cluster:
    """Answers a dry run: with the claim, as a function makes it, or with an error."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def spoken(self, kind: Kind) -> Kind:
        return kind

    def create(self, claim: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        assert dry_run
        if isinstance(self.answer, Exception):
            raise self.answer
        made: dict[str, Any] = self.answer(claim)
        return made


def offered(answer: Any, *, admin: bool) -> tuple[ClaimOffer, list[str]]:
    evidence = Kept()
    workspaces = SimpleNamespace(at=lambda: SimpleNamespace(namespace="ns"))
    platform = SimpleNamespace(workspaces=workspaces, cluster=Cluster(answer), evidence=evidence)
    said = offer_claim(NODE, platform, admin=admin)  # type: ignore[arg-type] # stand-ins
    return said, list(evidence.shown)


def drop_admin_access(claim: dict[str, Any]) -> dict[str, Any]:
    del claim["spec"]["devices"]["requests"][0]["exactly"]["adminAccess"]
    return claim


def test_a_refusal_is_told_in_the_api_servers_words_and_kept() -> None:
    refused = ApiError(403, "Forbidden", "admin access is not allowed here", request="POST claim")

    assert offered(refused, admin=True) == (
        ClaimOffer(admitted=False, refusal="admin access is not allowed here"),
        ["Claim with admin access"],
    )


def test_a_quota_that_refuses_any_claim_accuses_nobody() -> None:
    words = (
        'resourceclaims.resource.k8s.io "ordinary-access" is forbidden: exceeded quota: platform'
    )
    refused = ApiError(403, "Forbidden", words, request="POST claim")

    with pytest.raises(PolicyRefused, match="exceeded quota: platform"):
        offered(refused, admin=False)
    assert not offered(refused, admin=True)[0].admitted, "a policy may be what refuses it"


def test_an_admitted_claim_is_told_as_such() -> None:
    admitted = ClaimOffer(admitted=True)

    assert offered(lambda claim: claim, admin=True) == (admitted, ["Claim with admin access"])
    assert offered(lambda claim: claim, admin=False) == (admitted, ["Claim without admin access"])


def test_a_server_that_drops_the_field_knows_no_admin_access() -> None:
    with pytest.raises(DoesNotApply, match="knows no admin access"):
        offered(drop_admin_access, admin=True)


def test_a_server_without_the_api_says_nothing_about_it() -> None:
    gone = ApiError(404, "NotFound", "the server could not find it", request="POST claim")

    with pytest.raises(DoesNotApply, match="serves no"):
        offered(gone, admin=False)


@pytest.mark.parametrize(
    ("admin", "name", "title"),
    [
        (True, "admin-access", "Claim with admin access"),
        (False, "ordinary-access", "Claim without admin access"),
    ],
)
@pytest.mark.parametrize("of_node", ["gpu.nvidia.com", ""])
def test_claim_that_is_offered_asks_for_a_device_of_the_nodes_class(
    admin: bool, name: str, title: str, of_node: str
) -> None:
    evidence = Kept()
    workspaces = SimpleNamespace(at=lambda: SimpleNamespace(namespace="ns"))
    refused = ApiError(422, "Invalid", "no", request="POST claim")
    profile = SimpleNamespace(device_class="of-the-vendor")
    node: Any = SimpleNamespace(device_class=of_node, profile=profile)
    source = "POST /apis/resource.k8s.io/v1/namespaces/ns/resourceclaims?dryRun=All"
    for answer in (lambda claim: claim, refused):
        platform: Any = SimpleNamespace(
            workspaces=workspaces, cluster=Cluster(answer), evidence=evidence
        )
        offer_claim(node, platform, admin=admin)
        assert evidence.sources.pop(title) == source
        if answer is not refused:
            claim = evidence.shown[title]
    assert evidence.shown[title] == str(refused)
    assert claim["metadata"] == {"name": name, "namespace": "ns"}
    (request,) = claim["spec"]["devices"]["requests"]
    assert request["exactly"]["deviceClassName"] == (of_node or "of-the-vendor")
    assert request["exactly"]["adminAccess"] is admin


@pytest.mark.parametrize(
    ("ordinary", "admin", "words"),
    [
        (True, False, ""),
        (True, True, "a claim with admin access is admitted in a namespace without the label"),
        (False, False, "a claim without admin access is refused: no"),
    ],
)
def test_ordinary_claim_has_to_be_admitted_and_admin_access_refused(
    monkeypatch: pytest.MonkeyPatch, ordinary: bool, admin: bool, words: str
) -> None:
    came = {False: ordinary, True: admin}
    monkeypatch.setattr(
        suite,
        "offer_claim",
        lambda node, platform, *, admin: ClaimOffer(admitted=came[admin], refusal="no"),
    )
    platform: Any = None
    nodes: Any = [NODE]

    check = suite.test_admin_access_is_refused_in_an_ordinary_namespace
    assert words_of(lambda: check(platform, nodes)) == words
