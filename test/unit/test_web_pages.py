# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pages of one process: one token, and what each leads to."""

from __future__ import annotations

from fer_ros.web.access import Access
from fer_ros.web.pages import Page, Pages


def test_all_pages_have_the_token_of_the_first_until_there_is_none():
    pages, first = Pages(), Pages().token()
    assert len(first) > 20
    pages.add(Page("plain", 1, Access("127.0.0.1")))
    shown = Page("left", 2, Access("0.0.0.0", first))
    pages.add(shown)
    assert pages.token() == first
    pages.remove(shown)
    assert pages.token() != first


def test_a_page_leads_to_those_that_its_visitors_can_open():
    pages, access = Pages(), Access("0.0.0.0", "a" * 27)
    left, right = Page("left", 8643, access), Page("right", 8642, Access("0.0.0.0", "a" * 27))
    pages.add(right)
    assert pages.beside(right) == [], "there is no other"
    for page in (left, Page("local", 1, Access("127.0.0.1", "a" * 27)), Page("tls", 2, Access("0.0.0.0", "a" * 27, tls=True)),
                 Page("other", 3, Access("0.0.0.0", "b" * 27))):
        pages.add(page)
    assert pages.beside(left) == pages.beside(right) == [{"name": "left", "port": 8643}, {"name": "right", "port": 8642}]
