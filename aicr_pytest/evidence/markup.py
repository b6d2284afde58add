"""Redaction of what other plugins write as HTML, XML or JSON: texts change, structure stays.

A redactor that ran over the whole file would take brackets and quotes for parts of a value.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

Clean = Callable[[str], str]
"""Makes one text fit to be published."""

_JSON_ATTRIBUTES = {"data-jsonblob"}
"""Attributes that hold a whole report as JSON, its texts being HTML: pytest-html has one."""
_DOCUMENT = re.compile(r"<html\b", re.IGNORECASE)
_OF_PYTEST_HTML = re.compile("data-jsonblob=")
_RAW = ("script", "style")
_POLICY = "Content-Security-Policy"


def clean_json(text: str, clean: Clean) -> str:
    """A JSON document.

    Raises:
        ValueError: it is none.
    """
    return json.dumps(_each(json.loads(text), clean), indent=2) + "\n"


def clean_json_lines(text: str, clean: Clean) -> str:
    """A JSON document per line.

    Raises:
        ValueError: a line is none.
    """
    lines = text.splitlines()
    return "".join(f"{json.dumps(_each(json.loads(line), clean))}\n" for line in lines if line)


def clean_xml(data: bytes, clean: Clean) -> bytes:
    """An XML document as UTF-8.

    Raises:
        ElementTree.ParseError: it is none.
    """
    root = ElementTree.fromstring(data)
    for element in root.iter():
        element.text, element.tail = _maybe(element.text, clean), _maybe(element.tail, clean)
        for name, value in element.attrib.items():
            element.set(name, clean(value))
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def clean_html(text: str, clean: Clean) -> str:
    """An HTML document or a part of one; it is the same text where nothing had to change.

    A page of pytest-html, and what it shows of a test, loses handlers of events; the page gets a
    Content-Security-Policy. So its own script runs, nothing that a test has slipped into its tables
    does, and nothing is asked for over the network.
    """
    whole = _DOCUMENT.search(text) is not None
    page = _Page(clean, handlers=whole and not _OF_PYTEST_HTML.search(text))
    page.feed(text)
    page.close()
    return page.text() if page.changed else text


class _Page(HTMLParser):
    """Writes what it reads, cleaned."""

    def __init__(self, clean: Clean, *, handlers: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.changed = False
        self._clean = clean
        self._handlers = handlers
        self._out: list[str] = []
        self._raw: list[str] | None = None
        self._scripts: list[str] = []
        self._after_head: int | None = None
        self._is_pytest_html = False

    def text(self) -> str:
        """What was written."""
        out = self._out
        if self._is_pytest_html and self._after_head is not None:
            out = [*out[: self._after_head], self._policy(), *out[self._after_head :]]
        return "".join(out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An opening tag; written as it was where none of its attributes changes."""
        said = self.get_starttag_text() or ""
        cleaned = [
            (name, self._attribute(name, value))
            for name, value in attrs
            if self._handlers or not name.startswith("on")
        ]
        if cleaned != attrs:
            self.changed = True
            said = f"<{tag}{''.join(map(_attribute_text, cleaned))}>"
        self._out.append(said)
        if tag == "head":
            self._after_head = len(self._out)
        if tag == "meta" and ("http-equiv", _POLICY) in attrs:
            self._after_head = None  # it has one already
        if tag in _RAW:
            self._raw = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As an opening tag; one of HTML closes nothing."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """A closing tag."""
        if self._raw is not None:
            if tag == "script":
                self._scripts.append("".join(self._raw))
            self._raw = None
        self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, or the inside of a script or style, which stays."""
        if self._raw is not None:
            self._raw.append(data)
            self._out.append(data)
            return
        cleaned = self._clean(data)
        self.changed = self.changed or cleaned != data
        self._out.append(html.escape(cleaned, quote=False))

    def handle_comment(self, data: str) -> None:
        """A comment."""
        cleaned = self._clean(data)
        self.changed = self.changed or cleaned != data
        self._out.append(f"<!--{cleaned}-->")

    def handle_decl(self, decl: str) -> None:
        """The document type."""
        self._out.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        """An instruction."""
        self._out.append(f"<?{self._clean(data)}>")

    def unknown_decl(self, data: str) -> None:
        """A marked section."""
        self._out.append(f"<![{self._clean(data)}]>")

    def _attribute(self, name: str, value: str | None) -> str | None:
        if value is None:
            return None
        if name not in _JSON_ATTRIBUTES:
            return self._clean(value)
        self._is_pytest_html = self.changed = True
        try:
            data = json.loads(value)
        except ValueError:
            return self._clean(value)
        return json.dumps(_each(data, lambda text: clean_html(text, self._clean)))

    def _policy(self) -> str:
        hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in self._scripts) or "'none'"
        policy = "; ".join(
            (
                "default-src 'none'",
                f"script-src {hashes}",
                "style-src 'unsafe-inline' 'self'",
                "img-src data: 'self'",
                "media-src data: 'self'",
                "base-uri 'none'",
                "form-action 'none'",
            )
        )
        return f'<meta http-equiv="{_POLICY}" content="{policy}"/>'


def _attribute_text(attribute: tuple[str, str | None]) -> str:
    name, value = attribute
    return f" {name}" if value is None else f' {name}="{html.escape(value)}"'


def _each(value: Any, clean: Clean) -> Any:
    """A JSON value with every text of it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _each(one, clean) for key, one in value.items()}
    if isinstance(value, list):
        return [_each(one, clean) for one in value]
    return value


def _maybe(text: str | None, clean: Clean) -> str | None:
    return clean(text) if text else text


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
