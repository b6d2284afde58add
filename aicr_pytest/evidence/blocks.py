"""Credentials of several lines: keys in PEM and what stands for a Secret of Kubernetes as text."""

import re

_BEGIN = re.compile(r"----[- ]BEGIN ([A-Z0-9 ]{0,40})----")
_END = re.compile(r"----[- ]END [A-Z0-9 ]{0,40}-{4,5}")
_LONGEST = 64 * 1024
"""Characters of a block; a longer one has lost its end."""
# The lines of a block that was cut off: base64, its headers, and line breaks in every writing.
_LINES = re.compile(
    r"(?:[A-Za-z0-9+/=]{1,80}(?![A-Za-z0-9+/=])|[ \t\r\n|>-]|\\{1,8}[nrt]"
    r"|(?:Proc-Type|DEK-Info|Comment|Version|Subject|Hash): [^\n]{0,80})*+"
)
# The last line of a block without a beginning; those before it are random runs.
_BEFORE_END = re.compile(
    r"[A-Za-z0-9+/=]{1,80}(?=[ \t]{0,8}(?:\r?\n|\\{1,8}n)[^\n]{0,80}?----[- ]END )"
)


def without_pem(text: str) -> str:
    """The text without keys and certificates in PEM, also those that lost beginning or end."""
    if "---" not in text:
        return text
    kept: list[str] = []
    position = 0
    while begin := _BEGIN.search(text, position):
        kind = "key" if "KEY" in begin[1] else "certificate" if "CERT" in begin[1] else "PEM block"
        kept += [text[position : begin.start()].removesuffix("-"), f"[redacted: {kind}]"]
        end = _END.search(text, begin.end(), begin.end() + _LONGEST)
        lines = _LINES.match(text, begin.end() + 1)
        position = end.end() if end else lines.end() if lines else begin.end()
    text = "".join([*kept, text[position:]])
    return _BEFORE_END.sub("[redacted: key]", text) if "- END " in text or "--END " in text else text


# -- Secrets of Kubernetes ---------------------------------------------------------------------

_Q = r"\\{0,15}(?:\"|&quot;|&#34;)"
_SECRET_JSON = re.compile(rf"kind{_Q}\s{{0,4}}:\s{{0,4}}{_Q}Secret(?:List)?{_Q}")
_DATA_JSON = re.compile(rf"{_Q}(?:data|stringData){_Q}\s{{0,4}}:\s{{0,4}}\{{([^{{}}]*+)\}}?")
_VALUE_JSON = re.compile(
    rf"({_Q}\s{{0,4}}:\s{{0,4}}(\\{{0,15}})(\"|&quot;|&#34;))((?:(?!\2\3).)*+)", re.DOTALL
)
_SECRET_YAML = re.compile(r"(?m)^[ \t>-]{0,64}kind: ['\"]?Secret(?:List)?['\"]?[ \t]*\r?$")
_DATA_YAML = re.compile(r"(?m)^([ ]{0,64})(?:data|stringData):[ \t]*\r?\n")
_LINE_YAML = re.compile(r"([ ]{1,80})(?:([^\s:#][^:\n]{0,253}):(?:[ \t]([^\n]*))?|[^\n]*)(?:\n|$)")
_BYTES_GO = re.compile(r"(\[\](?:uint8|byte)\{)[^}\[]{2,}+\}")
_BYTES_MAP = re.compile(r"(:\[)\d{1,3}(?: \d{1,3}){3,}+\]")


def without_secret_data(text: str) -> str:
    """The text without the values of Secrets in JSON (also within JSON), YAML and Go's notation."""
    if "ecret" not in text and "uint8" not in text and "byte" not in text:
        return text
    if "{" in text and _SECRET_JSON.search(text):
        text = _DATA_JSON.sub(_without_json_values, text)
    if _SECRET_YAML.search(text):
        text = _without_yaml_values(text)
    if "]uint8{" in text or "]byte{" in text:
        text = _BYTES_GO.sub(r"\1[redacted]}", text)
    if "Secret" in text and "map[" in text:
        text = _BYTES_MAP.sub(r"\1[redacted]]", text)
    return text


def _without_json_values(data: re.Match[str]) -> str:
    return _VALUE_JSON.sub(r"\1[redacted]", data[0])


def _without_yaml_values(text: str) -> str:
    kept: list[str] = []
    position = 0
    for data in _DATA_YAML.finditer(text):
        if data.start() < position:
            continue
        kept.append(text[position : data.end()])
        position = data.end()
        depth = 0
        while (line := _LINE_YAML.match(text, position)) and len(line[1]) > len(data[1]):
            depth = depth or len(line[1])
            if line[2] and len(line[1]) == depth:
                kept.append(f"{line[1]}{line[2]}: [redacted]\n")
            position = line.end()
            if position >= len(text):
                break
    return "".join([*kept, text[position:]])
