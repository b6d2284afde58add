"""`aicr-pytest in-cluster` on a fake API server: made, followed, brought back, taken down."""

import base64
import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aicr_pytest.cli import in_pod
from aicr_pytest.cli.main import main
from aicr_pytest.evidence.run import read_run
from aicr_pytest.in_cluster import job
from aicr_pytest.in_cluster.job import JobRun
from aicr_pytest.in_cluster.manifests import OURS
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.cluster.fake_websocket import WebSocket
from tests.unit.evidence import small_run

RUN = "20261123-201405-7f3a"
NAMESPACE = "aicr-pytest"
JOB = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/aicr-pytest"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
POD = f"{PODS}/aicr-pytest-x1"
ACCOUNT = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
Object = dict[str, Any]


def pod(state: Object, **status: Any) -> Object:
    statuses = [{"name": "run", "state": state}, {"name": "hold", "state": {"running": {}}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "aicr-pytest-x1",
            "labels": {"batch.kubernetes.io/job-name": "aicr-pytest"},
        },
        "spec": {"containers": [{"name": "run"}, {"name": "hold"}]},
        "status": {"phase": "Running", "containerStatuses": statuses, **status},
    }


def terminated(code: int = 0, reason: str = "Completed", message: str = "") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


class Cluster:
    """A cluster whose Job has one pod; its log and what its containers do are given."""

    def __init__(self, fake: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fake = fake
        self.folder = tmp_path / "pod"
        self.folder.mkdir()
        self.words: list[str] = []
        self._config = fake.kubeconfig(tmp_path)
        self._monkeypatch = monkeypatch
        fake.resources[ADMISSION] = [
            {"kind": kind, "name": kind.lower(), "namespaced": False}
            for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
        ]
        fake.streams[f"{POD}/exec"] = self._exec
        fake.texts[f"{POD}/log"] = (
            "2026-11-23T20:14:05.1Z collected 60 items\n2026-11-23T20:14:06.2Z 60 passed\n"
        )

    def ran(self, code: int = 0, **more: Any) -> None:
        """The pod's run has ended, and left evidence."""
        place = in_pod.Place(self.folder)
        small_run.make(place.evidence, RUN)
        in_pod._leave(place, code, None)
        self.fake.put(PODS, pod(terminated(code, message=place.summary.read_text(), **more)))

    def command(self, *words: str) -> int:
        return main(["in-cluster", "--aicr-kubeconfig", self._config, *words])

    @property
    def made(self) -> list[str]:
        """Paths of what was created, in order."""
        return [path for method, path, _ in self.fake.requests if method == "POST"]

    def when_asked_again(self, deed: Callable[[], object]) -> None:
        """Do it before the pod's log is asked for a second time."""
        deeds = [deed]

        def sleep(seconds: float) -> None:
            if deeds:
                deeds.pop()()

        self._monkeypatch.setattr(job, "time", SimpleNamespace(sleep=sleep))

    def _exec(self, socket: WebSocket, query: dict[str, list[str]]) -> None:
        assert query["container"] == ["hold"]
        words = query["command"][3:]
        self.words.append(words[0])
        if words[0] == "take":
            self.fake.later(0.0, lambda: self.fake.remove(POD))
        words[1] = f"--folder={self.folder}"
        parsed = in_pod._parser().parse_args(words)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            parsed.part(parsed)
        socket.send(b"\1" + said.getvalue().encode())
        socket.send(b"\3" + json.dumps({"status": "Success"}).encode())
        socket.close()


@pytest.fixture
def cluster(fake: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(in_pod, "LAST_WORDS", tmp_path / "last-words")
    return Cluster(fake, tmp_path, monkeypatch)


def test_a_run_is_made_shown_brought_back_and_taken_down(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ran(1)

    assert cluster.command("--", "-m", "must") == 1

    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "collected 60 items",
        "60 passed",
        "robust_controller  Implemented",
        f"evidence: aicr-evidence/{RUN}",
    ]
    assert read_run(Path("aicr-evidence") / RUN).run_id == RUN
    assert [path.name for path in Path("aicr-evidence").iterdir()] == [RUN]
    assert cluster.words == ["offer", "give", "take"]
    assert fake.objects == {}
    kinds = [path.split("?")[0].rpartition("/")[2] for path in cluster.made]
    assert (kinds[0], kinds[-1]) == ("namespaces", "jobs")
    assert {"validatingadmissionpolicy", "clusterroles", "serviceaccounts"} <= set(kinds)


def test_rights_go_after_the_pod_that_needs_them(cluster: Cluster, fake: FakeApi) -> None:
    cluster.ran()

    assert cluster.command() == 0

    gone = [path for method, path, _ in fake.requests if method == "DELETE"]
    assert gone[0] == JOB
    assert gone[-1] == f"/api/v1/namespaces/{NAMESPACE}"


def test_an_account_that_is_there_keeps_its_rights_and_stays(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.put("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    fake.put(ACCOUNT, {"metadata": {"name": "aicr-pytest"}})
    cluster.ran()

    assert cluster.command() == 0

    assert len(cluster.made) == 1
    assert set(fake.objects) == {f"/api/v1/namespaces/{NAMESPACE}", f"{ACCOUNT}/aicr-pytest"}
    assert "ServiceAccount aicr-pytest" in capsys.readouterr().err


def test_what_others_applied_stays_though_it_carries_our_labels(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the printed manifests are in a repository, and a controller applies them."""
    from aicr_pytest.in_cluster.manifests import Plan, objects

    (theirs,) = (obj for obj in objects(Plan()) if obj["kind"] == "Namespace")
    theirs["metadata"]["managedFields"] = [{"manager": "argocd", "operation": "Apply"}]
    fake.put("/api/v1/namespaces", theirs)
    cluster.ran()

    assert cluster.command() == 0

    assert set(fake.objects) == {f"/api/v1/namespaces/{NAMESPACE}"}


def test_a_run_that_is_there_is_not_disturbed(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.put(JOB.rpartition("/")[0], {"metadata": {"name": "aicr-pytest"}})

    assert cluster.command() == 4

    assert "--attach" in capsys.readouterr().err
    assert cluster.made == []
    assert JOB in fake.objects


def test_a_lost_terminal_finds_its_run_again(
    cluster: Cluster,
    fake: FakeApi,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster.ran()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(JobRun, "follow", interrupted)
        assert cluster.command() == 130
    said = capsys.readouterr().err
    assert "in-cluster --namespace aicr-pytest --attach" in said
    assert "in-cluster --namespace aicr-pytest --remove" in said
    assert JOB in fake.objects

    assert cluster.command("--attach", "--evidence-dir", "out") == 0
    assert read_run(Path("out")).run_id == RUN
    assert fake.objects == {}


def test_there_is_nothing_to_attach_to(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.command("--attach") == 4
    assert "there is none" in capsys.readouterr().err


def test_what_was_refused_half_way_leaves_nothing(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    held = "is attempting to grant RBAC permissions not currently held"
    message = f"clusterroles is forbidden: user me (groups=[]) {held}"
    fake.refuse("POST", "clusterroles", 403, reason="Forbidden", message=message)

    assert cluster.command() == 4

    assert "escalate" in capsys.readouterr().err
    assert fake.objects == {}


def test_the_log_goes_on_from_its_last_line_after_a_drop(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.put(PODS, pod({"running": {}}))
    whole = fake.texts[f"{POD}/log"]
    fake.texts[f"{POD}/log"] = whole[: whole.index("\n") + 1]

    def rest() -> None:
        fake.texts[f"{POD}/log"] = whole
        cluster.ran()

    cluster.when_asked_again(rest)
    assert cluster.command() == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["collected 60 items", "60 passed"]
    assert len(fake.asked("GET", "sinceTime=2026-11-23T20%3A14%3A05.1Z")) > 0


def test_evidence_of_a_killed_run_comes_back_with_the_reason(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run.make(in_pod.Place(cluster.folder).evidence, RUN, exit_status=None)
    fake.put(PODS, pod(terminated(137, "OOMKilled")))

    assert cluster.command() == 137

    said = capsys.readouterr()
    assert "OOMKilled" in said.err
    assert "aicr-pytest clean" in said.err
    assert "evidence: aicr-evidence/aicr-pytest-x1" in said.out


def test_evidence_that_was_changed_on_its_way_is_not_kept(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ran()
    encode = base64.b64encode
    changing = SimpleNamespace(b64encode=lambda data: encode(data[:-1] + b"x"))
    monkeypatch.setattr(in_pod, "base64", changing)
    assert cluster.command() == 4

    said = capsys.readouterr()
    assert "has not come as it was sent" in said.err
    assert "--attach" in said.err  # it is still there
    assert list(Path("aicr-evidence").iterdir()) == []
    assert "take" not in cluster.words


def test_an_image_that_cannot_be_had_is_told_at_once(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {"reason": "ErrImageNeverPull", "message": "no image localhost/aicr-pytest:0.1.0"}
    fake.put(PODS, pod({"waiting": waiting}, phase="Pending"))

    assert cluster.command() == 4

    assert "ErrImageNeverPull: no image localhost/aicr-pytest" in capsys.readouterr().err


def test_a_pod_that_is_taken_away_is_told(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.put(PODS, pod({"running": {}}))
    cluster.when_asked_again(lambda: fake.remove(POD))

    assert cluster.command() == 4

    assert "is gone, and its evidence with it" in capsys.readouterr().err


def test_a_claim_keeps_evidence_that_nobody_fetches(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ran()
    fake.change(POD, lambda obj: obj["spec"].update(containers=[{"name": "run"}]))
    fake.later(0.5, lambda: fake.remove(POD))

    assert cluster.command("--evidence-claim", "disk") == 0

    assert "in the claim, in the folder aicr-pytest-x1" in capsys.readouterr().out
    assert cluster.words == []


def test_evidence_that_nobody_took_in_time_is_told_as_gone(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ran(1)
    fake.put(JOB.rpartition("/")[0], {"metadata": {"name": "aicr-pytest"}})
    ended = [{"name": "run", "state": terminated(1)}, {"name": "hold", "state": terminated()}]
    fake.change(POD, lambda obj: obj["status"].update(containerStatuses=ended, phase="Failed"))

    assert cluster.command("--attach") == 1

    assert "gone, since nobody took it" in capsys.readouterr().err
    assert cluster.words == []


def test_an_account_that_an_earlier_run_left_gets_its_rights_again(
    cluster: Cluster, fake: FakeApi
) -> None:
    left = {"name": "aicr-pytest", "labels": dict(OURS)}
    fake.put(ACCOUNT, {"metadata": left})
    cluster.ran()

    assert cluster.command() == 0

    assert any("clusterroles" in path for path in cluster.made)
    assert fake.objects == {}


def test_what_stays_is_told_and_rights_stay_with_a_run_that_needs_them(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.ran()
    fake.refuse("DELETE", "jobs", 403, reason="Forbidden", message="no", times=9)

    assert cluster.command() == 1

    assert "STILL THERE: Job aicr-pytest" in capsys.readouterr().err
    assert any("clusterrolebindings" in path for path in fake.objects)


def test_without_admission_policies_the_user_is_told(
    cluster: Cluster, fake: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.resources[ADMISSION] = []
    cluster.ran()

    assert cluster.command() == 0

    assert "ValidatingAdmissionPolicy: this Kubernetes has none" in capsys.readouterr().err
    assert fake.objects == {}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--namespace", "A B"], "--namespace A B"),
        (["--namespace", ""], "--namespace "),
        (["--image", "a b"], "--image a b"),
        (["--image", ""], "--image "),
        (["--pull-secret", "A/B"], "--pull-secret "),
        (["--evidence-claim", "x y"], "--evidence-claim x y"),
        (["--disrupted", "*"], "--disrupted *"),
        (["--evidence-claim", "c", "--evidence-dir", "d"], "--evidence-dir"),
        (["--evidence-dir", "full"], "--evidence-dir full"),
        (["--", "--evidence-dir=x"], "--evidence-dir: not after `--`"),
        (["--", "--lab"], "--lab: not after `--`"),
        (["--", "--resume", "out"], "--resume: not after `--`"),
        (["--", "--aicr-kubeconfig", "x"], "--aicr-kubeconfig: not after"),
        (["--", "--aicr-lab"], "--aicr-lab: not after"),
        (["--aicr-kubeconfig", "absent"], "absent"),
    ],
)
def test_bad_input_is_named_before_anything_is_made(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], words: list[str], named: str
) -> None:
    Path("full").mkdir()
    Path("full/file").touch()

    assert cluster.command(*words) == 4

    assert named in capsys.readouterr().err
    assert cluster.made == []
