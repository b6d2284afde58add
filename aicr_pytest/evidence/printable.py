"""Text from a cluster, made harmless to look at and still readable without loss of meaning.

A container's output may hold anything: terminal escapes that rewrite the auditor's screen, marks
that reverse the reading direction, bytes that are no text at all.
"""

import re

_LONE_RETURN = re.compile(r"\r(?!\n)")


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte that Python's surrogateescape stands for
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# Control characters but newline, tab and a carriage return before a newline; C1 controls; marks
# that change the direction of reading; lone surrogates; separators that break lines unseen.
_HARMFUL = {
    code: _escaped(code)
    for codes in (
        (code for code in range(0x20) if chr(code) not in "\t\n\r"),
        range(0x7F, 0xA0),
        (0x061C, 0x200E, 0x200F, 0xFEFF, 0xFFFE, 0xFFFF),
        range(0x2028, 0x202F),
        range(0x2066, 0x206A),
        range(0xD800, 0xE000),
    )
    for code in codes
}


def printable(text: str) -> str:
    r"""The text with harmful characters as ``\xNN`` or ``\uNNNN``; always encodable as UTF-8."""
    if text.isascii() and text.isprintable():
        return text
    if "\r" in text:
        text = _LONE_RETURN.sub(r"\\x0d", text)
    # A table, since a callback for each of a million NULs would keep a string for each.
    return text.translate(_HARMFUL)
