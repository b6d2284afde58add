"""The run: settings, cluster, evidence and plan, from the first question to the last report."""

import datetime
import secrets
import shlex
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aicr_pytest.accelerators.vendors import PROFILES
from aicr_pytest.config.resolving import refuse_not_applicable
from aicr_pytest.errors import ApiError, Inconclusive, SettingsError
from aicr_pytest.evidence.redaction.platform_names import platform_names
from aicr_pytest.requirements.catalogue import VERSIONS, applicable_list
from aicr_pytest.run.client_observer import ClientObserver
from aicr_pytest.run.cluster_providers import ClusterMaker, Say, provider
from aicr_pytest.run.deaths import Deaths
from aicr_pytest.run.outage import Outage
from aicr_pytest.run.plan import Plan
from aicr_pytest.run.results import Results
from aicr_pytest.run.survey import Survey
from aicr_pytest.settings import Settings
from aicr_pytest.workloads.images import reference

if TYPE_CHECKING:
    from aicr_pytest.accelerators.discovery import Accelerators
    from aicr_pytest.accelerators.profile import Profile
    from aicr_pytest.cluster.client import Cluster
    from aicr_pytest.cluster.ledger import Ledger, Standing
    from aicr_pytest.cluster.observer import Observer
    from aicr_pytest.cluster.waiting import Waiter
    from aicr_pytest.evidence.check import CheckEvidence
    from aicr_pytest.evidence.door import Door
    from aicr_pytest.evidence.redaction.redact import Redactor
    from aicr_pytest.evidence.store import EvidenceStore

run_key = pytest.StashKey["Run"]()
"""Where the run of a pytest session is found; absent in runs that ask for no check."""

IN_CLUSTER = "in-cluster"
"""What a cluster's own service account is called instead of a context."""
_HURRIED = 0.02
"""What is left of every deadline once the user wants us to hurry."""

DEFAULT_EVIDENCE = "aicr-evidence"
"""Folder of the current directory that gets one folder per run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What every process of a run has in common; the controller decides it, workers inherit it."""

    run_id: str
    """Label of everything that the run creates."""
    directory: str | None = None
    """Where evidence goes; None: nowhere."""
    kubeconfig: str | None = None
    """File to read; None: wherever kubectl would look."""
    context: str | None = None
    """Context of the kubeconfig."""
    simulated: bool = False
    """Whether the accelerators are not real."""
    description: str = ""
    """What the cluster is, where a provider made it."""
    removal: str = ""
    """The command that deletes the cluster; empty where the run does not do that at its end."""
    suite_is_spare: bool = False
    """Whether the suite is meant only where nothing else is collected."""
    list_version: str = VERSIONS[-1]
    """Version whose list of requirements applies."""
    plans: str = ""
    """Folder through which processes tell each other what has to outlive them: what workers have
    collected, what was made on the cluster, which checks died with their worker."""
    redaction_key: str = ""
    """Key of the pseudonyms, so that all processes use the same ones; published nowhere."""
    learned: tuple[tuple[str, str], ...] = ()
    """Kinds and names that have pseudonyms in what is published."""
    looked_at: tuple[str, ...] = ()
    """Names of the nodes that checks look at; one worker's pods must not choose for another."""


class Run:
    """One run, as one process sees it."""

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        *,
        worker: str = "",
        awaiting: Callable[[str, str, float, float], None] = lambda *_: None,
        command: str = "",
        invocation_dir: Path | None = None,
    ) -> None:
        self.settings = settings
        """What the user wants."""
        self.shared = shared
        """What all processes of the run agree on."""
        self.worker = worker
        """Name of the xdist worker; empty in the controller and without xdist."""
        self.command = command
        """How the run was started."""
        self.invocation_dir = invocation_dir or Path.cwd()
        """Where."""
        self.plan = Plan()
        """The checks of the run; known after collection."""
        self.results = Results()
        """What came of each check; in the controller."""
        self.witnesses: list[Callable[[CheckEvidence], None]] = []
        """Who keeps what explains a check that did not pass."""
        self.survey = Survey()
        """What accelerators there are; known once the controller has started the run."""
        self.official_words: Mapping[str, str] = {}
        """Requirement id → CNCF's own words, where the user has a checkout of them."""
        self.interrupted = False
        """Whether a signal or somebody's word ended it."""
        self.hurried = threading.Event()
        """Set once nothing shall be waited for any more."""
        self.left = threading.Event()
        """Set once the user has left, whatever stays."""
        self.outage = Outage(self.hurried)
        """How long the API server has been silent while something was taken down."""
        self.removals: list[threading.Thread] = []
        """Of what workers that died have left; they go on beside the run."""
        self.problems: list[str] = []
        """What is wrong with the run itself: workers that died, evidence that was lost."""
        self.left_behind: list[str] = []
        """What stays on the cluster at the end, one line each."""
        self.upstream = ""
        """How upstream's suite ended beside this run; empty while it has not."""
        self.kept: list[str] = []
        """What stays there by the user's wish."""
        self.started = datetime.datetime.now(datetime.UTC)
        """When the run began."""
        self._awaiting = awaiting
        self._redactor: Redactor | None = None
        self._door: Door | None = None
        self._store: EvidenceStore | None = None
        self._cluster: Cluster | None = None
        self._ledger: Ledger | None = None
        self._waiter: Waiter | None = None
        self._provided: tuple[ClusterMaker, str] | None = None

    @property
    def run_id(self) -> str:
        """Label of everything that the run creates."""
        return self.shared.run_id

    @property
    def directory(self) -> Path | None:
        """Where evidence goes; None: nowhere."""
        return Path(self.shared.directory) if self.shared.directory else None

    @property
    def simulated(self) -> bool:
        """Whether the accelerators are not real."""
        return self.shared.simulated

    @property
    def store(self) -> "EvidenceStore":
        """The evidence of this process; opened when first needed.

        Raises:
            SettingsError: its directory cannot be written or holds something else.
        """
        if self._store is None:
            from aicr_pytest.evidence.store import EvidenceStore

            self._store = EvidenceStore.open(
                self.directory, self.run_id, self.redactor, worker=self.worker
            )
        return self._store

    @property
    def redactor(self) -> "Redactor":
        """The one of this process; to be had without opening the store."""
        if self._redactor is None:
            from aicr_pytest.evidence.redaction.redact import Redactor

            self._redactor = Redactor(
                self.settings.redact_patterns,
                level=self.settings.redact,
                key=self.shared.redaction_key,
                learned=self.shared.learned,
            )
        return self._redactor

    @property
    def door(self) -> "Door":
        """What every text passes on its way to a file or the terminal."""
        if self._door is None:
            from aicr_pytest.evidence.door import Door

            self._door = Door(self.redactor)
        return self._door

    @property
    def evidence(self) -> "CheckEvidence":
        """The evidence of the check that runs.

        Raises:
            SettingsError: none runs; the fixture is used by a test that is no check.
        """
        if self.store.current is None:
            raise SettingsError(
                "Evidence belongs to a check, and this test is none.\n"
                '  Mark it: @pytest.mark.aicr_check(requirement="<id>")'
            )
        return self.store.current

    @property
    def cluster(self) -> "Cluster":
        """The cluster under test; connected when first needed.

        Raises:
            SettingsError: the kubeconfig is unreadable or has no such context.
            ApiUnreachable: the API server gives no answer.
            AccessDenied: it does not accept our credentials.
        """
        if self._cluster is None:
            from aicr_pytest.cluster.client import Cluster

            self._cluster = Cluster.connect(
                kubeconfig=self.shared.kubeconfig,
                context=self.shared.context,
                run_id=self.run_id,
                observer=self.observer,
                clean=self.redactor.text,
                ledger=self.ledger,
            )
            self._cluster.labels = self.settings.labels
        return self._cluster

    @property
    def ledger(self) -> "Ledger":
        """What this process has made on the cluster and has not seen gone."""
        if self._ledger is None:
            self._ledger = self.ledger_of(self.worker or "main")
        return self._ledger

    def ledger_of(self, process: str) -> "Ledger":
        """The same of another process, which may be dead."""
        from aicr_pytest.cluster.ledger import SUFFIX, Ledger

        return Ledger(self._folder / f"{process}{SUFFIX}" if self._folder else None)

    @property
    def standing(self) -> "Standing":
        """What all processes of the run have made and not seen gone."""
        from aicr_pytest.cluster.ledger import standing_in

        own = self.ledger.standing()
        return own.joined(standing_in(self._folder)) if self._folder else own

    @property
    def deaths(self) -> Deaths:
        """Which checks died with their worker."""
        return Deaths(self._folder, self.worker)

    @property
    def waiter(self) -> "Waiter":
        """Waits on the cluster, for all fixtures of this process.

        Raises:
            SettingsError, ApiUnreachable, AccessDenied: as ``cluster`` does.
        """
        if self._waiter is None:
            from aicr_pytest.cluster.waiting import Waiter

            self._waiter = Waiter(self.cluster, self.settings.timeout_scale)
        return self._waiter

    def hurry(self) -> None:
        """Let every wait end soon, also those that go on already; safe in a signal handler.

        What ends gracefully is asked for and not waited for; nothing becomes less graceful.
        """
        self.hurried.set()
        if self._waiter is not None:
            self._waiter.scale = min(self._waiter.scale, _HURRIED)
        if self._cluster is not None:
            usual = self._cluster.patience
            self._cluster.patience = replace(usual, seconds=2.0, longest=0.5, connect=2.0, read=5.0)

    def leave(self) -> None:
        """Let nothing be waited for at all; safe in a signal handler."""
        self.left.set()
        self.hurry()
        if self._cluster is not None:
            usual = self._cluster.patience
            self._cluster.patience = replace(usual, seconds=0.0, connect=1.0, read=1.0)

    @property
    def clean_command(self) -> str:
        """What removes what this run has left, to be pasted into a shell."""
        if self.shared.removal:
            return self.shared.removal  # it goes with the cluster, which is about to be deleted
        words = ["aicr-pytest", "clean", "--run", self.run_id]
        if self.settings.lab:
            words += ["--aicr-lab", "--aicr-lab-name", self.settings.lab_name]
        else:
            context = self.shared.context
            if context is None and self._cluster is not None:
                context = self._cluster.context  # by then another one may be the current one
            words += ["--aicr-kubeconfig", self.shared.kubeconfig] if self.shared.kubeconfig else []
            words += ["--aicr-context", context] if context and context != IN_CLUSTER else []
        return shlex.join(words)

    @property
    def connected(self) -> bool:
        """Whether the cluster was reached."""
        return self._cluster is not None

    @property
    def observer(self) -> "Observer":
        """Who is told what the client does."""
        return ClientObserver(self.store, self._awaiting)

    @property
    def accelerators(self) -> "Accelerators":
        """The cluster's accelerators as the settings choose them; a new look each time."""
        from aicr_pytest.accelerators.discovery import accelerators_for

        return accelerators_for(self.cluster, self.settings, self.shared.looked_at)

    def image(self, name: str, profile: "Profile" = PROFILES[0]) -> str:
        """Where one of the suite's images is pulled from."""
        chosen = self.settings
        return reference(name, replaced=chosen.images, registry=chosen.registry, profile=profile)

    def provide(self, say: Say, *, release: str | None = None) -> None:
        """Start the cluster that the user asked for, if any.

        Args:
            release: Kubernetes' version for what makes clusters of any; None: the newest known.

        Raises:
            SettingsError: it cannot be had; the message is the provider's.
        """
        settings = self.settings
        if not (settings.lab or settings.provision):
            return
        option = "lab" if settings.lab else "provision"
        try:
            maker = self._maker(release or f"{self.shared.list_version}.0")
            name = settings.lab_name if settings.lab else f"aicr-{self.run_id}"
            if settings.provision:
                # Before the action: none has that name, so that it is ours however far it comes.
                self._provided = (maker, name)
            made = maker.start(name, say)
        except Exception as error:  # somebody else's code: its words are all that helps
            origin = settings.origins.get(option, f"--aicr-{option}")
            raise SettingsError(f"{origin}: {error}") from error
        if made.started_here:
            self._provided = (maker, name)
        self._share(
            kubeconfig=str(made.kubeconfig),
            simulated=made.simulated,
            description=f"{made.description}{', made for this run' * made.started_here}",
            removal=maker.removal(name) if made.started_here else "",
        )

    def _maker(self, release: str) -> ClusterMaker:
        if self.settings.provision in ("", "lab"):
            return provider("lab")
        from aicr_pytest.run.managed_clusters import ManagedClusters

        return ManagedClusters(
            self.settings.provision,
            version=release,
            scale=self.settings.timeout_scale,
            awaiting=self._awaiting,
            left=self.left,
        )

    def connect(self) -> None:
        """Reach the cluster and learn which list applies.

        Raises:
            SettingsError: as ``cluster`` does; or what the user declared N/A is a MUST there.
            ApiUnreachable, AccessDenied: as ``cluster`` does.
        """
        version = self.cluster.version()
        self.learn(platform_names(self.cluster.server, self.cluster.context))
        if self.settings.k8s_version is None:
            self._share(list_version=applicable_list(version))
        refuse_not_applicable(
            self.settings.not_applicable,
            self.shared.list_version,
            self.settings.origins.get("not_applicable", ""),
        )

    def pull_secret(self) -> dict[str, Any] | None:
        """A copy of the Secret that --aicr-pull-secret names.

        Raises:
            SettingsError: there is none of that name.
        """
        from aicr_pytest.cluster.kinds import SECRET
        from aicr_pytest.workloads.workspaces import pull_secret

        if self.settings.pull_secret is None:
            return None
        namespace, _, name = self.settings.pull_secret.rpartition("/")
        try:
            return pull_secret(self.cluster.get(SECRET, name, namespace or "default"))
        except ApiError as error:
            raise SettingsError(
                # Said so that no redactor takes the name for what the Secret holds.
                f"{self.settings.pull_secret!r} cannot be read (--aicr-pull-secret): {error}"
            ) from error

    def record_survey(self, survey: Survey) -> None:
        """Keep what was found, and whether the nodes themselves say that they are simulated."""
        self.survey = survey
        self.learn(("node", name) for name in survey.nodes)
        self._share(looked_at=survey.looked_at, simulated=self.simulated or survey.simulated)

    def learn(self, names: Iterable[tuple[str, str]]) -> None:
        """Give names of the platform pseudonyms, in this process and in workers that start later.

        Args:
            names: kind and name of each.
        """
        redactor = self.redactor
        for kind, name in names:
            redactor.learn(kind, name)
        self._share(learned=redactor.learned)

    def not_applicable(self, requirement: str) -> str:
        """The user's reason why a requirement is N/A; empty where it is not."""
        return self.settings.not_applicable.get(requirement, "")

    def give_back(self, say: Say) -> list[str]:
        """Delete the cluster that was made for this run; what is amiss then. Never raises."""
        if self._provided is None:
            return []
        (maker, name), self._provided = self._provided, None
        try:
            maker.stop(name, say)
        except KeyboardInterrupt:
            why = "its deletion was not waited for"
        # At the end of a session nobody catches it any more.
        except Exception as error:  # noqa: BLE001 - see above
            why = str(error)
        else:
            return []
        command = maker.removal(name)
        return [f"the cluster made for this run may be there still: {why}. Delete it: {command}"]

    def forget_evidence(self) -> None:
        """Take back what was begun of it: the run cannot begin, the next try needs the place."""
        if self._store is not None:
            self._store.discard()

    def close(self) -> None:
        """Give back what this process holds; never raises."""
        if self._store is not None:
            self._store.finish()

    def share_plans(self, directory: Path) -> None:
        """Tell workers where to leave what they collected, and what else outlives them."""
        self._share(plans=str(directory))

    @property
    def _folder(self) -> Path | None:
        return Path(self.shared.plans) if self.shared.plans else None

    def _share(self, **changes: Any) -> None:
        self.shared = Shared(**{**asdict(self.shared), **changes})


def begin(settings: Settings, *, run_id: str, invocation_dir: Path) -> Shared:
    """What a new run starts with."""
    directory = settings.evidence_dir
    if settings.evidence and directory is None:
        directory = invocation_dir / DEFAULT_EVIDENCE / run_id
    return Shared(
        run_id=run_id,
        directory=str(directory) if directory else None,
        kubeconfig=settings.kubeconfig,
        context=settings.context,
        list_version=settings.k8s_version or VERSIONS[-1],
        redaction_key=secrets.token_hex(16),
    )


def missing_access(run: Run) -> Sequence[str]:
    """Verbs without which no check can begin, and which the API server refuses us."""
    from aicr_pytest.cluster.access_review import review
    from aicr_pytest.requirements.rights import basic_needs

    try:
        return [str(need) for need in review(run.cluster, basic_needs())]
    except Inconclusive:
        return []  # who may not even ask learns it from the first check
