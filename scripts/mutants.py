"""Judges mutants that mutmut has made: which of them no unit test notices.

mutmut makes them and learns which test calls which function (`mutmut run`). It would start pytest
for each; here pytest collects once, and each mutant gets a fork of that. Run by `make mutants` in
the folder that mutmut has made. Tells what each survivor makes of the code, and
how many there were. What was judged stands in `judged.jsonl`; `--again` judges survivors again.

Usage: python ../scripts/mutants.py [--again] [--tests PATH ...] [PATTERN ...]
"""

import argparse
import ast
import difflib
import fnmatch
import functools
import gc
import json
import os
import resource
import signal
import sys
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

_JUDGED = Path("judged.jsonl")
_TESTS = "pytest_add_cli_args_test_selection"
_SECONDS = 20
"""For one mutant, beside ten times what its tests take: what takes longer hangs, and is noticed."""


class Judge:
    """Judges mutants in place of running the tests that were collected."""

    def __init__(self, patterns: Sequence[str], again: bool) -> None:
        stats = json.loads(Path("mutmut-stats.json").read_text())
        self._callers: dict[str, list[str]] = stats["tests_by_mangled_function_name"]
        self._took: dict[str, float] = stats["duration_by_test"]
        self._judged: dict[str, str] = _judged()
        every = list(dict.fromkeys(n for p in patterns for n in fnmatch.filter(mutants(), p)))
        wanted = {"survived", "not called"} if again else set()
        changed = differences(every)
        self._changed = {
            n: lines for n, lines in changed.items() if lines and not is_of_words(lines)
        }
        self._names = [name for name in self._changed if self._judged.get(name) in (None, *wanted)]
        self._seen: list[pytest.TestReport] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge, with the tests at hand, in place of running them."""
        if (whole := self._apart("none", session.items)) != "survived":
            raise pytest.UsageError(f"without any mutant: {whole}")
        items = {item.nodeid: item for item in session.items}
        gc.freeze()  # so that no fork copies what it does not change
        for name in self._names:
            function = name.rpartition("__mutmut_")[0]
            callers = sorted(self._callers.get(function, ()), key=lambda i: self._took.get(i, 0.0))
            ids = [*callers, *(i for i in items if i not in self._took)]  # new ones may call any
            tests = [items[i] for i in ids if i in items]
            self._judged[name] = self._apart(name, tests) if tests else "not called"
            with _JUDGED.open("a") as file:
                print(json.dumps([name, self._judged[name]]), file=file)
        tell(self._changed, self._judged)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came of a test, in the fork that ran it."""
        self._seen.append(report)

    def _apart(self, name: str, tests: Sequence[pytest.Item]) -> str:
        """What came of a mutant, in a process of its own."""
        reading, writing = os.pipe()
        if not (child := os.fork()):
            signal.alarm(_SECONDS + int(10 * sum(self._took.get(t.nodeid, 1) for t in tests)))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            os.environ["MUTANT_UNDER_TEST"] = name
            os.write(writing, self._first_failure(tests).encode()[:4000])
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        _, status = os.waitpid(child, 0)
        return said if status == 0 else f"killed: ended with status {status}"

    def _first_failure(self, tests: Sequence[pytest.Item]) -> str:
        for item, following in zip(tests, [*tests[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if failed := [report for report in self._seen if report.failed]:
                return f"killed by {item.nodeid}: {failed[0].longreprtext.strip()[-200:]}"
        return "survived"


def _judged() -> dict[str, str]:
    return dict(map(json.loads, _JUDGED.read_text().splitlines())) if _JUDGED.exists() else {}


def mutants() -> list[str]:
    """Names of all mutants that there are."""
    metas = sorted(Path("aicr_pytest").rglob("*.meta"))
    return [n for meta in metas for n in json.loads(meta.read_text())["exit_code_by_key"]]


def differences(names: Iterable[str]) -> dict[str, list[str]]:
    """The lines that each mutant drops and adds; none where they are of what is only recorded."""
    sources: dict[str, dict[str, list[str]]] = {}
    found = {}
    for name in names:
        module, _, mutant = name.rpartition(".")
        if module not in sources:
            sources[module] = _functions(Path(module.replace(".", "/") + ".py"))
        functions = sources[module]
        like = mutant.rpartition("__mutmut_")[0] + "__mutmut_orig"
        mutated = [line.replace(mutant, "…") for line in functions[mutant]]
        original = [line.replace(like, "…") for line in functions[like]]
        recorded = _recorded("\n".join(original).replace("…", "mutant"))
        found[name] = []
        for kind, start, end, to, upto in difflib.SequenceMatcher(
            None, original, mutated, autojunk=False
        ).get_opcodes():
            if kind != "equal" and not recorded.issuperset(range(start, max(end, start + 1))):
                found[name] += [f"-{line}" for line in original[start:end]]
                found[name] += [f"+{line}" for line in mutated[to:upto]]
    return found


@functools.cache
def _recorded(function: str) -> frozenset[int]:
    """Lines of a function that only say what goes into the evidence, or what was last seen."""
    calls = [
        node
        for node in ast.walk(ast.parse(textwrap.dedent(function)))
        if (isinstance(node, ast.Call) and "_evidence()." in ast.unparse(node.func))
        or (isinstance(node, ast.keyword) and node.arg == "describe")
    ]
    return frozenset(n - 1 for one in calls for n in range(one.lineno, (one.end_lineno or 0) + 1))


def _functions(file: Path) -> dict[str, list[str]]:
    source = file.read_text()
    lines = source.splitlines()
    return {
        node.name: lines[node.lineno - 1 : node.end_lineno]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def is_of_words(difference: Sequence[str]) -> bool:
    """Whether only the words of a message are others: a string that holds a space."""
    old, new = ("".join(line[1:] for line in difference if line[0] == sign) for sign in "-+")
    if old.lower() != new.replace("XX", "").lower():
        return False
    pairs = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    at = next((start for kind, start, *_ in pairs if kind != "equal"), 0)
    quoted = next((text for text in _strings(old) if text[0] <= at <= text[1]), None)
    return quoted is not None and " " in old[quoted[0] : quoted[1]].strip()


def _strings(line: str) -> list[tuple[int, int]]:
    ends = [i for i, char in enumerate(line) if char == '"' and line[i - 1 : i] != "\\"]
    return [(start + 1, end) for start, end in zip(ends[::2], ends[1::2], strict=False)]


def tell(changed: dict[str, list[str]], judged: dict[str, str]) -> None:
    """Say what came of mutants, by module; and of each survivor what it makes of the code."""
    count = Counter(
        (n.rpartition(".")[0], judged[n].split()[0].strip(":")) for n in changed if n in judged
    )
    for name in filter(judged.get, changed):
        if not judged[name].startswith("killed"):
            print(f"\n{judged[name]}: {name}", *changed[name], sep="\n    ")
    print("\n| module | mutants | noticed | % |\n|---|---|---|---|")
    modules = sorted({module for module, _ in count})
    rows = {
        m: (sum(count[m, w] for w in ("killed", "survived", "not")), count[m, "killed"])
        for m in modules
    }
    rows["together"] = tuple(map(sum, zip(*rows.values(), strict=True)))  # type: ignore[assignment]
    for module, (total, killed) in rows.items():
        print(f"| {module} | {total} | {killed} | {100 * killed / max(total, 1):.1f} |")


def main() -> int:
    """Judge what the command line names."""
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    here = Path.cwd()  # the mutants, and never the code that they were made of
    sys.path[:] = [str(here), *(p for p in sys.path if Path(p).resolve() != here.parent)]
    options = argparse.ArgumentParser()
    options.add_argument("--again", action="store_true")
    options.add_argument("--tests", nargs="*", default=settings[_TESTS])
    options.add_argument("patterns", nargs="*", default=["*"])
    asked = options.parse_args()
    judge = Judge(asked.patterns, asked.again)
    return int(pytest.main(["-q", "-s", "--tb=native", *asked.tests], plugins=[judge]))


if __name__ == "__main__":
    sys.exit(main())
