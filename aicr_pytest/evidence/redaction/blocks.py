"""Credentials of several lines: keys in PEM and what stands for a Secret of Kubernetes as text."""

import re

_BEGIN = re.compile(r"----[- ]BEGIN ([A-Za-z0-9 ]{0,40})----")
_END = re.compile(r"----[- ]END [A-Za-z0-9 ]{0,40}-{4,5}")
_LONGEST = 64 * 1024
"""Characters of a block; a longer one has lost its end."""
# The lines of a block that was cut off: base64, its headers, and line breaks in every writing.
_LINES = re.compile(
    r"(?:[A-Za-z0-9+/=]{1,80}(?![A-Za-z0-9+/=])|[ \t\r\n|>-]|\\{1,8}[nrt]"
    r"|(?:Proc-Type|DEK-Info|Comment|Version|Subject|Hash): [^\n]{0,80})*+"
)
# The last line of a block without a beginning; those before it are random runs.
_BEFORE_END = re.compile(
    r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{1,80}"
    r"(?=[ \t]{0,8}(?:\r?\n|\\{1,8}n){1,2}(?:[^\n\\]|\\(?!\\{0,14}n)){0,80}\Z)"
)
_NEAR = 200
"""Characters between the last line of a block and its end, with what a log puts before lines."""


def without_pem(text: str) -> str:
    """The text without keys and certificates in PEM, also those that lost beginning or end."""
    if "---" not in text:
        return text
    kept: list[str] = []
    position = 0
    while begin := _BEGIN.search(text, position):
        label = begin[1].upper()
        kind = "key" if "KEY" in label else "certificate" if "CERT" in label else "PEM block"
        kept += [text[position : begin.start()].removesuffix("-"), f"[redacted: {kind}]"]
        end = _END.search(text, begin.end(), begin.end() + _LONGEST)
        lines = _LINES.match(text, begin.end() + 1)
        position = end.end() if end else lines.end() if lines else begin.end()
    return _without_last_lines("".join([*kept, text[position:]]))


def _without_last_lines(text: str) -> str:
    """The text without the lines before ends that have no beginning."""
    kept: list[str] = []
    position = 0
    for end in _END.finditer(text):
        near = max(position, end.start() - _NEAR)
        if line := _BEFORE_END.search(text, near, end.start()):
            kept += [text[position : line.start()], "[redacted: key]"]
            position = line.end()
    return "".join([*kept, text[position:]]) if kept else text


# -- Secrets of Kubernetes ---------------------------------------------------------------------

_Q = r"\\{0,15}(?:\"|&quot;|&#34;)"
_SECRET_JSON = re.compile(rf"kind{_Q}\s{{0,4}}:\s{{0,4}}{_Q}Secret(?:List)?{_Q}")
_DATA_JSON = re.compile(rf"{_Q}(?:data|stringData){_Q}\s{{0,4}}:\s{{0,4}}\{{([^{{}}]*+)\}}?")
_VALUE_JSON = re.compile(
    rf"({_Q}\s{{0,4}}:\s{{0,4}}(\\{{0,15}})(\"|&quot;|&#34;))((?:(?!\2\3).)*+)", re.DOTALL
)
# Line breaks also as JSON writes them: the manifest may be a string of another object.
_BREAK = r"(?:\r?\n|\\{1,15}n)"
_START = r"(?:(?<![^\n])|(?<=\\n))"
_SECRET_YAML = re.compile(rf"kind: ['\"]?Secret(?:List)?['\"]?[ \t]{{0,8}}(?={_BREAK}|$|[\"'<])")
_DATA_YAML = re.compile(
    rf"(?:{_START}|(?<=[:\"'>] )|(?<=[\"'>]))"  # or behind words that introduce it
    rf"([ ]{{0,64}})(?:data|stringData):[ \t]{{0,8}}(?={_BREAK})"
)
_LINE_YAML = re.compile(
    rf"(?P<break>{_BREAK}{{1,2}})(?P<indent>[ ]{{1,80}})(?P<key>[A-Za-z0-9._-]{{1,253}}:[ ]?)?"
    r"(?P<rest>(?:[^\n\r\\\"<]|\\(?!\\{0,14}[\"n])|[\"<](?![ \t]{0,4}(?:[,}\]/]|$)))*+)"
)
_BYTES_GO = re.compile(r"(\[\](?:uint8|byte)\{)[^}\[]{2,}+\}")
_BYTES_MAP = re.compile(r"(: ?\[)\d{1,3}(?:,? \d{1,3}){3,}+\]")
# "kind: Secret" within a line, and its data in the same one.
_DATA_LINE = re.compile(
    r"(kind[:=] ?Secret\b[^\n\\\"'<]{0,400}?\b(?:data|stringData)[:=] ?)(?!\[redacted)"
    r"(?:\{[^{}\n]{1,8192}\}?|[^\s\\\"'<{][^\n\\\"'<]{0,8192})"
)


def without_secret_data(text: str) -> str:
    """The text without the values of Secrets in JSON (also within JSON), YAML and Go's notation."""
    if "ecret" not in text and "uint8" not in text and "byte" not in text:
        return text
    if "{" in text and _SECRET_JSON.search(text):
        text = _DATA_JSON.sub(_without_json_values, text)
    if "ecret" in text and "ata" in text:
        text = _DATA_LINE.sub(r"\1[redacted]", text)
    depths: set[tuple[bool, int]] = set()
    for found in _SECRET_YAML.finditer(text):
        depths |= _depths(text, found.start())
    if depths:
        text = _without_yaml_values(text, depths)
    if "]uint8{" in text or "]byte{" in text:
        text = _BYTES_GO.sub(r"\1[redacted]}", text)
    if "Secret" in text and "map[" in text:
        text = _BYTES_MAP.sub(r"\1[redacted]]", text)
    return text


def _depths(text: str, start: int) -> set[tuple[bool, int]]:
    """Whether a line of YAML stands in quoted text, and its indentation.

    Behind words that introduce it, it has none, and both may be.
    """
    before = text[max(0, start - 64) : start].removesuffix("- ")
    above = before.rstrip(" ")
    indentation = len(before) - len(above)
    if above.endswith(("\\n", '"', "'")):
        return {(True, indentation)}
    if not above or above[-1] in "\n\r>":
        return {(False, indentation)}
    return {(True, 0), (False, 0)}


def _without_json_values(data: re.Match[str]) -> str:
    return _VALUE_JSON.sub(r"\1[redacted]", data[0])


def _without_yaml_values(text: str, depths: set[tuple[bool, int]]) -> str:
    """The text without what is below a ``data:`` that stands as deep as ``kind: Secret``."""
    kept: list[str] = []
    position = 0
    for data in _DATA_YAML.finditer(text):
        if data.start() < position or not _depths(text, data.end(1)) & depths:
            continue
        kept.append(text[position : data.end()])
        position = data.end()
        depth = 0
        while (line := _LINE_YAML.match(text, position)) and len(line["indent"]) > len(data[1]):
            depth = depth or len(line["indent"])
            if line["key"] and len(line["indent"]) == depth:
                kept.append(f"{line['break']}{line['indent']}{line['key'].rstrip()} [redacted]")
            position = line.end()
    return "".join([*kept, text[position:]])
