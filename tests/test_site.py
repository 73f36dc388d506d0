"""The site: its extensions on a small book, and the structure of every built page."""

import importlib.util
import os
import re
from collections import Counter
from collections.abc import Iterator
from inspect import isclass, isfunction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from conftest import ROOT
from tinybook import HEADER, TinyBook

from data_helpers.plotting import COLOURS

BOOK = ROOT / "book"


def extension(name: str) -> ModuleType:
    """A local Sphinx extension, imported from its file."""
    spec = importlib.util.spec_from_file_location(name, BOOK / "_ext" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- what decides whether a page is executed again


@pytest.mark.parametrize(
    "changed", ["data_helpers/a.py", "data_helpers/b/c.mplstyle", "requirements.txt"]
)
def test_the_key_changes_with_the_code_the_style_and_the_pins(tmp_path: Path, changed: str) -> None:
    key = extension("keyed_cache").execution_key
    for name in ("data_helpers/a.py", "data_helpers/b/c.mplstyle", "requirements.txt", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    before = key(tmp_path)
    (tmp_path / "README.md").write_text("after")
    assert key(tmp_path) == before
    (tmp_path / changed).write_text("after")
    assert key(tmp_path) != before


def test_the_key_changes_when_code_moves_to_another_file(tmp_path: Path) -> None:
    key = extension("keyed_cache").execution_key
    (tmp_path / "data_helpers").mkdir()
    (tmp_path / "data_helpers" / "a.py").write_text("x = 1")
    before = key(tmp_path)
    (tmp_path / "data_helpers" / "a.py").rename(tmp_path / "data_helpers" / "b.py")
    assert key(tmp_path) != before


def test_the_key_tells_the_real_heart_from_its_phantom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = extension("keyed_cache").execution_key
    before = key(tmp_path)
    monkeypatch.setenv("DATA_HELPERS_SOURCE", "real")
    assert key(tmp_path) != before


def test_pages_are_executed_offline_unless_somebody_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = SimpleNamespace(outdir=tmp_path / "html", srcdir=tmp_path)
    for said, expected in ((None, "1"), ("0", "0")):
        monkeypatch.delenv("DATA_HELPERS_OFFLINE", raising=False)
        if said:
            monkeypatch.setenv("DATA_HELPERS_OFFLINE", said)
        extension("keyed_cache").use_keyed_cache(build, SimpleNamespace())
        assert os.environ["DATA_HELPERS_OFFLINE"] == expected


COUNTING_PAGE = f"""{HEADER}
# A page that counts how often it is executed

```{{code-cell}}
with open("runs.txt", "a") as file:
    file.write("run ")
```
"""


@pytest.mark.slow
def test_pages_are_executed_again_when_the_code_changed_and_only_then(tmp_path: Path) -> None:
    book = TinyBook(tmp_path)
    book.pages(index=COUNTING_PAGE)
    runs = tmp_path / "book" / "runs.txt"

    assert book.build().returncode == 0
    assert runs.read_text().split() == ["run"]

    again = book.build()
    assert again.returncode == 0
    assert "0 added, 0 changed" in again.stdout
    assert runs.read_text().split() == ["run"]

    book.write("data_helpers/module.py", "ANSWER = 2\n")
    assert book.build().returncode == 0
    assert runs.read_text().split() == ["run", "run"]
    assert len(list((tmp_path / "_build" / ".jupyter_cache").iterdir())) == 1


WAITS_FOR_ANOTHER = f"""{HEADER}
# A page that waits for another one

```{{code-cell}}
import time
from pathlib import Path

Path("MINE").touch()
end = time.monotonic() + 30
while not Path("OTHER").exists():
    assert time.monotonic() < end
    time.sleep(0.1)
```
"""
MEASURES_TIME = f"""{HEADER}
# A page that measures time

```{{code-cell}}
import time
from pathlib import Path

begin = time.perf_counter()
assert not Path("one").exists()
```
"""


@pytest.mark.slow
def test_pages_are_executed_at_once_but_for_those_that_measure_time(tmp_path: Path) -> None:
    book = TinyBook(tmp_path)
    book.pages(
        index=WAITS_FOR_ANOTHER.replace("MINE", "one").replace("OTHER", "two"),
        second=WAITS_FOR_ANOTHER.replace("MINE", "two").replace("OTHER", "one"),
        timed=MEASURES_TIME,
    )
    result = book.build()
    assert result.returncode == 0, result.stdout


# ---- concept questions

QUESTION = """
:::{question} How many bytes has a `uint16`, in *this* book?
:answer: b

Think of its name.

One
: That is a `uint8`.

Two
: Sixteen bits are two bytes.

  And this holds for $2^{10}$ of them, too.

Four
: That is a `uint32`.
:::
"""


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Tag:
    """The questions of a page, as built."""
    book = TinyBook(tmp_path_factory.mktemp("questions"))
    book.pages(index=f"# Questions\n\nSome text.\n{QUESTION}\n{QUESTION}")
    result = book.build()
    assert result.returncode == 0, result.stdout
    page = (book.html / "book" / "index.html").read_text()
    return BeautifulSoup(page, "html.parser").select_one("article")


@pytest.mark.slow
def test_a_question_is_a_named_group_of_radio_buttons(question: Tag) -> None:
    first, second = question.select("fieldset.cbc-question")
    assert first["id"] == "question-1"
    assert first.find(True).name == "legend"
    assert first.legend.get_text().startswith("Question 1 How many bytes has a uint16")
    assert first.legend.find("code").get_text() == "uint16"
    values = [radio["value"] for radio in first.select("label > input[type=radio]")]
    assert values == ["a", "b", "c"]
    names = {radio["name"] for radio in question.select("input[type=radio]")}
    assert names == {"question-1", "question-2"}
    assert second.legend.get_text().startswith("Question 2")


@pytest.mark.slow
def test_every_option_has_its_explanation_without_javascript(question: Tag) -> None:
    first = question.select_one("fieldset.cbc-question")
    options = first.select(".cbc-option")
    assert [option["data-verdict"] for option in options] == ["wrong", "right", "wrong"]
    explanations = [option.details.get_text() for option in options]
    assert "That is a uint8" in explanations[0]
    assert "Sixteen bits" in explanations[1]
    assert "too" in explanations[1]
    assert "That is a uint32" in explanations[2]
    assert not first.select("details[hidden], details[open]")
    assert first.select_one(".cbc-question-check").has_attr("hidden")


@pytest.mark.slow
def test_a_faulty_question_fails_the_build_with_advice_and_fails_it_again(tmp_path: Path) -> None:
    book = TinyBook(tmp_path)
    book.pages(
        index="# Faulty questions\n",
        letter="# A\n" + QUESTION.replace(":answer: b", ":answer: d"),
        unanswered="# B\n" + QUESTION.replace(":answer: b\n", ""),
        unexplained="# C\n" + QUESTION.replace(": That is a `uint8`.", ""),
        interrupted="# F\n" + QUESTION.replace(": Sixteen bits are two bytes.", ""),
        unlisted="# D\n" + QUESTION.replace(": ", "- "),
        single="# E\n"
        + QUESTION[: QUESTION.index("Two")].replace("answer: b", "answer: a")
        + ":::\n",
    )
    output = book.build().stdout
    again = book.build()
    assert again.returncode != 0
    assert re.findall("[0-9]+ options.*", again.stdout) == re.findall("[0-9]+ options.*", output)
    for page, advice in {
        "letter": "3 options and the answer 'd', expected two or more options and one letter of",
        "unanswered": "the answer '', expected",
        "unexplained": "the text before the options ends with 'One', expected the end",
        "interrupted": "2 lists of options, expected one",
        "unlisted": "0 lists of options, expected one",
        "single": "1 options and the answer 'a', expected two or more",
    }.items():
        assert re.search(rf"{page}\.md:\d+.*{re.escape(advice)}", output), (page, output)


# ---- what the last step of a build mends


def test_a_description_is_cut_at_a_word_and_safe_in_an_attribute() -> None:
    shorten = extension("self_contained").shorten
    assert shorten('Say "what" &\n why') == "Say &quot;what&quot; &amp; why"
    cut = shorten("word " * 100)
    assert len(cut) <= 164
    assert cut.endswith("word ...")


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ('<script defer src="_static/scripts/fontawesome.js?digest=1"></script>', ""),
        ('<script src="a/other.js"></script>', '<script src="a/other.js"></script>'),
        ('<th class="head"><p></p></th><th>x</th>', "<td></td><th>x</th>"),
        ("<th></th>", "<td></td>"),
        (
            '<div class="citation" id="id7" role="doc-biblioentry">',
            '<div class="citation" id="id7">',
        ),
        (
            '<button class="btn search-button-field" aria-label="Search" data-x="y">',
            '<button class="btn search-button-field" data-x="y">',
        ),
    ],
)
def test_the_faults_of_the_theme_are_mended(written: str, mended: str) -> None:
    mend = extension("self_contained").mend
    assert mend(written) == mended
    assert mend(mended) == mended


def test_the_front_page_of_the_book_is_never_sent_to_another_host() -> None:
    front = extension("self_contained").FRONT_PAGE.format(title="T", target="book/index.html")
    soup = BeautifulSoup(front, "html.parser")
    assert soup.html["lang"] == "en"
    assert soup.select_one('meta[http-equiv="refresh"]')["content"].endswith("url=book/index.html")


# ---- sources


def test_every_page_of_the_book_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text()))
    present = {f"book/{path.stem}" for path in BOOK.glob("*.md")}
    assert present - listed == set()
    assert {name for name in listed if not (ROOT / f"{name}.md").exists()} == set()


def public_modules() -> list[str]:
    """The modules and packages of data_helpers that are not private."""
    names = {path.stem for path in (ROOT / "data_helpers").glob("*.py")}
    names |= {path.parent.name for path in (ROOT / "data_helpers").glob("*/__init__.py")}
    return sorted(name for name in names if not name.startswith("_"))


def test_no_public_module_is_missing_from_the_reference() -> None:
    shown = re.findall(r"automodule:: data_helpers\.(\w+)", (BOOK / "api.md").read_text())
    assert sorted(shown) == public_modules()


def test_the_style_sheet_has_the_colours_of_the_figures() -> None:
    css = (BOOK / "_static" / "custom.css").read_text()
    roles = dict(re.findall(r"--cbc-([a-z]+): (#[0-9A-F]{6});", css))
    assert roles == {role: colour for role, colour in COLOURS.items() if role in roles}
    assert set(roles) >= {"requested", "unneeded", "chunk", "shard", "halo", "wrong", "right"}


def test_no_term_is_defined_twice() -> None:
    text = (BOOK / "glossary.md").read_text()
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", text, re.S)
    terms = [line for block in blocks for line in block.splitlines() if line[:1].strip()]
    assert len(terms) > 50
    assert [
        term for term, count in Counter(term.lower() for term in terms).items() if count > 1
    ] == []


# ---- every built page

Pages = dict[str, BeautifulSoup]


@pytest.fixture(scope="module")
def pages(site: Path) -> Pages:
    """Every page of the built site, by its path."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }


def chapters(pages: Pages) -> Pages:
    """The pages that are written by hand."""
    return {name: page for name, page in pages.items() if name.startswith(("book/", "exercises/"))}


def references(page: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """What a page loads by itself: the tag and the address."""
    for found in page.select("[src], object[data]"):
        yield found.name, str(found.get("src") or found["data"])
    for link in page.select("link[href]"):
        if set(link["rel"]) & {"stylesheet", "preload", "icon", "shortcut", "modulepreload"}:
            yield "link", str(link["href"])


def local(site: Path, name: str, address: str) -> Path:
    """The file behind an address on a page."""
    return (site / name).parent / unquote(urlsplit(address).path)


def test_every_page_in_the_contents_was_built(pages: Pages) -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [contents["root"], *re.findall(r"'file': '([^']+)'", str(contents))]
    assert {f"{name}.html" for name in files} <= set(pages)
    assert len(files) > 3


def test_every_picture_has_real_alt_text(pages: Pages) -> None:
    bad = [
        (name, image["src"], image.get("alt"))
        for name, page in pages.items()
        for image in page.select("img")
        if len(image.get("alt", "").split()) < 3 or re.search(r"\.(png|svg)$", image["alt"])
    ]
    assert bad == []
    assert any(page.select("article img") for page in pages.values())


def test_pages_load_nothing_from_another_host_and_all_that_they_load_is_there(
    site: Path, pages: Pages
) -> None:
    bad = [
        (name, tag, address)
        for name, page in pages.items()
        for tag, address in references(page)
        if not address.startswith("data:")
        and (urlsplit(address).netloc or not local(site, name, address).is_file())
    ]
    assert bad == []


def test_style_sheets_load_nothing_from_another_host(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    far = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']+")
    assert [
        (sheet.name, found) for sheet in sheets for found in far.findall(sheet.read_text())
    ] == []
    assert len(sheets) > 3


def test_links_inside_the_site_lead_somewhere(site: Path, pages: Pages) -> None:
    anchors = {
        name: {tag["id"] for tag in page.select("[id]")}
        | {tag["name"] for tag in page.select("a[name]")}
        for name, page in pages.items()
    }
    broken, checked = [], 0
    for name, page in pages.items():
        for link in page.select("a[href]"):
            address = urlsplit(str(link["href"]))
            if address.scheme or address.netloc:
                continue
            checked += 1
            target = local(site, name, address.path).resolve() if address.path else site / name
            inside = target.relative_to(site.resolve() if address.path else site).as_posix()
            fragment = unquote(address.fragment)
            if not target.is_file() or (
                fragment and fragment not in anchors.get(inside, {fragment})
            ):
                broken.append((name, link["href"]))
    assert broken == []
    assert checked > 100


def test_every_page_has_a_title_a_language_and_an_icon(site: Path, pages: Pages) -> None:
    for name, page in pages.items():
        assert page.title.get_text().strip(), name
        assert page.html.get("lang") == "en", name
        if name != "index.html":
            icon = page.select_one('link[rel~="icon"]')
            assert icon, name
            assert local(site, name, icon["href"]).stat().st_size < 20_000


def test_every_chapter_has_a_description_of_its_own(pages: Pages) -> None:
    found = {
        name: [tag["content"] for tag in page.select('meta[name="description"]')]
        for name, page in chapters(pages).items()
    }
    assert {name: texts for name, texts in found.items() if len(texts) != 1} == {}
    texts = [texts[0] for texts in found.values()]
    assert [text for text in texts if not 40 <= len(text) <= 200] == []
    assert len(set(texts)) == len(texts)


def test_a_page_has_one_search_button_for_wide_screens(pages: Pages) -> None:
    counts = {
        name: len(page.select(".search-button-field")) for name, page in chapters(pages).items()
    }
    assert set(counts.values()) == {1}


def test_the_footer_names_both_licences(pages: Pages) -> None:
    for name, page in chapters(pages).items():
        footer = page.select_one("footer.bd-footer-content").get_text()
        assert "BSD-3-Clause" in footer, name
        assert "CC BY 4.0" in footer, name


def test_scripts_that_nothing_needs_are_gone(site: Path, pages: Pages) -> None:
    scripts = [path.name for path in site.glob("_static/**/*.js") if "mathjax" not in path.parts]
    assert len(scripts) > 5
    unwanted = re.compile("thebe|fontawesome|require")
    assert [name for name in scripts if unwanted.search(name)] == []
    assert "thebe" not in "".join(str(page.head) for page in pages.values())
    assert not any(
        "binder" in str(link["href"]) for page in pages.values() for link in page.select("a[href]")
    )


def test_the_site_stays_light(site: Path, pages: Pages) -> None:
    heavy = [path.name for path in site.rglob("*.png") if path.stat().st_size > 1_000_000]
    heavy += [name for name in chapters(pages) if (site / name).stat().st_size > 1_500_000]
    assert heavy == []
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 30_000_000


def test_the_reference_shows_every_public_name(pages: Pages) -> None:
    shown = {tag["id"] for tag in pages["book/api.html"].select("[id]")}
    for name in public_modules():
        module = importlib.import_module(f"data_helpers.{name}")
        values = {word: getattr(module, word) for word in module.__all__}
        public = [word for word, value in values.items() if isfunction(value) or isclass(value)]
        assert {f"{module.__name__}.{word}" for word in public} - shown == set()
