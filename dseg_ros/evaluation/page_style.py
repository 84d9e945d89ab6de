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

"""How reports look: light where the reader's screen is, dark where it is dark."""

STYLE = """
:root { color-scheme: light dark; --paper: #f5f7f9; --card: #fff; --ink: #1d2733;
        --soft: #5f6b78; --line: #e1e6eb; --tint: 31, 95, 160; --empty: #fff;
        --s0: #1f6fb4; --s1: #d9661f; --s2: #2a8a57; --s3: #8a5fb8; --s4: #b3344c;
        --s5: #5f6b78; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161b; --card: #1b2128; --ink: #e3e8ee; --soft: #98a4b1; --line: #2d3640;
          --tint: 92, 158, 224; --empty: #12161b;
          --s0: #6fb1ec; --s1: #f2955b; --s2: #63c795; --s3: #bb98e6; --s4: #ee7a8f;
          --s5: #98a4b1; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 15px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
main { max-width: 1440px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 26px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 44px 0 10px; }
h3 { font-size: 14px; font-weight: 600; margin: 26px 0 8px; }
h3:first-child { margin-top: 0; }
p { color: var(--soft); margin: 4px 0 14px; max-width: 78em; }
p + p { margin-top: -10px; }
nav { display: flex; flex-wrap: wrap; gap: 6px 8px; margin-top: 18px; }
nav a { color: var(--soft); text-decoration: none; font-size: 13px; padding: 3px 11px;
        border: 1px solid var(--line); border-radius: 99px; background: var(--card); }
nav a:hover { color: var(--ink); border-color: rgb(var(--tint)); }
.panel, .score { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.panel { padding: 16px 20px; overflow-x: auto; }
.panel + .panel { margin-top: 12px; }
.scores { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px;
          margin-top: 24px; }
.score { padding: 16px 20px; }
.score b { font-size: 34px; font-weight: 600; letter-spacing: -.02em; }
.score.first { border-color: rgb(var(--tint)); box-shadow: inset 0 3px rgb(var(--tint)); }
.score span { color: var(--soft); }
.score small { display: block; color: var(--soft); margin-top: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { font-weight: 500; text-align: left; color: var(--soft); }
td, th { padding: 4px 8px 4px 0; }
.lines tr + tr > * { border-top: 1px solid var(--line); }
.protocol th { width: 170px; vertical-align: top; }
.protocol td { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
.number + td:not(.number), .number + th:not(.number) { padding-left: 20px; }
.bar { height: 9px; border-radius: 3px; min-width: 1px; box-shadow: inset 0 0 0 1px #8883; }
.wide { width: 30%; }
i { display: inline-block; width: 13px; height: 13px; border-radius: 3px; margin-right: 8px;
    vertical-align: -2px; box-shadow: inset 0 0 0 1px #8886; }
.shots { display: grid; gap: 6px; margin-bottom: 18px; }
.shots.three { grid-template-columns: repeat(3, 1fr); }
.shots.four { grid-template-columns: repeat(4, 1fr); }
@media (max-width: 760px) { .shots.four { grid-template-columns: repeat(2, 1fr); } }
figure { margin: 0; }
figure img { width: 100%; display: block; border-radius: 4px; }
figure:active img { position: fixed; inset: 2vh 2vw; width: 96vw; height: 96vh; z-index: 9;
                    object-fit: contain; background: #000d; border-radius: 0; }
figcaption { font-size: 12px; color: var(--soft); padding-top: 2px; }
.shots p { grid-column: 1 / -1; margin: 0; font-size: 13px; }
.sheet img { display: block; max-width: 100%; border-radius: 6px; }
.legend { font-size: 13px; display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); }
.legend + .shots, .legend + h3 { margin-top: 16px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 20px; }
.charts svg { width: 100%; height: auto; display: block; overflow: visible; }
svg text { font-size: 11px; fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
details { margin-top: 10px; }
summary { cursor: pointer; color: var(--soft); }
pre { font: 12px/1.45 ui-monospace, 'DejaVu Sans Mono', monospace; white-space: pre-wrap;
      overflow-wrap: anywhere; margin: 8px 0 0; }
.matrix { font-size: 11px; width: auto; }
.matrix td { width: 38px; min-width: 38px; height: 26px; padding: 0; text-align: center;
             border: 1px solid var(--empty); }
.matrix thead th { height: 96px; padding: 0; vertical-align: bottom; }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.matrix tbody th { white-space: nowrap; padding: 0 10px 0 0; }
"""

CURVES = 6
"""How many colours --s0, --s1, ... curves have."""
