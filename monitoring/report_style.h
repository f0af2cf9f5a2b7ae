// The style sheet of the report: light and dark by the reader's own setting, colours safe for the
// colour-blind, and printable.
#pragma once

namespace catamaran {

constexpr const char* kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b2430; --soft: #5d6b7c; --line: #dfe4ea;
  --track: #edf0f4;
  --accent: #0b6e99;
  --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #b0508f; --s4: #8a6d00; --s5: #3ba3d8;
  --s6: #6a51a3;
  --s7: #4d4d4d;
  --p0: #d55e00; --p1: #0072b2; --p2: #3f93c8; --p3: #c2418f; --p4: #009e73; --p5: #9aa5b1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b212a; --text: #e6eaf0; --soft: #96a3b3; --line: #323b47;
    --track: #262e39;
    --accent: #62b8e0;
    --s0: #5fb3ea; --s1: #ff9447; --s2: #3fcf9f; --s3: #e88fc6; --s4: #e3c14a; --s5: #9ad4f5;
    --s6: #b3a2ea;
    --s7: #c4c9d0;
    --p0: #e07b2e; --p1: #3f8fca; --p2: #2f6a97; --p3: #c9589c; --p4: #2a9d7a; --p5: #667080;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 10px; }
h3 { font-size: 15px; margin: 22px 0 8px; }
p { color: var(--soft); margin: 0 0 12px; }
header { margin-bottom: 18px; }
header p { margin: 4px 0 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px;
  margin-bottom: 18px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr));
  gap: 14px 14px; }
.value { font-size: 25px; font-weight: 600; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.tile:first-child .value { color: var(--accent); }
.meaning, .unit { color: var(--soft); font-size: 13px; font-weight: 400; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
  gap: 18px 26px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
  gap: 0 26px;
  align-items: start; }
figure { margin: 0; min-width: 0; }
.chart figcaption { font-weight: 600; }
.none { padding: 40px 0; text-align: center; }
svg { display: block; width: 100%; height: auto; }
svg.bars { max-width: 36rem; }
svg text { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
svg .bar-label, svg .bar-value { fill: var(--text); }
svg .inside { fill: #ffffff; font-weight: 600; }
.stack { margin-bottom: 8px; }
.grid { stroke: var(--line); }
.axis { stroke: var(--soft); }
.line { fill: none; stroke-width: 1.9; stroke-linejoin: round; stroke-linecap: round; }
.raw { fill: none; stroke-width: 1; opacity: .28; }
.dot { stroke: var(--card); stroke-width: 1; }
.track { fill: var(--track); }
.dashed { stroke-dasharray: 5 4; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 12px;
  padding: 0;
  font-size: 13px; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px;
  background: currentColor; }
.scroll { overflow-x: auto; }
td.counted { background: linear-gradient(to left,
  color-mix(in srgb, var(--accent) 30%, transparent) var(--share), transparent 0); }
td.heat { background: color-mix(in srgb, var(--accent) var(--share), transparent); padding: 4px;
  text-align: center; min-width: 28px; }
td.self { background: var(--track); }
th.tall { height: 118px; padding: 4px; }
th.tall span { writing-mode: vertical-rl; transform: rotate(180deg); }
table.together { width: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th[colspan] { text-align: center; }
tbody th { text-align: left; font-weight: 600; white-space: normal; min-width: 130px;
  overflow-wrap: anywhere; }
tbody tr:last-child > * { border-bottom: none; }
small { font-weight: 400; }
.best { font-weight: 700; color: var(--accent); }
.explained { display: flex; flex-wrap: wrap; gap: 14px; margin-bottom: 18px; }
.explained figure { flex: 0 1 220px; }
.explained img { width: 100%; height: 185px; object-fit: contain; border-radius: 8px;
  display: block; }
.explained figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.explained b { color: var(--text); }
.explained .right { color: var(--s2); } .explained .missing { color: var(--s1); }
.explained .wrong { color: var(--s0); }
details { border-top: 1px solid var(--line); padding: 8px 0; }
details:first-of-type { border-top: none; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; background: var(--track); padding: 12px; border-radius: 8px;
  font-size: 12.5px;
  line-height: 1.45; }
footer { color: var(--soft); font-size: 13px; }
@media print { section { break-inside: avoid; } body { background: none; } }
)css";

}  // namespace catamaran
