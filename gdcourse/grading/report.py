"""What the instructors and the students get: gradebook, feedback, summary, and the table for points given by hand."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gdcourse.grading.driver import Result, file_name, write

MANUAL = "manual.csv"
TOTAL = "total"  # in the table of points given by hand: all questions at once

CSS = """
:root { color-scheme: light dark; --line: #8888; --bar: #3b6fb6; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --bar: #8ab4f8; --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; }
td { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; } svg text { fill: currentColor; font: 13px system-ui, sans-serif; }
svg rect { fill: var(--bar); } svg line { stroke: var(--line); }
.bad { color: var(--bad); font-weight: 600; }
"""


@dataclass(frozen=True)
class Row:
    """A student's line in the gradebook.

    Parameters
    ----------
    result
        What was graded.
    status
        ``graded``, ``by hand`` (a person gave points, or settled what was flagged), ``to grade by hand``,
        ``flagged`` or ``not graded``.
    points
        By question; None where there are none yet.
    score
        The sum, or None if there is none yet.
    """

    result: Result
    status: str
    points: dict[str, float | None]
    score: float | None

    @property
    def done(self) -> bool:
        """Whether there is a score."""
        return self.score is not None


def rows(results: list[Result], manual: dict[tuple[str, str, str], float]) -> list[Row]:
    """Put the points that a person gave into the results."""
    made = []
    for result in results:
        name, student = result["assignment"], result["student"]
        points: dict[str, float | None] = {}
        by_hand = False
        for question in result["questions"]:
            given = manual.get((name, student, question["id"]))
            points[question["id"]] = question["points"] if given is None else given
            by_hand = by_hand or given is not None
        total = manual.get((name, student, TOTAL))
        known = [value for value in points.values() if value is not None]
        status = "not graded" if result["status"] == "failed" else str(result["status"])
        score: float | None = None
        if total is not None:
            status, score = "by hand", total
        elif status == "graded" and len(known) < len(points):
            status = "to grade by hand"
        elif status == "graded":
            status, score = "by hand" if by_hand else "graded", float(sum(known))
        made.append(Row(result, status, points, score))
    return made


def read_manual(path: Path) -> dict[tuple[str, str, str], float]:
    """Read the points that a person gave, by assignment, student and question.

    Raises
    ------
    ValueError
        Naming the line that cannot be understood.
    """
    if not path.exists():
        return {}
    found = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        sample = stream.readline()
        stream.seek(0)
        table = csv.DictReader(stream, delimiter=";" if sample.count(";") > sample.count(",") else ",")
        missing = {"assignment", "student", "question", "points"} - set(table.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: the first line must name the column {', '.join(sorted(missing))}")
        for line in table:
            text = (line["points"] or "").strip().replace(",", ".")
            if not text:
                continue
            try:
                points = float(text)
            except ValueError:
                raise ValueError(f"{path}, line {table.line_num}: {text!r} are no points") from None
            found[line["assignment"], _plain(line["student"]), line["question"]] = points
    return found


def add_manual(path: Path, made: list[Row]) -> None:
    """Append a line for each question that waits for a person. What is in the table stays as it is."""
    there: set[tuple[str, str, str]] = set()
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.readline()
            stream.seek(0)
            delimiter = ";" if sample.count(";") > sample.count(",") else ","
            for line in csv.DictReader(stream, delimiter=delimiter):
                there.add((line["assignment"], _plain(line["student"]), line["question"]))
    else:
        delimiter = ","
    new = []
    for row in made:
        name, student = row.result["assignment"], row.result["student"]
        if row.status == "to grade by hand":
            new += [
                (name, student, question["id"], question["max"], "")
                for question in row.result["questions"]
                if row.points[question["id"]] is None
            ]
        elif row.status in ("flagged", "not graded"):
            most = sum(question["max"] for question in row.result["questions"])
            new.append((name, student, TOTAL, most or "", " ".join(row.result["reason"].split())[:200]))
    lines = [line for line in new if line[:3] not in there]
    if not lines and path.exists():
        return
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if not path.exists():
        writer.writerow(["assignment", "student", "question", "max", "points", "note"])
    writer.writerows([[_safe(cell) for cell in (*line[:4], "", line[4])] for line in lines])
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    write(path, before + ("\n" if before and not before.endswith("\n") else "") + text.getvalue())


def gradebook(made: list[Row]) -> str:
    """Return the table of scores, as CSV: a line for each student and assignment.

    Where there is no score, the field is empty: a 0 is a score.
    """
    questions = list(
        dict.fromkeys(question["id"] for row in made for question in row.result["questions"] if question["max"])
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["assignment", "student", "status", "score", "max", *questions, "reason", "file"])
    for row in made:
        most = sum(question["max"] for question in row.result["questions"])
        points = [_number(row.points.get(id)) if row.status != "not graded" else "" for id in questions]
        reason = " ".join(str(row.result["reason"]).split())[:300]
        fields: list[Any] = [row.result["assignment"], row.result["student"], row.status, _number(row.score)]
        fields += [_number(most) if most else "", *points, reason, row.result["file"]]
        writer.writerow([_safe(cell) for cell in fields])
    return text.getvalue()


def feedback(row: Row) -> str:
    """Return a student's page: question, points, message."""
    result = row.result
    most = sum(question["max"] for question in result["questions"])
    lines = []
    for question in result["questions"]:
        got = row.points[question["id"]]
        if not question["max"] and not question["message"]:
            continue
        message = question["message"]
        if question["max"] and got == question["max"]:
            message = "All checks pass."
        elif got is None:
            message = "Graded by a person, later."
        elif not message:
            message = "A check fails." if not question["manual"] else "Nothing was written." if not got else ""
        lines.append(
            f"<tr><th scope='row'>{_title(question)}</th><td class='number'>{_number(got)} of "
            f"{_number(question['max'])}</td><td><pre>{escape(message)}</pre></td></tr>"
        )
    if row.score is not None:
        score = f"<p>Score: <strong>{_number(row.score)}{f' of {_number(most)}' if most else ''}</strong></p>"
    else:
        score = f"<p class='bad'>No score yet: {escape(_for_student(row))}</p>"
    table = (
        "<div class='wide' role='region' aria-label='Points' tabindex='0'><table><thead><tr>"
        "<th scope='col'>Question</th><th scope='col' class='number'>Points</th>"
        "<th scope='col'>What the check says</th></tr></thead><tbody>" + "".join(lines) + "</tbody></table></div>"
    )
    shown = table if lines and row.status != "flagged" else ""
    title = f"{result['assignment']}: feedback for {result['student']}"
    graded = f"<p>Graded: <code>{escape(str(result['file']))}</code></p>"
    return _page(title, f"<h1>{escape(title)}</h1>{score}{shown}{graded}")


def _for_student(row: Row) -> str:
    if row.status == "to grade by hand":
        return "a part of this is graded by a person."
    if row.status == "flagged" or row.result["status"] == "failed":
        return "your instructor will look at it."
    return str(row.result["reason"])


def summary(made: list[Row], unknown: list[tuple[str, str]], left_out: list[str]) -> str:
    """Return the page for the instructors."""
    parts = ["<h1>Grading summary</h1>"]
    counts = Counter(row.status for row in made)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no hand-ins"
    parts.append(f"<p>{len(made)} hand-ins: {escape(said)}. {len(unknown)} files could not be attributed.</p>")
    missing = [row for row in made if not row.done]
    parts.append("<h2 id='not-graded'>Without a score</h2>")
    if missing:
        parts.append(
            _table(
                ["Student", "Assignment", "Status", "Why", "Claimed", "File"],
                [
                    [
                        row.result["student"],
                        row.result["assignment"],
                        row.status,
                        str(row.result["reason"])[:600],
                        _number(sum(v for v in row.points.values() if v)) if row.status == "flagged" else "",
                        row.result["file"],
                    ]
                    for row in missing
                ],
            )
        )
        parts.append(f"<p>Give points by hand in <code>{MANUAL}</code> and run the same command again.</p>")
    else:
        parts.append("<p>Everybody has a score.</p>")
    if unknown:
        parts.append("<h2 id='unknown'>Files that could not be attributed</h2>")
        parts.append(_table(["File", "Why"], [list(pair) for pair in unknown]))
    for name in sorted({row.result["assignment"] for row in made}):
        parts.append(_assignment(name, [row for row in made if row.result["assignment"] == name]))
    older = [(row.result["file"], old) for row in made for old in row.result.get("older", [])]
    if older:
        parts.append("<h2 id='older'>Older versions, not graded</h2>")
        parts.append(_table(["Graded", "Instead of"], [list(pair) for pair in older]))
    if left_out:
        parts.append("<h2 id='left-out'>Files left out: no notebooks, or for other assignments</h2>")
        parts.append(_table(["File"], [[file] for file in left_out]))
    return _page("Grading summary", "".join(parts))


def _assignment(name: str, made: list[Row]) -> str:
    scores = [row.score for row in made if row.score is not None]
    parts = [f"<h2>{escape(name)}</h2>"]
    graded = [row for row in made if row.result["questions"]]
    most = max((sum(q["max"] for q in row.result["questions"]) for row in graded), default=0.0)
    if scores:
        middle = (
            sorted(scores)[len(scores) // 2]
            if len(scores) % 2
            else sum(sorted(scores)[len(scores) // 2 - 1 : len(scores) // 2 + 1]) / 2
        )
        parts.append(
            f"<p>{len(scores)} scores of at most {_number(most)}: mean {sum(scores) / len(scores):.2f}, "
            f"median {_number(middle)}.</p>{_histogram(scores, most)}"
        )
    settled = [row for row in graded if row.status in ("graded", "by hand", "to grade by hand")]
    missed: list[tuple[float, list[str]]] = []
    titles = {q["id"]: (_plain_title(q), q["max"]) for row in settled for q in row.result["questions"] if q["max"]}
    for id, (title, worth) in titles.items():
        got = [points for row in settled if (points := row.points.get(id)) is not None]
        if got:
            lost = sum(points < worth for points in got)
            says = Counter(
                re.sub(r"\s+", " ", q["message"])[:200]
                for row in settled
                for q in row.result["questions"]
                if q["id"] == id and q["message"]
            )
            common = says.most_common(1)
            line = [title, f"{lost} of {len(got)}", f"{sum(got) / len(got):.2f} of {_number(worth)}"]
            missed.append((lost / len(got), [*line, f"{common[0][1]}×: {common[0][0]}" if common else ""]))
    missed.sort(key=lambda pair: -pair[0])
    if missed:
        parts.append("<h3>Questions, the most often missed first</h3>")
        headings = ["Question", "Missed by", "Mean points", "Most common message"]
        parts.append(_table(headings, [line for _, line in missed]))
    return "".join(parts)


def _histogram(scores: list[float], most: float) -> str:
    """Draw how often each score, to the nearest whole point or a twentieth of all."""
    most = max(most, max(scores), 1.0)
    width = max(1.0, round(most / 20))
    bins = int(most // width) + 1
    counts = [0] * bins
    for score in scores:
        counts[min(bins - 1, max(0, int(score // width)))] += 1
    high = max(counts)
    step = 640 / bins
    bars = []
    for number, count in enumerate(counts):
        height = 140 * count / high
        left = 20 + number * step
        label = _number(number * width)
        bars.append(
            f"<rect x='{left + 2:.1f}' y='{160 - height:.1f}' width='{step - 4:.1f}' height='{height:.1f}'/>"
            f"<text x='{left + step / 2:.1f}' y='178' text-anchor='middle'>{label}</text>"
            + (
                f"<text x='{left + step / 2:.1f}' y='{155 - height:.1f}' text-anchor='middle'>{count}</text>"
                * bool(count)
            )
        )
    kinds = "points" if width == 1 else f"points, in steps of {_number(width)}"
    told = "; ".join(f"{_number(n * width)}: {count}" for n, count in enumerate(counts) if count)
    alt = f"Bar chart: number of students by score ({kinds}). {told}."
    return (
        f"<svg viewBox='0 0 680 205' width='680' height='205' role='img' aria-label='{escape(alt, quote=True)}'>"
        f"<title>{escape(alt)}</title><line x1='20' y1='160' x2='660' y2='160'/>{''.join(bars)}"
        f"<text x='340' y='200' text-anchor='middle'>{kinds}</text></svg>"
    )


def _table(headings: list[str], lines: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th scope='col'>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in line) + "</tr>" for line in lines)
    label = escape(headings[0], quote=True)
    return (
        f"<div class='wide' role='region' aria-label='{label}' tabindex='0'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _page(title: str, body: str) -> str:
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _plain_title(question: dict[str, Any]) -> str:
    return str(question["title"] or question["id"])


def _title(question: dict[str, Any]) -> str:
    return escape(_plain_title(question))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _safe(cell: object) -> str:
    """Write a field that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text) else text


def _plain(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_all(out: Path, results: list[Result], unknown: list[tuple[str, str]], left_out: list[str]) -> list[Row]:
    """Write all that there is to read into a folder, and return the lines of the gradebook.

    Parameters
    ----------
    out
        The folder.
    results
        All results that are kept.
    unknown, left_out
        From the `Collection`.
    """
    made = rows(results, read_manual(out / MANUAL))
    write(out / "gradebook.csv", gradebook(made))
    for row in made:
        folder = out / "feedback" / file_name(row.result["student"])
        write(folder / f"{row.result['assignment']}.html", feedback(row))
    add_manual(out / MANUAL, made)
    write(out / "summary.html", summary(made, unknown, left_out))
    return made
