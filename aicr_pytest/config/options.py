"""Every option of the plugin, as data: command line, environment and project file know the same.

An option ``--aicr-keep`` is ``AICR_KEEP`` in the environment and ``aicr_keep`` in the project's
pytest configuration. What a value means and what is valid is said once, in ``parse``.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aicr_pytest.errors import SettingsError
from aicr_pytest.workloads.images import IMAGE_NAMES

if TYPE_CHECKING:
    import pytest

ALLOWANCES = {
    "scale-out": "let an autoscaler buy nodes",
    "load-balancer": "create a Service of type LoadBalancer, which may be public and cost money",
    "disruption": "delete pods of controllers to see them come back",
}
"""What costs or disturbs and needs the user's word, with what it is."""

KEEP = ("never", "failed", "always")
REDACTION = ("secrets", "pseudonyms", "identities")
ALLOCATION = ("auto", "dra", "extended-resource", "device-plugin")
# Requirements are imported by those who need them: every pytest on the machine imports this module.

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


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


class Option(NamedTuple):
    """One setting, and how it is given."""

    field: str
    """Field of ``Settings``."""
    flag: str
    """On the command line."""
    help: str
    """What it does, for ``--help``."""
    parse: Callable[[str], Any] = str
    """One value from its text; ValueError says what is valid, read on from "is not valid"."""
    metavar: str = ""
    """Stands for the value in the help; empty for a switch."""
    gather: Callable[[Sequence[Any]], Any] | None = None
    """Makes one value of all that were given; None where the option is given once."""
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


def _one_of(*valid: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in valid:
            raise ValueError(f"valid: {', '.join(valid)}")
        return text

    return parse


def _filled(what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.strip():
            raise ValueError(f"it has to be {what}")
        return text

    return parse


def _switch(text: str) -> bool:
    answers = {"1": True, "true": True, "yes": True, "on": True}
    answers |= {"0": False, "false": False, "no": False, "off": False}
    if text.strip().lower() not in answers:
        raise ValueError("valid: true, false")
    return answers[text.strip().lower()]


def _scale(text: str) -> float:
    wrong = "it has to be a number above 0, e.g. 2 on a slow cluster"
    try:
        scale = float(text)
    except ValueError:
        raise ValueError(wrong) from None
    if not 0 < scale < float("inf"):
        raise ValueError(wrong)
    return scale


def _seconds(text: str) -> float:
    wrong = "it has to be a number of seconds above 0, e.g. 900"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(wrong) from None
    if not 0 < seconds < float("inf"):
        raise ValueError(wrong)
    return seconds


def _reference(*, port: bool) -> Callable[[str], Reference]:
    form = "NAMESPACE/NAME" + ("[:PORT]" if port else "")

    def parse(text: str) -> Reference:
        found = re.fullmatch(r"([a-z0-9-]+)/([a-z0-9.-]+)(?::([a-z0-9-]+))?", text)
        if found is None or (found[3] and not port):
            raise ValueError(f"it has to be {form}")
        return Reference(namespace=found[1], name=found[2], port=found[3] or "")

    return parse


def _name(what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
            raise ValueError(f"it has to be the name of {what}")
        return text

    return parse


def _metric(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_:][\w:.-]*(=[0-9]+(\.[0-9]+)?)?", text):
        raise ValueError(
            "it has to be the name of a metric, e.g. DCGM_FI_DEV_GPU_UTIL, or NAME=TARGET"
        )
    return text


class HoldsSecret(ValueError):
    """A value that is not valid and must not be quoted."""


def _url(text: str) -> str:
    if re.match(r"[^/?#]*//[^/?#]*@", text):
        raise HoldsSecret(
            "a URL with credentials in it; it is kept in the evidence. A bearer token goes into "
            "the file of --aicr-prometheus-token-file"
        )
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError("it has to be http://… or https://…, without a query")
    if "@" in text:  # in the path too: a password may hold a slash
        raise ValueError(
            "it may hold no user name and no password, which would be seen wherever it is shown; "
            "name a file with a bearer token by --aicr-prometheus-token-file"
        )
    return text.rstrip("/")


def _solution(text: str) -> tuple[str, str]:
    from aicr_pytest.requirements.registry import AREAS, solution_names

    area, _, name = text.partition("=")
    if area not in AREAS:
        raise ValueError(f"it has to be AREA=NAME, AREA one of {', '.join(AREAS)}")
    if name not in (names := solution_names(area)):
        raise ValueError(f"solutions of {area} are: {', '.join(names) or 'none yet'}")
    return area, name


def _version(text: str) -> str:
    from aicr_pytest.requirements.catalogue import VERSIONS, minor_version

    try:
        minor = minor_version(text)
    except ValueError:
        minor = ""
    if minor not in VERSIONS:
        raise ValueError(f"lists are known for {', '.join(VERSIONS)}")
    return minor


def _lab_name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?", text):
        raise ValueError("at most 16 lower-case letters, digits and inner dashes")
    return text


def _feature(text: str) -> str:
    from aicr_pytest.requirements.catalogue import find_requirement

    try:
        return find_requirement(text).id
    except SettingsError as error:
        raise ValueError(str(error)) from None


def _toleration(text: str) -> Toleration:
    found = re.fullmatch(r"([\w./-]+)(?:=([\w.-]*))?(?::(\w+))?", text)
    if found is None or (found[3] and found[3] not in EFFECTS):
        raise ValueError(f"it has to be KEY[=VALUE][:EFFECT], EFFECT one of {', '.join(EFFECTS)}")
    return Toleration(key=found[1], value=found[2], effect=found[3])


def _image(text: str) -> tuple[str, str]:
    name, equals, reference = text.partition("=")
    if not (name and equals and reference) or any(c.isspace() for c in text):
        raise ValueError("it has to be NAME=REF, e.g. probe=registry.example/cuda:12.8.1")
    if name not in IMAGE_NAMES:
        raise ValueError(f"the suite's images are: {', '.join(IMAGE_NAMES)}")
    return name, reference


def _registry(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[\w./-]+)?", text):
        raise ValueError("it has to be HOST[:PORT][/PATH], without a scheme")
    return text.rstrip("/")


def _pattern(text: str) -> str:
    try:
        matches_nothing = re.compile(text).search("") is not None
    except re.error as error:
        raise ValueError(f"it has to be a regular expression: {error}") from None
    if matches_nothing:
        raise ValueError("it has to be a regular expression that does not match the empty text")
    return text


def _nodes(text: str) -> str:
    wrong = "valid: pools (one node of each kind), all, or a label selector such as zone=a"
    if text in ("pools", "all"):
        return "" if text == "pools" else text
    if not re.fullmatch(r"[\w./!=(), -]+", text) or not re.search(r"[=/.]| in ", text):
        raise ValueError(wrong)
    return text


def _allowances(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in words if word not in ALLOWANCES]
    if unknown or not words:
        raise ValueError(f"valid, separated by commas: {', '.join(ALLOWANCES)}")
    return words


def _not_applicable(text: str) -> tuple[str, str]:
    from aicr_pytest.requirements.catalogue import BY_ID

    name, _, reason = text.partition("=")
    if name.strip() not in BY_ID:
        raise ValueError(f"it has to be ID=REASON, ID one of {', '.join(BY_ID)}")
    if not reason.strip():
        raise ValueError("it needs a reason after the equals sign; the reason is published")
    return name.strip(), reason.strip()


OPTIONS: tuple[Option, ...] = (
    Option(
        field="evidence",
        flag="--evidence",
        parse=_switch,
        default=False,
        help="keep evidence: every observation as a file, one record per check, and the reports "
        "made of them (index.html, report.html, junit-report.xml, summary.md), "
        "in aicr-evidence/<run id>/",
    ),
    Option(
        field="evidence_dir",
        flag="--evidence-dir",
        metavar="DIR",
        parse=_filled("a directory"),
        help="keep evidence in DIR (implies --evidence); "
        "a directory that holds another run or something else is refused",
    ),
    Option(
        field="kubeconfig",
        flag="--aicr-kubeconfig",
        metavar="FILE",
        parse=_filled("a file"),
        help="kubeconfig of the cluster to look at; else KUBECONFIG, ~/.kube/config, "
        "or the service account inside a cluster; it is read, never written",
    ),
    Option(
        field="context",
        flag="--aicr-context",
        metavar="NAME",
        parse=_filled("the name of a context"),
        help="context of the kubeconfig; else its current one",
    ),
    Option(
        field="features",
        flag="--aicr-feature",
        metavar="NAME",
        parse=_feature,
        gather=lambda ids: tuple(dict.fromkeys(ids)),
        default=(),
        help="run the checks of one feature only; repeatable. Takes features (dra, secure …), "
        "their older names (dra-support, secure-access …) and requirement ids; "
        "`aicr-pytest list` shows all",
    ),
    Option(
        field="lab",
        flag="--aicr-lab",
        parse=_switch,
        default=False,
        help="run on the lab, a real Kubernetes with simulated accelerators on this machine: "
        "the one that runs, else one is started and taken down at the end",
    ),
    Option(
        field="lab_name",
        flag="--aicr-lab-name",
        metavar="NAME",
        parse=_lab_name,
        default="default",
        shown_default="default",
        help="which lab; labs of different names run side by side",
    ),
    Option(
        field="keep",
        flag="--aicr-keep",
        metavar="|".join(KEEP),
        parse=_one_of(*KEEP),
        default="never",
        shown_default="never",
        help="leave what a check created on the cluster, to look at it; "
        "`aicr-pytest clean` removes it later",
    ),
    Option(
        field="timeout_scale",
        flag="--aicr-timeout-scale",
        metavar="FACTOR",
        parse=_scale,
        default=1.0,
        shown_default="1",
        help="multiply every deadline but --aicr-scale-in-timeout, e.g. by 3 where images are "
        "pulled slowly",
    ),
    Option(
        field="allocation",
        flag="--aicr-allocation",
        metavar="|".join(ALLOCATION),
        parse=_one_of(*ALLOCATION),
        default="auto",
        shown_default="auto",
        help="how probe pods ask for accelerators; auto resolves it per node pool",
    ),
    Option(
        field="k8s_version",
        flag="--aicr-k8s-version",
        metavar="X.Y",
        parse=_version,
        help="whose list says what is a MUST; else the server's version "
        "(where no server is asked: the newest known)",
    ),
    Option(
        field="nodes",
        flag="--aicr-nodes",
        metavar="pools|all|SELECTOR",
        parse=_nodes,
        default="",
        shown_default="pools",
        help="which accelerator nodes are looked at: one of each distinct pool, model and "
        "allocation mechanism; all of them; or those with these labels",
    ),
    Option(
        field="tolerations",
        flag="--aicr-toleration",
        metavar="KEY[=VALUE][:EFFECT]",
        parse=_toleration,
        gather=tuple,
        default=(),
        help="a taint that probe pods tolerate beside those of their node; repeatable",
    ),
    Option(
        field="images",
        flag="--aicr-image",
        metavar="NAME=REF",
        parse=_image,
        gather=dict,
        default={},
        help="use another image for one of the suite's; repeatable; names: "
        + ", ".join(f"{name} ({what})" for name, what in IMAGE_NAMES.items()),
    ),
    Option(
        field="registry",
        flag="--aicr-registry",
        metavar="HOST[/PATH]",
        parse=_registry,
        help="pull all images from a mirror that keeps their paths",
    ),
    Option(
        field="pull_secret",
        flag="--aicr-pull-secret",
        metavar="[NAMESPACE/]NAME",
        parse=_filled("[NAMESPACE/]NAME of a Secret"),
        help="a pull secret on the cluster; it is copied into the namespaces of the run",
    ),
    Option(
        field="allow",
        flag="--aicr-allow",
        metavar="WHAT[,WHAT]",
        parse=_allowances,
        gather=lambda given: frozenset(word for words in given for word in words),
        default=frozenset(),
        help="allow what costs or disturbs: "
        + "; ".join(f"{name} ({what})" for name, what in ALLOWANCES.items())
        + ". Without it such checks are inconclusive. The lab allows all",
    ),
    Option(
        field="strict",
        flag="--aicr-strict",
        parse=_switch,
        default=False,
        help="let hardening checks, which go beyond the requirements' text, decide verdicts too",
    ),
    Option(
        field="not_applicable",
        flag="--aicr-not-applicable",
        metavar="ID=REASON",
        parse=_not_applicable,
        gather=dict,
        default={},
        help="declare a requirement N/A, with the reason that is published; repeatable. "
        "Its checks do not run. Of the MUSTs only cluster_autoscaling may be",
    ),
    Option(
        field="solutions",
        flag="--aicr-solution",
        metavar="AREA=NAME",
        parse=_solution,
        gather=dict,
        default={},
        help="look at this solution only, e.g. gang=kueue; repeatable, one per area. Else those "
        "that are installed are tried in a written order until one passes",
    ),
    Option(
        field="prometheus_url",
        flag="--aicr-prometheus-url",
        metavar="URL",
        parse=_url,
        help="where the monitoring system's Prometheus API answers, path prefix included; "
        "else it is looked for in the cluster",
    ),
    Option(
        field="prometheus_token_file",
        flag="--aicr-prometheus-token-file",
        metavar="FILE",
        parse=_filled("a file"),
        help="file with the bearer token for --aicr-prometheus-url; read anew for each request",
    ),
    Option(
        field="prometheus_service",
        flag="--aicr-prometheus-service",
        metavar="NAMESPACE/NAME[:PORT]",
        parse=_reference(port=True),
        help="Service of the cluster behind which the Prometheus API answers",
    ),
    Option(
        field="exporter",
        flag="--aicr-exporter",
        metavar="NAMESPACE",
        parse=_name("a namespace"),
        help="namespace of the platform's exporter of accelerator metrics, where several have one",
    ),
    Option(
        field="priority_class",
        flag="--aicr-priority-class",
        metavar="NAME",
        parse=_name("a PriorityClass"),
        help="PriorityClass of the pods of the checks; its preemptionPolicy has to be Never. Else "
        "the run makes one, so that its pods displace nobody",
    ),
    Option(
        field="hpa_metric",
        flag="--aicr-hpa-metric",
        metavar="NAME[=TARGET]",
        parse=_metric,
        help="metric of the metrics API by which pods are scaled, and what their average shall "
        "be kept at (50); else one that the accelerator's profile names",
    ),
    Option(
        field="queue",
        flag="--aicr-queue",
        metavar="NAME",
        parse=_name("a queue of the whole cluster, e.g. a ClusterQueue of Kueue"),
        help="queue of the whole cluster that the gang checks go through (Kueue: ClusterQueue; KAI "
        "has one too, others none); else Kueue gets one of the run's own, KAI its default-queue",
    ),
    Option(
        field="gateway",
        flag="--aicr-gateway",
        metavar="NAMESPACE/NAME",
        parse=_reference(port=False),
        help="Gateway that admits the routes of the checks; else the only one, or a new one where "
        "--aicr-allow load-balancer is given",
    ),
    Option(
        field="service",
        flag="--aicr-service",
        metavar="NAMESPACE/NAME[:PORT]",
        parse=_reference(port=True),
        help="inference service of yours to look at instead of the suite's sample: vLLM, SGLang, "
        "Text Generation Inference or NVIDIA NIM; it is sent requests",
    ),
    Option(
        field="scale_in_timeout",
        flag="--aicr-scale-in-timeout",
        metavar="SECONDS",
        parse=_seconds,
        default=900.0,
        shown_default="900",
        help="how long an autoscaler may take to remove a node that nobody uses; "
        "cluster-autoscaler waits 10 minutes before it begins",
    ),
    Option(
        field="redact",
        flag="--aicr-redact",
        metavar="|".join(REDACTION),
        parse=_one_of(*REDACTION),
        default="pseudonyms",
        shown_default="pseudonyms",
        help="what evidence goes without: credentials only (secrets); also the API server's "
        "address, accounts, projects, e-mail addresses and node names, each with the same "
        "pseudonym everywhere (pseudonyms); also every public address, cloud host, registry and "
        "resource id (identities). The terminal keeps true names",
    ),
    Option(
        field="redact_patterns",
        flag="--aicr-redact-pattern",
        metavar="REGEX",
        parse=_pattern,
        gather=tuple,
        default=(),
        help="take out what this regular expression of Python matches, in evidence and on the "
        "terminal; repeatable. Evidence tells how many were given, not which",
    ),
)

SUITE_INI = "aicr_suite"
SUITE_ENV = "AICR_SUITE"
SuiteMode = Literal["never", "asked", "checks", "always"]


def add_options(parser: "pytest.Parser") -> None:
    """Register every option and its twin in the project file."""
    group = parser.getgroup("aicr", "Kubernetes AI conformance (aicr-pytest)")
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
    for option in OPTIONS:
        _add(option, group, parser)


def _add(option: Option, group: Any, parser: "pytest.Parser") -> None:
    shown = f" (default: {option.shown_default})" if option.shown_default else ""
    help_text = (option.help + shown).replace("%", "%%")
    if option.is_switch:
        group.addoption(
            option.flag, dest=option.dest, action="store_true", default=None, help=help_text
        )
    else:
        action = "append" if option.gather else "store"
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
        return "bool"
    if option.gather:
        return "linelist"
    return float | int | str if option.parse is _scale else "string"
