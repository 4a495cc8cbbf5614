# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How Sphinx builds the documentation site: `make docs`."""

import sys
from pathlib import Path

import fer_ros

sys.path.insert(0, str(Path(__file__).resolve().parent / "_extensions"))

project = "fer_ros"
author = "fer_ros maintainers"
project_copyright = "fer_ros maintainers, Apache-2.0"
release = version = fer_ros.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "generated",
]
exclude_patterns = ["_*"]
default_role = "code"  # of docstrings: `name`
smartquotes = False  # --force would lose a hyphen

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True
# Only what fer_ros exports has a place in the API. Other projects' names lead nowhere: a build needs no network.
nitpick_ignore_regex = [(r"py:.*", r"(?!fer_ros\.\w+$).*")]

html_theme = "furo"
html_title = f"fer_ros {release}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False

copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
