"""Every option of the plugin, as data: command line, environment and project file know the same.

An option ``--aicr-keep`` is ``AICR_KEEP`` in the environment and ``aicr_keep`` in the project's
pytest configuration. What is valid stands in ``parsers``: every pytest on the machine imports this
module, and few need those.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aicr_pytest.choices import ALLOCATION, ALLOWANCES, IMAGE_NAMES, KEEP, PROVISION, REDACTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest


GROUPS = {
    "target": "the cluster",
    "selection": "what is looked at",
    "limits": "what a run may do, and how long it waits",
    "pods": "what runs in the cluster",
    "platform": "products of the platform",
    "evidence": "evidence",
}
"""Groups of options as ``--help`` shows them, in this order."""


class Option(NamedTuple):
    """One setting, and how it is given."""

    field: str
    """Field of ``Settings``."""
    group: str
    """Key of ``GROUPS``."""
    flag: str
    """On the command line."""
    help: str
    """What it does, for ``--help``."""
    metavar: str = ""
    """Stands for the value in the help; empty for a switch."""
    several: bool = False
    """Whether it may be given more than once."""
    default: Any = None
    """Value where nobody gives one."""
    shown_default: str = ""
    """The default in the help; empty shows none."""

    @property
    def dest(self) -> str:
        """Attribute of pytest's option namespace; ours alone, also for ``--evidence``."""
        return self.ini

    @property
    def ini(self) -> str:
        """Key in the project's pytest configuration."""
        name = self.flag.removeprefix("--").replace("-", "_")
        return name if name.startswith("aicr_") else f"aicr_{name}"

    @property
    def env(self) -> str:
        """Environment variable; several values are separated by semicolons."""
        return self.ini.upper()

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off and takes no value."""
        return not self.metavar


OPTIONS: tuple[Option, ...] = (
    Option(
        field="evidence",
        group="evidence",
        flag="--evidence",
        default=False,
        help="keep evidence: every observation as a file, one record per check, and the reports "
        "made of them (index.html, report.html, junit-report.xml, ctrf.json, summary.md), "
        "in aicr-evidence/<run id>/",
    ),
    Option(
        field="evidence_dir",
        group="evidence",
        flag="--evidence-dir",
        metavar="DIR",
        help="keep evidence in DIR (implies --evidence); "
        "a directory that holds another run or something else is refused",
    ),
    Option(
        field="cncf_submission",
        group="evidence",
        flag="--cncf-submission",
        metavar="CHECKOUT",
        help="end the run with its pull request, written into this checkout of "
        "cncf/k8s-ai-conformance (implies --evidence), as `aicr-pytest submit` does",
    ),
    Option(
        field="product",
        group="evidence",
        flag="--aicr-product",
        metavar="FILE",
        help="with --cncf-submission: the product.yaml that says what no run can see; else the one "
        "in the current directory",
    ),
    Option(
        field="upstream_suite",
        group="evidence",
        flag="--upstream-suite",
        metavar="PATH",
        default="",
        help="after the checks, run upstream's own suite on the same cluster and keep its log as "
        "upstream/e2e.log (implies --evidence): a test binary of kubernetes-sigs/ai-conformance, "
        "made by `go test -c`, or 'PATH FLAG …' in quotes. A submission names its tests as "
        "evidence",
    ),
    Option(
        field="kubeconfig",
        group="target",
        flag="--aicr-kubeconfig",
        metavar="FILE",
        help="kubeconfig of the cluster to look at; else KUBECONFIG, ~/.kube/config, "
        "or the service account inside a cluster; it is read, never written",
    ),
    Option(
        field="context",
        group="target",
        flag="--aicr-context",
        metavar="NAME",
        help="context of the kubeconfig; else its current one",
    ),
    Option(
        field="features",
        group="selection",
        flag="--aicr-feature",
        metavar="NAME",
        several=True,
        default=(),
        help="run the checks of one feature only; repeatable. Takes features (dra, secure …), "
        "their older names (dra-support, secure-access …) and requirement ids; "
        "`aicr-pytest list` shows all",
    ),
    Option(
        field="lab",
        group="target",
        flag="--aicr-lab",
        default=False,
        help="run on the lab, a real Kubernetes with simulated accelerators on this machine: "
        "the one that runs, else a run starts one and takes it down at its end",
    ),
    Option(
        field="lab_name",
        group="target",
        flag="--aicr-lab-name",
        metavar="NAME",
        default="default",
        shown_default="default",
        help="which lab; labs of different names run side by side",
    ),
    Option(
        field="provision",
        group="target",
        flag="--aicr-provision",
        metavar="|".join(PROVISION),
        default="",
        help="make a cluster for this run and delete it at the end, however that comes: with kind, "
        "k3d or minikube, through pytest-kubernetes, whose --k8s-version says which Kubernetes; "
        "or a lab of its own. Your kubeconfig is not touched",
    ),
    Option(
        field="keep",
        group="limits",
        flag="--aicr-keep",
        metavar="|".join(KEEP),
        default="never",
        shown_default="never",
        help="leave what a check created on the cluster, to look at it; "
        "`aicr-pytest clean` removes it later",
    ),
    Option(
        field="timeout_scale",
        group="limits",
        flag="--aicr-timeout-scale",
        metavar="FACTOR",
        default=1.0,
        shown_default="1",
        help="multiply every deadline but --aicr-scale-in-timeout, e.g. by 3 where images are "
        "pulled slowly",
    ),
    Option(
        field="allocation",
        group="selection",
        flag="--aicr-allocation",
        metavar="|".join(ALLOCATION),
        default="auto",
        shown_default="auto",
        help="how probe pods ask for accelerators; auto resolves it per node pool",
    ),
    Option(
        field="k8s_version",
        group="selection",
        flag="--aicr-k8s-version",
        metavar="X.Y",
        help="whose list says what is a MUST; else the server's version "
        "(where no server is asked: the newest known)",
    ),
    Option(
        field="nodes",
        group="selection",
        flag="--aicr-nodes",
        metavar="pools|all|SELECTOR",
        default="",
        shown_default="pools",
        help="which accelerator nodes are looked at: one of each distinct pool, model and "
        "allocation mechanism; all of them; or those with these labels",
    ),
    Option(
        field="tolerations",
        group="pods",
        flag="--aicr-toleration",
        metavar="KEY[=VALUE][:EFFECT]",
        several=True,
        default=(),
        help="a taint that probe pods tolerate beside those of their node; repeatable",
    ),
    Option(
        field="labels",
        group="pods",
        flag="--aicr-label",
        metavar="KEY=VALUE",
        several=True,
        default={},
        help="a label for everything that the run creates, as admission policies want of pods and "
        "namespaces; repeatable",
    ),
    Option(
        field="images",
        group="pods",
        flag="--aicr-image",
        metavar="NAME=REF",
        several=True,
        default={},
        help="use another image for one of the suite's; repeatable; names: "
        + ", ".join(f"{name} ({what})" for name, what in IMAGE_NAMES.items()),
    ),
    Option(
        field="registry",
        group="pods",
        flag="--aicr-registry",
        metavar="HOST[/PATH]",
        help="pull all images from a mirror that keeps their paths",
    ),
    Option(
        field="pull_secret",
        group="pods",
        flag="--aicr-pull-secret",
        metavar="[NAMESPACE/]NAME",
        help="a pull secret on the cluster; it is copied into the namespaces of the run",
    ),
    Option(
        field="allow",
        group="limits",
        flag="--aicr-allow",
        metavar="WHAT[,WHAT]",
        several=True,
        default=frozenset(),
        help="allow what costs or disturbs: "
        + "; ".join(f"{name} ({what})" for name, what in ALLOWANCES.items())
        + ". Without it such checks are inconclusive. The lab allows all, "
        "and so does a cluster made by --aicr-provision",
    ),
    Option(
        field="strict",
        group="selection",
        flag="--aicr-strict",
        default=False,
        help="let hardening checks, which go beyond the requirements' text, decide verdicts too",
    ),
    Option(
        field="not_applicable",
        group="selection",
        flag="--aicr-not-applicable",
        metavar="ID=REASON",
        several=True,
        default={},
        help="declare a requirement N/A, with the reason that is published; repeatable. "
        "Its checks do not run. Of the MUSTs only cluster_autoscaling may be",
    ),
    Option(
        field="solutions",
        group="platform",
        flag="--aicr-solution",
        metavar="AREA=NAME",
        several=True,
        default={},
        help="look at this solution only, e.g. gang=kueue; repeatable, one per area. Else those "
        "that are installed are tried in a written order until one passes",
    ),
    Option(
        field="prometheus_url",
        group="platform",
        flag="--aicr-prometheus-url",
        metavar="URL",
        help="where the monitoring system's Prometheus API answers, path prefix included; "
        "else it is looked for in the cluster",
    ),
    Option(
        field="prometheus_token_file",
        group="platform",
        flag="--aicr-prometheus-token-file",
        metavar="FILE",
        help="file with the bearer token for --aicr-prometheus-url; read again for each request",
    ),
    Option(
        field="prometheus_service",
        group="platform",
        flag="--aicr-prometheus-service",
        metavar="NAMESPACE/NAME[:PORT]",
        help="Service of the cluster behind which the Prometheus API answers",
    ),
    Option(
        field="exporter",
        group="platform",
        flag="--aicr-exporter",
        metavar="NAMESPACE",
        help="namespace of the platform's exporter of accelerator metrics, where several have one",
    ),
    Option(
        field="priority_class",
        group="pods",
        flag="--aicr-priority-class",
        metavar="NAME",
        help="PriorityClass of the pods of the checks; its preemptionPolicy has to be Never. Else "
        "the run makes one, so that its pods displace nobody",
    ),
    Option(
        field="hpa_metric",
        group="platform",
        flag="--aicr-hpa-metric",
        metavar="NAME[=TARGET]",
        help="metric of the metrics API by which pods are scaled, and what their average shall "
        "be kept at (50); else one that the accelerator's profile names",
    ),
    Option(
        field="queue",
        group="platform",
        flag="--aicr-queue",
        metavar="NAME",
        help="queue of the whole cluster that the gang checks go through (Kueue: ClusterQueue; KAI "
        "has one too, others none); else Kueue gets one of the run's own, KAI its default-queue",
    ),
    Option(
        field="gateway",
        group="platform",
        flag="--aicr-gateway",
        metavar="NAMESPACE/NAME",
        help="Gateway that admits the routes of the checks; else the only one, or a new one where "
        "--aicr-allow load-balancer is given",
    ),
    Option(
        field="service",
        group="platform",
        flag="--aicr-service",
        metavar="NAMESPACE/NAME[:PORT]",
        help="inference service of yours to look at instead of the suite's sample: vLLM, SGLang, "
        "Text Generation Inference or NVIDIA NIM; it is sent requests",
    ),
    Option(
        field="scale_in_timeout",
        group="limits",
        flag="--aicr-scale-in-timeout",
        metavar="SECONDS",
        default=900.0,
        shown_default="900",
        help="how long an autoscaler may take to remove a node that nobody uses; "
        "cluster-autoscaler waits 10 minutes before it begins",
    ),
    Option(
        field="redact",
        group="evidence",
        flag="--aicr-redact",
        metavar="|".join(REDACTION),
        default="pseudonyms",
        shown_default="pseudonyms",
        help="what evidence goes without: credentials only (secrets); also the API server's "
        "address, accounts, projects, e-mail addresses and node names, each with the same "
        "pseudonym everywhere (pseudonyms); also every public address, cloud host, registry and "
        "resource id (identities). The terminal keeps true names",
    ),
    Option(
        field="redact_patterns",
        group="evidence",
        flag="--aicr-redact-pattern",
        metavar="REGEX",
        several=True,
        default=(),
        help="take out what this regular expression of Python matches, in evidence and on the "
        "terminal; repeatable. Evidence tells how many were given, not which",
    ),
)


def given(namespace: "Mapping[str, Any]") -> bool:
    """Whether a command line gives any of them a value, be it an empty one."""
    return any(namespace.get(option.dest) not in (None, []) for option in OPTIONS)


_TITLE = "Kubernetes AI conformance (aicr-pytest)"
SUITE_INI = "aicr_suite"
SUITE_ENV = "AICR_SUITE"
SuiteMode = Literal["never", "asked", "checks", "always"]


def add_options(parser: "pytest.Parser") -> None:
    """Register every option and its twin in the project file."""
    group = parser.getgroup("aicr", _TITLE)
    group.addoption(
        "--aicr",
        dest=SUITE_INI,
        action="store_true",
        default=None,
        help="run the conformance suite that comes with the plugin, e.g. `pytest --aicr -m dra`. "
        "Every option below is also an environment variable (--aicr-keep: AICR_KEEP; several "
        "values separated by semicolons) and an ini option (aicr_keep); the command line wins "
        "over the environment, and that over the file",
    )
    parser.addini(
        SUITE_INI,
        "true: plain `pytest` runs the conformance suite too; checks: this project has checks of "
        "its own for aicr-pytest; asked: the suite runs where a feature mark asks for it",
        type=bool | Literal["asked", "checks"],
        default=False,
    )
    for name, title in GROUPS.items():
        group = parser.getgroup(f"aicr-{name}", f"{_TITLE}: {title}")
        for option in OPTIONS:
            if option.group == name:
                _add(option, group, parser)


def _add(option: Option, group: Any, parser: "pytest.Parser") -> None:
    shown = f" (default: {option.shown_default})" if option.shown_default else ""
    help_text = (option.help + shown).replace("%", "%%")
    if option.is_switch:
        group.addoption(
            option.flag, dest=option.dest, action="store_true", default=None, help=help_text
        )
    else:
        action = "append" if option.several else "store"
        group.addoption(
            option.flag,
            dest=option.dest,
            action=action,
            default=None,
            metavar=option.metavar,
            help=help_text,
        )
    parser.addini(option.ini, f"see {option.flag}", type=_ini_type(option), default=None)


def _ini_type(option: Option) -> Any:
    if option.is_switch:
        return bool | str  # a word that is neither is refused by its parser, by name
    if option.several:
        return "linelist"
    return float | int | str if isinstance(option.default, float) else "string"
