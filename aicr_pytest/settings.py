"""One frozen object with every setting of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aicr_pytest.choices import ALLOWANCES, Publication
from aicr_pytest.errors import NotAllowed


class Toleration(NamedTuple):
    """A taint that probe pods tolerate, beside the taints of the node they are meant for."""

    key: str
    """Key of the taint."""
    value: str | None = None
    """Value of the taint; None tolerates every value."""
    effect: str | None = None
    """Effect of the taint; None tolerates every effect."""

    def as_object(self) -> dict[str, str]:
        """The toleration as it stands in a pod's spec."""
        found = {"key": self.key, "operator": "Exists" if self.value is None else "Equal"}
        if self.value is not None:
            found["value"] = self.value
        if self.effect is not None:
            found["effect"] = self.effect
        return found


class Reference(NamedTuple):
    """An object on the cluster that the user names as ``NAMESPACE/NAME`` or with a port."""

    namespace: str
    """Namespace of the object."""
    name: str
    """Name of the object."""
    port: str = ""
    """Number or name of a port; empty: the object's only one."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" + (f":{self.port}" if self.port else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user wants; read and validated once, before anything is asked of a cluster."""

    evidence: bool = False
    """Whether evidence is kept on disk."""
    evidence_dir: Path | None = None
    """Where evidence goes, absolute; None: ``aicr-evidence/<run id>`` of the current directory."""
    cncf_submission: Path | None = None
    """Checkout of cncf/k8s-ai-conformance that the run's pull request goes into; None: none."""
    product: Path | None = None
    """The vendor's product.yaml; None: the one in the current directory."""
    upstream_suite: str = ""
    """Test binary of upstream's suite with its flags, as a shell takes them apart; empty: none."""
    kubeconfig: str | None = None
    """File to read; None: KUBECONFIG, the default file, or the service account in a pod."""
    context: str | None = None
    """Context of the kubeconfig; None: the current one."""
    features: tuple[str, ...] = ()
    """Requirement ids that were asked for; empty: all."""
    lab: bool = False
    """Whether the run happens on the lab."""
    lab_name: str = "default"
    """Which lab."""
    provision: str = ""
    """What makes the cluster of the run, one of ``choices.PROVISION``; empty: it is there."""
    keep: str = "never"
    """``never``, ``failed`` or ``always``: what stays on the cluster."""
    timeout_scale: float = 1.0
    """Factor of every deadline."""
    allocation: str = "auto"
    """``auto``, ``dra``, ``extended-resource`` or ``device-plugin``."""
    k8s_version: str | None = None
    """Minor version whose list applies, e.g. ``1.37``; None: the server's."""
    nodes: str = ""
    """Accelerator nodes to look at: ``all`` or a label selector; empty: one of each kind."""
    tolerations: tuple[Toleration, ...] = ()
    """Beside the taints of a probe pod's own node."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels beside our own on everything that the run creates."""
    images: dict[str, str] = field(default_factory=dict)
    """Image references that replace the suite's, by the suite's name for the image."""
    registry: str | None = None
    """Mirror that all images are pulled from; None: where their names say."""
    pull_secret: str | None = None
    """``[namespace/]name`` of a Secret on the cluster; None: no pull secret."""
    allow: frozenset[str] = frozenset()
    """What may cost or disturb; keys of ``choices.ALLOWANCES``."""
    strict: bool = False
    """Whether hardening checks decide verdicts."""
    not_applicable: dict[str, str] = field(default_factory=dict)
    """Requirement id → the user's reason why it is N/A."""
    solutions: dict[str, str] = field(default_factory=dict)
    """Area → name of the only solution to look at; an area that is missing tries all."""
    prometheus_url: str | None = None
    """Base URL of the Prometheus API; None: it is looked for in the cluster."""
    prometheus_token_file: str | None = None
    """File with the bearer token for ``prometheus_url``; None: no token."""
    priority_class: str | None = None
    """PriorityClass of our pods, one that never preempts; None: the run makes its own."""
    exporter: str | None = None
    """Namespace of the platform's metrics exporter; None: wherever it is."""
    prometheus_service: Reference | None = None
    """Service behind which the Prometheus API answers; None: it is looked for."""
    hpa_metric: str | None = None
    """Metric by which pods are scaled; None: one that the accelerator's profile names."""
    queue: str | None = None
    """Queue of the whole cluster for gangs; None: one of the run's own."""
    gateway: Reference | None = None
    """Gateway for the routes of the checks; None: the only one, or a new one."""
    service: Reference | None = None
    """Inference service of the user; None: the suite's sample."""
    scale_in_timeout: float = 900.0
    """Seconds within which an autoscaler removes a node that nobody uses; never scaled."""
    redact: Publication = "pseudonyms"
    """What evidence is published without, beside credentials."""
    redact_patterns: tuple[str, ...] = ()
    """Regular expressions; what they match is taken out of evidence and terminal."""
    origins: dict[str, str] = field(default_factory=dict)
    """Field → where its value came from, e.g. ``AICR_KEEP (environment)``; defaults are absent."""

    def needs(self, allowance: str) -> None:
        """Go on only where the user allows what costs or disturbs.

        Raises:
            NotAllowed: the user does not; the hint says how.
        """
        if allowance not in self.allow:
            raise NotAllowed(
                f"This check would {ALLOWANCES[allowance]}.",
                hint=f"Allow it with --aicr-allow {allowance}.",
            )

    def as_text(self) -> dict[str, str]:
        """What differs from the defaults, and where it came from, for run.json."""
        return {name: f"{self._shown(name)}  [{o}]" for name, o in self.origins.items()}

    def _shown(self, name: str) -> str:
        if name == "redact_patterns":
            # They say what must not be published, perhaps letter by letter.
            return f"{len(self.redact_patterns)} given"
        text = _text(getattr(self, name))
        if name == "upstream_suite":
            program, gap, flags = text.partition(" ")
            return Path(program).name + gap + flags
        # Evidence is published; where it lay on somebody's machine is not part of it.
        return Path(text).name if name in _PATHS else text


_PATHS = ("evidence_dir", "cncf_submission", "product", "kubeconfig", "prometheus_token_file")


def _text(value: Any) -> str:
    if isinstance(value, Toleration):
        return ":".join(f"{key}={text}" for key, text in value.as_object().items())
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={text}" for key, text in value.items())
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(_text(item) for item in value))
    return str(value)
