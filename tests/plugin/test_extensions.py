"""Profiles and solutions of other distributions, in whole runs."""

from typing import TYPE_CHECKING

import pytest

from aicr_pytest import extensions

if TYPE_CHECKING:
    from tests.plugin.conftest import Project


@pytest.fixture
def broken(project: "Project") -> "Project":
    """A project beside which a distribution is installed that cannot be loaded."""
    info = project.path / "acme_aicr-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-aicr\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{extensions.SOLUTIONS}]\ngang.acme = acme_aicr:A\n")
    (project.path / "acme_aicr.py").write_text("raise RuntimeError('of an older version')")
    return project


def test_stranger_notices_no_broken_extension(broken: "Project") -> None:
    broken.pytester.makepyfile(
        """
        import sys

        def test_mine():
            assert "acme_aicr" not in sys.modules
        """
    )

    broken.run_apart("test_stranger_notices_no_broken_extension.py").assert_outcomes(passed=1)


def test_run_of_ours_ends_with_one_error_that_names_the_broken_extension(
    broken: "Project",
) -> None:
    result = broken.run_apart("--aicr")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: acme-aicr 1.2, entry point gang.acme = acme_aicr:A of aicr_pytest.solutions: *",
            "  Mend that distribution, or uninstall it.",
        ]
    )
    assert "cannot be loaded: RuntimeError: of an older version.\n" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert broken.connections == []


def test_run_lists_its_extensions_among_the_versions(broken: "Project") -> None:
    (broken.path / "acme_aicr.py").write_text(
        "from aicr_pytest.requirements.gang_scheduling.solutions.kueue import Kueue\n"
        "class A(Kueue):\n    name = 'acme'\nA = A()\n"
    )

    result = broken.run_apart("--aicr", "--evidence-dir", "out", "--aicr-solution", "gang=acme")

    result.assert_outcomes(passed=3)
    versions = broken.read_run()["versions"]
    assert versions["aicr_pytest.solutions gang.acme"] == "acme-aicr 1.2"
