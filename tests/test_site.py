"""The site builds without a warning: every link and anchor resolves, every page is in the navigation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip("mkdocstrings", reason="the extra `docs` is not installed")


@pytest.mark.slow
def test_the_site_builds_strictly_and_shows_every_docstring(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", ".mkdocs.yml", "-d", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    api = (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r"^::: (\S+)", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.M)
    assert [name for name in asked if f'id="{name}"' not in api] == []
    pages = [path for path in tmp_path.rglob("*.html")]
    for page in pages:  # nothing is fetched from elsewhere
        fetched = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text(encoding="utf-8")
        )
        assert [url for url in fetched if "canonical" not in url] == [], page
