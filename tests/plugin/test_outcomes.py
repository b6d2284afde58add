"""What pytest's phases mean for a check, and how that is told."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

HEAD = """
    import pytest
    from aicr_pytest.errors import *

    pytestmark = pytest.mark.requirement("secure_accelerator_access")
"""


def outcome_of(project: "Project", body: str, *arguments: str) -> tuple[str, str]:
    """Run one check; its outcome and the verdict."""
    project.suite(secure_accelerator_access=HEAD + body)
    project.run("--aicr", "-m", "secure", "--evidence-dir", "out", *arguments)
    (requirement,) = project.read_run()["requirements"]
    return requirement["checks"][0]["outcome"], requirement["verdict"]


@pytest.mark.parametrize(
    ("error", "outcome", "verdict"),
    [
        ("AssertionError('it sees 8')", "failed", "Not Implemented"),
        ("WaitTimeout('not within 60 s')", "failed", "Not Implemented"),
        ("AttributeError('a fault of ours')", "error", "Inconclusive"),
        ("NoCapacity('0 free')", "inconclusive", "Inconclusive"),
        ("SolutionAbsent('no gateway')", "absent", "Not Implemented"),
        ("UnknownAccelerator('of ACME')", "unknown", "Unknown"),
        ("UnknownSolution('signs of one')", "unknown", "Unknown"),
        ("DoesNotApply('no claims here')", "not applicable", "Inconclusive"),
        ("pytest.skip.Exception('no time')", "skipped", "Inconclusive"),
    ],
)
def test_error_in_the_call(project: "Project", error: str, outcome: str, verdict: str) -> None:
    body = f"""
    def test_it():
        raise {error}
    """
    assert outcome_of(project, body) == (outcome, verdict)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("AssertionError('fixture')", "error"),
        ("WaitTimeout('not within 60 s')", "error"),
        ("ImageNotPullable('no such image')", "inconclusive"),
        ("UnknownAccelerator('of ACME')", "unknown"),
        ("UnknownSolution('signs of one')", "unknown"),
        ("DoesNotApply('no claims here')", "not applicable"),
    ],
)
def test_error_in_setup_never_accuses(project: "Project", error: str, outcome: str) -> None:
    body = f"""
    @pytest.fixture
    def pod():
        raise {error}

    def test_it(pod):
        pass
    """
    told, verdict = outcome_of(project, body)

    assert told == outcome
    assert verdict != "Not Implemented"


def test_failed_teardown_leaves_the_outcome_and_is_told(project: "Project") -> None:
    body = """
    @pytest.fixture(scope="module")
    def pod():
        yield
        raise ExceptionGroup("down", [LeftBehind("Namespace aicr-x stays: finalizers [f]")])

    def test_it(pod):
        pass
    """
    project.suite(secure_accelerator_access=HEAD + body)

    result = project.run("--aicr", "-m", "secure", "--evidence-dir", "out")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "secure_accelerator_access*Implemented*left something behind*",
            "left behind by test_it: Namespace aicr-x stays: finalizers *",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.read_run()["requirements"][0]["verdict"] == "Implemented"


def test_inconclusive_is_told_apart_from_failed(project: "Project") -> None:
    body = """
    def test_blind():
        raise Inconclusive("no images", hint="Name a mirror with --aicr-registry.")
    """
    project.suite(secure_accelerator_access=HEAD + body)

    result = project.run("--aicr", "-m", "secure", "-v")

    result.stdout.fnmatch_lines(["*test_blind INCONCLUSIVE*", "*1 inconclusive*"])
    result.stdout.fnmatch_lines(["*Inconclusive*Blind: no images*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_check_that_does_not_apply_counts_neither_way(project: "Project") -> None:
    body = """
    def test_it():
        raise DoesNotApply("a device plugin has no claims")

    def test_other():
        pass
    """
    project.suite(secure_accelerator_access=HEAD + body)

    result = project.run("--aicr", "-m", "secure", "-v")

    result.stdout.fnmatch_lines(["*test_it NOT APPLICABLE*"])
    result.stdout.fnmatch_lines(["*Implemented*1 of 2 deciding checks passed, 1 does not apply*"])
    assert result.ret == 0


HARDER = """
    def test_it():
        pass

    @pytest.mark.aicr_check(basis="hardening")
    def test_harder():
        {}
    """


def test_failed_hardening_check_is_a_finding_and_fails_no_run(project: "Project") -> None:
    found = 'assert False, "the class gives a device"'
    project.suite(secure_accelerator_access=HEAD + HARDER.format(found))

    result = project.run("--aicr", "-m", "secure", "-v")

    result.stdout.fnmatch_lines(["*test_harder FINDING*", "*1 finding*"])
    result.stdout.fnmatch_lines(["*Implemented*", "*finding: Harder: the class gives a device*"])
    assert result.ret == 0
    apart = project.run_as_it_comes("--aicr", "-m", "secure", "-n2")
    apart.stdout.fnmatch_lines(["*finding: Harder: the class gives a device*"])
    assert apart.ret == 0
    strict = project.run("--aicr", "-m", "secure", "--aicr-strict")
    strict.stdout.fnmatch_lines(["*Not Implemented*Harder*"])
    assert strict.ret == pytest.ExitCode.TESTS_FAILED


def test_hardening_check_that_could_not_look_fails_no_run(project: "Project") -> None:
    found = 'raise Inconclusive("nobody has allowed it")'
    project.suite(secure_accelerator_access=HEAD + HARDER.format(found))

    result = project.run("--aicr", "-m", "secure", "-v")

    result.stdout.fnmatch_lines(["*test_harder INCONCLUSIVE*"])
    assert result.ret == 0
    strict = project.run("--aicr", "-m", "secure", "--aicr-strict")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED


def test_hardening_check_that_is_broken_itself_fails_the_run(project: "Project") -> None:
    project.suite(secure_accelerator_access=HEAD + HARDER.format('raise KeyError("x")'))

    result = project.run("--aicr", "-m", "secure")

    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_word_of_the_user_makes_a_requirement_not_applicable(project: "Project") -> None:
    project.suite(
        cluster_autoscaling="""
        import pytest
        pytestmark = pytest.mark.requirement("cluster_autoscaling")

        def test_it():
            assert False, "must not run"
        """
    )

    result = project.run(
        "--aicr",
        "-m",
        "cluster_autoscaling",
        "--aicr-not-applicable",
        "cluster_autoscaling=on premises",
    )

    result.stdout.fnmatch_lines(["cluster_autoscaling*MUST*N/A*by the user's word: on premises"])
    assert result.ret == 0


def test_selection_of_some_checks_is_no_verdict_about_the_requirement(
    project: "Project",
) -> None:
    result = project.run("--aicr", "-k", "test_pod_sees_its_device")

    result.stdout.fnmatch_lines(["*secure*Inconclusive*1 of 2 deciding checks ran*"])
    assert result.ret == 0, "a requirement that was not selected whole does not fail a run"


def test_node_id_of_one_check_is_a_selection_of_some(project: "Project") -> None:
    module = ".package/suite/conformance/test_secure_accelerator_access.py"

    result = project.run(f"{module}::test_pod_sees_its_device")

    result.stdout.fnmatch_lines(["*secure*Inconclusive*1 of 2 deciding checks ran*"])


def test_must_that_was_skipped_whole_fails_the_run(project: "Project") -> None:
    body = """
    def test_it():
        pytest.skip("no time")
    """
    project.suite(secure_accelerator_access=HEAD + body)

    result = project.run("--aicr", "-m", "secure")

    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_requirement_that_is_not_listed_does_not_fail_the_run(project: "Project") -> None:
    project.suite(
        dra_support="""
        import pytest
        pytestmark = pytest.mark.requirement("dra_support")

        def test_it():
            pytest.skip("no time")
        """
    )

    assert project.run("--aicr", "-m", "dra").ret == 0


def test_interrupted_run_reports_what_ran_and_the_rest_as_not_run(project: "Project") -> None:
    body = """
    def test_first():
        pass

    def test_second():
        raise KeyboardInterrupt

    def test_third():
        pass
    """
    project.suite(secure_accelerator_access=HEAD + body)

    result = project.run_apart("--aicr", "-m", "secure", "--evidence-dir", "out")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    told = project.read_run()
    outcomes = [check["outcome"] for check in told["requirements"][0]["checks"]]
    assert outcomes == ["passed", "not run", "not run"]
    assert told["interrupted"] is True
    result.stdout.fnmatch_lines(["*Inconclusive*1 of 3 deciding checks ran*"])


def test_stop_at_the_first_failure_leaves_the_rest_not_run(project: "Project") -> None:
    body = """
    def test_first():
        raise Inconclusive("blind")

    def test_second():
        pass
    """
    assert outcome_of(project, body, "-x") == ("inconclusive", "Inconclusive")
    checks = project.read_run()["requirements"][0]["checks"]
    assert [check["outcome"] for check in checks] == ["inconclusive", "not run"]


def test_check_with_an_unknown_requirement_is_refused(project: "Project") -> None:
    project.suite(
        dra_support="import pytest\npytestmark = pytest.mark.requirement('dra')\n"
        "def test_it(): pass\n"
    )

    result = project.run("--aicr")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'dra' is no requirement id*"])


@pytest.mark.parametrize(
    ("comparison", "message"),
    [
        ("[f'pod-{n} sees {300 * chr(120)}' for n in (1, 2)] == []",
         f"pod-1 sees {300 * 'x'}\npod-2 sees {300 * 'x'}"),
        ("[('GPU-1',)] == [('GPU-2',)]", "found [('GPU-1',)]\nexpected [('GPU-2',)]"),
        ("{'DeviceClass', 'ResourceClaim'} <= {'ResourceClaim'}", "missing: DeviceClass"),
    ],
)  # fmt: skip
def test_failed_comparison_is_told_in_full(
    project: "Project", comparison: str, message: str
) -> None:
    body = f"""
    def test_it():
        assert {comparison}
    """
    project.suite(secure_accelerator_access=HEAD + body)
    project.run("--aicr", "-m", "secure", "--evidence-dir", "out")

    (requirement,) = project.read_run()["requirements"]
    assert requirement["checks"][0]["message"] == message
    assert message.partition("\n")[0][:200] in requirement["reason"]


OURS = """
    def ask():
        try:
            raise KeyError("of the client")
        except KeyError as error:
            raise WaitTimeout("it sees 8\\n  Last seen: 8\\n  See: kubectl get pods") from error

    def test_it():
        ask()

    def test_blind():
        raise NoCapacity("0 free", hint="Free some, or name other nodes with --aicr-nodes.")
"""


def test_error_of_ours_is_told_in_full_without_how_it_came_about(project: "Project") -> None:
    project.suite(secure_accelerator_access=HEAD + OURS)

    said = project.run("--aicr", "-m", "secure").stdout.str()

    for line in ("it sees 8", "  Last seen: 8", "  See: kubectl get pods"):
        assert f"E       {line}\n" in said
    assert ">       raise WaitTimeout(" in said
    assert "KeyError" not in said
    assert "aicr_pytest.errors" not in said


def test_how_an_error_of_ours_came_about_is_there_to_be_seen(project: "Project") -> None:
    project.suite(secure_accelerator_access=HEAD + OURS)

    said = project.run("--aicr", "-m", "secure", "-vv").stdout.str()

    assert "KeyError: 'of the client'" in said
    assert "def ask():" in said


def test_way_out_reaches_the_terminal(project: "Project") -> None:
    project.suite(secure_accelerator_access=HEAD + OURS.replace("    ask()", "    pass"))

    result = project.run("--aicr", "-m", "secure")

    result.stdout.fnmatch_lines(
        [
            "secure_accelerator_access*Inconclusive*Blind: 0 free; 1 of 2 deciding checks could*",
            "* Free some, or name other nodes with --aicr-nodes.",
        ]
    )


BY_OTHERS = {
    "a fixture of a foreign conftest": """
        import pytest

        @pytest.fixture
        def theirs():
            assert False, "theirs"
        """,
    "a hook of a foreign plugin": """
        def pytest_pyfunc_call():
            assert False, "theirs"
        """,
    "a wrapper of a foreign plugin": """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call():
            yield
            pytest.fail("theirs")
        """,
    "a clock of a foreign plugin": """
        import pytest

        def alarm():
            pytest.fail("theirs")

        def pytest_configure():
            pytest.alarm = alarm
        """,
}


@pytest.mark.parametrize("who", BY_OTHERS)
def test_failure_of_others_accuses_nobody(project: "Project", who: str) -> None:
    project.pytester.makeconftest(BY_OTHERS[who])
    body = """
    def test_it(request):
        if hasattr(pytest, "alarm"):
            pytest.alarm()
        request.getfixturevalue("theirs")
    """

    told, verdict = outcome_of(project, body, "--rootdir", ".", "--confcutdir", ".")

    assert (told, verdict) == ("error", "Inconclusive")
    (requirement,) = project.read_run()["requirements"]
    assert "the suite failed, not the platform: " in requirement["reason"]
    assert "theirs" in requirement["reason"]


@pytest.mark.parametrize(
    "error",
    [
        "LeftBehind('it stays')",
        "ManifestError('no such value')",
        "SettingsError('no such Secret')",
        "ExceptionGroup('both', [AssertionError('it sees 8'), TypeError('ours')])",
    ],
)
def test_what_the_platform_did_not_do_accuses_nobody(project: "Project", error: str) -> None:
    body = f"""
    def test_it():
        raise {error}
    """
    assert outcome_of(project, body) == ("error", "Inconclusive")


@pytest.mark.parametrize("instead", ["return None", "pytest.skip('flaky')", "pytest.xfail('y')"])
def test_failure_that_a_plugin_keeps_to_itself_is_one(project: "Project", instead: str) -> None:
    project.pytester.makeconftest(
        f"""
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_pyfunc_call():
            try:
                return (yield)
            except AssertionError:
                {instead}
        """
    )
    body = """
    def test_it():
        assert False, "it sees 8"
    """
    assert outcome_of(project, body) == ("failed", "Not Implemented")


def test_check_may_fail_by_its_own_word(project: "Project") -> None:
    body = """
    def test_it():
        pytest.fail("it sees 8")
    """
    assert outcome_of(project, body) == ("failed", "Not Implemented")
