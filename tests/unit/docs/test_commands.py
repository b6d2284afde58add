"""Every command that a page shows can be typed: it is run, or, where it needs a cluster, parsed.

The pages of ``docs/how-to`` show the tree after a change: ``tests/unit/test_how_to.py`` runs those.
"""

import contextlib
import io
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from aicr_lab.cli import _parser as lab_parser
from aicr_lab.cli import main as lab_main
from aicr_pytest.cli.main import _parser as our_parser
from aicr_pytest.cli.main import main
from aicr_pytest.config.options import OPTIONS
from aicr_pytest.reports.writing import write_reports
from aicr_pytest.requirements.catalogue import mark_names
from tests.unit.docs.shown import (
    ROOT,
    Shown,
    lines,
    of_recipe,
    pages,
    recipes,
    shown,
    simple_commands,
)
from tests.unit.evidence import small_run
from tests.unit.submission import world

OF_A_CLUSTER = {"preflight", "clean", "in-cluster", "--kubeconfig"}
"""Commands and options of ours that ask an API server: their words are parsed only."""
BY_OTHER_TESTS = {"--signature", "--import-upstream"}
"""Options that want files of other programs."""
OF_OTHERS = {
    *("cat", "cd", "cp", "mkdir", "printf", "rm", "sed", "test", "umask"),
    *("cosign", "crane", "docker", "git", "go", "skopeo", "sonobuoy", "ssh-keygen", "tkn"),
}
"""Programs that are not ours to try; a new one is named here, so that a slip of the pen is not."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


COLLECT = ("--collect-only", "-q", "-p", "no:cacheprovider")
"""As far as a run goes without a cluster."""
FIRST: dict[tuple[str, ...], list[str]] = {}
"""The first run with these options."""


def of_pages() -> list[Shown]:
    """What all pages and recipes show, each command once."""
    found: dict[tuple[str, ...], Shown] = {}
    for page in pages():
        if page.parent.name != "how-to":
            for one in shown(page.read_text(encoding="utf-8"), named(page)):
                found.setdefault(key(one), one)
    for path in recipes():
        for one in of_recipe(path):
            found.setdefault(key(one), one)
    return list(found.values())


def key(one: Shown) -> tuple[str, ...]:
    """What tells it from other commands: wherever the program lies, it is the same."""
    return (str(one.inline), Path(one.words[0]).name, *one.words[1:])


SHOWN = of_pages()
TYPED = [one for one in SHOWN if not one.inline]
NAMED = [
    one
    for one in SHOWN
    if one.inline and one.words[0] in ("aicr-pytest", "pytest", "make") and len(one.words) > 1
]


def test_commands_are_found() -> None:
    programs = {Path(one.words[0]).name for one in TYPED}

    assert {"aicr-pytest", "pytest", "make", "kubectl"} <= programs
    assert NAMED


@pytest.mark.parametrize("one", TYPED, ids=str)
def test_what_a_page_tells_to_type_can_be_typed(one: Shown, pytester: pytest.Pytester) -> None:
    program, *arguments = one.words
    name = Path(program).name
    if name == "python" and arguments[:1] == ["-m"]:
        name, *arguments = arguments[1:]
    if name.endswith((".sh", ".py")):
        name, arguments = "python", [program]
    try_it = TRIED.get(name)

    assert try_it or name in OF_OTHERS, f"{one}: what is {name}?"
    if try_it:
        try_it([meant(word) for word in arguments], pytester)


@pytest.mark.parametrize("one", NAMED, ids=str)
def test_what_a_page_names_exists(one: Shown) -> None:
    program, *arguments = one.words
    if program == "make":
        make(arguments)
        return
    if program == "pytest":
        said = long_help("pytest")
    elif arguments[0] == "run":
        said = long_help("aicr_pytest.cli.main", "run") + long_help("pytest")
    else:
        said = help_of(main, arguments[0])
    knows_options(said, arguments)
    assert unknown_marks(arguments) == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_option_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    told = set(re.findall(r"(?<![\w-])--(?:aicr-[\w-]+|evidence[\w-]*|cncf[\w-]*)", text))

    assert told <= {option.flag for option in OPTIONS} | {"--aicr", "--evidence-claim"}


@cache
def long_help(*module: str) -> str:
    """What a program says of itself that takes seconds for that."""
    return run([sys.executable, "-m", *module, "--help"], ROOT)


def run(words: Iterable[str], directory: Path) -> str:
    """Run a program to its good end; what it says."""
    done = subprocess.run(
        [*words], cwd=directory, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def meant(word: str) -> str:
    """A word without the signs of a synopsis: `[--json]`, `DIR…`, `DIR|TAR`."""
    return word.strip("[]…").partition("|")[0] if re.match(r"\[|.*[…|]", word) else word


def flags(words: Iterable[str]) -> list[str]:
    """Options, but for those behind `--`, which are another program's."""
    ours = takewhile(lambda word: word != "--", words)
    return [word.partition("=")[0] for word in ours if word.startswith("-") and word != "-"]


def help_of(command: Callable[[list[str]], int], name: str) -> str:
    """What a command says of itself when it is asked with --help."""
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(said):
        command([name, "--help"])
    assert ended.value.code == 0
    return said.getvalue()


def knows_options(help_text: str, words: list[str]) -> None:
    """Hold options against the help, as argparse takes the beginning of one for it."""
    for flag in flags(words):
        assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", help_text), flag


def unknown_marks(words: list[str]) -> list[str]:
    """Names after `-m` that mark no check."""
    expressions = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "-m"]
    names = re.findall(r"\w+", " ".join(expressions))
    known = {*mark_names(), "must", "should", "thorough", "and", "or", "not"}
    return [name for name in names if name not in known and not name.isupper()]


def reading(tmp_path: Path) -> None:
    """The directories and files of which the pages speak."""
    for number, name in enumerate(("old", "OLD", "NEW", "DIR", "one", "two")):
        run_id = f"20261123-1{number}0000-7f3a"
        assert write_reports(small_run.make(tmp_path / name, run_id, directory=name)) == []
    for name in ("out", "both"):
        assert write_reports(world.evidence(tmp_path / name)) == []
    world.checkout(tmp_path / "k8s-ai-conformance")
    world.product(tmp_path / "product.yaml")


def ours(words: list[str], at: pytest.Pytester) -> None:
    """A command of ours."""
    command, *rest = words
    with pytest.MonkeyPatch.context() as patch:
        if command == "run":
            run_of_pytest = at.runpytest_inprocess
            patch.setattr(pytest, "main", lambda told: run_of_pytest(*told, *COLLECT).ret)
            assert unknown_marks(rest) == []
            if "--resume" in rest:
                reading(at.path)
            assert not is_first(words) or main(words) == 0
            return
        knows_options(help_of(main, command), rest)
        if words[:2] == ["clean", "--run"]:
            words = ["clean", "--run", "20260102-030405-ab12", *words[3:]]
        our_parser().parse_args(words)
        if (OF_A_CLUSTER | BY_OTHER_TESTS) & {*words}:
            return
        reading(at.path)
        if command == "merge":
            words = ["merge", "merged", "one", "two"]
        if command == "validate":
            submit = ["out", "--checkout", "k8s-ai-conformance", "--product", "product.yaml"]
            assert main(["submit", *submit]) == 0
            made = at.path / "k8s-ai-conformance" / "v1.37" / "analytical-engine"
            if made != at.path / rest[-1]:
                shutil.copytree(made, rest[-1])
        # A difference ends with 1; so does what a validator would say, and here it has no mercy.
        assert main(words) in ((0, 1) if command in ("diff", "validate") else (0,))


def pytest_itself(words: list[str], at: pytest.Pytester) -> None:
    """A run of the suite, as far as that goes without a cluster."""
    assert unknown_marks(words) == []
    if not is_first(words):
        return
    if "--aicr" in words:
        assert at.runpytest_inprocess(*words, *COLLECT).ret == pytest.ExitCode.OK
    else:
        assert "test_" in run([sys.executable, "-m", "pytest", *words, *COLLECT], ROOT)


def is_first(words: list[str]) -> bool:
    """Whether these options were not tried yet; a collection takes seconds."""
    return words == FIRST.setdefault((words[0], *flags(words)), words)


def make(words: list[str], at: pytest.Pytester | None = None) -> None:
    run(["make", "-n", *words], ROOT)


def kubectl(words: list[str], at: pytest.Pytester) -> None:
    """Its options, by its own help; files are there."""
    program = Path(sys.executable).with_name("kubectl")
    verb = [word for word in words[:2] if word.islower() and word.isalpha()]
    said = run([program.as_posix(), *verb, "--help"], ROOT) + run([str(program), "options"], ROOT)
    knows_options(said, words)
    for option, value in pairwise(words):
        if option == "-f" and not value.startswith(("-", "http")):
            assert (ROOT / value).exists(), words


def lab(words: list[str], at: pytest.Pytester) -> None:
    lab_parser().parse_args(words)
    if words[0] not in ("exec", "defect"):  # what follows those is another program's
        knows_options(help_of(lab_main, words[0]), words)


def python(words: list[str], at: pytest.Pytester) -> None:
    """A program of this repository, seen from its root or from a folder in it."""
    assert (ROOT / words[0].removeprefix("../")).is_file(), words


def pip(words: list[str], at: pytest.Pytester) -> None:
    """What is installed of ours has this name, and these extras."""
    for word in words:
        if found := re.match(r"(?:\.|aicr[\w-]*)(?:\[(.*)\])?", word):
            assert word.startswith((".", PROJECT["name"])), word
            extras = set(filter(None, (found[1] or "").split(",")))
            assert extras <= {*PROJECT["optional-dependencies"]}, word


TRIED: dict[str, Callable[[list[str], pytest.Pytester], None]] = {
    "aicr-pytest": ours,
    "aicr_pytest": ours,
    "aicr_lab": lab,
    "kubectl": kubectl,
    "make": make,
    "pip": pip,
    "pipx": pip,
    "pytest": pytest_itself,
    "python": python,
    "uv": pip,
    "venv": lambda words, at: None,
}


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("a -x  # b", [("a", "-x")]),
        ("A=1 a && b | c; d", [("a",), ("b",), ("c",), ("d",)]),
        ("a \\\n  b > out 2>&1", [("a", "b")]),
        ("$ a '; b'", [("a", "; b")]),
        ("# nothing", []),
    ],
)
def test_commands_are_read_off_a_script(script: str, found: list[tuple[str, ...]]) -> None:
    assert [one for _, words in lines(script) for one in simple_commands(words)] == found


@pytest.mark.parametrize(
    "wrong",
    [
        "    aicr-pytest lst",
        "    aicr-pytest clean --runn X",
        "    pytest --aicr -m draa",
        "    pytest --aicr --aicr-contxt x",
        "    make conformence",
        "    kubectl apply -f docs/rback.yaml",
        "    python -m aicr_lab up --addon all",
        "    pip install 'aicr-pytest[labs]'",
        "    kubectll get pods",
    ],
)
def test_slip_of_the_pen_is_seen(wrong: str, pytester: pytest.Pytester) -> None:
    (one,) = shown(wrong, "x.md")

    with pytest.raises((AssertionError, SystemExit)):
        test_what_a_page_tells_to_type_can_be_typed(one, pytester)
