#!/usr/bin/env python3
"""Writes Grafana's dashboards (classic JSON model) of what scripts/dashboard_panels.py lists.

usage: dashboards.py [--out monitoring/grafana/dashboards] [--check]

--check writes nothing and ends with code 1 where a file differs from what would be written. Every dashboard has a fixed uid, so that links and
bookmarks outlive an import, takes its data source from the variable `datasource`, and shares its cross-hair between panels.
"""
import argparse
import json
import pathlib
import sys

from dashboard_panels import ANNOTATIONS, DASHBOARDS, ONE_RUN, STATE_COLOURS, STATES, VARIABLES

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "monitoring/grafana/dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA = 39  # of Grafana 10 and 11; newer ones bring it up to theirs when they load it
TAG = "catamaran"
DASHED = "/( linear| at most| interval|, in all)$/"  # lines to compare with
HEADINGS = {"slurm_job_id": "job id"}  # of columns that are labels


def state_mapping():
    options = {str(number): {"text": state, "color": STATE_COLOURS[state], "index": number - 1} for number, state in enumerate(STATES, 1)}
    return [{"type": "value", "options": options}]


def thresholds(panel):
    steps = [{"color": "red" if panel.falling else "green", "value": None}]
    if panel.warn is not None:
        limits = [("yellow", panel.bad), ("green", panel.warn)] if panel.falling else [("yellow", panel.warn), ("red", panel.bad)]
        steps += [{"color": colour, "value": value} for colour, value in limits]
    return {"mode": "absolute", "steps": steps}


def unit_properties(unit):
    """Of a column; our own unit `state` is a number with a name."""
    if unit == "state":
        return [{"id": "mappings", "value": state_mapping()}, {"id": "custom.cellOptions", "value": {"type": "color-text"}}]
    return [{"id": "unit", "value": unit}]


def target(panel, number, query):
    made = {"datasource": SOURCE, "editorMode": "code", "expr": query.expr, "refId": chr(ord("A") + number)}
    if panel.kind in ("stat", "table"):
        made.update(instant=True, range=False)
    else:
        made.update(instant=False, range=True)
    made["format"] = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
    if panel.kind != "table":
        made["legendFormat"] = query.legend or "__auto"
    return made


def defaults(panel):
    made = {"color": {"mode": "palette-classic"}, "mappings": state_mapping() if panel.unit == "state" else [], "thresholds": thresholds(panel)}
    if panel.unit != "state":
        made["unit"] = panel.unit
    if panel.low is not None:
        made["min"] = panel.low
    if panel.high is not None:
        made["max"] = panel.high
    if panel.none:
        made["noValue"] = panel.none
    if panel.kind in ("stat", "table"):
        made["color"] = {"mode": "thresholds"}
    if panel.kind == "timeseries":
        made["custom"] = {
            "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 60 if panel.stacked else 0, "showPoints": "auto", "pointSize": 4, "spanNulls": False,
            "stacking": {"mode": "percent" if panel.stacked else "none", "group": "A"}, "scaleDistribution": {"type": "log", "log": 10} if panel.log else {"type": "linear"},
            "thresholdsStyle": {"mode": "off" if panel.warn is None else "line"}}
    if panel.kind == "state-timeline":
        made["custom"] = {"lineWidth": 0, "fillOpacity": 70}
    return made


def overrides(panel):
    if panel.kind == "timeseries":
        return [{"matcher": {"id": "byRegexp", "options": DASHED}, "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}]}]
    if panel.kind != "table":
        return []
    made = [{"matcher": {"id": "byName", "options": column}, "properties": unit_properties(unit)} for column, unit in panel.units]
    link = {"title": "its dashboard", "url": f"/d/{ONE_RUN.uid}?var-run=${{__data.fields.run}}&${{datasource:queryparam}}&${{__url_time_range}}"}
    return made + [{"matcher": {"id": "byName", "options": "run"}, "properties": [{"id": "links", "value": [link]}]}]


def options(panel):
    legend = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
    tooltip = {"mode": "multi", "sort": "desc"}
    if panel.kind == "stat":
        return {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": True,
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}, "sortBy": [{"displayName": "run", "desc": False}]}
    if panel.kind == "heatmap":
        return {"calculate": False, "cellGap": 1, "showValue": "never", "legend": {"show": True}, "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
                "filterValues": {"le": 1e-9}, "rowsFrame": {"layout": "auto"}, "yAxis": {"axisPlacement": "left", "unit": panel.unit, "reverse": False},
                "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange", "scale": "exponential", "exponent": 0.5, "steps": 64, "reverse": False},
                "exemplars": {"color": "rgba(255,0,255,0.7)"}}
    if panel.kind == "state-timeline":
        return {"alignValue": "left", "mergeValues": True, "rowHeight": 0.9, "showValue": "auto", "legend": legend, "tooltip": {"mode": "single", "sort": "none"}}
    return {"legend": legend, "tooltip": tooltip}


def transformations(panel):
    """Of a table: one line for the same labels, the queries' values as columns by their names."""
    if panel.kind != "table":
        return []
    names = {f"Value #{chr(ord('A') + number)}": query.column for number, query in enumerate(panel.queries)}
    labels = ["run", "cluster", "user", "slurm_job_id", "host", "rank", "gpu_uuid", "state", "reason", "cause"]
    return [{"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {name: True for name in ("Time", "UUID", "__name__", "instance", "job")},
                                           "indexByName": {name: index for index, name in enumerate([*labels, *names])}, "renameByName": {**names, **HEADINGS}}}]


def panel_json(panel, number, x, y):
    made = {"id": number, "type": panel.kind, "title": panel.title, "description": panel.description, "datasource": SOURCE,
            "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y}, "targets": [target(panel, index, query) for index, query in enumerate(panel.queries)],
            "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel)}, "options": options(panel)}
    if panel.kind == "table":
        made["transformations"] = transformations(panel)
    return made


def panels(dashboard):
    """Rows are headings, not folded; panels fill the 24 columns of the grid from left to right."""
    made, y = [], 0
    for title, row in dashboard.rows:
        made.append({"id": len(made) + 1, "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        x, y, below = 0, y + 1, y + 1
        for panel in row:
            if x + panel.width > 24:
                x, y = 0, below
            made.append(panel_json(panel, len(made) + 1, x, y))
            x, below = x + panel.width, max(below, y + panel.height)
        y = below
    return made


def variable(dashboard, name):
    """Everything at first, but for the run of its own dashboard: there it is the first one of the list."""
    query, all_of_them = VARIABLES[name], (dashboard, name) != (ONE_RUN, "run")
    made = {"type": "query", "name": name, "label": name, "datasource": SOURCE, "definition": query, "query": {"query": query, "refId": "StandardVariableQuery"},
            "multi": True, "includeAll": all_of_them, "current": {}, "options": [], "hide": 0, "refresh": 2, "sort": 3 if name == "rank" else 1, "regex": "",
            "skipUrlSync": False}
    return {**made, "allValue": ".*"} if all_of_them else made


def annotation(name, colour, expr, text):
    return {"name": name, "enable": True, "hide": False, "iconColor": colour, "datasource": SOURCE, "expr": expr, "titleFormat": text, "step": "15s", "useValueForTime": False}


def dashboard_json(dashboard):
    source = {"type": "datasource", "name": "datasource", "label": "data source", "query": "prometheus", "current": {}, "options": [], "hide": 0, "refresh": 1, "regex": "",
              "multi": False, "includeAll": False, "skipUrlSync": False}
    links = {"type": "dashboards", "title": "Catamaran", "tags": [TAG], "asDropdown": False, "icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False,
             "tooltip": "", "url": ""}
    return {"id": None, "uid": dashboard.uid, "title": dashboard.title, "description": dashboard.description, "tags": [TAG], "schemaVersion": SCHEMA, "version": 1, "editable": True,
            "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timepicker": {}, "fiscalYearStartMonth": 0, "weekStart": "",
            "liveNow": False, "links": [links], "annotations": {"list": [annotation(*mark) for mark in ANNOTATIONS]},
            "templating": {"list": [source, *(variable(dashboard, name) for name in dashboard.variables)]}, "panels": panels(dashboard)}


def text(dashboard):
    return json.dumps(dashboard_json(dashboard), indent=1, ensure_ascii=False) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    stale = []
    for dashboard in DASHBOARDS:
        file = given.out / f"{dashboard.uid}.json"
        if not given.check:
            given.out.mkdir(parents=True, exist_ok=True)
            file.write_text(text(dashboard))
        elif not file.exists() or file.read_text() != text(dashboard):
            stale.append(str(file))
    if stale:
        sys.exit(f"dashboards.py: not what the list of panels gives: {', '.join(stale)}; run scripts/dashboards.py")


if __name__ == "__main__":
    main()
