"""Every page of the site in a real browser: self-contained, accessible, and fit for a phone."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

# On a busy machine axe takes a minute for the longest pages.
pytestmark = [pytest.mark.web, pytest.mark.slow, pytest.mark.timeout(900)]

Visit = Callable[..., Any]
THEMES = ["light", "dark"]
LOGOS = {"logo__image only-light", "logo__image only-dark pst-js-only"}

# What axe says of text in the very colour of its background. It does not dare to call that wrong.
UNREADABLE = "1:1 contrast ratio"

# Axe measures the contrast of every word, for a minute on a long page; but a page has thousands of
# words in some hundred looks. A look is what the contrast follows from: the colours of the text and
# of all that is painted behind it, size and weight. This marks the first words of each; not single
# letters, which axe passes over, and a few, since axe cannot judge what something else covers.
MARK_EACH_LOOK = """() => {
  const seen = {}
  const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim().length > 1
  const mark = (element, behind, around) => {
    if (!element.checkVisibility({visibilityProperty: true, opacityProperty: true})) return false
    const style = getComputedStyle(element)
    const painted = [style.backgroundColor, style.backgroundImage, style.opacity, style.position]
    if (painted.join() !== 'rgba(0, 0, 0, 0),none,1,static') behind += painted.join() + ' < '
    const text = [style.color, style.fill, style.fontSize, style.fontWeight, style.textDecoration]
    const look = [behind, around, element.tagName, element.className, text].join(' | ')
    let isNew = element.matches('input, button, select, textarea')
    if ([...element.childNodes].some(isText)) isNew ||= (seen[look] = (seen[look] ?? 0) + 1) <= 3
    for (const child of element.children)
      if (mark(child, behind, text.join())) isNew = true
    if (isNew) element.setAttribute('data-new-look', '')
    return isNew
  }
  mark(document.body, '', '')
}"""
# Elements stay, without what is in them, since looks also follow from how many came before.
LEAVE_WHAT_IS_MARKED = """() => {
  for (const other of document.querySelectorAll('body :not([data-new-look])'))
    other.replaceChildren()
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
SHOWN = """() => [...document.querySelectorAll('body *')].map(element =>
  element.checkVisibility({visibilityProperty: true}) ? element.getAttribute('class') : 'hidden')"""
SHAPES = {"rules": {rule: {"enabled": False} for rule in COLOURS}}


def violations(page: Page, options: dict[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """What axe finds: the rule, the element, and what to do."""
    kinds = ["violations", "incomplete"]
    # Without preload: axe would fetch the style sheets again, relative to the wrong folder. The
    # other two leave out what a test does not read, which takes half of the time.
    lean: dict[str, Any] = {"preload": False, "resultTypes": kinds, "selectors": False}
    found = Axe().run(page, options=lean | (options or {})).response
    return [
        (rule["id"], node["html"][:200], node.get("failureSummary", "")[:300])
        for kind in kinds
        for rule in found[kind]
        for node in rule["nodes"]
        if kind == "violations" or UNREADABLE in node.get("failureSummary", "")
    ]


def show_in(page: Page, theme: str) -> None:
    """Show a page in a theme, at once and not by and by."""
    page.add_style_tag(content="* { transition: none !important }")
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    if page.locator("html[data-theme]").count():  # a page that only forwards has no theme
        expect(page.locator("html")).to_have_attribute("data-theme", theme)


def violations_of_colour(page: Page) -> dict[str, list[tuple[str, str, str]]]:
    """What axe finds about the colours of each theme. A few words of each look stay of the page."""
    for theme in THEMES:
        show_in(page, theme)
        page.evaluate(MARK_EACH_LOOK)
    page.evaluate(LEAVE_WHAT_IS_MARKED)
    found = {}
    for theme in THEMES:
        show_in(page, theme)
        found[theme] = violations(page, {"runOnly": COLOURS})
    return found


def shown_in_one_theme(page: Page) -> set[str]:
    """Classes of what one theme shows and the other hides."""
    states = []
    for theme in THEMES:
        show_in(page, theme)
        states.append(page.evaluate(SHOWN))
    return {name for names in zip(*states, strict=True) if len(set(names)) > 1 for name in names}


def sideways(page: Page) -> int:
    """How many pixels a page can be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.usefixtures("hidden_browser")
def test_an_open_browser_is_no_running_loop_to_other_tests() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_a_page_is_self_contained_accessible_and_fits_a_phone(
    address: str, visit: Visit, page_name: str
) -> None:
    """All that is asked of every page, in one visit: opening the long ones takes a while."""
    visited = visit(address + page_name)
    page = visited.page
    page.set_viewport_size({"width": 390, "height": 900})
    assert sideways(page) <= 0
    page.set_viewport_size({"width": 1280, "height": 900})
    assert violations(page, SHAPES) == []
    # The rules on shapes need no second look in the dark, where all but the logo is the same. Of
    # a small page, which has the logo, everything is looked at in both themes below.
    assert shown_in_one_theme(page) <= {"hidden", *LOGOS}
    assert violations_of_colour(page) == {"light": [], "dark": []}
    assert visited.faults == []


def test_the_front_page_leads_into_the_book(address: str, visit: Visit) -> None:
    page = visit(address).page
    page.wait_for_url("**/book/index.html")
    expect(page.locator("article h1")).to_contain_text("Chunk by Chunk")


def background(page: Page) -> list[int]:
    """Red, green and blue of the page's background."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in colour.strip("rgba()").split(",")[:3]]


def test_the_theme_follows_the_system_until_the_reader_chooses(address: str, visit: Visit) -> None:
    page = visit(f"{address}book/index.html", theme="dark").page
    assert max(background(page)) < 60
    switch = page.locator(".theme-switch-button:visible")
    for _ in range(3):  # auto, light, dark: at least one press leads to each
        switch.click()
        if page.locator("html").get_attribute("data-mode") == "light":
            break
    assert min(background(page)) > 230
    page.goto(f"{address}book/setup.html")
    assert min(background(page)) > 230


def test_search_finds_a_page_without_a_network(address: str, visit: Visit) -> None:
    visited = visit(f"{address}book/index.html")
    page = visited.page
    page.keyboard.press("Control+k")
    fields = page.locator("input[type=search]:visible")
    expect(fields).to_have_count(1)
    fields.fill("amplification")
    fields.press("Enter")
    results = page.locator("ul.search li a")
    expect(results.first).to_be_visible()
    results.first.click()
    page.wait_for_load_state("networkidle")
    expect(page.locator("article")).to_contain_text("amplification", ignore_case=True)
    assert visited.faults == []


def test_icons_are_drawn_by_the_web_font(address: str, visit: Visit) -> None:
    page = visit(f"{address}book/index.html").page
    loaded = page.evaluate(
        "[...document.fonts].filter(font => font.status === 'loaded').map(font => font.family)"
    )
    assert any("Font Awesome" in family for family in loaded)
    assert page.locator("svg.svg-inline--fa").count() == 0
    icon = page.locator(".theme-switch-button:visible .fa-lg:visible").first.bounding_box()
    assert icon
    assert icon["width"] > 8


# ---- what pages are made of


def test_text_in_the_colour_of_its_background_is_seen(tiny: str, visit: Visit) -> None:
    page = visit(tiny, theme="dark").page
    page.add_style_tag(content="p { color: #121212 !important; background: #121212 }")
    assert {rule for rule, *_ in violations(page)} == {"color-contrast"}


def test_what_only_one_theme_shows_is_seen(tiny: str, visit: Visit) -> None:
    page = visit(tiny).page
    assert shown_in_one_theme(page) == {"hidden", *LOGOS}
    page.add_style_tag(content="html[data-theme=dark] article p { visibility: hidden }")
    page.evaluate("document.querySelector('article p').className = 'by-day'")
    assert "by-day" in shown_in_one_theme(page)


def test_one_pale_word_among_its_like_is_found_in_the_theme_where_it_is_pale(
    tiny: str, visit: Visit
) -> None:
    page = visit(tiny).page
    page.evaluate("document.querySelector('article p').innerHTML = '<i>word</i> '.repeat(9)")
    page.add_style_tag(content="html[data-theme=dark] i:nth-child(7) { color: #444 }")
    found = violations_of_colour(page)
    assert found["light"] == []
    assert [(rule, html[:2]) for rule, html, _ in found["dark"]] == [("color-contrast", "<i")]
    assert page.locator("i:not(:empty)").count() == 4  # the first three, and the pale one


@pytest.mark.parametrize("theme", THEMES)
def test_maths_code_tables_and_questions_are_accessible(
    tiny: str, visit: Visit, theme: str
) -> None:
    visited = visit(tiny, theme=theme)
    expect(visited.page.locator("mjx-container")).to_have_count(2)
    assert violations(visited.page) == []
    assert visited.faults == []


def test_wide_tables_scroll_in_a_box_of_their_own(tiny: str, visit: Visit) -> None:
    page = visit(tiny, width=390).page
    assert sideways(page) <= 0
    inner, outer = page.evaluate(
        "(() => { const box = document.querySelector('table.dataframe').closest('.text_html');"
        " return [box.scrollWidth, box.clientWidth] })()"
    )
    assert inner > outer + 100


def test_a_question_is_answered_with_the_keyboard(tiny: str, visit: Visit) -> None:
    page = visit(tiny).page
    page.reload()  # folded again
    question = page.locator(".cbc-question")
    status = question.get_by_role("status")
    check = question.get_by_role("button", name="Check")
    expect(question.locator("details:visible")).to_have_count(0)

    check.focus()
    page.keyboard.press("Enter")
    expect(status).to_have_text("Choose an answer first.")

    question.get_by_label("One").focus()
    page.keyboard.press("Space")
    check.focus()
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Not this one.")
    expect(question.get_by_text("That is a uint8")).to_be_visible()

    question.get_by_label("One").focus()
    page.keyboard.press("ArrowDown")
    expect(status).to_be_empty()
    check.focus()
    page.keyboard.press("Enter")
    expect(status).to_contain_text("Right.")
    expect(question.get_by_text("Sixteen bits.")).to_be_visible()
    expect(question.get_by_text("That is a uint8")).to_be_hidden()
    assert violations(page) == []


def test_a_question_explains_itself_without_javascript(tiny: str, visit: Visit) -> None:
    page = visit(tiny, script=False).page
    question = page.locator(".cbc-question")
    expect(question.get_by_role("button", name="Check")).to_be_hidden()
    expect(question.locator("summary")).to_have_count(2)
    question.get_by_text("Explanation of answer b").click()
    expect(question.get_by_text("Sixteen bits.")).to_be_visible()
