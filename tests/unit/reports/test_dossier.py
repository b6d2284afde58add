"""The dossier says what the records say, most important things first."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from aicr_pytest.evidence.kernel_answers import KERNEL_ANSWERS
from aicr_pytest.evidence.record import Observation
from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import (
    CheckResult,
    NotLookedAt,
    Part,
    RequirementResult,
    RunInfo,
    read_run,
)
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.reports import dossier, formatting
from aicr_pytest.reports.page import sections
from aicr_pytest.reports.preview import MOST_INLINE, Previews
from aicr_pytest.reports.view import read_view
from aicr_pytest.reports.writing import rebuild, write_reports
from tests.unit.reports import sample

EXAMPLE = Path(__file__).parents[3] / "reports" / "lab"
"""A whole run on the lab."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return sample.make(tmp_path / "out")


def page_of(run: Path) -> str:
    return (run / "index.html").read_text(encoding="utf-8")


def rewrite_run(run: Path, **changes: object) -> None:
    changed = dataclasses.replace(read_run(run), **changes)  # type: ignore[arg-type]  # by name
    EvidenceStore.open(run, changed.run_id, Redactor()).write_run(changed)


def test_same_records_give_the_same_bytes(run: Path, tmp_path: Path) -> None:
    other = sample.make(tmp_path / "other")

    for name in ("index.html", "junit-report.xml", "summary.md", "manifest.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes()


def test_rebuilding_changes_nothing(run: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}

    assert rebuild(run) == []
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_what_fell_short_comes_first_then_verdicts_then_checks(run: Path) -> None:
    page = page_of(run)
    places = [
        page.index(piece)
        for piece in (
            "<strong>SIMULATED</strong>",
            "<h1>aicr-lab</h1>",
            "0 of 1 MUST of the Kubernetes 1.37 list are implemented.",
            "v1.37.2",
            '<nav class="contents"',
            "The platform was seen to break these</h2>",
            "These could not be looked at: that accuses nobody, and proves nothing</h2>",
            "Findings: broken too, though no requirement&#39;s words ask for it</h2>",
            "Left behind on the cluster</h2>",
            "1 check not run</h2>",
            '<td><a href="#dra_support">',
            '<section class="requirement" id="dra_support"',
            "What was looked at, and what was not</h2>",
            "How to read this</h2>",
        )
    ]
    assert places == sorted(places)


def test_real_run_carries_no_banner(run: Path) -> None:
    rewrite_run(run, simulated=False)
    write_reports(run)

    assert "simulated" not in page_of(run).split("</style>")[1].lower()


def test_chain_marks_what_agrees_and_what_differs(run: Path) -> None:
    page = page_of(run)

    assert page.count("= equal") == 2
    assert page.count("≠ unequal") == 1
    assert f'<td class="linked">{sample.UUIDS[0]}</td>' in page
    assert f'<td class="same">{sample.UUIDS[2]}</td>' in page


def test_long_observation_is_cut_on_the_page_and_says_so(run: Path) -> None:
    page = page_of(run)

    assert "Shown: the first 256 KiB of 625 KiB" in page
    assert len(page) < MOST_INLINE + 100_000


def test_previews_end_where_the_page_is_long_enough(run: Path) -> None:
    observations = [
        observation
        for record in (check.kept for _, check in read_view(run).checks)
        for observation in record.observations
    ]
    previews = Previews(run, most=1)

    states = [previews.of(observation).state for observation in observations]

    assert states == ["shown"] + ["left out"] * (len(observations) - 1)


def test_two_empty_cells_do_not_agree(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("dra_support", "test_x", title="X", proves="", basis="text")
    seen = evidence.table("T", ["a", "b"], [["", ""], ["x", "x"]], source="s", compare=["a", "b"])

    table = Previews(tmp_path).of(seen).table

    assert table
    assert [row.agrees for row in table.rows] == [False, True]


def test_missing_file_is_told_first_and_at_its_place(run: Path) -> None:
    next(run.glob("dra_support/*/01-*.yaml")).unlink()
    write_reports(run)

    page = page_of(run)
    assert "This evidence is not complete" in page
    assert page.count("The file is missing from the directory.") == 1


def test_missing_record_of_a_check_that_ran_is_told(run: Path) -> None:
    shutil.rmtree(run / "dra_support" / "test_stable_dra_api_is_served")
    write_reports(run)

    page = page_of(run)
    assert "the record of test_stable_dra_api_is_served is missing" in page
    assert "The stable DRA API is served" in page, "the check itself is not lost"


def test_problems_of_the_store_are_told_first(run: Path) -> None:
    rewrite_run(run, problems=("evidence is incomplete: <b> could not be written",))
    write_reports(run)

    assert "evidence is incomplete: &lt;b&gt; could not be written" in page_of(run)


def test_killed_run_is_reported_without_verdicts(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    store.begin("dra_support", "test_x", title="A sentence", proves="", basis="text")

    assert rebuild(tmp_path) == []

    page = page_of(tmp_path)
    assert "The run was interrupted" in page
    assert "The run ended before a verdict was computed." in page
    assert "It had started when the run was ended." in page
    assert "No cluster was reached" in page


def test_killed_run_gets_its_verdicts_from_the_judge(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("dra_support", "test_x", title="A sentence", proves="", basis="text")
    store.end(evidence, "failed", "no")
    judged = RequirementResult(
        id="dra_support",
        title="DRA",
        category="accelerators",
        level="MUST",
        verdict="Not Implemented",
        reason="a deciding check failed",
        checks=(CheckResult(check="test_x", title="A sentence", basis="text", outcome="failed"),),
    )

    rebuild(tmp_path, lambda run, _: dataclasses.replace(run, requirements=(judged,)))

    assert read_run(tmp_path).requirements == (judged,)
    assert "1 Not Implemented" in page_of(tmp_path)


def test_record_of_a_stranger_makes_no_report_read_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of the auditor")
    run = sample.make(tmp_path / "out")
    (run / "link.txt").symlink_to(tmp_path / "secret.txt")
    observation = Observation(
        title="x",
        kind="text",
        source="x",
        file="../secret.txt",
        taken_at="",
        exit_code=None,
        sha256="",
        size=1,
    )

    for file in ("../secret.txt", str(tmp_path / "secret.txt"), "link.txt"):
        assert Previews(run).of(dataclasses.replace(observation, file=file)).state == "missing"


def test_run_that_looked_at_nothing_has_a_page(tmp_path: Path) -> None:
    EvidenceStore.open(tmp_path, "run-1", Redactor()).write_run(RunInfo(run_id="run-1"))

    assert write_reports(tmp_path) == []
    assert "No requirement was looked at." in page_of(tmp_path)


def test_reports_on_a_full_disk_are_problems_and_no_crash(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)

    assert write_reports(run) == [
        f"{name} could not be written: No space left on device"
        for name in ("index.html", "junit-report.xml", "ctrf.json", "summary.md", "manifest.json")
    ]


def test_drawing_is_shown_as_an_image_in_which_no_script_runs(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("dra_support", "test_x", title="X", proves="", basis="text")
    evidence.svg("Timeline", "<svg onload='x()'/>", source="samples")

    page = dossier.render(read_view(tmp_path))

    assert '<img src="data:image/svg+xml;base64,' in page
    assert "onload" not in page


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (262_144, "256 KiB"), (5 << 20, "5.0 MiB")],
)
def test_sizes_are_short(count: int, shown: str) -> None:
    assert formatting.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.414, "0.41 s"), (4.21, "4.2 s"), (56.4, "56 s"), (185, "3 min 05 s"), (119.9, "120 s")],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert formatting.duration(seconds) == shown


def test_times_that_are_none_stay_as_they_are() -> None:
    assert formatting.moment("2026-11-23T20:14:05.123Z") == "2026-11-23 20:14:05 UTC"
    assert formatting.moment("yesterday") == "yesterday"
    assert formatting.time_of_day("") == ""


def test_a_command_is_shown_with_its_request_and_the_same_by_hand(run: Path) -> None:
    page = page_of(run)
    request = "GET /api/v1/namespaces/aicr-7f3a-dra-support/pods/gpu/exec"
    by_hand = "kubectl exec -n aicr-7f3a-dra-support gpu -c probe -- nvidia-smi -L"

    assert f"{request}, container probe: `nvidia-smi -L`</span>" in page
    assert f"The same by hand: <code>{by_hand}</code>" in page


def test_a_whole_script_is_folded_and_still_there(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("dra_support", "test_x", title="X", proves="", basis="text")
    script = "probe; " * 60
    evidence.text("Seen", "nothing", source=f"GET /exec: `{script}`")
    evidence.text("Seen too", "nothing", source="GET /version")

    page = dossier.render(read_view(tmp_path))

    assert page.count("<summary>What ran, in full</summary>") == 1
    assert f"<code>GET /exec: `{script}`</code>" in page


def test_what_was_taken_out_is_told_by_class_and_count(run: Path) -> None:
    rewrite_run(run, replaced={"node": 390, "secret": 2})
    write_reports(run)

    page = page_of(run)
    assert "Taken out of the evidence</h3>" in page
    assert "node-… with the same digits in every file" in page
    assert "<td>secret</td><td>credentials, keys and certificates" in page
    assert '<td class="number">390</td>' in page


def test_merged_run_names_its_parts_and_their_differences_first(run: Path) -> None:
    part = Part(
        run_id="run-a",
        started_at="2026-11-23T20:14:05Z",
        finished_at="2026-11-23T20:19:05Z",
        manifest_sha256="c0ffee" * 10,
        checks=("dra_support/test_x", "dra_support/test_y"),
    )
    rewrite_run(run, parts=(part,), conflicts=("test_x: passed in run-a, <failed> in run-b",))
    write_reports(run)

    page = page_of(run)
    told = page.index("test_x: passed in run-a, &lt;failed&gt; in run-b")
    assert page.index("The merged runs said different things</h2>") < told
    assert told < page.index('id="verdicts-title"') < page.index("Merged of</h3>")
    assert "2026-11-23 20:19:05 UTC" in page
    assert "c0ffee" * 10 in page


def test_what_was_not_looked_at_is_told_at_one_place(run: Path) -> None:
    why = "checks are planned; no check yet"
    missing = NotLookedAt(
        id="gpu_sharing", title="Sharing", category="accelerators", level="SHOULD", why=why
    )
    store = EvidenceStore.open(run, read_run(run).run_id, Redactor())
    evidence = store.begin("dra_support", "test_late", title="Late", proves="", basis="text")
    evidence.not_looked_at("node-7", "it is full")
    store.end(evidence, "passed", "")
    rewrite_run(run, not_looked_at=(missing,))
    write_reports(run)

    section = page_of(run).split('id="looked-at"')[1].split("</section>")[0]
    assert '<dt>node-7: <a href="#dra_support.test_late">' in section
    assert "<dd>it is full</dd>" in section
    assert f"<dt>Sharing (SHOULD)</dt><dd>{why}</dd>" in section


def test_other_views_images_and_suite_are_named(run: Path) -> None:
    rewrite_run(run, images={"cuda:12": "sha256:58b6"}, suite_sha256="2e9e", tool="aicr-pytest 9")
    write_reports(run)

    page = page_of(run)
    for name in ("junit-report.xml", "ctrf.json", "summary.md", "run.json"):
        assert f'<a href="{name}">' in page
        assert (run / name).is_file()
    assert '<td class="mono">cuda:12</td><td class="mono">sha256:58b6</td>' in page
    assert "sha256:2e9e" in page


def test_every_answer_of_the_kernel_is_explained(run: Path) -> None:
    page = page_of(run)

    assert page.count("The device counts as reached.") == 2
    assert page.count("The device counts as not reached") == 2
    assert all(f'<dt class="mono">{said}</dt>' in page for said in KERNEL_ANSWERS)


def test_every_check_of_the_example_shows_its_proof_without_a_click() -> None:
    shown = sections(read_view(EXAMPLE))
    closed = [
        article.check.result.title
        for section in shown
        for article in section.articles
        if not (article.tables or article.check.kept.facts)
        and not any(one.open for one in article.others)
    ]

    assert sum(len(section.articles) for section in shown) >= 60
    assert closed == []
    assert all(section.glance for section in shown)


def test_titles_of_the_example_read_as_sentences() -> None:
    titles = {check.result.title for _, check in read_view(EXAMPLE).checks}

    assert [one for one in titles if not one[0].isupper() or "_" in one or one.endswith(".")] == []
