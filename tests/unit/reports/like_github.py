"""Markdown as a page that looks as GitHub's do."""

from markdown_it import MarkdownIt

_HEAD = """<!doctype html><meta charset="utf-8"><title>page</title>
<style>
body { font: 16px/1.5 system-ui, "Liberation Sans", sans-serif; margin: 24px 32px; color: #1f2328 }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em }
table { border-collapse: collapse }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px } a { color: #0969da }
code { background: #eff1f3; padding: .2em .4em; border-radius: 6px; font-size: 85% }
pre { background: #f6f8fa; padding: 16px; border-radius: 6px; overflow: auto }
pre code { padding: 0; background: none } img { max-width: 100% }
blockquote { border-left: 4px solid #d1d9e0; margin: 0; padding: 0 1em; color: #59636e }
</style><body>"""


def as_github_shows(text: str) -> str:
    """The page of a Markdown text."""
    return _HEAD + str(MarkdownIt("commonmark").enable("table").render(text))
