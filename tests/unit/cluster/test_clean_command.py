"""The command ``aicr-pytest clean``: what it shows, asks, removes, and how it ends."""

import pathlib
import sys
from collections.abc import Callable

import pytest

from aicr_pytest.cli.main import main
from aicr_pytest.cluster import labels, names
from aicr_pytest.cluster.client import Cluster
from aicr_pytest.cluster.life import Life
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.store import EvidenceStore
from tests.unit.cluster.fake_api import FakeApi
from tests.unit.evidence import small_run

A, B = "20260101-101010-aaaa", "20260102-101010-bbbb"
HOME = {run: names.namespace_name(run, "test_dra_support", "0a1b") for run in (A, B)}


@pytest.fixture
def run(fake: FakeApi, tmp_path: pathlib.Path) -> Callable[[str], Cluster]:
    """Makes the client of a run that has left a namespace and a DeviceClass."""
    fake.texts["/api"] = '{"kind": "APIVersions", "versions": ["v1"]}'

    def leave(run_id: str) -> Cluster:
        client = Cluster.connect(kubeconfig=fake.kubeconfig(tmp_path), run_id=run_id)
        metadata = {"name": HOME[run_id]}
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        metadata = {"name": names.cluster_name(run_id, "deviceclass")}
        api = "resource.k8s.io/v1"
        client.create({"apiVersion": api, "kind": "DeviceClass", "metadata": metadata})
        return client

    return leave


@pytest.fixture
def clean(fake: FakeApi, tmp_path: pathlib.Path) -> Callable[..., int]:
    """Runs the command; its exit status."""
    config = fake.kubeconfig(tmp_path)
    return lambda *words: main(["clean", "--aicr-kubeconfig", config, *words])


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: sys.stdout.write(prompt) and answer)


def there(fake: FakeApi) -> set[str]:
    """The runs that still have something on the cluster."""
    return {labels.run_of(obj) for obj in fake.objects.values()} - {""}


Runs = Callable[[str], Cluster]
Clean = Callable[..., int]


def test_run_is_named_by_its_evidence_too(
    fake: FakeApi,
    run: Runs,
    clean: Clean,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(A)
    run(B)
    # What a run has written that was killed: run.json as it stands from the first moment.
    EvidenceStore.open(tmp_path / "out", B, Redactor())

    assert clean("--run", str(tmp_path / "out"), "--presume-dead") == 0

    assert there(fake) == {A}


@pytest.mark.parametrize("content", [None, "no JSON", '{"schema": 1}'])
def test_directory_that_holds_no_run_is_refused(
    clean: Clean, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)

    with pytest.raises(SystemExit) as ended:
        clean("--run", str(tmp_path))

    assert ended.value.code == 4
    assert f"argument --run: {tmp_path}" in capsys.readouterr().err.replace("'", "")


@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--run", A, "--dry-run")])
def test_without_a_word_that_says_so_nothing_is_removed(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    run(A)

    assert clean(*words) == 0

    assert there(fake) == {A}
    assert f"Namespace {HOME[A]} (run {A}, created " in capsys.readouterr().out


def test_one_run_is_shown_and_removed_without_a_question(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str]
) -> None:
    run(A)
    run(B)

    assert clean("--run", A) == 0

    assert there(fake) == {B}
    assert f"removing Namespace {HOME[A]} (run {A}" in capsys.readouterr().out
    assert clean("--run", A) == 0
    assert "Nothing of ours is on the cluster." in capsys.readouterr().out


def test_all_runs_are_removed_after_a_yes(
    fake: FakeApi,
    run: Runs,
    clean: Clean,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(A)
    run(B)

    at_a_terminal(monkeypatch, "n")
    assert clean("--all") == 4
    assert there(fake) == {A, B}
    at_a_terminal(monkeypatch, "y")
    assert clean("--all") == 0

    assert there(fake) == set()
    assert "Remove 4 objects of 2 runs? [y/N]" in capsys.readouterr().out


def test_all_without_anybody_to_ask_is_refused_with_the_list(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str]
) -> None:
    run(A)

    assert clean("--all") == 4

    said = capsys.readouterr()
    assert f"Namespace {HOME[A]}" in said.out
    assert "ERROR: Nothing was removed: --all would remove 2 objects of 1 run" in said.err
    assert "--all --yes" in said.err
    assert there(fake) == {A}
    assert clean("--all", "--yes") == 0
    assert there(fake) == set()


def test_run_that_goes_on_is_left_alone_unless_the_user_knows_better(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str]
) -> None:
    life = Life(run(A))
    life.begin()
    run(B)

    assert clean("--all", "--yes") == 0
    assert there(fake) == {A}
    assert f"run {A} goes on: Lease default/aicr-pytest-run-{A} was" in capsys.readouterr().out
    assert clean("--run", A) == 4
    assert there(fake) == {A}
    assert "--presume-dead" in capsys.readouterr().err
    assert clean("--run", A, "--presume-dead") == 0
    assert there(fake) == set()
    life.end()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", ""], "'' is no run"),
        (["--run", "x,y=z"], "'x,y=z' is no run; runs are like 20260102-030405-ab12"),
        (["--all", "--presume-dead"], "name it with --run ID"),
        (["--run", A, "--all"], "not allowed with argument"),
    ],
)
def test_words_that_do_not_fit_remove_nothing(
    fake: FakeApi,
    run: Runs,
    clean: Clean,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    run(A)

    try:
        status = clean(*words)
    except SystemExit as ended:
        status = int(ended.code or 0)

    assert status == 4
    assert said in capsys.readouterr().err
    assert there(fake) == {A}


def test_tenants_with_our_labels_lose_nothing_and_are_told(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str]
) -> None:
    run(A)
    for name in [f"team-{number}" for number in range(30)]:
        metadata = {"name": name, "labels": labels.run_labels(B)}
        fake.put("/api/v1/namespaces", {"metadata": metadata})

    assert clean("--all", "--yes") == 0

    assert there(fake) == {B}
    said = capsys.readouterr().out
    assert "Namespace team-0 carries our labels and is left alone: no run gives such" in said
    assert "10 more objects carry our labels" in said


def test_what_may_be_ours_and_cannot_be_proven_is_no_success_for_its_run(
    fake: FakeApi, run: Runs, clean: Clean, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.notes_managers = False
    run(A)

    assert clean("--all", "--yes") == 0
    assert clean("--run", A) == 1

    assert there(fake) == {A}
    assert f"kubectl delete namespaces {HOME[A]}" in capsys.readouterr().out


def test_what_a_run_left_is_shown_with_where_its_evidence_lies(
    run: Callable[[str], Cluster],
    clean: Callable[..., int],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(A)
    small_run.make(tmp_path / "aicr-evidence" / A, A)
    monkeypatch.chdir(tmp_path)

    assert clean() == 0

    assert f"{A}: its evidence is in aicr-evidence/{A}\n" in capsys.readouterr().out
