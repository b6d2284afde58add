"""A suite that says secrets in every way there is; every value tells its channel and its kind."""

import hashlib

CHANNELS = (
    "assertion", "compared", "exception", "group", "note", "cause", "context", "left_behind",
    "stdout", "stderr", "logged", "logged_error", "warning", "title", "fact", "fact_name", "table",
    "text", "json", "yaml", "csv_cell", "timeline", "exec_stdout", "exec_stderr", "awaited", "seen",
    "source_of_evidence", "setup", "teardown", "skip", "xfail", "not_applicable", "parameter",
    "docstring", "local", "argument", "section", "section_name", "property", "creates", "extra",
    "subtest", "recursion", "command", "library", "lookup",
)  # fmt: skip
KINDS = ("hugging_face", "github", "nvidia", "bearer", "url")


def needle(channel: str, kind: str) -> str:
    """The part of a credential that must be found nowhere."""
    return hashlib.sha256(f"{channel} {kind}".encode()).hexdigest()[:36]


def credential(channel: str, kind: str) -> str:
    """A credential as it looks in the wild; generated, so that no scanner stumbles on this file."""
    value = needle(channel, kind)
    return {
        "hugging_face": f"hf_{value}",
        "github": f"ghp_{value}",
        "nvidia": f"nvapi-{value}",
        "bearer": f"Authorization: Bearer {value}",
        "url": f"https://admin:{value}@registry.example/v2",
    }[kind]


def planted(text: str) -> str:
    """A module with ``<channel>`` replaced by credentials of that channel, on one line."""
    for channel in CHANNELS:
        all_kinds = " and ".join(credential(channel, kind) for kind in KINDS)
        text = text.replace(f"<<{channel}>>", credential(channel, "hugging_face"))
        text = text.replace(f"<{channel}>", all_kinds)
    return text


MODULE = '''
import logging
import warnings
import datetime

import pytest

from aicr_pytest.cluster.observer import Execution
from aicr_pytest.errors import DoesNotApply, Inconclusive, LeftBehind
from aicr_pytest.evidence.timeline import Timeline

pytestmark = pytest.mark.requirement("secure_accelerator_access")
NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)


@pytest.fixture
def failing_setup():
    raise RuntimeError("<setup>")


@pytest.fixture
def failing_teardown():
    yield
    raise ExceptionGroup("down", [LeftBehind("pod <left_behind> stays"), OSError("<teardown>")])


def library(password):
    inside = "<local>"
    raise OSError("<library>")


def test_assertion():
    assert 1 == 2, "<assertion>"


def test_comparison():
    assert ["<compared>"] == []


def test_exception(request):
    request.node.add_report_section("call", "<<section_name>>", "<section>")
    request.node.user_properties.append(("token", "<property>"))
    raise RuntimeError("<exception>")


def test_group():
    error = ExceptionGroup("several", [ValueError("<group>"), OSError("x")])
    error.add_note("<note>")
    raise error


def test_cause():
    try:
        try:
            raise OSError("<context>")
        except OSError:
            raise KeyError("<cause>")
    except KeyError as error:
        inner = ValueError("outer")
        inner.add_note("<note>")
        raise inner from error


def test_library():
    library("<argument>")


def test_streams():
    import sys
    print("<stdout>")
    print("<stderr>", file=sys.stderr)
    logging.getLogger("kubernetes").error("plugin said %s", "<logged>")
    try:
        raise OSError("<logged_error>")
    except OSError:
        logging.exception("failed")
    warnings.warn("<warning>")
    raise Inconclusive("blind")


def test_setup(failing_setup):
    pass


def test_teardown(failing_teardown):
    pass


def test_skipped():
    pytest.skip("<skip>")


@pytest.mark.xfail(reason="<xfail>", strict=False)
def test_xfail():
    assert False


def test_that_does_not_apply():
    raise DoesNotApply("<not_applicable>")


def test_lookup(no_such_fixture, text="<lookup>"):
    pass


@pytest.mark.parametrize("value", ["<<parameter>>"])
@pytest.mark.aicr_check(basis="plan", creates="a pod <creates>")
def test_parameter(value):
    """Says <docstring>."""
    raise RuntimeError("told")


def test_recursion(depth=0):
    text = "<recursion>"
    test_recursion(depth + 1)


def test_subtests(subtests):
    with subtests.test("<subtest>"):
        raise ValueError("<subtest>")


def test_observations(aicr_evidence, aicr_cluster, extras):
    extras.append({"name": "<<extra>>", "format_type": "html", "content": "<b>&lt;extra></b>"
                   .replace("&lt;extra>", "<extra>"), "mime_type": None, "extension": None})
    aicr_evidence.fact("<<fact_name>>", "<fact>")
    aicr_evidence.text("<<title>>", "<text>", source="kubectl <source_of_evidence>")
    aicr_evidence.json("a", {"kind": "X", "status": {"message": "<json>"}}, source="x")
    aicr_evidence.yaml("b", {"kind": "X", "status": {"message": "<yaml>"}}, source="x")
    aicr_evidence.table("c", ["x"], [["<table>"]], source="x")
    aicr_evidence.rows("d", ["x"], [["<csv_cell>"]], source="x")
    timeline = Timeline("of <<timeline>>", {"<<timeline>>": "%"})
    timeline.sample(NOW, **{"<<timeline>>": float("nan")})
    timeline.mark(NOW, "<timeline>")
    aicr_evidence.timeline(timeline, source="x")
    aicr_evidence.execution(Execution(
        pod="p", namespace="n", container="", command=("env", "<<command>>"), seconds=1,
        stdout="<exec_stdout>", stderr="<exec_stderr>", exit_code=0, taken_at=NOW,
        request="GET <<exec_request>>"))
    for elapsed in (1.0, 7.0, 30.0):
        aicr_cluster.observer.awaiting("pod <awaited>", "is <seen>", elapsed, 60.0)
    raise RuntimeError("told")
'''
