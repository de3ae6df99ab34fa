"""Point the book's Binder, Colab, source and issue buttons at the repository that it is built from.

A fork needs no change of settings: the address is that of the GitHub workflow's repository, else of the git
remote `origin`, else the default in `_config.yml`.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml

# https://github.com/owner/name.git, git@github.com:owner/name.git, ssh://git@github.com:22/owner/name
GITHUB = re.compile(
    r"(?:https?://|ssh://|git://)?(?:[^@/]+@)?github\.com(?::\d+/|[:/])([\w.-]+)/([\w.-]+?)(?:\.git)?/?"
)


def parse_remote(address: str) -> str | None:
    """Return the web address of a GitHub remote, or None for any other remote."""
    match = GITHUB.fullmatch(address.strip())
    return f"https://github.com/{match[1]}/{match[2]}" if match else None


def find_repository(environ: Mapping[str, str], folder: Path) -> tuple[str | None, str | None]:
    """Return the repository's web address and branch; None for what is not known."""
    if name := environ.get("GITHUB_REPOSITORY"):
        branch = environ.get("GITHUB_REF_NAME", "")
        # A pull request is built from a ref such as 12/merge, which nobody can open.
        known = branch and not re.fullmatch(r"\d+/merge", branch)
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}", branch if known else None
    url = parse_remote(_git(folder, "remote", "get-url", "origin"))
    # The local branch may exist nowhere else, so take the one that origin shows to its visitors.
    branch = _git(folder, "rev-parse", "--abbrev-ref", "origin/HEAD").removeprefix("origin/")
    return url, (branch or None) if url else None


def _git(folder: Path, *args: str) -> str:
    """Return what git prints, or nothing where there is no git, no repository or no such remote."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def pages_address(url: str) -> str:
    """Return the address of the GitHub Pages of a repository."""
    owner, _, name = urlsplit(url).path.strip("/").partition("/")
    host = f"{owner}.github.io".lower()
    return f"https://{host}" if name.lower() == host else f"https://{host}/{name}"


def site_address(root: Path) -> str:
    """Return where the book of the repository in this folder is published."""
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return pages_address(find_repository(os.environ, root)[0] or settings["repository"]["url"])


def set_repository(app, config):
    url, branch = find_repository(os.environ, Path(app.srcdir))
    options = config.html_theme_options
    options["repository_provider"] = "github"
    if url:
        options["repository_url"] = url
    if branch:
        options["repository_branch"] = branch


def setup(app):
    app.connect("config-inited", set_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
