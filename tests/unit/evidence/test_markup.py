"""Files of other plugins: texts are cleaned, structure stays."""

import html
import json

from aicr_pytest.evidence.markup import clean_html, clean_json, clean_xml

SECRET = 'p"w<d>&'


def clean(text: str) -> str:
    return text.replace(SECRET, "[gone]")


def page(blob: object) -> str:
    """As pytest-html writes it."""
    return (
        "<!DOCTYPE html>\n<html>\n  <head>\n<style>a > b {}</style></head><body>"
        f'<div onclick="go()" id="data-container" data-jsonblob="{html.escape(json.dumps(blob))}">'
        "</div><script>\n if (1 < 2 && a['</td>']) { x() }\n</script></body></html>"
    )


def test_text_and_attributes_of_html_are_cleaned_unescaped() -> None:
    said = f'<p title="{html.escape(SECRET)}">a {html.escape(SECRET)} &lt;b&gt; <br/>c</p>'

    assert clean_html(said, clean) == '<p title="[gone]">a [gone] &lt;b&gt; <br/>c</p>'


def test_what_needs_no_change_is_the_same_text() -> None:
    said = "<P Class=x>a&nbsp;b &amp c<br>< 5"

    assert clean_html(said, clean) == said


def test_script_and_style_stay_as_they_are() -> None:
    said = f"<script>if (a<b) '{SECRET}'</script>{html.escape(SECRET)}"

    assert clean_html(said, clean) == f"<script>if (a<b) '{SECRET}'</script>[gone]"


def test_texts_inside_of_the_report_are_cleaned_as_html() -> None:
    blob = {"tests": {"a[<x>]": [{"log": f"E {html.escape(SECRET)}\n", "n": 1}]}}

    done = clean_html(page(blob), clean)

    start = done.index('data-jsonblob="') + len('data-jsonblob="')
    inside = json.loads(html.unescape(done[start : done.index('"', start)]))
    assert inside == {"tests": {"a[<x>]": [{"log": "E [gone]\n", "n": 1}]}}


def test_page_gets_a_policy_once_and_loses_handlers() -> None:
    done = clean_html(page({"content": "<img src=x onerror='go()'>"}), clean)

    assert done.count("Content-Security-Policy") == 1
    assert "default-src 'none'; script-src 'sha256-" in done
    assert "onclick" not in done
    assert "onerror" not in done
    assert clean_html(done, clean) == done


def test_other_pages_keep_their_handlers() -> None:
    said = f'<html><body onload="go()">{html.escape(SECRET)}</body></html>'

    assert clean_html(said, clean) == '<html><body onload="go()">[gone]</body></html>'


def test_xml_is_cleaned_and_parses() -> None:
    said = f'<a b="{html.escape(SECRET)}">{html.escape(SECRET)}<c/>{html.escape(SECRET)}</a>'

    done = clean_xml(said.encode(), clean)

    assert b'<a b="[gone]">[gone]<c />[gone]</a>' in done


def test_json_keeps_its_shape() -> None:
    assert json.loads(clean_json(json.dumps({"a": [SECRET, 1, None]}), clean)) == {
        "a": ["[gone]", 1, None]
    }
