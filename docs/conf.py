"""The site: ``make docs`` builds it of the Markdown beside this file, into build/site.

Nothing is fetched, now or by a reader's browser; a link or an anchor that leads nowhere ends the
build. Sphinx, for it is kept: of mkdocs there was no release since 2024, its theme Material calls
itself inactive, and Zensical, which follows it, is an alpha.
"""

from aicr_pytest import __version__

project = "aicr-pytest"
author = "the authors of aicr-pytest"
project_copyright = author
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["schemas"]
nitpicky = True
# Anchors as GitHub makes them, so that a link works in both places.
myst_heading_anchors = 4
# Diagrams stay as they are written: drawing them would take a program of others in the browser.
suppress_warnings = ["misc.highlighting_failure"]
html_theme = "furo"
html_title = f"aicr-pytest {__version__}"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
