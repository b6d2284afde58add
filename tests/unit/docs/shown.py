"""The commands that pages show a reader, as words."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[3]
SHELLS = ("sh", "bash", "shell", "console", "")
"""Languages of a fence in which a reader is to type; '' is an indented block, too."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_BETWEEN = re.compile(r"(?:&&|\|\|?|;|&)")
_REDIRECTION = re.compile(r"\d?(?:>>?|<)&?(\S*)")
_ASSIGNMENT = re.compile(r"\w+=\S*")
_KEYWORDS = ("if", "then", "else", "fi", "do", "done", "{", "}", "!", "trap", "set", "wait")
_SCRIPTS = ("run", "before_script", "script", "after_script", "args")
"""Fields of CI systems' files that hold what a shell runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One simple command, as a page shows it."""

    page: str
    """Path below the root of the repository."""
    line: int
    """Where it, or its block, begins; 1 is the first."""
    words: tuple[str, ...]
    """Program and arguments; assignments before and redirections behind are left out."""
    inline: bool = False
    """Named in running text, where a value or the rest may be missing."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    """README, what stands beside it for contributors, and everything below docs."""
    beside = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "deploy").glob("*.md")]
    return [*beside, *sorted((ROOT / "docs").rglob("*.md"))]


def recipes() -> list[Path]:
    """The files of CI systems that users copy."""
    return sorted((ROOT / "examples" / "ci").iterdir())


def of_recipe(path: Path) -> Iterator[Shown]:
    """Every command that a CI system would run."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".yml", ".yaml"):
        found = scripts(yaml.safe_load(text))
    else:
        found = re.findall(r"\bsh '([^']*)'", text)
    for script in found:
        for _, words in lines(script):
            for simple in simple_commands(words):
                first = script.strip().partition("\n")[0]
                line = text[: text.index(first)].count("\n") + 1
                yield Shown(page=path.relative_to(ROOT).as_posix(), line=line, words=simple)


def scripts(value: object) -> list[str]:
    """What a shell runs in such a file, each piece whole."""
    if isinstance(value, list):
        return [script for one in value for script in scripts(one)]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for name, held in value.items():
        pieces = held if isinstance(held, list) else [held]
        if name in _SCRIPTS and all(isinstance(piece, str) for piece in pieces):
            found += pieces
        else:
            found += scripts(held)
    return found


def shown(text: str, page: str) -> Iterator[Shown]:
    """Every command of a page's blocks and, marked as such, of its running text.

    Raises:
        ValueError: a line of a block is no shell, e.g. for a quote that does not end.
    """
    for token in _MARKDOWN.parse(text):
        first = token.map[0] + 1 if token.map else 0
        if token.type == "code_block" or (token.type == "fence" and token.info.strip() in SHELLS):
            first += token.type == "fence"
            for line, words in lines(token.content):
                for simple in simple_commands(words):
                    yield Shown(page=page, line=first + line, words=simple)
        for code in _spans(token):
            if "…" not in code and (simples := list(simple_commands(_split(code)))):
                yield Shown(page=page, line=first, words=simples[0], inline=True)


def _spans(token: Token) -> list[str]:
    return [child.content for child in token.children or () if child.type == "code_inline"]


def _split(code: str) -> list[str]:
    try:
        return shlex.split(code)
    except ValueError:
        return []  # a quote of a language that is no shell


def lines(script: str) -> Iterator[tuple[int, list[str]]]:
    """The words of each line of a script, lines that go on joined; counted from 0."""
    begun, first = "", 0
    for number, line in enumerate(script.splitlines()):
        first = first if begun else number
        begun += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        if words := shlex.split(begun.strip().removeprefix("$ "), comments=True):
            yield first, words
        begun = ""


def simple_commands(words: list[str]) -> Iterator[tuple[str, ...]]:
    """The commands of one line: a pipe's parts, what `&&` joins."""
    simple: list[str] = []
    for word in [*words, ";"]:
        ends = word.endswith(";") and not word.endswith("\\;")
        if ends and word != ";":
            simple.append(word.removesuffix(";"))
        if ends or _BETWEEN.fullmatch(word):
            if bare := tuple(_bare(simple)):
                yield bare
            simple = []
        else:
            simple.append(word)


def _bare(words: list[str]) -> Iterator[str]:
    rest = iter(words)
    begun = False
    for word in rest:
        if found := _REDIRECTION.fullmatch(word):
            if not found[1]:
                next(rest, None)
        elif not begun and (word in _KEYWORDS or word.endswith("()")):
            if word in ("trap", "set", "wait"):
                return
        elif begun or not _ASSIGNMENT.fullmatch(word):
            begun = True
            yield word
