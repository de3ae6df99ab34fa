"""Find the hand-ins in a folder: whose, for which assignment, and what had to be left out and why.

Nothing is unpacked: zip files are read where they lie, in memory, within bounds.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from gdcourse.grading import assignment
from gdcourse.grading.sandbox import MB

LARGEST = 20 * MB  # a notebook
LARGEST_ZIP = 4096 * MB
MOST_FILES = 20_000  # in a zip file
LONGEST_NAME = 500  # in a zip file: systems have no longer ones
DEPTH = 2  # a zip file in a zip file, as learning platforms make them

# What systems and editors leave in folders.
JUNK = re.compile(
    r"(^|/)(\.[^/]*|__MACOSX|__pycache__|Thumbs\.db|desktop\.ini|timestamp\.txt)(/|$)|-checkpoint\.ipynb$"
)
COPY = re.compile(r"(\s*\(\d+\)|[-_ ]copy ?\d*|[-_ ]Copy ?\d*|~)$")
MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_(file|onlinetext)_?$")
COMMON = re.compile(r"(?i)(submissions?|submitted|hand-?ins?|downloads?|all|files?)")  # folders of many students' files
CANVAS = re.compile(r"(?P<student>[^_]+)_(LATE_)?(?P<id>\d+)_\d+_(?P<rest>.+)$")


@dataclass(frozen=True)
class HandIn:
    """One student's file for one assignment.

    Parameters
    ----------
    student, assignment
        Whose it is, and for what.
    file
        Where it was found, in words: a path below the folder of hand-ins, through zip files where there are any.
    content
        Its bytes; empty if there is a problem.
    time
        Seconds since 1970 at which it was last changed, as far as is known.
    problem
        Why it cannot be graded, or "".
    older
        Other versions by the same student, which are not graded.
    """

    student: str
    assignment: str
    file: str
    content: bytes = field(repr=False)
    time: float = 0.0
    problem: str = ""
    older: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collection:
    """What a folder holds.

    Parameters
    ----------
    hand_ins
        One for each student and assignment.
    unknown
        Notebooks and archives of which the student or the assignment could not be told, each with the reason.
    left_out
        Other files, which nobody will miss: pictures, texts, hand-ins for assignments that are not wanted.
    """

    hand_ins: list[HandIn]
    unknown: list[tuple[str, str]]
    left_out: list[str]


@dataclass(frozen=True)
class _Found:
    """A file: where, when, and what is in it, or why that cannot be said."""

    path: str
    time: float
    content: bytes
    problem: str = ""


def collect(folder: Path, source: Path, wanted: list[str], pattern: str | None = None) -> Collection:
    """Find the hand-ins in a folder.

    Parameters
    ----------
    folder
        Of files, folders and zip files, as a learning platform gives them out.
    source
        The instructors' assignments.
    wanted
        The names of those to grade.
    pattern
        A regular expression that is searched for in the path of each notebook below `folder`, written with ``/``; its
        group ``student`` (and ``assignment``, if there is more than one) says whose it is. Without it, the names of
        nbgrader, Moodle and Canvas are understood, and any that is made of a student's and an assignment's.

    Returns
    -------
    Collection

    Raises
    ------
    ValueError
        For a pattern that is no regular expression or has no group ``student``.
    """
    try:
        expression = re.compile(pattern) if pattern else None
    except re.error as error:
        raise ValueError(f"--pattern is not a regular expression: {error}") from None
    if expression is not None and "student" not in expression.groupindex:
        raise ValueError(f"--pattern needs a group (?P<student>…), got {pattern!r}")
    ids = {name: assignment.marks(source, name) for name in assignment.names(source)}
    only = wanted[0] if len(wanted) == 1 else ""
    versions: dict[tuple[str, str], list[HandIn]] = {}
    unknown, left_out, others = [], [], []
    everything = list(_walk(folder))
    # Several notebooks in a folder that do not say what they are for are several students', not versions of one.
    nameless = [
        one.path for one in everything if one.path.lower().endswith(".ipynb") and not _names(_file(one.path), ids)
    ]
    crowded = {where for where, count in Counter(path.rpartition("/")[0] for path in nameless).items() if count > 1}
    for found in everything:
        if not found.path.lower().endswith((".ipynb", ".zip")):
            others.append(found)
            continue
        student, name, why = _attribute(found, ids, expression, crowded, only)
        if not (student and name):
            unknown.append((found.path, found.problem or why))
            continue
        if name not in wanted:
            left_out.append(found.path)
            continue
        hand_in = HandIn(student, name, found.path, found.content, found.time, found.problem)
        versions.setdefault((name, student), []).append(hand_in)
    for found in others:
        student, name, _ = _attribute(found, ids, expression, crowded, only)
        if student and name in wanted and (name, student) not in versions and _names(found.path, ids):
            problem = f"It is not a notebook, but a file {PurePosixPath(found.path).suffix or 'without an ending'}"
            versions[name, student] = [HandIn(student, name, found.path, b"", found.time, problem)]
        else:
            left_out.append(found.path)
    hand_ins = []
    for _, several in sorted(versions.items()):
        *older, newest = sorted(several, key=lambda one: (one.time, _copy_number(one.file), one.file))
        hand_ins.append(HandIn(**{**vars(newest), "older": tuple(one.file for one in older)}))
    return Collection(hand_ins, sorted(unknown), sorted(left_out))


def _walk(folder: Path) -> Iterator[_Found]:
    for where, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files) + [name for name in folders if os.path.islink(os.path.join(where, name))]:
            path = Path(where, name)
            shown = _printable(path.relative_to(folder).as_posix())
            if JUNK.search(shown):
                continue
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                yield _Found(shown, status.st_mtime, b"", "It is not a file of its own, but a link or a device")
            elif name.lower().endswith(".zip"):
                if status.st_size > LARGEST_ZIP:
                    yield _Found(shown, status.st_mtime, b"", f"It is larger than {LARGEST_ZIP // MB} MB")
                else:
                    yield from _unzip(shown, path, status.st_mtime, DEPTH)
            elif not name.lower().endswith(".ipynb"):
                yield _Found(shown, status.st_mtime, b"")
            elif status.st_size > LARGEST:
                yield _Found(shown, status.st_mtime, b"", f"It is larger than {LARGEST // MB} MB")
            else:
                yield _Found(shown, status.st_mtime, path.read_bytes())


def _unzip(shown: str, where: Path | io.BytesIO, time: float, depth: int) -> Iterator[_Found]:
    try:
        with zipfile.ZipFile(where) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES:
                yield _Found(shown, time, b"", f"It is a zip file of more than {MOST_FILES} files")
                return
            for member in members:
                if len(member.filename) > LONGEST_NAME:
                    path = f"{shown}/{_printable(member.filename[:50])}…{_printable(member.filename[-20:])}"
                    yield _Found(path, time, b"", f"Its name has more than {LONGEST_NAME} characters")
                    continue
                path = f"{shown}/{_printable(member.filename)}"
                if not JUNK.search(_printable(member.filename).replace("../", "")):
                    yield from _member(archive, member, path, time, depth)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
        yield _Found(shown, time, b"", f"It is not a zip file that can be read ({str(error)[:100]})")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, time: float, depth: int) -> Iterator[_Found]:
    lower = member.filename.lower()
    inner = member.filename.replace("\\", "/")
    if inner.startswith("/") or ".." in inner.split("/") or re.match(r"[A-Za-z]:", inner):
        yield _Found(path, time, b"", "Its name in the zip file leads out of the folder")
    elif stat.S_ISLNK(member.external_attr >> 16):
        yield _Found(path, time, b"", "It is a link in the zip file")
    elif not lower.endswith((".ipynb", ".zip")):
        yield _Found(path, _time(member, time), b"")
    elif lower.endswith(".zip") and depth == 1:
        yield _Found(path, time, b"", f"It is a zip file in {DEPTH} zip files")
    else:
        largest = LARGEST if lower.endswith(".ipynb") else 10 * LARGEST
        try:
            with archive.open(member) as stream:
                content = stream.read(largest + 1)  # what the archive says about sizes may be false
        except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, ValueError, NotImplementedError) as error:
            yield _Found(path, time, b"", f"It cannot be unpacked ({str(error)[:100]})")
            return
        except Exception as error:  # zlib.error, lzma.LZMAError
            yield _Found(path, time, b"", f"It cannot be unpacked ({type(error).__name__})")
            return
        if len(content) > largest:
            yield _Found(path, time, b"", f"It is larger than {largest // MB} MB unpacked")
        elif lower.endswith(".zip"):
            yield from _unzip(path, io.BytesIO(content), _time(member, time), depth - 1)
        else:
            yield _Found(path, _time(member, time), content)


def _time(member: zipfile.ZipInfo, otherwise: float) -> float:
    try:
        return datetime(*member.date_time).timestamp() if member.date_time[0] > 1980 else otherwise
    except (ValueError, OverflowError):
        return otherwise


def _printable(name: str) -> str:
    """Make a name that can be shown and stored, whatever bytes it was made of."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name.encode(errors="replace").decode())


def _attribute(
    found: _Found,
    ids: dict[str, frozenset[str]],
    expression: re.Pattern[str] | None = None,
    crowded: Container[str] = (),
    only: str = "",
) -> tuple[str, str, str]:
    """Return student and assignment, as far as they can be told, and what is missing.

    What says nothing of its assignment is for the `only` one that is graded.
    """
    groups: dict[str, str | None] = {}
    if expression is not None:
        match = expression.search(found.path)
        if match is None:
            return "", "", "Its path does not match the pattern"
        groups = match.groupdict()
    student = groups.get("student") or ""
    name = groups.get("assignment") or ""
    if not name:
        name = _names(found.path, ids) or _by_content(found, ids) or only
    if name not in ids:
        return student, "", f"It is for none of the assignments {', '.join(ids)}, as far as can be told"
    student = student or _student(found.path, name, crowded)
    return student.strip(" ._-"), name, "" if student else "Whose it is cannot be told from its name"


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _stem(part: str) -> str:
    """Return a file's name without its ending and without what browsers and platforms add."""
    stem = re.sub(r"\.(ipynb|zip|[A-Za-z0-9]{1,5})$", "", part)
    while (shorter := COPY.sub("", stem)) != stem:
        stem = shorter
    return stem


def _cut(text: str, name: str) -> str | None:
    """Return what is left of a text beside the name of an assignment that it begins or ends with, or None."""
    number = r"(?:-\d+)?"  # Canvas adds it to a second version
    words = "[-_ ]".join(re.escape(word) for word in re.split("[-_ ]", name))
    match = re.fullmatch(rf"(?:(?P<a>.*?)[-_ .+@]+)?{words}{number}(?:[-_ .+@]+(?P<b>.*))?", text, re.IGNORECASE)
    return None if match is None else (match["a"] or match["b"] or "")


def _names(path: str, ids: dict[str, frozenset[str]]) -> str:
    """Find the assignment that a path names: the last part that does so decides, and there the longest name."""
    for part in reversed(path.split("/")):
        stem = _stem(part)
        canvas = CANVAS.match(stem)
        named = [name for name in ids if _cut(canvas["rest"] if canvas else stem, name) is not None]
        if named:
            return max(named, key=len)
    return ""


def _by_content(found: _Found, ids: dict[str, frozenset[str]]) -> str:
    """Find the assignment that a notebook shares most with."""
    here = assignment.marks_in(found.content)
    shared = {name: len(here & known) for name, known in ids.items()}
    best = max(shared.values(), default=0)
    named = [name for name, count in shared.items() if count == best]
    return named[0] if best and len(named) == 1 else ""


def _student(path: str, name: str, crowded: Container[str]) -> str:
    """Find the student that a path names, given the assignment."""
    *folders, file = path.split("/")
    for folder in reversed(folders):  # Moodle says it best
        if match := MOODLE.match(folder):
            return match["student"]
    stem = _stem(file)
    if match := CANVAS.match(stem):
        return f"{match['student']}_{match['id']}"
    rest = _cut(stem, name)
    if rest == "":
        return _folder_student(folders, name)
    if rest is not None:
        return rest
    if folders and _cut(_stem(folders[-1]), name) == "":  # log-loss/ada.ipynb
        return stem
    if not folders or COMMON.fullmatch(_stem(folders[-1])) or "/".join(folders) in crowded:
        return stem.rpartition("_")[0] or stem  # ada_ex2.ipynb, ada.ipynb
    return _folder_student(folders, name) or stem


def _folder_student(folders: list[str], name: str) -> str:
    for folder in reversed(folders):
        rest = _cut(_stem(folder), name)
        if rest:
            return rest
        if rest is None:
            return _stem(folder) if folder.lower().endswith(".zip") else folder
    return ""


def _copy_number(file: str) -> int:
    match = re.search(r"\((\d+)\)\.[^.]*$|-(\d+)\.[^.]*$", file)
    return int((match[1] or match[2])[:9]) if match else 0
