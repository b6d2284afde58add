"""One file of somebody else's making as it may be published, whatever form its texts stand in."""

from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import ParseError

from aicr_pytest.evidence.markup import Clean, clean_html, clean_json, clean_json_lines, clean_xml


def redacted(path: Path, data: bytes, clean: Clean) -> bytes:
    """The content of a file with its texts redacted.

    Args:
        path: of the file; its suffix says in what form its texts stand.
        data: its content; what is no UTF-8 (an image, an archive) comes back as it is.
        clean: makes one text fit to be published.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    by_suffix: dict[str, Callable[[], bytes]] = {
        ".css": lambda: data,
        ".html": lambda: clean_html(text, clean).encode("utf-8"),
        ".json": lambda: clean_json(text, clean).encode("utf-8"),
        ".jsonl": lambda: clean_json_lines(text, clean).encode("utf-8"),
        ".xml": lambda: clean_xml(data, clean),
    }
    try:
        return by_suffix.get(path.suffix.lower(), lambda: clean(text).encode("utf-8"))()
    except (ParseError, ValueError, RecursionError):  # its name promises too much
        return clean(text).encode("utf-8")
