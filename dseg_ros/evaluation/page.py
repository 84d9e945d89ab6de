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

"""
Pages that are one file: their frame and what they are put together from.

Every text is escaped here, once; what is called `content` is HTML already.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isfinite

import cv2
from dseg_ros.evaluation.page_style import STYLE
import numpy as np
from numpy.typing import NDArray

_JPEG_QUALITY = 88


def document(title: str, subtitle: str, head: str, sections: Mapping[str, str]) -> str:
    """
    Build a page that needs no other file and no network.

    :param title: of the page.
    :param subtitle: a line below it.
    :param head: content above the sections.
    :param sections: content by title, as from `section`; an empty one is left out.
    """
    filled = {name: content for name, content in sections.items() if content}
    links = ''.join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in filled)
    body = '\n'.join(f'<h2 id="{_anchor(name)}">{escape(name)}</h2>{content}'
                     for name, content in filled.items())
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<title>{escape(title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>'
            f'<p>{escape(subtitle)}</p>\n{head}<nav>{links}</nav>\n{body}\n'
            '</main></body></html>\n')


def _anchor(title: str) -> str:
    return ''.join(c if c.isalnum() else '-' for c in title.lower())


def note(text: str) -> str:
    """Say something about what follows."""
    return f'<p>{escape(text)}</p>' if text else ''


def panel(content: str) -> str:
    """Frame content."""
    return f'<div class="panel">{content}</div>'


def heading(text: str) -> str:
    """Head a part of a section."""
    return f'<h3>{escape(text)}</h3>'


def facts(rows: Mapping[str, str]) -> str:
    """List names and what is to be said of them."""
    lines = ''.join(f'<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>'
                    for key, value in rows.items())
    return f'<table class="protocol lines">{lines}</table>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = (),
          wide: int = -1) -> str:
    """
    Draw a table.

    :param heads: texts.
    :param rows: cells, content.
    :param numbers: columns that are aligned to the right.
    :param wide: the column that takes what room there is, if any.
    """
    kinds = {**dict.fromkeys(numbers, ' class="number"'), wide: ' class="wide"'}

    def line(cells: Iterable[str], tag: str) -> str:
        return '<tr>' + ''.join(f'<{tag}{kinds.get(i, "")}>{cell}</{tag}>'
                                for i, cell in enumerate(cells)) + '</tr>'

    return (f'<table class="lines">{line(map(escape, heads), "th")}'
            f'{"".join(line(row, "td") for row in rows)}</table>')


def cards(values: Iterable[tuple[str, str, str, str]]) -> str:
    """Show a few large numbers, the first one marked: (what, number, unit, small print)."""
    shown = (f'<div class="score{"" if i else " first"}"><span>{escape(what)}</span><br>'
             f'<b>{escape(number)}</b> <span>{escape(unit)}</span>'
             f'<small>{lines(small)}</small></div>'
             for i, (what, number, unit, small) in enumerate(values))
    return f'<div class="scores">{"".join(shown)}</div>'


def lines(text: str) -> str:
    """Keep the lines of a text."""
    return '<br>'.join(map(escape, text.splitlines()))


def details(title: str, text: str) -> str:
    """Show a long text to those who ask."""
    return f'<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>'


def picture(rgb: NDArray[np.uint8], suffix: str, text: str) -> str:
    """
    Put a picture into the page itself.

    :param rgb: (H, W, 3) uint8.
    :param suffix: .jpg for photographs, .png for masks.
    :param text: what it shows.
    """
    how = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix == '.jpg' else [
        cv2.IMWRITE_PNG_COMPRESSION, 9]
    _, file = cv2.imencode(suffix, np.ascontiguousarray(rgb[..., ::-1]), how)
    kind = {'.jpg': 'jpeg', '.png': 'png'}[suffix]
    data = base64.b64encode(file.tobytes()).decode()
    return f'<img alt="{escape(text)}" src="data:image/{kind};base64,{data}">'


def figure(rgb: NDArray[np.uint8], suffix: str, text: str) -> str:
    """Put a picture into the page, with its text below; see picture."""
    return (f'<figure>{picture(rgb, suffix, text)}<figcaption>{escape(text)}</figcaption>'
            '</figure>')


def legend(colours: Iterable[tuple[str, Sequence[int]]]) -> str:
    """Say which colour stands for what."""
    keys = ''.join(f'<span>{swatch(rgb)}{escape(name)}</span>' for name, rgb in colours)
    return f'<div class="legend">{keys}</div>'


def bar(share: float, rgb: Sequence[int]) -> str:
    """Draw a bar over the share 0..1 of its place."""
    width = 100 * float(share) if isfinite(share) else 0.0
    return f'<div class="bar" style="width:{width:.1f}%;background:{css(rgb)}"></div>'


def swatch(rgb: Sequence[int]) -> str:
    """Show a colour."""
    return f'<i style="background:{css(rgb)}"></i>'


def css(rgb: Sequence[int]) -> str:
    """Write a colour as style sheets do."""
    return '#{:02x}{:02x}{:02x}'.format(*rgb)


def percent(share: float) -> str:
    """Write a share 0..1 in percent; a dash for NaN."""
    return f'{100 * float(share):.1f}' if isfinite(share) else '–'


def matrix(pixels: NDArray[np.int64], rows: Sequence[str], columns: Iterable[str]) -> str:
    """
    Draw a matrix of counts, each row in % of its sum.

    :param pixels: (R, C).
    :param rows: R names.
    :param columns: C names.
    """
    share = 100 * pixels / np.maximum(pixels.sum(axis=1, keepdims=True), 1)
    head = ''.join(f'<th><span>{escape(name)}</span></th>' for name in columns)
    body = ''.join(f'<tr><th>{escape(name)}</th>{"".join(map(_cell, values))}</tr>'
                   for name, values in zip(rows, share.tolist()))
    return (f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table>')


def _cell(share: float) -> str:
    ink = ';color:#fff' if share > 55 else ''
    text = f'{share:.0f}' if share >= 0.5 else ''
    opacity = 0.03 + 0.0097 * share
    return f'<td style="background:rgba(var(--tint),{opacity:.3f}){ink}">{text}</td>'
