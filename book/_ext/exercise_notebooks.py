"""Offer each exercise page as a notebook to work in, without its solutions.

The notebooks are made from the pages at the end of each build, into the folder `notebooks` of the
site, so they cannot be older than the pages.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from data_helpers.checks.notebooks import write_notebooks

FOLDER = "notebooks"


def add_download(app: Sphinx, doctree: nodes.document) -> None:
    """Put a link to the notebook under the title of an exercise page."""
    folder, _, name = app.env.docname.rpartition("/")
    title = next(iter(doctree.findall(nodes.title)), None)
    if folder != "exercises" or title is None:
        return
    link = nodes.reference(
        "", "Download this page as a notebook", refuri=f"../{FOLDER}/{name}.ipynb"
    )
    rest = " to work in: the same tasks, hints and checks, without the solutions. Here, on the "
    rest += "page, everything is solved, and each solution is folded away."
    section = title.parent
    section.insert(section.index(title) + 1, nodes.paragraph("", "", link, nodes.Text(rest)))


def write_into_site(app: Sphinx, exception: Exception | None) -> None:
    """Write the notebooks beside the pages."""
    if exception is None and app.builder.format == "html":
        write_notebooks(Path(app.outdir) / FOLDER)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the reading of pages and to the end of the build."""
    app.connect("doctree-read", add_download)
    app.connect("build-finished", write_into_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
