"""The sandbox of a kernel: bubblewrap, with no network, no file of the course, and bounds on all it can use up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MB = 2**20
NOBODY = 65534
COURSE = "/course/gdcourse"  # where the kernel finds the package
SUPPORT = "/course/support"  # where root's first bubblewrap shows the files of `support`
FIRST_UID = 1_879_048_192  # of the real users that root lends, one to each kernel: outside of what systems give out

# What a program needs of /etc, none of it secret.
ETC = "alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types"


@dataclass(frozen=True)
class Limits:
    """What one hand-in may use.

    Parameters
    ----------
    cell
        Seconds for one cell; then it is interrupted.
    wall
        Seconds for the whole hand-in; then it is ended.
    memory
        Bytes that all processes of a hand-in may hold together, at any time.
    processes
        How many processes and threads it may have.
    files
        Bytes that fit into the sandbox's own ``/tmp``, and the largest file.
    """

    cell: int = 60
    wall: int = 180
    memory: int = 2048 * MB
    processes: int = 64
    files: int = 256 * MB


def kernel(folder: Path, support: Path, limits: Limits, *, sandboxed: bool) -> list[str]:
    """Return the command that runs an IPython kernel.

    Parameters
    ----------
    folder
        A new folder, for the connection file and the sockets: the only one of the host that the kernel may write to.
    support
        A folder whose files the kernel finds below ``/tmp``; what lies in its ``work`` is beside the notebook.
    limits
        What it may use.
    sandboxed
        Whether to run it in bubblewrap, or as any other program.
    """
    program = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    if not sandboxed:
        return program
    return _bubblewrap(program, folder, support, limits)


def environment(home: str) -> dict[str, str]:
    """Return all the environment variables that a kernel gets."""
    return {
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "NBGRADER_EXECUTION": "autograde",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def lend(folder: Path) -> int:
    """Give a folder to the user that the sandbox runs as, and return that user's number."""
    if os.geteuid() != 0:
        return os.geteuid()
    uid = FIRST_UID + os.getpid()
    os.chown(folder, uid, uid)
    return uid


def lay_out(support: Path, files: dict[str, bytes]) -> None:
    """Fill the folder `support` of `kernel`: the files beside a notebook, and what saves time."""
    for name, content in files.items():
        (support / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (support / "work" / name).write_bytes(content)
    # Matplotlib's list of fonts takes seconds to make anew.
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for fonts in Path(os.environ.get("MPLCONFIGDIR") or f"{cache}/matplotlib").glob("fontlist-*.json"):
        (support / ".matplotlib").mkdir(exist_ok=True)
        shutil.copyfile(fonts, support / ".matplotlib" / fonts.name)


def why_not() -> str | None:
    """Say why no sandbox can be had here, or None if it can."""
    if sys.platform != "linux":
        return f"bubblewrap works on Linux only, and this is {sys.platform}"
    for program in "bwrap", "prlimit", "setpriv":
        if not shutil.which(program):
            package = "bubblewrap" if program == "bwrap" else "util-linux"
            return f"the program `{program}` is missing (on Debian and Ubuntu: apt install {package})"
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gdc-", dir="/tmp") as temporary:
        folder, support = Path(temporary, "folder"), Path(temporary, "support")
        folder.mkdir()
        support.mkdir()
        lend(folder)
        command = _bubblewrap([sys.executable, "-c", "print(6 * 7)"], folder, support, Limits())
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "bubblewrap does not work here: it does not end"
    if run.returncode or run.stdout.strip() != "42":
        return f"bubblewrap does not work here: {run.stderr.strip() or f'exit status {run.returncode}'}"
    return None


def _bubblewrap(program: list[str], folder: Path, support: Path, limits: Limits) -> list[str]:
    root = os.geteuid() == 0
    package = Path(__file__).resolve().parents[1]
    # The first, for Python or its packages may lie below it.
    tmp = ["--size", str(limits.files), "--perms", "1777", "--tmpfs", "/tmp"]
    options = ["--proc", "/proc", "--dev", "/dev"]
    options += ["--size", str(16 * MB), "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    options += ["--dir", "/tmp/work", "--bind", str(folder), str(folder)]
    seen = Path(SUPPORT) if root else support
    for path in sorted(support.rglob("*")):
        if path.is_file():
            options += ["--ro-bind", str(seen / path.relative_to(support)), f"/tmp/{path.relative_to(support)}"]
    options += ["--remount-ro", "/", "--chdir", "/tmp/work"]
    # --unshare-all is content without a user namespace where none can be had; we are not.
    options += ["--unshare-all", "--unshare-user", "--disable-userns", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    options += ["--hostname", "sandbox", "--new-session", "--die-with-parent", "--clearenv"]
    for name, value in (environment("/tmp") | {"PYTHONPATH": "/course"}).items():
        options += ["--setenv", name, value]
    bounds = [f"--as={8192 * MB}", f"--cpu={limits.wall}", f"--fsize={limits.files}", "--core=0"]
    bounds += [f"--nproc={2 * limits.processes}", "--nofile=1024"]
    visible = _visible(Path(COURSE) if root else package)
    command = ["bwrap", *tmp, *visible, *options, "prlimit", *bounds, "--", *program]
    if not root:
        return command
    # Root can give the kernel a real user of its own. That user may be unable to find Python (say, below /root), so
    # a first bubblewrap puts everything where it is visible, and the second, above, is run as that user, there.
    outer = ["--perms", "1777", "--tmpfs", "/tmp", *_visible(package)]
    outer += ["--bind", "/proc", "/proc", "--dev", "/dev"]
    outer += [*_parents(folder), "--bind", str(folder), str(folder)]
    outer += ["--ro-bind", str(support), SUPPORT]
    for capability in "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP":
        outer += ["--cap-add", capability]
    user = str(os.stat(folder).st_uid)
    drop = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
    return ["bwrap", *outer, "--die-with-parent", *drop, *command]


def _visible(package: Path) -> list[str]:
    """Show the system's programs and libraries, Python, its packages, and this one, read-only."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in "bin", "sbin", "lib", "lib32", "lib64":
        path = Path("/") / name
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            options += ["--ro-bind", str(path), str(path)]
    options += ["--perms", "0755", "--dir", "/etc"]
    for name in ETC:
        options += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    shown = [Path("/usr")]
    for prefix in Path(sys.base_prefix), Path(sys.prefix), Path(sys.prefix).resolve():
        if not any(prefix.is_relative_to(other) for other in shown):
            options += _parents(prefix)
            options += ["--ro-bind", str(prefix), str(prefix)]
            shown.append(prefix)
    return [*options, "--perms", "0755", "--dir", "/course", "--ro-bind", str(package), COURSE]


def _parents(path: Path) -> list[str]:
    """Make the folders that lead to one, open to all: by itself bubblewrap makes them as closed as they are outside."""
    options = []
    for parent in list(reversed(path.parents))[1:]:
        if parent != Path("/tmp"):
            options += ["--perms", "0755", "--dir", str(parent)]
    return options
