# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is wrong with a bag, in one line."""

from __future__ import annotations

from fer_ros.words import one_line

_LONGEST = 2000  # characters of an error


class BagError(ValueError):
    """A bag cannot be read or written; the text, one line, says why and what to do."""

    def __init__(self, text: str):
        super().__init__(one_line(text, _LONGEST))  # names and texts out of a file may hold anything
