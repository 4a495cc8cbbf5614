# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recordings in an object store, or wherever else fsspec reads: s3://, gs://, az://, hdfs:// and so on."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ros.media.source_name import SourceError
from fer_ros.words import one_line

_CHANGED = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "mtime", "updated", "last_modified", "modified")
"""What the stores call that which changes with a file, the best first."""


@dataclass(frozen=True)
class Entry:
    """A file or a folder there.

    Attributes:
        path: without the scheme.
        mark: changes with its content, where the store says so much.
    """

    path: str
    is_folder: bool
    mark: str


class Store:
    """A file system of fsspec's. How one logs in is the store's own affair: environment variables, files in the home.

    Raises:
        SourceError: what the store or the network says instead of an answer, of all methods.
    """

    def __init__(self, system: Any):
        self._system = system

    @staticmethod
    def knows(address: str) -> bool:
        """Whether there is a store for an address. Without fsspec there is one for each."""
        try:
            from fsspec.registry import known_implementations
        except ImportError:
            return True
        return address.partition("://")[0].lower() in known_implementations

    @classmethod
    def of(cls, address: str) -> Store:
        scheme = address.partition("://")[0].lower()
        try:
            import fsspec
        except ImportError:
            raise SourceError(f"{scheme}:// needs fsspec and its package for {scheme} (pip install 'fer_ros[cluster]' s3fs, "
                              "say)") from None
        try:
            return cls(fsspec.filesystem(scheme))
        except ImportError as error:
            raise SourceError(one_line(f"{scheme}:// needs another package: {error}")) from None
        except Exception as error:  # each store has its own family of errors
            raise _failed(error) from error

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return str(self._system.unstrip_protocol(path))

    def matching(self, address: str) -> list[Entry]:
        """What an address names, or matches where it is a pattern."""
        scheme, between, rest = address.partition("://")
        path = str(self._system._strip_protocol(f"{scheme.lower()}{between}{rest}"))  # which knows no capitals
        try:
            if any(sign in path for sign in "*?["):
                return [_entry(about) for _, about in sorted(self._system.glob(path, detail=True).items())]
            return [_entry(self._system.info(path))]
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _failed(error) from error

    def entries(self, folder: str) -> list[Entry]:
        """What lies in a folder, without what is hidden and the marks that some stores put there for the folder itself."""
        try:
            found = map(_entry, self._system.ls(folder, detail=True))
            return sorted((one for one in found if one.path.rstrip("/") != folder.rstrip("/")
                           and not posixpath.basename(one.path.rstrip("/")).startswith(".")), key=lambda one: one.path)
        except Exception as error:
            raise _failed(error) from error

    def fetch(self, address: str, folder: Path) -> Path:
        """Copy a file, or a folder's files, here.

        Args:
            folder: empty.

        Returns:
            The copy: below a name of ours, whatever the store's is, but for the files of a folder and what a name ends in.
        """
        path = str(self._system._strip_protocol(address))
        try:
            if not self._system.isdir(path):
                copy = folder / f"recording{posixpath.splitext(path)[1]}"
                self._system.get_file(path, str(copy))
                return copy
            copy = folder / "recording"
            copy.mkdir()
            for one in self.entries(path):
                name = posixpath.basename(one.path)
                if not one.is_folder and name and "\0" not in name:
                    self._system.get_file(one.path, str(copy / name))
            return copy
        except FileNotFoundError:
            raise SourceError("it is not there any more") from None
        except (SourceError, OSError):
            raise
        except Exception as error:
            raise _failed(error) from error


def _entry(about: Mapping[str, Any]) -> Entry:
    changed = next((str(about[name]) for name in _CHANGED if about.get(name) is not None), "")
    return Entry(str(about["name"]), about.get("type") == "directory", f"{about.get('size')} {changed}")


def _failed(error: Exception) -> SourceError:
    return SourceError(one_line(f"the store does not answer as it should: {type(error).__name__}: {error}"))
