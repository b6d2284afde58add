"""summary.md tells the verdicts, and hostile text in it stays text."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from aicr_pytest.evidence.redaction.redact import Redactor
from aicr_pytest.evidence.run import RequirementResult, RunInfo
from aicr_pytest.evidence.store import EvidenceStore
from aicr_pytest.reports import markdown
from aicr_pytest.reports.view import read_view
from tests.unit.reports import sample

HOSTILE = [
    "<script>x</script>",
    "![x](http://evil.invalid/x.png)",
    "[x](javascript:x)",
    "<http://evil.invalid>",
    "a | b | c",
    "a\n# heading\n\n- list",
    "`code` **bold** _it_ ~~gone~~",
    "&lt;b&gt;",
]


@pytest.fixture
def summary(tmp_path: Path) -> str:
    return (sample.make(tmp_path / "out") / "summary.md").read_text(encoding="utf-8")


def test_summary_has_a_row_per_requirement(summary: str) -> None:
    assert (
        "| `dra_support` | accelerators | not listed | ✓ **Implemented** | 3 of 3 |"
        " All 3 deciding checks passed. |" in summary
    )
    assert "| `secure_accelerator_access` | security | MUST | ✗ **Not Implemented** |" in summary


def test_summary_says_simulated_before_any_verdict(summary: str) -> None:
    assert 0 < summary.index("**SIMULATED**") < summary.index("Implemented")


def test_summary_tells_what_did_not_pass_and_nothing_else(summary: str) -> None:
    assert "NoCapacity: 2 accelerators are needed" in summary
    assert "left behind: ResourceClaim" in summary
    assert "**not run**: The granted device" in summary
    assert "A released device can be claimed again" not in summary


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_reason_is_shown_as_it_is(tmp_path: Path, text: str) -> None:
    tokens = _inline_of_reason(tmp_path, text)

    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert "".join(token.content for token in tokens) == " ".join(text.split())


@pytest.mark.parametrize("text", [*HOSTILE, "```\n</pre>\n````\n<b>", "~~~\n<b>"])
def test_hostile_message_stays_in_its_block(tmp_path: Path, text: str) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    store.end(evidence, "failed", text)

    html = MarkdownIt("commonmark").render(markdown.render(read_view(tmp_path)))

    assert html.count("<pre>") == 1
    assert not [piece for piece in ("<script", "<img", 'javascript:x"', "<b>") if piece in html]


def _inline_of_reason(directory: Path, reason: str) -> list[Token]:
    requirement = RequirementResult(
        id="x", title="X", category="", level="", verdict="Implemented", reason=reason
    )
    store = EvidenceStore.open(directory, "run-1", Redactor())
    store.write_run(RunInfo(run_id="run-1", requirements=(requirement,)))
    summary = markdown.render(read_view(directory))
    [row] = [line for line in summary.splitlines() if line.startswith("| `x`")]
    parsed = (
        MarkdownIt("commonmark")
        .enable("table")
        .enable("strikethrough")
        .parse(f"|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n{row}\n")
    )
    cells = [token for token in parsed if token.type == "inline"][6:]
    assert len(cells) == 6, "the reason makes no cells"
    return list(cells[5].children or [])


def test_summary_holds_no_link_since_it_is_shown_elsewhere(summary: str) -> None:
    assert "](" not in summary
    assert "The whole evidence is in `index.html`." in summary


def test_checks_that_say_the_same_are_told_together(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    for requirement in ("x", "y"):
        for number in range(3):
            name = f"test_{number}"
            evidence = store.begin(requirement, name, title=name, proves="", basis="text")
            store.end(evidence, "inconclusive", "The API server\ndoes not answer.")

    summary = markdown.render(read_view(tmp_path))

    assert summary.count("does not answer.") == 1
    assert summary.count("- ? **inconclusive**: test") == 6
    assert "What is said above of `x`." in summary


def test_long_message_is_cut(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    evidence = store.begin("x", "test_x", title="X", proves="", basis="text")
    store.end(evidence, "failed", "\n".join(map(str, range(1000))))

    summary = markdown.render(read_view(tmp_path))

    assert "[960 more lines in index.html]" in summary
    assert len(summary.splitlines()) < 70


def test_summary_tells_what_ran_and_what_was_taken_out(tmp_path: Path) -> None:
    store = EvidenceStore.open(tmp_path, "run-1", Redactor())
    store.write_run(
        RunInfo(
            run_id="run-1",
            directory="out/run-1",
            tool="aicr-pytest 0.1.0",
            suite_sha256="ab",
            images={"nvcr.io/x:1": "sha256:ab"},
            replaced={"node": 3, "secret": 1},
            conflicts=("x/test_x: failed, later passed",),
        )
    )

    summary = markdown.render(read_view(tmp_path))

    assert "| `nvcr.io/x:1` | `sha256:ab` |" in summary
    assert "- Taken out of the evidence: node 3 times, secret 1 times" in summary
    assert "- Made with: aicr-pytest 0.1.0\n- Suite: sha256:ab\n" in summary
    assert "> **Said differently**: x/test\\_x: failed, later passed" in summary
    assert "`index.html` in `out/run-1`." in summary
