"""What ships for Prometheus, Alertmanager and Grafana, checked by promtool and amtool, against docs/metrics.md and docs/monitoring.md.

The rules' time lines are in tests/monitoring/rules, a file per alert; a real server runs them in tests/integration/test_prometheus.py.
"""
import json
import re
import subprocess
import sys

import pytest
import yaml
from made_series import DCGM_NAMES, FINAL, NODE, ROOT, all_series, known_metrics

sys.path.insert(0, str(ROOT / "scripts"))
import dashboards as generator  # noqa: E402
from dashboard_panels import ANNOTATIONS, DASHBOARDS, VARIABLES, queries, substituted  # noqa: E402

PROMETHEUS = ROOT / "monitoring/prometheus"
RULES = PROMETHEUS / "catamaran.rules.yml"
TIME_LINES = sorted((ROOT / "tests/monitoring/rules").glob("*.yml"))
FILES = sorted((ROOT / "monitoring/grafana/dashboards").glob("*.json"))
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


def tool(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)


def passes(*words):
    done = tool(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules(kind):
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if kind in rule]


def alerts():
    return {rule["alert"]: rule for rule in rules("alert")}


def time_line_of(alert):
    """rules/rank_desync.yml of CatamaranRankDesync; NonFinite is one word there."""
    words = {"CatamaranNonFinite": "nonfinite"}.get(alert) or re.sub(r"(?<!^)(?=[A-Z])", "_", alert.removeprefix("Catamaran")).lower()
    return ROOT / f"tests/monitoring/rules/{words}.yml"


def test_promtool_finds_nothing_in_the_rules_and_in_the_example_configuration():
    passes("promtool", "check", "rules", RULES)
    assert "SUCCESS: 1 rule files found" in passes("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("file", TIME_LINES, ids=lambda file: file.stem)
def test_each_alert_fires_where_it_must_and_nowhere_else(file):
    passes("promtool", "test", "rules", file)


def with_expression(alert, expr, folder):
    """The time line of an alert, run on rules in which it has another expression."""
    changed = yaml.safe_load(RULES.read_text())
    for group in changed["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == alert:
                rule["expr"] = expr
    (folder / "rules.yml").write_text(yaml.safe_dump(changed))
    test = yaml.safe_load(time_line_of(alert).read_text())
    test["rule_files"] = [str(folder / "rules.yml")]
    (folder / "test.yml").write_text(yaml.safe_dump(test))
    return tool("promtool", "test", "rules", folder / "test.yml")


@pytest.mark.parametrize("alert", sorted(alerts()))
def test_the_time_line_of_an_alert_fails_for_one_that_never_fires_and_for_one_that_always_does(alert, tmp_path):
    assert with_expression(alert, alerts()[alert]["expr"], tmp_path).returncode == 0
    assert with_expression(alert, "vector(1) > 2", tmp_path).returncode != 0
    always = 'group by (instance, job, run, user, slurm_job_id, cluster) ({__name__=~"catamaran_.+|up"})'
    assert with_expression(alert, always, tmp_path).returncode != 0


def test_each_alert_has_a_severity_and_says_what_to_do_and_links_to_its_heading():
    page = (ROOT / "docs/monitoring.md").read_text()
    headings = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.+)$", page)}
    assert len(alerts()) == 13
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("page", "warn"), name
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert "$labels.run" in rule["annotations"]["summary"] and len(rule["annotations"]["summary"]) < 120, name
        assert 100 < len(rule["annotations"]["description"]) < 600, name
        file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert file == "docs/monitoring.md" and anchor in headings, f"{name}: no heading #{anchor} in docs/monitoring.md"
        assert f"`{name}`" in page and time_line_of(name).exists(), name
        assert rule["labels"]["severity"] == re.search(rf"(?m)^\| `{name}` \| (\w+) \|", page)[1], f"{name}: another severity in docs/monitoring.md"
    assert {time_line_of(name) for name in alerts()} == set(TIME_LINES)


def selectors(expr):
    """(name, labels) of each series that an expression selects; names by regular expression are spelled out."""
    for name, inside in re.findall(r"([a-zA-Z_:][\w:]*)?\{([^{}]*)\}", expr):
        labels = set(LABEL.findall(inside)) - {"__name__"}
        pattern = re.search(r'__name__=~"([^"]+)"', inside)
        names = [known for known in known_metrics() if pattern and re.fullmatch(pattern[1], known)] if not name else [name]
        for each in names:
            yield each, labels
    bare = re.sub(r"\{[^{}]*\}", "{}", re.sub(r'"[^"]*"', '""', expr))
    for name in re.findall(r"\b((?:catamaran|process|node|DCGM_FI)[\w:]*)(?![\w:{])", bare):
        yield name, set()


FROM_TARGETS = {"job", "instance", "run", "user", "slurm_job_id", "cluster", "host", "Hostname", "exported_run"}
OF_OTHERS = {"up": set(), "ALERTS": {"alertname", "alertstate"}, "catamaran_final_info": set(), **{name: set() for name in FINAL}, **{name: {"gpu", "UUID"} for name in DCGM_NAMES},
             **{name: set(labels) for name, labels in NODE.items()}}


def unknown(expr):
    """What an expression names and no page does: metrics, and labels of metrics."""
    known, recorded, found = known_metrics(), {rule["record"] for rule in rules("record")}, []
    for name, labels in selectors(expr):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if name in OF_OTHERS or name in recorded:
            mine = OF_OTHERS.get(name, set())
        elif name in known or known.get(base, {}).get("type") == "histogram":
            mine = set(known.get(name, known.get(base))["labels"]) | {"le"}
        else:
            found.append(name)
            continue
        found += [f"{name}{{{label}}}" for label in labels - mine - FROM_TARGETS]
    return found


def test_rules_and_dashboards_name_metrics_and_labels_of_docs_metrics_md_alone():
    assert unknown('rate(catamaran_no_such_total{run="a"}[5m]) + catamaran_state{mood="bad"}') == ["catamaran_no_such_total", "catamaran_state{mood}"]
    for rule in rules("expr"):
        assert not unknown(rule["expr"]), rule.get("alert") or rule["record"]
    for dashboard in DASHBOARDS:
        for panel, query in queries(dashboard):
            assert not unknown(query.expr), f"{dashboard.title}: {panel.title}"
    for name, _, expr, _ in ANNOTATIONS:
        assert not unknown(expr), name


def test_the_dashboards_are_what_the_list_of_panels_gives():
    assert {file.name for file in FILES} == {f"{dashboard.uid}.json" for dashboard in DASHBOARDS}
    for dashboard in DASHBOARDS:
        assert (ROOT / f"monitoring/grafana/dashboards/{dashboard.uid}.json").read_text() == generator.text(dashboard), "run scripts/dashboards.py"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_keeps_the_rules_that_make_it_importable_and_readable(file):
    board = json.loads(file.read_text())
    assert board["uid"] == file.stem and board["graphTooltip"] == 1 and board["annotations"]["list"]
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names[0] == "datasource" and {"cluster", "run"} < set(names)
    assert all(variable["multi"] for variable in board["templating"]["list"] if variable["name"] == "run")
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            assert not panel["collapsed"], "no hidden panels"
            continue
        assert panel["datasource"]["uid"] == "${datasource}" and len(panel["description"]) > 20, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]
            assert "irate(" not in target["expr"] and not target.get("hide"), panel["title"]
            assert set(re.findall(r"\$([a-z_]\w*)", target["expr"])) <= {*names, "__rate_interval"}, panel["title"]
            assert not re.search(r"(?<!avg_over_time\()\[\d+[smh]\]", target["expr"]), f"{panel['title']}: a range of its own, where $__rate_interval is meant"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_query_of_every_panel_has_an_answer_where_every_metric_has_a_series(tmp_path):
    asked = [(f"{dashboard.title}: {panel.title}", substituted(query.expr, "2m")) for dashboard in DASHBOARDS for panel, query in queries(dashboard)]
    asked += [(name, f"({substituted(expr, '2m')}) or vector(1)") for name, _, expr, _ in ANNOTATIONS]  # marks may have none
    # NaN is greater than nothing: what has a value that one can draw is counted.
    tests = [{"expr": f"clamp_max(count(({expr}) > -Inf), 1)", "eval_time": "15m", "exp_samples": [{"labels": "{}", "value": 1}]} for _, expr in asked]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": [{"interval": "15s", "input_series": all_series(80), "promql_expr_test": tests}]}, width=10000))
    done = tool("promtool", "test", "rules", file)
    failed = [title for title, expr in asked if f'clamp_max(count(({expr})' in (done.stdout + done.stderr).replace('\\"', '"')]
    assert done.returncode == 0, f"no data: {failed}\n{done.stdout}{done.stderr}"


def test_values_of_variables_come_from_series_that_exist():
    for name, query in VARIABLES.items():
        assert re.fullmatch(r"label_values\(.+, \w+\)", query), name
        assert not unknown(query.removeprefix("label_values(").rpartition(",")[0]), name


def test_amtool_accepts_the_routes_and_they_go_where_they_should():
    file = PROMETHEUS / "alertmanager.yml"
    assert "SUCCESS" in passes("amtool", "check-config", file)
    for labels, receivers in ((("alertname=CatamaranDown", "severity=page", "run=a", "user=ada"), "pager,owner"), (("alertname=CatamaranInputBound", "severity=warn", "run=a", "user=ada"), "owner"),
                              (("alertname=CatamaranInputBound", "severity=warn", "run=a"), "operators"), (("alertname=NodeDown", "severity=page"), "operators")):
        assert passes("amtool", "config", "routes", "test", f"--config.file={file}", *labels).strip() == receivers, labels
    inhibited = " ".join(matcher for rule in yaml.safe_load(file.read_text())["inhibit_rules"] for side in ("source_matchers", "target_matchers") for matcher in rule[side])
    for name in re.findall(r"Catamaran\w+", inhibited):
        assert any(alert.startswith(name) for alert in alerts()), f"{name} is no alert"


def made_rules(*options):
    return tool(sys.executable, ROOT / "scripts/alert_rules.py", *options)


def test_faster_rules_are_the_same_with_every_duration_divided(tmp_path):
    faster = passes(sys.executable, ROOT / "scripts/alert_rules.py", "--faster", "60", "--pages", "https://docs.example.org/x/")
    (tmp_path / "faster.yml").write_text(faster)
    passes("promtool", "check", "rules", tmp_path / "faster.yml")
    made = {rule.get("alert") or rule["record"]: rule for rule in yaml.safe_load(faster)["groups"][0]["rules"]}
    assert made["CatamaranDown"]["for"] == "2s" and made["CatamaranStalled"]["for"] == "1s"
    assert "clamp_min(20 * catamaran_step_duration_smoothed_seconds, 2)" in made["CatamaranStalled"]["expr"]
    assert "[60s:1s]" in made["CatamaranLossSpike"]["expr"] and "[15s]" in made["CatamaranNonFinite"]["expr"]
    assert made["CatamaranDown"]["annotations"]["runbook_url"] == "https://docs.example.org/x/docs/monitoring.md#catamarandown"
    assert not re.search(r"\[\d+[mh]|for: \d+[mh]|\d \* 60", re.sub(r"(?m)^ *#.*$", "", faster)), "a duration was left"
    assert made_rules().stdout == RULES.read_text()


@pytest.mark.parametrize("options, words", [(("--faster", "0"), "1 to 1000"), (("--faster", "nan"), "1 to 1000"), (("--pages", "docs"), "http"), (("--rules", "/no/such"), "No such file"),
                                            (("--out", "/no/such/folder/file"), "No such file")])
def test_options_of_the_rules_that_are_no_good_are_refused_in_a_sentence(options, words):
    done = made_rules(*options)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
