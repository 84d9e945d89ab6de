# Copyright 2026 The dseg_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Reading the pages that reports write."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page that is one file: reading it checks that its tags close and nothing is loaded."""

    VOID = ('meta', 'img', 'br', 'line')

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.pictures, self.said = 0, ''
        self._open: list[str] = []
        self._anchors: set[str] = set()
        self._links: set[str] = set()
        self.feed(text)
        assert not self._open and self._links <= self._anchors
        assert 'http' not in text and 'url(' not in text and '@import' not in text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note pictures, anchors, links and the tag."""
        assert tag not in ('script', 'link'), tag
        for name, value in attrs:
            if name == 'src':
                assert (value or '').startswith('data:image/')
                self.pictures += 1
            elif name == 'href':
                assert (value or '').startswith('#')
                self._links.add((value or '')[1:])
            elif name == 'id':
                self._anchors.add(value or '')
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag."""
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.said += data
