#!/usr/bin/env python3
"""Draws the panels of a dashboard without Grafana: their queries, answered by a Prometheus, as charts of plotly on the same grid.

usage: dashboard_picture.py UID --out FILE.png|FILE.html [--prometheus http://localhost:9090] [--run NAME] [--last 1h] [--rows "Now,Speed"]

    build/venv/bin/python scripts/dashboard_picture.py catamaran-run --run cat-1 --last 6h --out run.png

UID: catamaran-run, catamaran-runs, catamaran-nodes (docs/monitoring.md). A .html page needs nothing else and can be zoomed; a .png is that page in a
headless Chromium. It is a rendering of ours, and says so at its foot: Grafana draws the same panels with its own charts. Exit codes: 0 done, 2 usage or no data at all, with a sentence.
"""
import argparse
import html
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from dashboard_panels import STATES, VARIABLES, substituted
from dashboards import FOLDER
from local_prometheus import PrometheusError, instant, over_time

POINTS = 240       # of a line at most
ROW_PIXELS = 38    # of the dashboards' grid
CAPTION = ("Panels of monitoring/grafana/dashboards/{uid}.json, their queries answered by Prometheus, drawn by scripts/dashboard_picture.py with plotly. "
           "A rendering of these panels by our script, not a picture of Grafana.")
COLOURS = ("#3274d9", "#e0752d", "#299c46", "#a352cc", "#c4162a", "#0a8f8f", "#b58900", "#7f7f7f", "#6ba3ff", "#ffb357")
STATE_COLOURS = ("#a352cc", "#3274d9", "#299c46", "#6ba3ff", "#e0b400", "#7f7f7f")
LENGTH = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STYLE = """
body { margin: 0; padding: 14px; background: #f4f5f5; color: #24292e; font: 13px "DejaVu Sans", sans-serif; }
h1 { font-size: 19px; margin: 2px 4px 10px; } h1 small { font-weight: normal; color: #6e6e6e; font-size: 13px; }
main { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px; }
h2 { grid-column: 1 / -1; font-size: 14px; margin: 8px 4px 0; }
section { background: #fff; border: 1px solid #dcdcdd; border-radius: 3px; overflow: hidden; display: flex; flex-direction: column; }
section h3 { font-size: 12px; margin: 0; padding: 6px 8px 0; }
section .body { flex: 1; min-height: 0; }
.stats { display: flex; height: 100%; align-items: center; justify-content: space-evenly; text-align: center; }
.stats b { display: block; font-size: 26px; font-weight: normal; } .stats span { color: #6e6e6e; font-size: 11px; }
.none { color: #8e8e8e; text-align: center; padding-top: 24px; }
table { border-collapse: collapse; width: 100%; font-size: 12px; } th { text-align: left; color: #3274d9; font-weight: normal; } td, th { padding: 3px 8px; border-bottom: 1px solid #ececed; }
footer { color: #6e6e6e; font-size: 12px; padding: 10px 4px 2px; }
"""


class PictureError(Exception):
    """What is wrong, in a sentence."""


def duration(text):
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if not found or int(found[1]) == 0:
        raise PictureError(f"--last {text}: must be a number and s, m, h or d, as 90m")
    return int(found[1]) * LENGTH[found[2]]


def short(value, digits=3):
    return f"{value:.{digits}g}" if abs(value) < 1e5 else f"{value:,.0f}"


def scaled(value, base, units):
    for unit in units:
        if abs(value) < base or unit == units[-1]:
            return f"{short(value)} {unit}"
        value /= base


def in_words(value, unit):
    """As a person reads it: "1 h 12 min", "96 %", "1.2 GiB"."""
    if not math.isfinite(value):
        return "-"
    if unit == "state":
        return STATES[int(value) - 1] if 1 <= value <= len(STATES) else "-"
    if unit == "percentunit":
        return f"{short(100 * value)} %"
    if unit == "s":
        if abs(value) >= 3600:
            return f"{value // 3600:.0f} h {value % 3600 // 60:.0f} min"
        return f"{value / 60:.1f} min" if abs(value) >= 60 else f"{short(value)} s" if abs(value) >= 1 or value == 0 else f"{short(1000 * value)} ms"
    if unit == "bytes":
        return scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    if unit in ("Bps", "hertz"):
        return scaled(value, 1000, ("B/s", "kB/s", "MB/s", "GB/s") if unit == "Bps" else ("Hz", "kHz", "MHz", "GHz"))
    if unit == "dateTimeAsIso":
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(value / 1000))
    if unit.startswith("suffix:"):
        return f"{short(value)} {unit.removeprefix('suffix:').strip()}"
    return short(value) + {"watt": " W", "celsius": " °C", "cps": "/s"}.get(unit, "")


def legend(target, labels):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), target.get("legendFormat", "")).strip() or "value"


def unit_of(panel):
    return "state" if panel["fieldConfig"]["defaults"]["mappings"] else panel["fieldConfig"]["defaults"].get("unit", "none")


class Answers:
    """What Prometheus says to the panels' queries, for one period and choice of runs."""

    def __init__(self, url, begin, end, chosen):
        self.url, self.begin, self.end, self.chosen = url, begin, end, chosen
        self.step = max(1, math.ceil((end - begin) / POINTS))
        self.rate_interval = f"{max(60, 4 * self.step) if end - begin >= 900 else max(10, 4 * self.step)}s"

    def substituted(self, target):
        return substituted(target["expr"], self.rate_interval, self.chosen)

    def now(self, target):
        return instant(self.url, self.substituted(target))

    def lines(self, target):
        return over_time(self.url, self.substituted(target), self.begin, self.end, self.step)


def moments(points):
    return [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) for at, _ in points]


def chart(panel, traces, log=False, unit="none"):
    import plotly.graph_objects as go
    import plotly.io
    figure = go.Figure(traces)
    ticks = {"percentunit": {"tickformat": ".0%"}, "bytes": {"tickformat": ".3s", "ticksuffix": "B"}, "Bps": {"tickformat": ".3s", "ticksuffix": "B/s"}, "s": {"ticksuffix": " s"},
             "watt": {"ticksuffix": " W"}, "celsius": {"ticksuffix": " °C"}, "hertz": {"tickformat": ".3s", "ticksuffix": "Hz"}}.get(unit, {})
    low, high = panel["fieldConfig"]["defaults"].get("min"), panel["fieldConfig"]["defaults"].get("max")
    axis = {"type": "log" if log else "linear", "gridcolor": "#ececed", "zeroline": False, "automargin": True, **ticks}
    if high is not None:
        axis["range"] = [low, high]
    elif low == 0 and not log:
        axis["rangemode"] = "tozero"
    figure.update_layout(template="none", margin={"l": 8, "r": 8, "t": 6, "b": 4}, height=ROW_PIXELS * panel["gridPos"]["h"] - 34, autosize=True, font={"size": 10, "family": "DejaVu Sans"},
                         colorway=COLOURS, yaxis=axis, xaxis={"gridcolor": "#ececed", "automargin": True}, showlegend=len(traces) < 9, hovermode="x unified",
                         legend={"orientation": "h", "y": -0.16, "font": {"size": 9}}, paper_bgcolor="#fff", plot_bgcolor="#fff")
    return plotly.io.to_html(figure, include_plotlyjs=False, full_html=False, config={"displayModeBar": False, "responsive": True})


def time_series(panel, answers):
    import plotly.graph_objects as go
    custom = panel["fieldConfig"]["defaults"]["custom"]
    dashed = re.compile(panel["fieldConfig"]["overrides"][0]["matcher"]["options"].strip("/"))
    stacked = custom["stacking"]["mode"] == "percent"
    traces = []
    for target in panel["targets"]:
        for labels, points in answers.lines(target):
            values = [value if math.isfinite(value) else None for _, value in points]
            name = legend(target, labels)
            if any(value is not None for value in values):
                style = {"stackgroup": "all", "groupnorm": "fraction"} if stacked else {}
                traces.append(go.Scatter(x=moments(points), y=values, name=name, mode="lines" if len(points) > 1 else "markers", line={"width": 1.4, "dash": "dash" if dashed.search(name) else None}, **style))
    return chart(panel, traces, custom["scaleDistribution"]["type"] == "log", unit_of(panel)) if traces else None


def heat_map(panel, answers):
    """Buckets are cumulative: what is in one is its count less that of the one below."""
    import plotly.graph_objects as go
    found = sorted(((float(labels["le"].replace("+Inf", "inf")), points) for labels, points in answers.lines(panel["targets"][0])), key=lambda pair: pair[0])
    if not found:
        return None
    rows, below = [], {}
    for _, points in found:
        rows.append([max(0.0, value - below.get(at, 0)) for at, value in points])
        below = dict(points)
    used = [index for index, row in enumerate(rows) if any(value > 1e-9 for value in row)]
    if not used:
        return None
    shown = slice(max(0, used[0] - 1), used[-1] + 2)
    names = [in_words(bound, "s") if math.isfinite(bound) else "more" for bound, _ in found][shown]
    return chart(panel, [go.Heatmap(x=moments(found[0][1]), y=names, z=rows[shown], colorscale="Oranges", showscale=False)])


def state_timeline(panel, answers):
    import plotly.graph_objects as go
    traces, seen = [], set()
    for labels, points in answers.lines(panel["targets"][0]):
        name = legend(panel["targets"][0], labels)
        for state, colour in enumerate(STATE_COLOURS, 1):
            there = [(at, name if value == state else None) for at, value in points]
            if any(value for _, value in there):
                traces.append(go.Scatter(x=moments(there), y=[value for _, value in there], mode="markers", name=STATES[state - 1], legendgroup=STATES[state - 1], showlegend=state not in seen,
                                         marker={"symbol": "square", "size": 16, "color": colour}))
                seen.add(state)
    return chart(panel, traces) if traces else None


def stat(panel, answers):
    unit, cells = unit_of(panel), []
    for target in panel["targets"]:
        for labels, value in answers.now(target)[:4]:
            cells.append(f"<div><b>{html.escape(in_words(value, unit))}</b><span>{html.escape(legend(target, labels))}</span></div>")
    return f'<div class="stats">{"".join(cells)}</div>' if cells else None


def table(panel, answers):
    organize = panel["transformations"][1]["options"]
    units = {override["matcher"]["options"]: override["properties"][0] for override in panel["fieldConfig"]["overrides"]}
    rows, columns, labels_seen = {}, [organize["renameByName"][f"Value #{target['refId']}"] for target in panel["targets"]], set()
    for column, target in zip(columns, panel["targets"]):
        for labels, value in answers.now(target):
            kept = {name: text for name, text in labels.items() if not organize["excludeByName"].get(name)}
            labels_seen |= set(kept)
            given = units.get(column, {"id": "unit", "value": "none"})
            rows.setdefault(tuple(sorted(kept.items())), {})[column] = in_words(value, "state" if given["id"] == "mappings" else given["value"])
    if not rows:
        return None
    names = sorted(labels_seen, key=lambda name: organize["indexByName"].get(name, 99))
    head = "".join(f"<th>{html.escape(organize['renameByName'].get(name, name))}</th>" for name in [*names, *columns])
    lines = ["".join(f"<td>{html.escape(dict(key).get(name, ''))}</td>" for name in names) + "".join(f"<td>{html.escape(row.get(column, ''))}</td>" for column in columns)
             for key, row in sorted(rows.items())]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


DRAWN_BY = {"timeseries": time_series, "heatmap": heat_map, "state-timeline": state_timeline, "stat": stat, "table": table}


def sections(board, answers, rows):
    """HTML of the rows asked for, the grid's lines that they take, and how many panels have data."""
    parts, line, with_data, shown, first = [], 1, 0, True, 0
    for panel in board["panels"]:
        if panel["type"] == "row":
            shown = not rows or panel["title"] in rows
            if shown:
                parts.append(f'<h2 style="grid-row: {line}">{html.escape(panel["title"])}</h2>')
                line, first = line + 1, panel["gridPos"]["y"] + 1
                below = line
            continue
        if not shown:
            continue
        body = DRAWN_BY[panel["type"]](panel, answers)
        with_data += body is not None
        place = panel["gridPos"]
        top = below + place["y"] - first
        line = max(line, top + place["h"])
        style = f'grid-column: {place["x"] + 1} / span {place["w"]}; grid-row: {top} / span {place["h"]}'
        none = panel["fieldConfig"]["defaults"].get("noValue", "No data")
        content = body or f'<div class="none">{html.escape(none)}</div>'
        parts.append(f'<section style="{style}"><h3>{html.escape(panel["title"])}</h3><div class="body">{content}</div></section>')
    return "\n".join(parts), line, with_data


def page(board, answers, rows):
    import plotly.offline
    body, lines, with_data = sections(board, answers, rows)
    if with_data == 0:
        raise PictureError(f"no panel of {board['uid']} has data in that period: is the run's name right, and does this Prometheus scrape it?")
    period = " to ".join(time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at)) for at in (answers.begin, answers.end))
    grid = f"main {{ grid-auto-rows: {ROW_PIXELS - 8}px; }}"
    text = (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(board["title"])}</title><style>{STYLE}{grid}</style>'
            f"<script>{plotly.offline.get_plotlyjs()}</script></head><body><h1>{html.escape(board['title'])} <small>{period}</small></h1><main>{body}</main>"
            f"<footer>{html.escape(CAPTION.format(uid=board['uid']))}</footer></body></html>")
    return text, 110 + lines * ROW_PIXELS


def write_png(text, height, width, out):
    browser = next((found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None)
    if browser is None:
        raise PictureError("a .png needs chromium: apt-get install chromium, or write a .html")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "page.html"
        file.write_text(text)
        done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1", f"--user-data-dir={folder}/profile",
                               f"--window-size={width},{height}", "--virtual-time-budget=10000", f"--screenshot={out.absolute()}", file.as_uri()], capture_output=True, text=True, timeout=120)
    if done.returncode != 0 or not out.exists():
        raise PictureError(f"{browser} ended with code {done.returncode}: {done.stderr[-500:]}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uid", choices=sorted(file.stem for file in FOLDER.glob("*.json")))
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="FILE")
    parser.add_argument("--prometheus", default="http://localhost:9090", metavar="URL")
    parser.add_argument("--run", default=".*", metavar="NAME", help="or a regular expression; all by default")
    parser.add_argument("--last", default="1h", metavar="TIME", help="90m, 6h, 2d")
    parser.add_argument("--rows", default="", metavar="A,B", help="titles of rows; all by default")
    parser.add_argument("--width", type=int, default=1500, metavar="PIXELS")
    return parser.parse_args()


def draw(given):
    if given.out.suffix not in (".png", ".html"):
        raise PictureError(f"--out {given.out}: must end with .png or .html")
    board = json.loads((FOLDER / f"{given.uid}.json").read_text())
    rows = [row.strip() for row in given.rows.split(",") if row.strip()]
    known = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    for row in rows:
        if row not in known:
            raise PictureError(f"--rows {row}: {given.uid} has {', '.join(known)}")
    chosen = {name: ".*" for name in VARIABLES}
    chosen["run"] = given.run
    end = time.time()
    text, height = page(board, Answers(given.prometheus, end - duration(given.last), end, chosen), rows)
    if given.out.suffix == ".html":
        given.out.write_text(text)
    else:
        write_png(text, height, given.width, given.out)


def main():
    try:
        draw(arguments())
    except (PictureError, PrometheusError, OSError) as problem:
        print(f"dashboard_picture.py: {problem}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        print(f"dashboard_picture.py: {missing}: use build/venv/bin/python, after scripts/setup.sh", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
