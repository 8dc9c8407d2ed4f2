"""After the site is built: the library's wheel beside the playground, which installs it as anybody does."""

from pathlib import Path
from typing import Any

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent


def on_post_build(config: Any) -> None:
    """What MkDocs calls when the pages are written."""
    place = Path(config["site_dir"]) / "playground"
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(place), versions=["standard"])
    (place / "wheel.txt").write_text(Path(wheel).name, encoding="utf-8")
