"""A small book with the project's configuration and extensions, for tests of the site itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

HEADER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""


class TinyBook:
    """A book in a folder of its own; `write` pages and `build` it as often as you like."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("_config.yml", "book/_ext", "book/_static", "book/references.bib"):
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, target)
        self.write("data_helpers/module.py", "ANSWER = 1\n")
        self.write("data_helpers/look.mplstyle", "lines.linewidth: 1\n")
        self.write("requirements.txt", "numpy\n")

    @property
    def html(self) -> Path:
        """The built site."""
        return self.folder / "_build" / "html"

    def write(self, name: str, text: str) -> None:
        """Write a file below the book's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def pages(self, **pages: str) -> None:
        """Write pages and the table of contents that lists them, the first as the root."""
        for name, text in pages.items():
            self.write(f"book/{name}.md", text)
        root, *others = (f"book/{name}" for name in pages)
        chapters = "chapters:\n" + "".join(f"- file: {other}\n" for other in others)
        self.write("_toc.yml", f"format: jb-book\nroot: {root}\n{chapters if others else ''}")

    def build(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Build as `make book` does. The output is that of both streams."""
        command = "from jupyter_book.cli.main import main; main()"
        arguments = ["build", ".", "-W", "-n", "--keep-going"]
        return subprocess.run(
            # -P: the book's own folder data_helpers must not hide the package.
            [sys.executable, "-P", "-c", command, *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
        )
