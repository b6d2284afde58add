"""Admin access to devices: whether the API server refuses a claim that asks for it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicr_pytest.cluster.kinds import RESOURCE_CLAIM
from aicr_pytest.cluster.refusals import excuse_of
from aicr_pytest.errors import ApiError, DoesNotApply
from aicr_pytest.workloads.manifests import render_actor

if TYPE_CHECKING:
    from aicr_pytest.accelerators.inventory import AcceleratorNode
    from aicr_pytest.requirements.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOffer:
    """What the API server said to a claim that was offered by dry run."""

    admitted: bool
    """Whether it would take it."""
    refusal: str = ""
    """Why not, in its own words."""


def offer_claim(node: "AcceleratorNode", platform: "Platform", *, admin: bool) -> ClaimOffer:
    """Offer a claim by dry run.

    Raises:
        DoesNotApply: the API server drops the field, i.e. it knows no admin access.
        Inconclusive: a policy or quota refuses the claim without admin access.
    """
    workspace, evidence = platform.workspaces.at(), platform.evidence
    (claim,) = render_actor(
        "secure_accelerator_access/admin-claim",
        name="admin-access" if admin else "ordinary-access",
        device_class=node.device_class or node.profile.device_class,
        admin=str(admin).lower(),
    )
    claim["metadata"]["namespace"] = workspace.namespace
    title = f"Claim with{'' if admin else 'out'} admin access"
    kind = platform.cluster.spoken(RESOURCE_CLAIM)
    source = f"{kind.request('POST', workspace.namespace)}?dryRun=All"
    try:
        admitted = platform.cluster.create(claim, dry_run=True)
    except ApiError as error:
        if error.status == 404:
            raise DoesNotApply("The API server serves no ResourceClaims.") from error
        evidence.text(title, str(error), source=source)
        if not admin and (excuse := excuse_of(error)):
            raise excuse from error
        return ClaimOffer(admitted=False, refusal=error.message)
    evidence.yaml(title, admitted, source=source)
    if admin and "adminAccess" not in admitted["spec"]["devices"]["requests"][0]["exactly"]:
        raise DoesNotApply("The API server knows no admin access to devices.")
    return ClaimOffer(admitted=True)
