"""Answers of metrics APIs and exporters, which tell of others' workloads too, by known labels."""

import json
import re
from typing import Any

from aicr_pytest.evidence.foreign import LEFT_OUT, reduce_object, reduce_to
from aicr_pytest.evidence.kept_fields import PROMETHEUS_ANSWER, is_known

_SERIES = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*+)[ \t]*+\{")
_LABEL = re.compile(r'[ \t]*+([A-Za-z_][A-Za-z0-9_]*+)[ \t]*+=[ \t]*+("(?:[^"\\\n]|\\.)*+")[ \t]*+')


def reduce_answer(text: str) -> str:
    """A JSON answer of Prometheus or of a metrics API; any other text stays as it is."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    kept = _kept(answer)
    return text if kept == answer else json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _kept(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    return reduce_object(answer) if "kind" in answer else reduce_to(PROMETHEUS_ANSWER, answer)


def reduce_exposition(text: str) -> str:
    """What an exporter answers, without labels that no proof needs; how many is said first.

    A line that is no sample of the text formats stays: it is what the answer is accused of.
    """
    left_out: set[str] = set()
    lines = [_reduced_line(line, left_out) for line in text.split("\n")]
    if not left_out:
        return text
    return "\n".join([f"# {LEFT_OUT}: {len(left_out)} kinds of labels that no proof needs", *lines])


def _reduced_line(line: str, left_out: set[str]) -> str:
    if line.startswith("#"):
        return line
    if (series := _SERIES.match(line)) is None:
        return _without_exemplar(line, left_out)
    kept = []
    position = series.end()
    while label := _LABEL.match(line, position):
        if is_known("@series", label[1]):
            kept.append(f"{label[1]}={label[2]}")
        else:
            left_out.add(label[1])
        position = label.end()
        if line[position : position + 1] != ",":
            break
        position += 1
    rest = line[position:].lstrip(" \t")
    if not rest.startswith("}"):
        return line
    value = _without_exemplar(rest[1:], left_out)
    return f"{series[1]}{{{','.join(kept)}}}{value}"


def _without_exemplar(text: str, left_out: set[str]) -> str:
    """A sample without the request that it is exemplified by (OpenMetrics)."""
    kept, exemplar, _ = text.partition(" # {")
    if exemplar:
        left_out.add("an exemplar")
    return kept
