"""Concept questions that work in a static page, with and without JavaScript.

A question is a directive; its options are a definition list: each option's text, then, after a
colon, its explanation. Options are lettered a, b, c, ... in order, and `answer` names the right
one. Text before the list belongs to the question::

    :::{question} What does reading one voxel cost?
    :answer: b

    The array has chunks of 64 x 64 x 64 voxels.

    The bytes of that voxel
    : A chunk is compressed as a whole, so a part of it cannot be decoded alone.

    The chunk that holds it
    : The chunk is the smallest unit that can be read.

    The whole array
    : Other chunks are separate objects and stay where they are.
    :::

Every option needs an explanation, and the text before the options ends like a sentence (an option
without explanation would look like such text). Without JavaScript each explanation unfolds by
itself; with it, a reader chooses an option, asks for a check, and is told whether and why it is
right.
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

LETTERS = "abcdefgh"


class question(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes in lower case)
    """A whole question: a title, perhaps paragraphs, then options."""


class question_title(nodes.General, nodes.TextElement):  # noqa: N801
    """The text of a question, inline."""


class question_option(nodes.General, nodes.Element):  # noqa: N801
    """One option: its text, then its explanation."""


class question_choice(nodes.General, nodes.TextElement):  # noqa: N801
    """The text of an option, inline."""


class question_reason(nodes.General, nodes.Element):  # noqa: N801
    """Why an option is right or wrong."""


class Question(SphinxDirective):
    """The directive `question`, see the module's docstring."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {"answer": directives.unchanged_required}  # noqa: RUF012 (docutils reads it)

    def run(self) -> list[nodes.Node]:
        """Build the question's nodes, or say what is wrong with its source."""
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        lists = [child for child in body if isinstance(child, nodes.definition_list)]
        if len(lists) != 1 or body[-1] is not lists[0]:
            raise self.error(
                f"a question holds {len(lists)} lists of options, expected one, at its end: write "
                "each option on a line, then its explanation on the next, after a colon"
            )
        if len(body) > 1 and body[-2].astext()[-1:].isalnum():
            raise self.error(
                f"the text before the options ends with {body[-2].astext()[-20:]!r}, expected the "
                "end of a sentence: if this is an option, add its explanation after a colon"
            )
        items = list(lists[0])
        answer = self.options.get("answer", "").strip().lower()
        allowed = LETTERS[: len(items)]
        if len(items) < 2 or len(answer) != 1 or answer not in allowed:
            raise self.error(
                f"a question has {len(items)} options and the answer {answer!r}, expected two or "
                f"more options and one letter of {allowed!r}: set `:answer:`"
            )
        number = self.env.new_serialno("question") + 1
        node = question(number=number, ids=[f"question-{number}"])
        self.set_source_info(node)
        title, messages = self.state.inline_text(self.arguments[0], self.lineno)
        node += question_title("", "", *title, number=number)
        node += [child for child in body if child is not lists[0]]
        for letter, item in zip(LETTERS, items, strict=False):
            node += self.option(item, number, letter, right=letter == answer)
        return [node, *messages]

    def option(self, item: nodes.Element, number: int, letter: str, *, right: bool) -> nodes.Node:
        """Turn one entry of the definition list into an option."""
        choice = question_choice("", "", *item[0].children, number=number, letter=letter)
        reason = question_reason("", letter=letter, right=right)
        for definition in item.children[1:]:
            reason += definition.children
        return question_option("", choice, reason, right=right)


def visit_question(self: HTML5Translator, node: nodes.Element) -> None:
    """Open the group of options."""
    self.body.append(f'<fieldset class="cbc-question" id="{node["ids"][0]}">\n')


def depart_question(self: HTML5Translator, node: nodes.Element) -> None:
    """Add the button and the place of the verdict, both shown by the script only."""
    self.body.append(
        '<div class="cbc-question-check" hidden>'
        '<button type="button">Check</button><p role="status"></p></div>\n</fieldset>\n'
    )


def visit_title(self: HTML5Translator, node: nodes.Element) -> None:
    """Open the question's text, which names the group to a screen reader."""
    self.body.append(f'<legend><span class="cbc-question-number">Question {node["number"]}</span> ')


def depart_title(self: HTML5Translator, node: nodes.Element) -> None:
    """Close the question's text."""
    self.body.append("</legend>\n")


def visit_option(self: HTML5Translator, node: nodes.Element) -> None:
    """Open an option."""
    verdict = "right" if node["right"] else "wrong"
    self.body.append(f'<div class="cbc-option" data-verdict="{verdict}">\n')


def depart_option(self: HTML5Translator, node: nodes.Element) -> None:
    """Close an option."""
    self.body.append("</div>\n")


def visit_choice(self: HTML5Translator, node: nodes.Element) -> None:
    """Open an option's text, with its radio button."""
    group, letter = f"question-{node['number']}", node["letter"]
    self.body.append(f'<label><input type="radio" name="{group}" value="{letter}"> <span>')


def depart_choice(self: HTML5Translator, node: nodes.Element) -> None:
    """Close an option's text."""
    self.body.append("</span></label>\n")


def visit_reason(self: HTML5Translator, node: nodes.Element) -> None:
    """Open an explanation, folded."""
    verdict = "Right." if node["right"] else "Not this one."
    self.body.append(
        f"<details><summary>Explanation of answer {node['letter']}</summary>\n"
        f'<p class="cbc-verdict">{verdict}</p>\n'
    )


def depart_reason(self: HTML5Translator, node: nodes.Element) -> None:
    """Close an explanation."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and its nodes."""
    app.add_directive("question", Question)
    app.add_node(question, html=(visit_question, depart_question))
    app.add_node(question_title, html=(visit_title, depart_title))
    app.add_node(question_option, html=(visit_option, depart_option))
    app.add_node(question_choice, html=(visit_choice, depart_choice))
    app.add_node(question_reason, html=(visit_reason, depart_reason))
    app.add_js_file("questions.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
