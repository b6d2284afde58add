"""What comes out at the end of a module's fixture concerns every check that used it."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

SUITE = """
    import pytest
    from aicr_pytest.errors import *

    pytestmark = pytest.mark.requirement("secure_accelerator_access")

    @pytest.fixture(scope="module")
    def window():
        yield
        raise ExceptionGroup("Leases", [Inconclusive("Lease gpu-0: lost meanwhile")])

    @pytest.fixture(scope="module")
    def pods(WINDOW):
        GET_LATE

    @pytest.fixture
    def pod(pods):
        pass

    def test_holder(pod):
        pass

    def test_wrong(pods):
        assert False, "it sees 8"

    def test_of_the_api():
        pass

    @pytest.mark.aicr_check(basis="hardening")
    def test_harder(USES):
        pass
"""


def checks(
    project: "Project", *arguments: str, uses: str = "", late: bool = False, text: str = SUITE
) -> Any:
    text = text.replace("USES", uses).replace("WINDOW", "request" if late else "window")
    text = text.replace("GET_LATE", "request.getfixturevalue('window')" if late else "pass")
    project.suite(secure_accelerator_access=text)
    project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out", *arguments)
    (requirement,) = project.read_run()["requirements"]
    return requirement


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_lost_lease_concerns_every_check_that_stood_on_it(
    project: "Project", workers: tuple[str, ...], late: bool
) -> None:
    told = checks(project, "--deselect", SUITE_PATH + "::test_wrong", *workers, late=late)

    assert told["verdict"] == "Inconclusive"
    outcomes = {check["check"]: check["outcome"] for check in told["checks"]}
    assert outcomes["test_holder"] == "inconclusive"
    assert outcomes["test_of_the_api"] == "passed"
    assert "lost meanwhile" in told["checks"][0]["message"]
    assert "lost meanwhile" in (project.path / "out" / "index.html").read_text(encoding="utf-8")


def test_doubt_of_another_kind_excuses_no_failure(project: "Project") -> None:
    assert checks(project)["verdict"] == "Not Implemented"


LOST = """LeaseLost(
            "Lease gpu-0: lost meanwhile",
            since=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=HOURS),
        )"""


@pytest.mark.parametrize(
    ("hours", "verdict"), [(1, "Not Implemented"), (-1, "Inconclusive")], ids=["after", "before"]
)
def test_failure_counts_only_if_the_lease_was_lost_after_it(
    project: "Project", hours: int, verdict: str
) -> None:
    suite = SUITE.replace('Inconclusive("Lease gpu-0: lost meanwhile")', LOST)
    suite = suite.replace("HOURS", str(hours)).replace(
        "import pytest", "import datetime, pytest", 1
    )
    told = checks(project, text=suite)

    assert told["verdict"] == verdict
    wrong = next(check for check in told["checks"] if check["check"] == "test_wrong")
    assert wrong["outcome"] == ("failed" if hours > 0 else "inconclusive")
    assert "it sees 8" in wrong["message"]
    assert ("lost meanwhile" in wrong["message"]) is (hours < 0)
    holder = next(check for check in told["checks"] if check["check"] == "test_holder")
    assert holder["outcome"] == "inconclusive", "what passed may have been luck, whenever it was"


SUITE_PATH = ".package/suite/conformance/test_secure_accelerator_access.py"
