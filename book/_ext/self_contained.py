"""Make a built site that asks no other host for anything, and mend what the theme leaves open."""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MENDINGS = (
    # The web font already draws every icon; this script of 1.5 MB would draw them again.
    (r"<script[^>]*/fontawesome\.js[^>]*></script>", ""),
    # The name of the search button must contain what it shows: "Search Ctrl+K".
    (r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"', r"\1"),
    # The logo and the search field lie in no landmark.
    (
        r'<div id="pst-primary-sidebar" class=',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" class=',
    ),
    # The empty corner of a table is no heading.
    (r"<th[^>]*>(<p></p>)?</th>", "<td></td>"),
    # The entries of a bibliography hold links, so its divisions are no list.
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r' role="doc-biblioentry"', ""),
)
# What tex-chtml.js loads by itself; the package brings every other build of MathJax, too.
MATHJAX_NEEDED = (
    "tex-chtml.js",
    "output/chtml/",
    "input/tex/extensions/",
    "a11y/",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
    "sre/mathmaps/nemeth.json",
)
DESCRIPTION_LENGTH = 160

FRONT_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="description" content="Continues on the first page of {title}.">
<meta http-equiv="refresh" content="0; url={target}">
<link rel="canonical" href="{target}">
</head>
<body><main><h1>{title}</h1><p><a href="{target}">Open the book</a></p></main></body>
</html>
"""


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Give a page without a description of its own its first paragraph as one."""
    metatags = context.get("metatags", "")
    if doctree is None or 'name="description"' in metatags:
        return
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph[0], nodes.reference):  # a link that stands by itself
            text = shorten(paragraph.astext())
            context["metatags"] = f'{metatags}<meta name="description" content="{text}">\n'
            return


def shorten(text: str) -> str:
    """Cut a text at a word so that it fits a search result, safe inside an attribute."""
    words = " ".join(text.split())
    if len(words) > DESCRIPTION_LENGTH:
        words = words[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " ..."
    return words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def mend(html: str) -> str:
    """Return a page of the theme with its redundant script and its accessibility faults mended."""
    for pattern, replacement in MENDINGS:
        html = re.sub(pattern, replacement, html)
    return html


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Mend the written pages, drop the files that no page uses, and add the front page."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        before = page.read_text(encoding="utf-8")
        after = mend(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
    for unused in [*out.glob("_static/scripts/fontawesome.js*"), *out.rglob("*.map")]:
        unused.unlink(missing_ok=True)
    mathjax = out / "_static" / "mathjax"
    for file in mathjax.rglob("*.*"):
        if not file.relative_to(mathjax).as_posix().startswith(MATHJAX_NEEDED):
            file.unlink()
    front = out / "index.html"
    if app.config.root_doc != "index":
        target = app.builder.get_target_uri(app.config.root_doc)
        front.write_text(FRONT_PAGE.format(title=app.config.html_title, target=target))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the writing of each page and, after the other extensions, to the end."""
    app.connect("html-page-context", describe)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
