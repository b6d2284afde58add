"""Credentials that are known by the name that stands before them, in whatever notation.

``name=value`` and ``name: value``, quoted and bare, in JSON (also in JSON), YAML with its block
scalars, ini, environments, headers, lists of arguments, XML, Go's and Python's notation; flags with
a space; ``name: X`` above ``value: Y``.
"""

import re
from collections.abc import Callable

from aicr_pytest.evidence.redaction.known_tokens import wrapped_end
from aicr_pytest.evidence.redaction.quoting import OPENING, QUOTE, closing
from aicr_pytest.evidence.redaction.sensitive_names import (
    Sensitivity,
    is_credential,
    looks_secret,
    sensitivity,
)

MARK = "[redacted]"
Span = tuple[int, int]

_STEMS = (
    "pass",
    "token",
    "secret",
    "key",
    "auth",
    "cred",
    "pwd",
    "pw",
    "jwt",
    "cookie",
    "bearer",
    "pin",
    "dsn",
    "hook",
    "sas",
    "sig",
    "otp",
    "license",
    "licence",
    "sess",
    "sid",
    "conn",
    "kubeconfig",
    "docker",
    "netrc",
    "pat",
    "salt",
    "nonce",
    "seed",
    "mnemonic",
    "psk",
    "hmac",
    "bundle",
    "cert",
    "kennwort",
    "contrasena",
    "csrf",
    "xsrf",
    "id_",
    "assertion",
    "verifier",
    "unseal",
    "redact",
    "login",
    "code",
    "community",
    "phrase",
    "encrypt",
    "crumb",
)
"""Pieces, one of which every name of a credential holds, in lower case."""
_BREAK = r"(?:\r?\n|\\{1,15}n)"
_CLOSERS = rf"(?:\\{{0,15}}{QUOTE}|\]|\x1b\[[0-9;]{{0,8}}m){{0,3}}+"
_PAIR = re.compile(
    rf"""(?x)
    (?:(?<![A-Za-z0-9_.-])|(?<=\\0)|(?<=\\x00)|(?<=\\u0000))-{{0,2}}
    (?P<name>[A-Za-z_.][A-Za-z0-9_.-]{{0,127}}+)
    (?P<closers>{_CLOSERS})
    (?P<sep>
        [ \t]{{0,16}}(?:=>|=&gt;|:=|==?|::?|%3[DdAa]|&\#61;)(?![=/])[ \t]{{0,64}}
        | (?<=["'`;])[ \t]{{0,4}},\s{{0,64}}(?=\\{{0,15}}{QUOTE})
        | (?:>|&gt;)(?=\s{{0,8}}[^\s<])
    )"""
)
_FLAG = re.compile(
    rf"""(?x)
    (?:(?<![A-Za-z0-9_.-])--?|(?<=ENV[ ]))
    (?P<name>[A-Za-z][A-Za-z0-9_.-]{{0,127}}+)
    (?P<closers>{_CLOSERS})
    (?P<sep>[ \t]{{0,8}}\\{{1,15}}(?:\r?\n|n)[ \t]{{1,64}} | [ \t]{{1,16}}
      | \s{{0,8}},\s{{0,64}} | {_BREAK}{{1,2}}[ \t]{{0,64}}-[ \t]{{1,8}}
      | \x00 | \\x00 | \\u0000)
    (?!-)"""
)
_NAMED = re.compile(
    rf"""(?xi)
    (?<![A-Za-z0-9_.-])(?:name|key|variable|header)
    (?:{_CLOSERS}[ \t]{{0,8}}[:=]+[ \t]{{0,8}}|>)
    (?:\\{{0,15}}{QUOTE})?
    (?P<name>[A-Za-z_.][A-Za-z0-9_./-]{{0,127}}+)
    (?:{_CLOSERS}(?:[,;\s]|\\{{1,15}}[nrt]){{1,80}}+(?:\\{{0,15}}{QUOTE})?|</[a-z]{{1,8}}>\s{{0,16}}<)
    (?P<value>value)
    (?P<closers>{_CLOSERS})
    (?P<sep>[ \t]{{0,8}}[:=]+[ \t]{{0,8}}|>)"""
)
_BARE = re.compile(
    r"""(?xi)
    (?:(?:bearer|basic|token|negotiate|digest|apikey|ntlm|splunk|hmac)(?:[ \t]{1,4}|%20|\+))?
    (?: [^\s"'`<>,;&)\]}\\{|\x00]
      | \\(?!\\{0,14}["'`nrt&]|x00|u0000)
      | [,;|](?!\s|$|[\w.-]{1,40}[=:]|\\|["'`])
      | &amp;(?!\w{1,40}=)
      | &(?!\w{1,40}=|[a-z]{2,5};|\#|\s|$|&)
      | [)\]}>](?![\s,;:)\]}"'`>.\\]|$)
      | ["'`](?![\s,;:)\]}>\\]|$)
      | <(?!/)
      | \{(?!\{)
    )++"""
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,24}[ \t]{1,4}([^\s\"'`<,;\\]{6,4096})")
_REST_OF_LINE = re.compile(
    r"""(?x)
    (?: [^\n\r\\"'`&<] | <(?!/) | \\(?!\\{0,14}["'`nr]) | &(?!quot;|\#34;|\#39;|\#x27;)
      | ["'`](?![ \t]{0,4}(?:[,\]})\\\n\r]|$)) )++"""
)
_REST_OF_VARIABLE = re.compile(
    rf"(?:{_BREAK}(?![ \t]*[A-Za-z_][A-Za-z0-9_]{{0,127}}=)(?:[^\n\\\"]|\\"
    rf"(?!\\{{0,14}}[\"n])){{0,4096}}){{1,64}}?"
    rf"(?={_BREAK}[ \t]{{0,64}}[A-Za-z_][A-Za-z0-9_]{{0,127}}=)"
)
_BLOCK = re.compile(rf"(?:[|>]|&gt;)[+-]?[1-9]?[+-]?[ \t]{{0,8}}(?:\#[^\n]{{0,80}})?(?={_BREAK})")
_BLOCK_LINE = re.compile(
    rf"{_BREAK}(?P<indent>[ \t]{{0,200}})"
    r"(?P<text>(?:[^\n\r\\\"]|\\(?!\\{0,14}[\"n])|\"(?![ \t]{0,4}[,}\]\n]|$))*+)"
)
_LIST = re.compile(r"\[([^\[\]{}]{1,8192})\]")
_WRAPPED_VALUE = re.compile(r"(?:[A-Za-z]{1,12}\()?[bru$]?(?=\\{0,15}[\"'`&])")
_WORD_BEFORE = re.compile(r"(?<![A-Za-z])([A-Za-z]{2,14})[ ]$")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/_-]{20}")
_LOOKED_AT = 160
"""Characters of a word that decide whether it is a credential."""
_ANOTHER_PAIR = re.compile(r"[ \t&;,][A-Za-z_][A-Za-z0-9_.-]{0,64}=")
_GO_RESULT = re.compile(r"--- PASS: (?:Test|Fuzz|Example)[^\s\\\"]{0,512} \(\d+\.\d+s\)")
"""What `go test` says of a test: PASS is no password there."""
_LINE_STARTERS = ("export", "declare -x", "ENV", "set", "<pre", "<code", "<td")


def without_named(text: str) -> str:
    """The text without values whose names say that they are credentials."""
    lowered = text.lower()
    if not any(stem in lowered for stem in _STEMS):
        return text
    if "value" in lowered:
        text = _rewritten(text, _NAMED, _value_of_named)
    text = _rewritten(text, _PAIR, _value_of_pair)
    return _rewritten(text, _FLAG, _value_of_flag) if "-" in text or "ENV " in text else text


def _rewritten(
    text: str,
    pattern: re.Pattern[str],
    value_of: Callable[[str, re.Match[str]], Span | None],
) -> str:
    kept, position = [], 0
    for match in pattern.finditer(text):
        if match.start() < position or not (span := value_of(text, match)):
            continue
        kept += [text[position : span[0]], MARK]
        position = span[1]
    return "".join([*kept, text[position:]]) if kept else text


def _value_of_pair(text: str, pair: re.Match[str]) -> Span | None:
    name, start = pair["name"], pair.start("name")
    escaped = name[0] in "nrt0" and len(name) > 1 and text[start - 1 : start] == "\\"
    # Of "\\ntoken" the name is "token"; of a Windows path it may be all.
    if escaped and (_says(name[1:]) or not _says(name)):
        name, start = name[1:], start + 1
    if name.lower() in ("key", "string", "id", "header", "material", "phrase", "code"):
        several = _with_word_before(text, start, name)
        name = several if sensitivity(several) is Sensitivity.CERTAIN else name
    if not _says(name):
        return None
    if text.endswith("redacted: ", 0, start):  # a mark of ours
        return None
    if name == "PASS" and _GO_RESULT.match(text, max(0, start - len("--- "))):
        return None
    return _value_at(text, pair, name, start)


def _says(name: str) -> bool:
    return sensitivity(name) is not Sensitivity.NONE


def _value_of_flag(text: str, flag: re.Match[str]) -> Span | None:
    name, at = flag["name"], flag.end()
    if sensitivity(name) is Sensitivity.NONE or text.startswith("[redacted", at):
        return None
    if opening := OPENING.match(text, at):
        return _quoted(text, opening, name)
    end = _end_of_word(text, at, name)
    return (at, end) if end else None


def _value_of_named(text: str, pair: re.Match[str]) -> Span | None:
    if sensitivity(pair["name"]) is Sensitivity.NONE:
        return None
    return _value_at(text, pair, pair["name"], pair.start("value"))


def _value_at(text: str, pair: re.Match[str], name: str, start: int) -> Span | None:
    """Where the value is that belongs to a name; None where there is none, or no credential.

    Args:
        text: that holds them.
        pair: the name, ``closers`` of it and the ``sep`` behind which the value stands.
        name: that tells what the value is.
        start: of what stands on the line instead of the name.
    """
    at = pair.end()
    if sensitivity(name) is Sensitivity.RANDOM and not _LONG_RUN.search(text, at, at + 64):
        return None
    if text.startswith("[redacted", at):
        return None
    sep = pair["sep"].strip()
    if sep.startswith(","):
        opening = OPENING.match(text, at)
        return _quoted(text, opening, name, in_tuple=True) if opening else None
    if sep in (">", "&gt;"):
        opened = text.startswith(("<", "&lt;"), start - len(sep))
        end = text.find("</" if sep == ">" else "&lt;/", at, at + 8192) if opened else -1
        return (at, end) if end > at and is_credential(name, text[at:end]) else None
    first = text[at : at + 1]
    # What is inside has names or places of its own.
    if first in ("{", "(") or text.startswith("[{", at):
        return None
    wrapper = _WRAPPED_VALUE.match(text, at)
    if wrapper and (opening := OPENING.match(text, wrapper.end())):
        return _quoted(text, opening, name)
    if first in ("|", ">", "&") and (block := _BLOCK.match(text, at)):
        return _block(text, block.end(), _indentation(text, start))
    if first == "[" and (several := _LIST.match(text, at)):
        inside = several[1].replace('"', "").replace(",", " ")
        return several.span(1) if is_credential(name, inside.replace(" ", "")) else None
    if not pair["closers"] and (quoted := _end_of_quoted(text, start, at)):
        return _rest_of_line(text, at, name, quoted)
    if _at_line_start(text, start):
        if sep.startswith(":") or pair["sep"] == " = ":
            return _rest_of_line(text, at, name) or _next_line(text, at, name, start)
        if name.upper() == name or text.startswith("export", text.rfind("\n", 0, start) + 1):
            return _variable(text, at, name, start)
    # "refused token: expired" is a sentence, "token=expired" and "{token:expired}" are none.
    doubtful = pair["sep"].startswith(": ") and not pair["closers"]
    if not (end := _end_of_word(text, at, name, doubtful=doubtful)):
        return None
    return at, wrapped_end(text, at, end)


def _end_of_word(text: str, at: int, name: str, *, doubtful: bool = False) -> int:
    """Where the credential that begins at a place ends; 0 where none begins.

    Its beginning decides: in ``key=key=key=`` a value begins at each sign and ends with the text.
    """
    if sensitivity(name) is Sensitivity.RANDOM and not _LONG_RUN.match(text, at):
        return 0
    if name.lower().endswith("authorization") and (scheme := _SCHEME.match(text, at)):
        return scheme.end() if looks_secret(scheme[1]) else 0
    beginning = _BARE.match(text, at, at + _LOOKED_AT)
    if not beginning or not is_credential(name, beginning[0], doubtful=doubtful):
        return 0
    whole = _BARE.match(text, at)
    return whole.end() if whole else beginning.end()


def _quoted(text: str, opening: re.Match[str], name: str, *, in_tuple: bool = False) -> Span | None:
    if text.startswith(opening[0] * 2, opening.end()):  # three, as Python and TOML write them
        at = opening.end() + 2 * len(opening[0])
        end = text.find(opening[0] * 3, at, at + 64 * 1024)
        return (at, end) if end >= 0 and is_credential(name, text[at:end]) else None
    if doubled := OPENING.match(text, opening.end()):  # as YAML quotes what is quoted already
        opening = doubled if doubled[0] == opening[0] == "'" else opening
    found = closing(text, opening)
    end = found[0] if found else _end_of_line(text, opening.end())
    value = text[opening.end() : end]
    # The quote may be the end of what is around: "--password=", "next".
    if value.lstrip()[:1] in (",", ":", "}", "]") and OPENING.search(value + '"'):
        return None
    # In a list of two a name stands before its value; in an object ", " comes before a name.
    if in_tuple and (not looks_secret(value) or text.startswith(":", found[1] if found else end)):
        return None
    return (opening.end(), end) if is_credential(name, value) else None


def _rest_of_line(text: str, at: int, name: str, limit: int | None = None) -> Span | None:
    value = _REST_OF_LINE.match(text, at, len(text) if limit is None else limit)
    if value is None or not is_credential(name, value[0].strip(), doubtful=limit is not None):
        return None
    return at, wrapped_end(text, at, value.end())


def _variable(text: str, at: int, name: str, start: int) -> Span | None:
    found = _rest_of_line(text, at, name)
    line = text.rfind("\n", max(0, start - 4096), start)
    above = text.rfind("\n", max(0, line - 4096), max(line, 0))
    listed = line < 0 or "=" in text[above + 1 : line] or "\\n" in text[line:start]
    rest = _REST_OF_VARIABLE.match(text, found[1]) if found and listed else None
    return (at, rest.end()) if rest else found


def _next_line(text: str, at: int, name: str, start: int) -> Span | None:
    """The value of ``token:`` that stands alone on the next, deeper line."""
    line = _BLOCK_LINE.match(text, at)
    if line is None or len(line["indent"]) <= _indentation(text, start):
        return None
    value = line["text"].removeprefix("- ").strip()
    if ":" in value or " " in value or not is_credential(name, value, doubtful=True):
        return None
    return line.end() - len(line["text"].removeprefix("- ")), line.end()


def _block(text: str, at: int, indentation: int) -> Span | None:
    """A block scalar: the lines that are indented deeper than its name."""
    end = at
    while line := _BLOCK_LINE.match(text, end):
        if line["text"] and len(line["indent"]) <= indentation:
            break
        end = line.end()
        if line.end() == line.start():
            break
    rest = text[at:end]
    if not rest.strip("\\n \t\r") or rest.lstrip("\\n \t\r").startswith(MARK):
        return None
    first = _BLOCK_LINE.match(text, at)
    return (first.start("text") if first else at), end


def _indentation(text: str, start: int) -> int:
    before = text[max(0, start - 200) : start]
    line = re.split(r"\n|\\n", before)[-1]
    return len(line) if not line.strip(" \t-\"'") else 0


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _at_line_start(text: str, start: int) -> bool:
    if text[start - 1 : start].isalnum() and text[start - 2 : start - 1] != "\\":
        return False
    before = text[max(0, start - 90) : start].rstrip(" \t>*<+|-")
    if not before and start <= 90:
        return True
    return before.endswith(("\n", "\r", "\\n", "\\r")) or before.endswith(_LINE_STARTERS)


def _end_of_quoted(text: str, start: int, at: int) -> int:
    """Where the quoted text ends that a name begins and that holds no other pair; 0: none."""
    opening = _opening_before(text, start)
    end = closing(text, opening) if opening else None
    if end is None or end[0] <= at or _ANOTHER_PAIR.search(text, at, end[0]):
        return 0
    return end[0]


def _opening_before(text: str, start: int) -> re.Match[str] | None:
    """The quote directly before a place, if any."""
    if text[max(0, start - 1) : start] not in ('"', "'", "`", ";"):
        return None
    for length in (1, 5, 6):
        if start >= length and (quote := OPENING.fullmatch(text, start - length, start)):
            first = start - length
            while first and text[first - 1] == "\\":
                first -= 1
            return OPENING.fullmatch(text, first, start) or quote
    return None


def _with_word_before(text: str, start: int, name: str) -> str:
    """``API key`` for ``key``."""
    before = _WORD_BEFORE.search(text, max(0, start - 16), start)
    return f"{before[1]}_{name}" if before else name
