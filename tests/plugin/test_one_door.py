"""What a check says in whatever way passes the door: no file and no line of it holds a secret."""

import hashlib
import html
import textwrap
from typing import TYPE_CHECKING

import pytest

from aicr_pytest.evidence.checksums import verify
from tests.plugin.planted import CHANNELS, KINDS, MODULE, needle, planted
from tests.unit.reports.browser import visit

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

OTHERS = """
def test_of_somebody_else():
    print("password=theirs-and-nobody-elses")
    assert False, "hf_" + "theirs0" * 5
"""

BROKEN = """
import pytest
pytestmark = pytest.mark.requirement("dra_support")
print("<stdout>")
raise ImportError("<exception>") from OSError("<cause>")
"""

HOSTILE = (
    "\\x1b]0;title\\x07 \\x1b]52;c;aGk=\\x07 \\x1b[2J \\x9b31m \\x1b]8;;http://evil/\\x07link "
    "\\x08\\x08 gnp\\u202eexe \\u2066x\\u2069 \\u200b \\U000e0041 over\\rwritten \\u2028 line"
)
TALK = f'''
import logging
import warnings
import pytest
from aicr_pytest.errors import LeftBehind, NoCapacity, WaitTimeout

pytestmark = pytest.mark.requirement("secure_accelerator_access")
SAID = "{HOSTILE}"

@pytest.fixture
def pod():
    yield
    raise LeftBehind(SAID + chr(10) + "dra_support  MUST  Implemented")

@pytest.mark.parametrize("value", [SAID])
def test_fails(aicr_cluster, value, pod):
    for elapsed in (1.0, 7.0, 30.0):
        aicr_cluster.observer.awaiting(SAID, SAID, elapsed, 60.0)
    print(SAID)
    logging.error(SAID)
    warnings.warn(SAID)
    raise WaitTimeout(SAID)

def test_group():
    raise ExceptionGroup(SAID, [WaitTimeout(SAID)])

def test_blind():
    raise NoCapacity(SAID)

def test_compared():
    assert [SAID] == []

def test_skipped():
    pytest.skip(SAID)
'''
UNSEEN = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))} - {"\t", "\n"} | set(
    "\u202e\u2066\u2069\u200b\U000e0041\u2028"
)


@pytest.fixture
def talkative(project: "Project", monkeypatch: pytest.MonkeyPatch) -> "Project":
    """A suite that says secrets in every way there is."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("GITLAB_USER_EMAIL", "jane.doe@customer.example")
    monkeypatch.setenv("CI_JOB_TOKEN", "not-a-form-that-anybody-knows")
    monkeypatch.setenv("BUILD_URL", "https://ci.customer.example/job/7")
    project.suite(secure_accelerator_access=planted(MODULE))
    return project


def found(project: "Project", *, said: str) -> list[str]:
    """Where credentials are found: channel, kind, place."""
    places = {"terminal": said}
    for path in project.path.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc") and ".package" not in path.parts:
            name = path.relative_to(project.path).as_posix()
            text = path.read_text(encoding="utf-8", errors="replace")
            places[name] = f"{name}\n{text}\n{html.unescape(html.unescape(text))}"
    return [
        f"{channel}, {kind}: {place}"
        for place, text in places.items()
        for channel in CHANNELS
        for kind in KINDS
        if needle(channel, kind) in text
    ]


def page(project: "Project", name: str = "out/report.html") -> str:
    """report.html as a browser reads it."""
    return html.unescape((project.path / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("workers", "told"),
    [
        ("0", ()),
        ("0", ("--tb=native", "--log-cli-level=INFO")),
        ("0", ("--tb=line", "--color=yes")),
        ("2", ("--tb=short", "--showlocals")),
    ],
)
def test_no_secret_leaves_by_any_way(
    talkative: "Project", workers: str, told: tuple[str, ...]
) -> None:
    written = ("--evidence-dir", "out", "--junit-xml", "junit.xml", "-o", "junit_logging=all")
    also = ("-n", workers, "-rA", "-v", "--log-file", "run.log", "-W", "default")

    result = talkative.run_apart("--aicr", *written, *also, *told)

    said = result.stdout.str() + result.stderr.str()
    assert found(talkative, said=said) == []
    assert "[redacted" in said
    assert "INTERNALERROR" not in said
    assert "[redacted" in page(talkative)
    assert "jane.doe" not in page(talkative) + said
    assert "not-a-form" not in page(talkative) + said
    assert "customer.example" not in page(talkative) + said
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] >= 8, said
    assert outcomes["errors"] >= 2


def test_module_that_cannot_be_imported_says_no_secret(talkative: "Project") -> None:
    talkative.suite(dra_support=planted(BROKEN))

    result = talkative.run_apart("--aicr", "--evidence-dir", "out", "--junit-xml", "junit.xml")

    said = result.stdout.str() + result.stderr.str()
    assert "1 error" in said
    assert found(talkative, said=said) == []


@pytest.mark.parametrize(
    "end",
    [
        "pytest.exit('<exception>')",
        "raise KeyboardInterrupt('<exception>')",
        "raise SystemExit('<exception>')",
    ],
)
def test_end_of_a_session_says_no_secret(project: "Project", end: str) -> None:
    body = f"""
    import pytest
    pytestmark = pytest.mark.requirement("dra_support")

    def test_it():
        text = "<exception>"
        {end}
    """
    project.suite(dra_support=planted(body))

    result = project.run_apart("--aicr", "-m", "dra", "--evidence-dir", "out", "--full-trace", "-l")

    assert found(project, said=result.stdout.str() + result.stderr.str()) == []


def test_error_inside_of_pytest_says_no_secret(project: "Project") -> None:
    (project.path / "conftest.py").write_text(
        planted("def pytest_collection_finish():\n    raise OSError('<exception>')\n"),
        encoding="utf-8",
    )

    result = project.run_apart("--aicr", "-m", "dra")

    said = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" in said
    assert found(project, said=said) == []


def test_debugger_shows_the_clean_report(talkative: "Project") -> None:
    child = ("--aicr", "-k", "test_exception or test_streams", "--pdb", "--pdbcls=quiet:Pdb")
    (talkative.path / "quiet.py").write_text(
        "import pdb\n\nclass Pdb(pdb.Pdb):\n    def interaction(self, *_):\n        pass\n"
    )

    result = talkative.run_apart(*child)

    said = result.stdout.str()
    assert "entering PDB" in said
    assert "captured stdout" in said
    assert found(talkative, said=said) == []


def test_reports_of_other_tests_stay_as_they_are(project: "Project") -> None:
    (project.path / "test_theirs.py").write_text(OTHERS, encoding="utf-8")
    suite = ".package/suite/conformance"

    result = project.run_apart(
        "--aicr", suite, "test_theirs.py", "--junit-xml", "junit.xml", "--html", "theirs.html"
    )

    theirs = "hf_" + "theirs0" * 5
    junit = (project.path / "junit.xml").read_text(encoding="utf-8")
    for text in (result.stdout.str(), junit, page(project, "theirs.html")):
        assert theirs in text
    assert "password=theirs-and-nobody-elses" in result.stdout.str()


def test_what_other_plugins_write_into_the_evidence_is_redacted(project: "Project") -> None:
    theirs = "hf_" + "theirs0" * 5
    (project.path / "test_theirs.py").write_text(OTHERS, encoding="utf-8")
    (project.path / "conftest.py").write_text(
        "import json, pathlib\n\n"
        "def pytest_sessionfinish():\n"
        "    folder = pathlib.Path('out/theirs')\n"
        "    folder.mkdir()\n"
        f"    (folder / 'ctrf.json').write_text(json.dumps({{'a': ['{theirs}', 1]}}))\n"
        f"    (folder / 'notes').write_text('said {theirs}')\n"
        "    (folder / 'image.png').write_bytes(bytes(range(256)))\n"
    )
    written = ("--evidence-dir", "out", "--junit-xml", "out/pytest.xml")

    project.run_apart("--aicr", ".package/suite/conformance", "test_theirs.py", *written)

    for name in ("report.html", "pytest.xml", "theirs/ctrf.json", "theirs/notes"):
        assert theirs not in page(project, f"out/{name}")
    assert (project.path / "out/theirs/image.png").read_bytes() == bytes(range(256))
    assert "[redacted" in page(project)
    assert "[redacted" in page(project, "out/pytest.xml")
    assert verify(project.path / "out") == []
    dossier = page(project, "out/index.html")
    assert hashlib.sha256((project.path / "out/pytest.xml").read_bytes()).hexdigest() in dossier
    assert 'href="report.html"' in dossier


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_nothing_that_a_platform_says_moves_the_cursor(
    project: "Project", workers: str, ci: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)  # pytest's summary is longer there
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    project.suite(secure_accelerator_access=TALK)
    also = ("-rA", "-v", "-n", workers, "-W", "default", "--log-cli-level=INFO")

    result = project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out", *also)

    said = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in said
    assert "\\x1b]52;c" in said
    for text in (said, page(project), page(project, "out/summary.md")):
        assert {repr(one) for one in UNSEEN & set(text)} == set()
    assert "\ndra_support" not in said, "what is left behind cannot look like a verdict"


def test_page_of_a_run_shows_its_tests_and_runs_no_script_of_theirs(project: "Project") -> None:
    script = "<img src=x onerror=console.log('PWNED')><script>console.log('PWNED')</script>"
    project.suite(
        secure_accelerator_access=f"""
        import pytest
        pytestmark = pytest.mark.requirement("secure_accelerator_access")

        @pytest.mark.parametrize("value", ["{script}"])
        def test_it(value, extras):
            extras.append({{"name": None, "format_type": "html", "content": "{script}<b>shown</b>",
                           "mime_type": None, "extension": None}})
            raise AssertionError("{script}")
        """
    )
    project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out")

    seen = visit(project.path / "out" / "report.html", project.path)

    assert "Content-Security-Policy" in seen.dom
    assert "test_it[&lt;img" in seen.dom
    assert "<b>shown</b>" in seen.dom
    assert seen.dom.count('<tbody class="results-table-row') >= 2
    assert seen.console == []
    assert seen.requests == []


def test_environment_of_the_report_is_an_allow_list(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JENKINS_URL", "https://jenkins.customer.example/")
    monkeypatch.setenv("GITLAB_USER_EMAIL", "jane.doe@customer.example")
    asked = ("--metadata", "Team", "accelerators")

    result = project.run_apart("--aicr", "-v", "--evidence-dir", "out", *asked)

    for text in (page(project), result.stdout.str()):
        assert "accelerators" in text
        assert "customer.example" not in text
    assert '"Python": ' in page(project)


def test_check_in_a_run_that_asked_for_none_says_no_secret(project: "Project") -> None:
    body = """
    import pytest

    @pytest.mark.aicr_check(requirement="dra_support")
    @pytest.mark.parametrize("value", ["<<parameter>>"])
    def test_it(value):
        print("<stdout>")
        raise AssertionError("<assertion>")
    """
    (project.path / "test_third_party.py").write_text(
        planted(textwrap.dedent(body)), encoding="utf-8"
    )

    result = project.run_apart("test_third_party.py", "-rA", "-v", "--junit-xml", "junit.xml")

    result.assert_outcomes(failed=1)
    assert found(project, said=result.stdout.str() + result.stderr.str()) == []


def test_error_of_ours_in_a_test_of_somebody_else_says_no_secret(project: "Project") -> None:
    body = """
    from pathlib import Path
    from aicr_pytest.evidence.json_fields import read_fields

    def test_theirs():
        read_fields(Path("<<exception>>"))
    """
    (project.path / "test_theirs.py").write_text(planted(textwrap.dedent(body)), encoding="utf-8")

    result = project.run_apart("--aicr", ".package/suite/conformance", "test_theirs.py")

    assert "SettingsError: [redacted: token]: cannot be read" in result.stdout.str()
    assert found(project, said=result.stdout.str() + result.stderr.str()) == []


def test_checks_whose_names_hold_secrets_stay_apart(project: "Project") -> None:
    body = """
    import pytest
    pytestmark = pytest.mark.requirement("dra_support")

    @pytest.mark.parametrize("value", ["<<parameter>>", "<<exception>>", "plain"])
    def test_it(value):
        pass
    """
    project.suite(dra_support=planted(body))

    result = project.run("--aicr", "-m", "dra", "--evidence-dir", "out")

    result.assert_outcomes(passed=3)
    (requirement,) = project.read_run()["requirements"]
    assert [check["check"] for check in requirement["checks"]] == [
        "test_it[[redacted: token]]",
        "test_it[[redacted: token]-2]",
        "test_it[plain]",
    ]
    assert requirement["verdict"] == "Implemented"
    assert len(list((project.path / "out/dra_support").iterdir())) == 3
