"""For all tests: they are about the installed package, never about the source tree beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import fer_ros

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    if Path(fer_ros.__file__).parent == ROOT / "fer_ros":
        raise pytest.UsageError(
            "fer_ros was imported from the source tree, which has no generated messages: install it (pip install ., "
            "colcon build) and run `pytest`, not `python -m pytest`"
        )


@pytest.fixture(scope="session")
def share() -> Path:
    """share/fer_ros as installed."""
    from fer_ros.core.resources import share_directory

    return share_directory()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings, which not every machine has: FER_ROS_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("FER_ROS_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "video").is_dir():
        pytest.skip(f"no recordings in {folder}/video (name their folder in FER_ROS_DATA)")
    return folder / "video"
