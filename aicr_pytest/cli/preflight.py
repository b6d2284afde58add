"""What a run would need, what the cluster has, and what would come of it: nothing is created."""

import dataclasses
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aicr_pytest.choices import ALLOWANCES, IMAGE_NAMES
from aicr_pytest.cli.forecast import Forecast, forecasts
from aicr_pytest.cli.pulling import Pulled, needed, pull
from aicr_pytest.cluster.kinds import RESOURCE_CLAIM
from aicr_pytest.cluster.names import new_run_id
from aicr_pytest.cluster.stillness import standing_still
from aicr_pytest.errors import AicrError, SolutionAbsent, UnknownSolution
from aicr_pytest.requirements.catalogue import list_told
from aicr_pytest.requirements.rights import all_needs
from aicr_pytest.run.session import Run, begin
from aicr_pytest.run.survey import Survey, take

if TYPE_CHECKING:
    from aicr_pytest.cluster.access_review import Need
    from aicr_pytest.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What was found."""

    context: str
    """Of the kubeconfig."""
    server: str
    """URL of the API server."""
    version: str
    """Of Kubernetes."""
    list_version: str
    """Whose list of requirements applies."""
    dra: tuple[str, ...]
    """Kinds of resource.k8s.io that are served, in that version."""
    dra_version: str
    """Group and version of DRA that is spoken: v1, or a beta where the server has no v1."""
    survey: Survey
    """Nodes and accelerators."""
    missing: "tuple[Need, ...]"
    """Rights that the suite needs and that we do not have."""
    absent: tuple[str, ...]
    """API groups that are not served: nothing is done with them, so that no right is missing."""
    access_trouble: str
    """Why rights could not be reviewed; empty where they were."""
    images: dict[str, str]
    """Where the suite's images are pulled from."""
    solutions: dict[str, tuple[str, ...]]
    """Area → the installed solutions, as they are tried; or why nobody could look."""
    allowed: frozenset[str]
    """What the user has opted in to."""
    forecasts: tuple[Forecast, ...]
    """What would come of each requirement."""
    pulled: tuple[Pulled, ...] = ()
    """What came of pulling the images; empty where that was not asked for."""

    @property
    def is_ready(self) -> bool:
        """Whether a run would say something of every requirement that is not opt-in."""
        blind = any(not one.could_look for one in self.forecasts)
        unpulled = any(one.trouble for one in self.pulled)
        return not (blind or unpulled or self.missing or self.access_trouble)

    @property
    def conclusion(self) -> str:
        """Ready or not, and how many requirements would run or not."""
        counts: dict[str, int] = {}
        for one in self.forecasts:
            words = "needs your word" if one.opt_in else one.words
            counts[words] = counts.get(words, 0) + 1
        told = ", ".join(f"{count} {words}" for words, count in counts.items())
        also = [
            f"{len(self.missing)} rights are missing" if self.missing else "",
            "rights could not be reviewed" if self.access_trouble else "",
            "not every image was pulled" if any(one.trouble for one in self.pulled) else "",
        ]
        state = "READY" if self.is_ready else "NOT READY"
        return f"{state}: " + "; ".join(
            word for word in (f"of {len(self.forecasts)} requirements {told}", *also) if word
        )

    def as_lines(self) -> list[str]:
        """For people."""
        lines = [
            f"cluster: context {self.context}, {self.server}, Kubernetes {self.version}",
            f"requirements: {list_told(self.version, self.list_version)}",
            f"{self.dra_version}: {', '.join(self.dra) or 'not served'}",
            *(f"accelerators: {line}" for line in self.survey.lines()),
            *self.survey.remarks(),
            *(
                map(str, self.pulled)
                if self.pulled
                else (f"image {name}: {ref}" for name, ref in self.images.items())
            ),
        ]
        for area, found in self.solutions.items():
            lines += [f"solutions of {area}: {one}" for one in found or ("none is installed",)]
        if self.access_trouble:
            lines.append(f"rights: could not be reviewed: {self.access_trouble}")
        elif not self.missing:
            lines.append("rights: all there")
        if self.absent:
            lines.append(f"rights: none is needed for what is not served: {', '.join(self.absent)}")
        lines += self._missing_rights()
        for name, what in ALLOWANCES.items():
            state = "allowed" if name in self.allowed else f"opt-in, --aicr-allow {name}"
            lines.append(f"{name}: {what}: {state}")
        width = max((len(one.id) for one in self.forecasts), default=0)
        lines += [one.line(width) for one in self.forecasts]
        return [*lines, self.conclusion]

    def _missing_rights(self) -> list[str]:
        """All that are missing in one line, by what they are needed for, and one way out."""
        if not self.missing:
            return []
        features: dict[str, list[str]] = {}
        for need in self.missing:
            features.setdefault(need.feature, []).append(str(need))
        told = "; ".join(f"{name}: {', '.join(dict.fromkeys(n))}" for name, n in features.items())
        return [
            f"rights: MISSING {told}",
            (
                "rights: an administrator grants them: `aicr-pytest rbac | kubectl apply -f -`; "
                "--json says what each is for"
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ready": self.is_ready,
            "cluster": {
                "context": self.context,
                "server": self.server,
                "version": self.version,
                "nodes": list(self.survey.nodes),
            },
            "list_version": self.list_version,
            "dra": list(self.dra),
            "dra_version": self.dra_version,
            "accelerators": [
                {
                    "node": node.name,
                    "pool": node.pool_label,
                    "model": node.model,
                    "mechanism": node.mechanism,
                    "total": node.total,
                    "free": node.free,
                    "looked_at": node.name in self.survey.looked_at,
                }
                for node in self.survey.stock
            ],
            "accelerators_trouble": self.survey.trouble,
            "clock_ahead_seconds": self.survey.clock_ahead,
            "other_runs": list(self.survey.other_runs),
            "images": self.images,
            "solutions": {area: list(found) for area, found in self.solutions.items()},
            "rights_missing": [
                {"right": str(need), "feature": need.feature, "why": need.why}
                for need in self.missing
            ],
            "rights_not_needed": list(self.absent),
            "rights_trouble": self.access_trouble,
            "opt_in": {name: name in self.allowed for name in ALLOWANCES},
            "requirements": [
                {
                    "id": one.id,
                    "level": str(one.level),
                    "expected": one.expected,
                    "because": one.because,
                    "opt_in": one.opt_in,
                }
                for one in self.forecasts
            ],
            "pulled": [
                {
                    "image": one.name,
                    "reference": one.reference,
                    "digest": one.digest,
                    "node": one.node,
                    "trouble": one.trouble,
                }
                for one in self.pulled
            ],
        }


def examine(
    settings: "Settings", say: Callable[[str], None], *, pulling: bool = False
) -> Preflight:
    """Look at the cluster.

    Args:
        pulling: start a pod of each image, and take it down again.

    Raises:
        AicrError: it cannot be reached at all; or a pod of ours stays.
    """
    run = _run(settings, say)
    run.connect()
    say(f"looking at {run.cluster.server} …")
    with standing_still(run.cluster):
        seen = _look(run)
    if not pulling:
        return seen
    running = [one.id for one in seen.forecasts if one.expected == "would run"]
    return dataclasses.replace(seen, pulled=pull(run, needed(run, running)))


def _look(run: Run) -> Preflight:
    cluster = run.cluster
    missing, absent, trouble = _missing(run)
    dra = cluster.spoken(RESOURCE_CLAIM)
    return Preflight(
        context=cluster.context,
        server=cluster.server,
        version=cluster.version(),
        list_version=run.shared.list_version,
        dra=tuple(cluster.serves(dra.group, dra.version)),
        dra_version=dra.api_version,
        survey=take(cluster, run.accelerators),
        missing=missing,
        absent=absent,
        access_trouble=trouble,
        images=_images(run),
        solutions=_solutions(run),
        allowed=run.settings.allow,
        forecasts=forecasts(run, missing),
    )


def _images(run: Run) -> dict[str, str]:
    try:
        profile = run.accelerators.wanted_profile()
    except AicrError:  # the survey tells it
        return {name: run.image(name) for name in IMAGE_NAMES}
    return {name: run.image(name, profile) for name in IMAGE_NAMES}


def _run(settings: "Settings", say: Callable[[str], None]) -> Run:
    from dataclasses import replace
    from pathlib import Path

    from aicr_pytest.cli.awaiting import Awaiting
    from aicr_pytest.run.cluster_providers import running_kubeconfig

    kubeconfig: str | Path | None = settings.kubeconfig
    if settings.lab:
        kubeconfig = running_kubeconfig("lab", settings.lab_name)
    quiet = replace(
        settings,
        kubeconfig=str(kubeconfig) if kubeconfig else None,
        evidence=False,
        evidence_dir=None,
    )
    run_id = new_run_id(datetime.datetime.now(datetime.UTC))
    shared = begin(quiet, run_id=run_id, invocation_dir=Path.cwd())
    return Run(quiet, shared, awaiting=Awaiting(say).awaiting)


def _solutions(run: Run) -> dict[str, tuple[str, ...]]:
    from aicr_pytest.requirements.registry import AREAS, discover

    found: dict[str, tuple[str, ...]] = {}
    for area in AREAS:
        try:
            candidates = discover(area, run.cluster, run.settings.solutions, settings=run.settings)
        except UnknownSolution as error:
            found[area] = (f"unknown: {str(error).partition(chr(10))[0]}",)
        except SolutionAbsent:
            found[area] = ()
        except AicrError as error:
            found[area] = (f"could not be looked for: {str(error).partition(chr(10))[0]}",)
        else:
            found[area] = tuple(str(candidate) for candidate in candidates)
    return found


def _missing(run: Run) -> "tuple[tuple[Need, ...], tuple[str, ...], str]":
    """Rights that are missing, groups that are not served, and why nobody could look."""
    from aicr_pytest.cluster.access_review import review
    from aicr_pytest.cluster.answers import groups_of

    try:
        wanted = {need.group for need in all_needs() if need.group}
        groups = groups_of(run.cluster.raw("GET", "/apis"))
        absent = sorted(wanted.difference(groups)) if groups else []  # who may not ask has all
        features = {*run.settings.features, "every check"}
        asked = [n for n in all_needs() if n.feature in features or not run.settings.features]
        needs = [need for need in asked if need.group not in absent]
        return tuple(review(run.cluster, needs)), tuple(absent), ""
    except AicrError as error:
        return (), (), str(error).partition("\n")[0]
