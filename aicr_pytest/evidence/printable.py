"""Text from a cluster, made harmless to look at and still readable without loss of meaning.

A container's output may hold anything: terminal escapes that rewrite the auditor's screen, marks
that reverse the reading direction, bytes that are no text at all.
"""

import re

_LONE_RETURN = re.compile(r"\r(?!\n)")


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte that Python's surrogateescape stands for
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# Control characters but newline, tab and a carriage return before a newline; C1 controls; marks
# that change the direction of reading; lone surrogates; separators that break lines unseen; what
# is not seen at all (soft hyphen, fillers, zero width, tags), but for joiners, which scripts need.
_HARMFUL = {
    code: _escaped(code)
    for codes in (
        (code for code in range(0x20) if chr(code) not in "\t\n\r"),
        range(0x7F, 0xA0),
        (0xAD, 0x061C, 0x115F, 0x1160, 0x180E, 0x200B, 0x200E, 0x200F, 0x3164),
        range(0x2028, 0x202F),
        range(0x2060, 0x2070),
        range(0xD800, 0xE000),
        (0xFEFF, 0xFFA0, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFE, 0xFFFF),
        range(0xE0000, 0xE0080),
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
