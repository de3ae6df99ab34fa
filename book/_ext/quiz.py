"""Quizzes that work on the static page, with no kernel: the directive ``quiz``.

A numbered list of questions, under each the answers, and under each answer, quoted, why it is right or wrong:

    :::{quiz}

    1. On a bowl with curvatures 1 and 50 you use $\\eta = 0.05$. What happens?
       - [ ] It converges slowly.
         > Along the first axis. Along the second $0.05 \\cdot 50$ is above 2.
       - [x] It diverges, along the second axis only.
         > $1 - 2.5 = -1.5$ grows, $1 - 0.05$ shrinks.

    2. What is the largest stable $\\eta$ there?
       - [x] = 0.04 ± 0.001
         > $2/50$.
       - [ ] = 2
         > That is the limit of $\\eta\\lambda$.
       - [ ] = other
         > The largest curvature decides.

    :::

One answer is right. The second form asks for a number; ``= other`` is the hint for a number that nobody foresaw. As
plain Markdown (in a notebook's text cell) this reads as what it is. On the page it becomes a form that quiz.js checks;
without scripts, and for who gives up, the answers are folded below the question.
"""

import re
from hashlib import sha1
from string import ascii_lowercase

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

BOX = re.compile(r"\[([ x])\]\s+")
NUMBER = re.compile(r"= *([-+.,e\d]+)(?: *± *([.,e\d-]+))?$")


class Bad(Exception):
    """What is wrong with a question, and the node where."""


def html(text: str) -> nodes.raw:
    """Return HTML that other builders leave out."""
    return nodes.raw("", text, format="html")


def inline(paragraph: nodes.Element) -> nodes.inline:
    """Return the content of a paragraph, for where HTML has no room for paragraphs."""
    return nodes.inline("", "", *paragraph.children)


def read_answer(item: nodes.list_item) -> tuple[bool, nodes.paragraph, nodes.block_quote]:
    """Return whether an answer is right, its text without the box, and its explanation."""
    first = item[0][0] if item.children and item[0].children else None
    box = BOX.match(first + " ") if isinstance(first, nodes.Text) else None
    if box is None:
        raise Bad("an answer begins with [x] or [ ]", item)
    item[0].replace(first, nodes.Text(first[box.end() :]))
    if not item[0].astext():
        raise Bad("an answer without text", item)
    if len(item) != 2 or not isinstance(item[1], nodes.block_quote):
        raise Bad(f"the answer “{item[0].astext()}” needs an explanation below it, quoted with >", item)
    return box[1] == "x", item[0], item[1]


def read_number(text: nodes.paragraph) -> tuple[str, str]:
    """Return an answer's number as it is shown, and as attributes for quiz.js; the one for all others has none."""
    if text.astext() == "= other":
        return "Other numbers", ""
    try:
        value, tolerance = (float((part or "0").replace(",", "")) for part in NUMBER.match(text.astext()).groups())
    except (AttributeError, ValueError):
        raise Bad(f"“{text.astext()}” is not of the form = 0.5 ± 0.1, nor = other", text) from None
    return text.astext().lstrip("= "), f' data-value="{value}" data-tolerance="{tolerance}"'


def question(item: nodes.list_item, number: int) -> list[nodes.Node]:
    """Return one question as an HTML form."""
    *asked, answers = item.children or [None]
    if not isinstance(answers, nodes.bullet_list) or not asked or not isinstance(asked[0], nodes.paragraph):
        raise Bad("a question is a text, and below it a list of answers", item)
    read = [read_answer(answer) for answer in answers]
    if (right := sum(answer[0] for answer in read)) != 1:
        raise Bad(f"one answer must be right, [x], not {right or 'none'}", item)
    if len(read) < 2:
        raise Bad("one answer alone leaves no choice", item)
    name = sha1("\n".join(node.astext() for node in asked).encode()).hexdigest()[:8]
    out = [html(f'<form class="quiz-question" method="dialog" data-question="{name}"><fieldset><legend>')]
    out += [nodes.strong("", f"{number}. "), inline(asked[0]), html("</legend>"), *asked[1:]]
    if read[0][1].astext().startswith("="):
        out.append(html('<label>Your answer, a number: <input type="text" size="10" autocomplete="off"></label>'))
        keys = [read_number(text) for _, text, _ in read]
        if [right for (_, data), (right, *_) in zip(keys, read, strict=True) if not data] != [False]:
            raise Bad("a question for a number needs one answer “[ ] = other”", item)
    else:
        keys = [(letter, f' data-value="{letter}"') for letter in ascii_lowercase[: len(read)]]
        for (letter, _), (_, text, _) in zip(keys, read, strict=True):
            out.append(html(f'<label><input type="radio" name="{name}" value="{letter}"> <b>{letter}</b> '))
            out += [inline(text), html("</label>")]
    out.append(html('<button type="submit" hidden>Check</button><div class="quiz-result" role="status"></div>'))
    out.append(html("<details><summary>Answer</summary>"))
    for (label, data), (right, _, why) in sorted(zip(keys, read, strict=True), key=lambda pair: not pair[1][0]):
        verdict = nodes.strong("", f"{label} is right. " if right else f"{label}: ")
        if not isinstance(why[0], nodes.paragraph):
            raise Bad("an explanation begins with text", why)
        why[0].insert(0, verdict)
        out += [html(f"<div{data}{' data-right' * right}>"), *why.children, html("</div>")]
    return [*out, html("</details></fieldset></form>")]


class Quiz(SphinxDirective):
    """A quiz; see the module."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        parsed, quiz = nodes.Element(), nodes.container(classes=["quiz"])
        self.state.nested_parse(self.content, self.content_offset, parsed)
        number = 0
        for block in parsed:
            for item in block if isinstance(block, nodes.enumerated_list) else [block]:
                number += 1
                try:
                    if not isinstance(item, nodes.list_item):
                        raise Bad("a quiz is a numbered list of questions, and nothing else", item)
                    quiz += question(item, number)
                except Bad as bad:
                    what, where = bad.args
                    logging.getLogger(__name__).warning(f"quiz, question {number}: {what}", location=where)
        return [quiz, html('<p class="quiz-progress" role="status"></p>')]


def setup(app):
    app.add_directive("quiz", Quiz)
    # The marks in the sidebar are on every page.
    app.add_css_file("quiz.css")
    app.add_js_file("quiz.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
