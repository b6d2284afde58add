"""Text from a cluster, made harmless to look at and still readable without loss of meaning.

A container's output may hold anything: terminal escapes that rewrite the auditor's screen, marks
that reverse the reading direction, bytes that are no text at all.
"""

import re

_SURROGATE_ESCAPES = re.compile("[\udc80-\udcff]")
# Control characters but newline, tab and a carriage return before a newline; C1 controls; marks
# that change the direction of reading; lone surrogates; separators that break lines unseen; what
# is not seen at all (soft hyphen, fillers, zero width, tags), but for joiners, which scripts need.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028\u2029"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]|\r(?!\n)"
)


def printable(text: str) -> str:
    r"""The text with harmful characters as ``\xNN`` or ``\uNNNN``; always encodable as UTF-8."""
    return _HARMFUL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if _SURROGATE_ESCAPES.fullmatch(match[0]):
        code -= 0xDC00  # the byte that Python's surrogateescape stands for
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
