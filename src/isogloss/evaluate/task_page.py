"""One page in which people answer topic tasks: no server, no request, no answer inside."""

import base64
import hashlib
import html
from collections.abc import Sequence
from importlib.resources import files

from isogloss.evaluate.human_tasks import Task, TaskSet

__all__ = ["task_page"]


def task_page(tasks: TaskSet, *, title: str = "Words that belong") -> str:
    """Give the page as HTML; it works from a file, in any browser of the last ten years.

    Answers are kept in the browser while they are given, and saved as a CSV by a button. Digits
    answer, arrows and Enter go on; without a mouse all is reached by Tab.

    Parameters
    ----------
    tasks : TaskSet
    title : str

    Returns
    -------
    str
        A whole document. Words are escaped; a policy in its head forbids all requests and every
        script but its own.

    Examples
    --------
    >>> task = Task("a-1", "mixing", "lda", (3,), ("<b>", *"abcdefg"), 1, (True, False) * 4)
    >>> page = task_page(TaskSet((task,), {}))
    >>> "&lt;b&gt;" in page, "lda" in page
    (True, False)
    """
    folder = files("isogloss.evaluate") / "page"
    script = (folder / "tasks.js").read_text(encoding="utf-8")
    style = (folder / "tasks.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    many = len(tasks)
    questions = "\n".join(_question(task, i, many) for i, task in enumerate(tasks.tasks, start=1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(policy, quote=True)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body data-set="{html.escape(tasks.digest, quote=True)}">
<header>
<h1>{html.escape(title)}</h1>
<p>{many} short questions about groups of words. There are two kinds: find the <em>one word that
does not belong</em>, or say whether the words are about <em>one topic or two</em> (half of them
are in bold: do both halves belong together?). Go by your first impression; skip what you cannot
answer. Keys: digits answer, left and right go back and on.</p>
<p><label for="annotator">Your name or initials</label>
<input id="annotator" name="annotator" autocomplete="off" maxlength="80"></p>
<noscript><p>Saving needs JavaScript, which is off in this browser: use the table tasks.csv
instead.</p></noscript>
</header>
<main>
{questions}
</main>
<footer>
<p id="state" role="status" aria-live="polite"></p>
<p><button type="button" id="back">Back</button>
<button type="button" id="next">Next</button>
<button type="button" id="save">Save answers as CSV</button></p>
</footer>
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _question(task: Task, number: int, many: int) -> str:
    name = html.escape(task.id, quote=True)
    if task.kind == "intrusion":
        asked, choices, shown = "Which word does not belong?", task.words, ""
    else:
        asked, choices = "Are these words about one topic or two?", ("One topic", "Two topics")
        shown = _words(task)
    options = "\n".join(
        f'<li><label><input type="radio" name="{name}" value="{i}"> '
        f"<kbd>{i}</kbd> {html.escape(choice)}</label></li>"
        for i, choice in enumerate(choices, start=1)
    )
    return f"""<fieldset data-task="{name}">
<legend>{number} of {many}. {asked}</legend>
{shown}<ol>
{options}
</ol>
</fieldset>"""


def _words(task: Task) -> str:
    marks: Sequence[bool] = task.marked or (False,) * len(task.words)
    cells = "".join(
        f"<li><b>{html.escape(word)}</b></li>" if bold else f"<li>{html.escape(word)}</li>"
        for word, bold in zip(task.words, marks, strict=True)
    )
    return f'<ul class="words">{cells}</ul>\n'
