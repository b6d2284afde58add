"""The Job of a run on the cluster: made, followed, its evidence fetched, taken down."""

import base64
import copy
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import urllib3

from aicr_pytest.cluster import labels
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.kinds import JOB, POD, SERVICE_ACCOUNT, Object, full_name
from aicr_pytest.cluster.pod_state import PERMANENT_IMAGE_REASONS
from aicr_pytest.cluster.waiting import Waiter
from aicr_pytest.cluster.watching import Subject, Views
from aicr_pytest.errors import AicrError, ApiError, ProbeFailed, SettingsError, WaitFailed
from aicr_pytest.in_cluster.manifests import FOLDER, HOLD, JOB_LABEL, NAME, OURS, RUN, Plan, objects
from aicr_pytest.in_cluster.summary import Summary

_STARTS = 600.0
"""Seconds until the suite runs: a node is found, the image is pulled."""
_AGAIN = 1.0
"""Seconds until a log that has ended is asked for again."""
_GONE = 360.0
"""Seconds until a deleted Job and its pod are gone: a run takes down what it has made first."""
_QUIET = 60.0
"""Seconds of a silent log after which it is asked for anew."""
_LINE = 1 << 16
"""Bytes of a line of the log that are shown."""
_GIVEN = 60.0
"""Seconds for a piece of the evidence."""
_MOST = 1 << 30
"""Bytes of an archive that is fetched."""


class PlainCluster(Cluster):
    """A client whose objects carry no labels of a run: they are of none, and `clean` is not
    concerned with them."""

    def ours(self, obj: Object) -> Object:
        """A copy as it is."""
        return copy.deepcopy(obj)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the suite's container ended."""

    exit_code: int
    """Of the container: the run's own, or 137 and its like of a killed one."""
    why: str
    """Kubernetes' reason where it was no ordinary end, e.g. ``OOMKilled``; else empty."""
    summary: Summary | None
    """Its last words; None where it has left none."""


class JobRun:
    """A run inside the cluster, whether it was begun by this process or by another.

    Args:
        say: is told what happens, line by line.
    """

    def __init__(
        self, cluster: Cluster, waiter: Waiter, namespace: str, say: Callable[[str], None]
    ) -> None:
        self._cluster = cluster
        self._waiter = waiter
        self._namespace = namespace
        self._say = say
        self._pods = Subject(kind=POD, namespace=namespace, labels=f"{JOB_LABEL}={NAME}")
        self._pod = ""

    def start(self, plan: Plan) -> None:
        """Make what the run needs, and the Job; what is there already is used as it is.

        Raises:
            SettingsError: a run is there already.
        """
        if self._cluster.find(JOB, NAME, self._namespace):
            raise SettingsError(
                f"Job {self._namespace}/{NAME}: a run is there already.\n"
                f"  Follow it with --attach, or end it with --remove."
            )
        made = objects(plan)
        # Who has made the account has chosen its rights, too.
        account = self._cluster.find(SERVICE_ACCOUNT, NAME, self._namespace)
        is_theirs = account is not None and not _is_ours(account)
        for obj in made:
            if is_theirs and obj["kind"] not in ("Namespace", "ServiceAccount", "Job"):
                continue
            if self._is_unknown(obj):
                self._say(f"{obj['kind']}: this Kubernetes has none; nothing holds the account")
            elif self._there(obj):
                self._say(f"{self._named(obj)}: is there already, and is left as it is")
            else:
                self._cluster.create(obj)

    def begin(self) -> None:
        """Wait until the suite runs, or has run.

        Raises:
            WaitFailed: it will not.
            WaitTimeout: not in time.
            SettingsError: there is no Job.
        """
        if not self._cluster.find(JOB, NAME, self._namespace):
            raise SettingsError(
                f"Job {self._namespace}/{NAME}: there is none.\n"
                "  Without --attach a run is begun; --namespace says where."
            )

        def judge(views: Views) -> Object | None:
            pod = next(iter(views[0].values()), None)
            job = next(iter(views[1].values()), None)
            if pod is None:
                if failed := _failed(job):
                    raise WaitFailed(f"Job {self._namespace}/{NAME}: {failed}")
                return None
            waits = _state(pod, RUN).get("waiting", {})
            if waits.get("reason") in PERMANENT_IMAGE_REASONS:
                raise WaitFailed(f"Pod {self._namespace}/{pod['metadata']['name']}: {_seen(pod)}")
            return pod if _state(pod, RUN).keys() & {"running", "terminated"} else None

        no_pod = f"no pod yet; why: kubectl describe job -n {self._namespace} {NAME}"
        job = Subject(kind=JOB, namespace=self._namespace, name=NAME)
        pod: Object = self._waiter.until(
            f"Job {self._namespace}/{NAME}: the suite runs",
            [self._pods, job],
            judge=judge,
            describe=lambda views: next(map(_seen, views[0].values()), no_pod),
            timeout=_STARTS,
        )
        self._pod = pod["metadata"]["name"]

    def follow(self, show: Callable[[str], None]) -> Ended:
        """Show the log as it comes, from its beginning, until the suite has ended.

        Raises:
            WaitFailed: the pod is gone.
        """
        since = ""
        while True:
            ended = self._ended()  # before the log, which is then read to its end
            for stamp, line in self._log(since):
                since = stamp
                show(line)
            if ended is not None:
                return ended
            time.sleep(_AGAIN)  # the log ends a little before the status says so

    def fetch(self, into: Path) -> bool:
        """Write the archive of the evidence to a file; false where the run has left none.

        Raises:
            ProbeFailed: it cannot be read whole.
        """
        try:
            offered = json.loads(self._part("offer"))
            if not offered:
                return False
            size, digest = int(offered["size"]), hashlib.sha256()
            if size > _MOST:
                raise ProbeFailed(f"The evidence has {size} bytes; {_MOST} are taken.")
            with into.open("wb") as file:
                while (offset := file.tell()) < size:
                    piece = base64.b64decode(self._part("give", f"--offset={offset}"))
                    if not piece:
                        break
                    file.write(piece)
                    digest.update(piece)
            if digest.hexdigest() == offered["sha256"]:
                return True
        except (ValueError, TypeError, KeyError) as error:
            raise ProbeFailed(f"Pod {self._namespace}/{self._pod}: {error}") from error
        raise ProbeFailed("The archive of the evidence has not come as it was sent.")

    def release(self) -> None:
        """Let the pod end: its evidence is taken."""
        self._part("take")

    @property
    def where(self) -> Literal["pod", "claim", "nowhere"]:
        """Where the evidence is: held in the pod, in a claim, or gone with who held it."""
        pod = self._cluster.get(POD, self._pod, self._namespace)
        if all(one.get("name") != HOLD for one in pod["spec"]["containers"]):
            return "claim"
        return "pod" if "running" in _state(pod, HOLD) else "nowhere"

    @property
    def pod(self) -> str:
        """Name of the pod; its folder in a claim is called so."""
        return self._pod

    def remove(self) -> list[str]:
        """Take down the Job, and then what was made for it; says what is left, and why."""
        left: list[str] = []
        made = objects(Plan(namespace=self._namespace))
        for obj in reversed(made):
            name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
            try:
                if self._is_unknown(obj):
                    continue
                kind = self._cluster.kind_of(obj)
                there = self._cluster.find(kind, name, namespace)
                if there is None or not _is_ours(there):
                    continue
                self._cluster.delete(kind, name, namespace, uid=there["metadata"]["uid"])
                if kind == JOB:
                    self._await_gone()
                elif obj["kind"] == "Namespace":
                    self._waiter.until_gone(f"Namespace {name}: gone", kind, name, timeout=_GONE)
            except AicrError as error:
                left.append(f"{obj['kind']} {name}: {error}")
                if obj["kind"] == JOB.name:
                    break  # its run needs its rights until it has taken down what it made
        return left

    def _await_gone(self) -> None:
        self._waiter.until(
            f"Job {self._namespace}/{NAME}: its pod is gone",
            [self._pods],
            judge=lambda views: None if views[0] else True,
            describe=lambda views: next(map(_seen, views[0].values()), "gone"),
            timeout=_GONE,
        )

    def _is_unknown(self, obj: Object) -> bool:
        """Whether the API server does not serve this kind."""
        try:
            self._cluster.kind_of(obj)
        except ApiError as error:
            if error.status == 404:
                return True
            raise
        return False

    def _there(self, obj: Object) -> bool:
        """Whether there is such an object."""
        metadata = obj["metadata"]
        kind = self._cluster.kind_of(obj)
        return self._cluster.find(kind, metadata["name"], metadata.get("namespace")) is not None

    def _named(self, obj: Object) -> str:
        metadata = obj["metadata"]
        return full_name(self._cluster.kind_of(obj), metadata["name"], metadata.get("namespace"))

    def _ended(self) -> Ended | None:
        """How the suite ended; None while it runs."""
        what = f"Pod {self._namespace}/{self._pod}"
        pod = self._cluster.find(POD, self._pod, self._namespace)
        if pod is None:
            raise WaitFailed(
                f"{what}: is gone, and its evidence with it.\n"
                "  What its run has left on the cluster: aicr-pytest clean"
            )
        state = _state(pod, RUN)
        if "running" in state and pod.get("status", {}).get("phase") == "Running":
            return None
        if "terminated" not in state:
            raise WaitFailed(f"{what}: {_seen(pod)}")
        ended = state["terminated"]
        reason = str(ended.get("reason") or "")
        return Ended(
            exit_code=int(ended.get("exitCode", 1)),
            why="" if reason in ("Completed", "Error") else reason,
            summary=Summary.read(str(ended.get("message") or "")),
        )

    def _log(self, since: str) -> Iterator[tuple[str, str]]:
        """Lines with their times, from a time on; ends with the container or the connection."""
        query = [("container", RUN), ("follow", "true"), ("timestamps", "true")]
        query += [("sinceTime", since)] if since else []
        try:
            pods = Subject(kind=POD, namespace=self._namespace)
            stream = self._cluster.stream(pods, query, self._pod, "log", read_timeout=_QUIET)
        except ApiError as error:
            if error.status == 404:
                return  # the pod is gone, which is told elsewhere
            raise
        try:
            for line in _lines(stream):
                stamp, _, text = line.partition(" ")
                if stamp > since:  # kubelet's all have nine digits behind the point
                    yield stamp, text
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return  # dropped, or silent for too long: asked again from the last line on
        finally:
            stream.close()

    def _part(self, *words: str) -> str:
        """What a command of ours prints in the container that holds the evidence."""
        command = ["python3", "-m", "aicr_pytest.cli.in_pod", words[0], f"--folder={FOLDER}"]
        done = self._cluster.exec(
            self._pod, self._namespace, [*command, *words[1:]], container=HOLD, timeout=_GIVEN
        )
        if done.exit_code:
            raise ProbeFailed(f"Pod {self._namespace}/{self._pod}: {done.stderr.strip()[-300:]}")
        return done.stdout


def _lines(stream: Any) -> Iterator[str]:
    rest = b""
    for chunk in stream.stream(_LINE, decode_content=False):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line[:_LINE].decode(errors="replace") for line in whole)
        rest = rest[:_LINE]
    if rest:
        yield rest.decode(errors="replace")


def _is_ours(obj: Object) -> bool:
    carried = obj["metadata"].get("labels") or {}
    writers = labels.writers(obj)  # stripped by some
    return OURS.items() <= carried.items() and (not writers or labels.MANAGER in writers)


def _state(pod: Object, container: str) -> dict[str, Any]:
    statuses: list[Object] = pod.get("status", {}).get("containerStatuses") or []
    for status in statuses:
        if status.get("name") == container:
            return dict(status.get("state") or {})
    return {}


def _seen(pod: Object) -> str:
    """What a pod's status says, in a line."""
    status: Object = pod.get("status", {})
    waits = _state(pod, RUN).get("waiting", {})
    conditions: list[Object] = status.get("conditions") or []
    unscheduled = [c.get("message") for c in conditions if c.get("reason") == "Unschedulable"]
    told = [waits.get("reason"), waits.get("message"), *unscheduled]
    told += [status.get("reason"), status.get("message")]
    return ": ".join([str(status.get("phase", "Pending")), *(str(one) for one in told if one)])


def _failed(job: Object | None) -> str:
    """Why a Job has failed; empty while it has not."""
    conditions: list[Object] = (job or {}).get("status", {}).get("conditions") or []
    told = [f"{c.get('reason')}: {c.get('message')}" for c in conditions if c["type"] == "Failed"]
    return next(iter(told), "")
