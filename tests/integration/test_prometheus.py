"""Debian's Prometheus with the rules and the example configuration that ship watches two runs at once: their series, every query of every dashboard, a run that is
killed and its alert, and a run that ends well without one. Durations of the rules are divided by FASTER (scripts/alert_rules.py).
"""
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest
from fake_exporters import FakeExporters, PageServer
from runs import ROOT, SMALL, command, ranks_of, settings, wait_for

sys.path.insert(0, str(ROOT / "scripts"))
from dashboard_panels import ANNOTATIONS, DASHBOARDS, VARIABLES, queries, substituted  # noqa: E402
from local_prometheus import LocalPrometheus  # noqa: E402

FASTER = 30  # CatamaranDown after 4 s
RATE_INTERVAL = "10s"
# A checkpoint a second or so, so that rates of ten seconds see some; losses of single heads, and a time limit, so that their panels have something.
LONG = ["schedule.epochs=100000", "checkpoint.every_steps=40", "evaluate.every_epochs=20", "loss.auxiliary_weight=0.1", "monitoring.cluster=test"]


@contextlib.contextmanager
def training(packs, folder, name, discovery, ranks):
    """A run of many steps, whose output goes to a file: nobody reads it meanwhile."""
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n')
    words, environment = command(["train", "--config", folder / "config.toml", *settings(*SMALL, *LONG, f"monitoring.discovery_folder={discovery}"),
                                  "--max-time", "30m", "--run-dir", folder / name], ranks)
    with open(folder / f"{name}.log", "wb") as log:
        job = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
    job.output = lambda: (folder / f"{name}.log").read_text(errors="replace")
    try:
        yield job
    finally:
        job.kill()
        job.wait()


class Watched:
    """The server, and the runs `first` (2 ranks) and `second` (1 rank) that it scrapes."""

    def __init__(self, prometheus, exporters, folder, first, second):
        self.prometheus, self.exporters, self.folder, self.first, self.second = prometheus, exporters, folder, first, second

    def value(self, expr):
        """Of the one series that it gives; None without any."""
        found = self.prometheus.query(expr)
        assert len(found) <= 1, (expr, found)
        return found[0][1] if found else None

    def alerts(self, name, **labels):
        """Those of that name and labels that are pending or firing."""
        found = self.prometheus.get("alerts")["alerts"]
        return [alert for alert in found if alert["labels"]["alertname"] == name and labels.items() <= alert["labels"].items()]

    def require_alive(self):
        for job in (self.first, self.second):
            assert job.poll() is None, job.output()
        assert self.prometheus.process.poll() is None, self.prometheus.log()

    def wait(self, what, condition, seconds=60):
        def holds():
            self.require_alive()
            return condition()
        wait_for(what, holds, seconds)


@pytest.fixture(scope="module")
def watched(packs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    discovery = folder / "discovery"
    with contextlib.ExitStack() as stack:
        exporters = stack.enter_context(FakeExporters({"run": "first", "cluster": "test"}))
        prometheus = stack.enter_context(LocalPrometheus(folder / "prometheus", discovery, FASTER, jobs=exporters.jobs()))
        first = stack.enter_context(training(packs, folder, "first", discovery, ranks=2))
        second = stack.enter_context(training(packs, folder, "second", discovery, ranks=0))
        found = Watched(prometheus, exporters, folder, first, second)
        for run in ("first", "second"):
            of_run = f'{{job="catamaran", run="{run}"}}'
            found.wait(f"steps of {run}", lambda of_run=of_run: (found.value("catamaran_step" + of_run) or 0) > 80, 120)
            # Totals of the ranks come every five seconds, an evaluation every 20 epochs.
            found.wait(f"an evaluation of {run}", lambda of_run=of_run: (found.value("catamaran_best_map_ratio" + of_run) or 0) > 0, 120)
            found.wait(f"totals of {run}", lambda of_run=of_run: (found.value("catamaran_parameter_norm" + of_run) or 0) > 0)
            found.wait(f"rates of {run}", lambda of_run=of_run: (found.value("catamaran:images:rate5m" + of_run) or 0) > 0)
        yield found


def test_each_run_is_found_by_its_file_and_its_series_have_its_labels(watched):
    files = sorted((watched.folder / "discovery").iterdir())
    assert [file.name.rpartition("-")[0] for file in files] == ["first", "second"]
    for file, run in zip(files, ("first", "second")):
        told = json.loads(file.read_text())[0]
        labels, value = watched.prometheus.query(f'up{{run="{run}"}} and on (instance) up{{job="catamaran"}}')[0]
        assert value == 1 and labels["instance"] == told["targets"][0] and labels["job"] == "catamaran" and labels["cluster"] == "test"
        assert labels["user"] == told["labels"]["user"] and "run_dir" not in labels and not any(name.startswith("__meta") for name in labels)
        info, _ = watched.prometheus.query(f'catamaran_run_info{{run="{run}"}}')[0]
        assert info["exported_run"] == run, "the page and the file name the run alike: CatamaranDown compares the two"
        assert watched.value(f'count(catamaran_rank_compute_seconds{{run="{run}", rank!=""}})') == {"first": 2, "second": 1}[run]
    assert watched.value("count(catamaran_step)") == 2


def test_no_rule_fails_and_none_of_the_two_is_down(watched):
    rules = [rule for group in watched.prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == 17
    for rule in rules:
        assert rule["health"] == "ok", (rule["name"], rule.get("lastError"))
    assert not watched.alerts("CatamaranDown") and not watched.alerts("CatamaranRankDesync") and not watched.alerts("CatamaranDiskLow")
    assert watched.value('catamaran:images:rate5m{run="first"}') > 0


def has_a_value(series):
    return any(math.isfinite(value) for _, points in series for _, value in points)


def values_of(watched, panel, query):
    """As the panel asks: now, or over the last half a minute."""
    expr = substituted(query.expr, RATE_INTERVAL)
    if panel.kind in ("stat", "table"):
        return [(labels, [(0, value)]) for labels, value in watched.prometheus.query(expr)]
    end = time.time()
    return watched.prometheus.query_range(expr, end - 30, end, 1)


def test_every_query_of_every_panel_returns_data(watched):
    without = [f"{dashboard.title}: {panel.title}: {query.expr}" for dashboard in DASHBOARDS for panel, query in queries(dashboard)
               if not has_a_value(values_of(watched, panel, query))]
    assert not without, "\n".join(without)
    for name, _, expr, _ in ANNOTATIONS:
        watched.prometheus.query_range(substituted(expr, RATE_INTERVAL), time.time() - 30, time.time(), 1)
    assert has_a_value(watched.prometheus.query_range(substituted(dict((name, expr) for name, _, expr, _ in ANNOTATIONS)["Checkpoints"], RATE_INTERVAL), time.time() - 60, time.time(), 1))


def test_a_query_for_one_run_and_rank_returns_that_one_alone(watched):
    chosen = {"run": "first", "rank": "1", "cluster": "test"}
    for dashboard in DASHBOARDS:
        for panel, query in queries(dashboard):
            if "$run" not in query.expr:
                continue
            for labels, _ in watched.prometheus.query(substituted(query.expr, RATE_INTERVAL, chosen)):
                assert labels.get("run", "first") == "first", (panel.title, labels)
                assert "$rank" not in query.expr or labels.get("rank", "1") == "1", (panel.title, labels)


def test_variables_have_the_values_that_there_are(watched):
    wanted = {"cluster": {"test"}, "run": {"first", "second"}, "rank": {"0", "1"}, "host": {"node1"}}
    for name, query in VARIABLES.items():
        series, _, label = query.removeprefix("label_values(").removesuffix(")").rpartition(", ")
        found = watched.prometheus.get(f"label/{label}/values", **{"match[]": substituted(series, RATE_INTERVAL)})
        assert set(found) == wanted[name], name


def draw(watched, uid, out, *options):
    done = subprocess.run([sys.executable, ROOT / "scripts/dashboard_picture.py", uid, "--prometheus", watched.prometheus.url, "--last", "30s", "--out", out, *options],
                          capture_output=True, text=True, timeout=180)
    return done.returncode, done.stderr


def test_a_dashboard_is_drawn_without_grafana_and_says_so(watched, tmp_path):
    for dashboard in DASHBOARDS:
        page = tmp_path / f"{dashboard.uid}.html"
        assert draw(watched, dashboard.uid, page) == (0, "")
        text = page.read_text()
        assert "not a picture of Grafana" in text and dashboard.title in text
        body = text[text.rindex("</script></head>"):]
        assert body.count("<section") == len({panel for panel, _ in queries(dashboard)}) and "No data" not in body
    picture = tmp_path / "now.png"
    assert draw(watched, "catamaran-run", picture, "--rows", "Now,Learning", "--run", "first") == (0, "")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and picture.stat().st_size > 10_000
    for options, words in ((("--run", "nobody"), "no panel"), (("--rows", "Nothing"), "Now, Learning"), (("--last", "0m"), "--last"), (("--last", "soon"), "--last")):
        code, said = draw(watched, "catamaran-run", tmp_path / "no.html", *options)
        assert code == 2 and words in said and "Traceback" not in said, said
    code, said = draw(watched, "catamaran-run", tmp_path / "no.html", "--prometheus", "http://127.0.0.1:9")
    assert code == 2 and "does not answer" in said


def test_the_number_of_a_new_xid_pages_with_run_and_rank_though_it_is_a_new_series(watched):
    assert not watched.alerts("CatamaranGpuFault")
    watched.exporters.xid[1] = 79
    watched.wait("the page of an XID", lambda: watched.alerts("CatamaranGpuFault"))
    alert, = watched.alerts("CatamaranGpuFault")
    assert alert["state"] == "firing" and float(alert["value"]) == 79
    assert {"run": "first", "rank": "1", "host": "node1", "severity": "page"}.items() <= alert["labels"].items()
    watched.exporters.xid[1] = 0
    watched.wait("its end", lambda: not watched.alerts("CatamaranGpuFault"))


def test_a_killed_run_is_told_of_and_one_that_stops_well_takes_its_target_away_without_an_alert(watched):
    first_file, second_file = sorted((watched.folder / "discovery").iterdir())
    os.kill(ranks_of(watched.first)[0], signal.SIGKILL)
    states = []

    def firing():
        for alert in watched.alerts("CatamaranDown"):
            assert alert["labels"]["run"] == "first", alert
            states.append(alert["state"])
        return "firing" in states
    wait_for("the alert of the killed run", firing, 60)
    assert states[0] == "pending", "it waits for its time first"
    assert watched.first.wait(30) != 0
    assert first_file.exists(), "a crash leaves the file, so that the target is seen to be down"
    alert, = watched.alerts("CatamaranDown")
    assert {"run": "first", "job": "catamaran", "cluster": "test", "severity": "page"}.items() <= alert["labels"].items() and alert["labels"]["user"]
    for text in alert["annotations"].values():
        assert "<no value>" not in text and "{{" not in text, text
    assert "Run first is gone" in alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"] == "docs/monitoring.md#catamarandown"
    print("\n" + "\n".join(f"{alert['state']}: {alert['labels']['alertname']} {alert['annotations']['summary']}" for alert in watched.prometheus.get("alerts")["alerts"]))

    watched.second.send_signal(signal.SIGUSR1)
    assert watched.second.wait(60) == 75, watched.second.output()
    assert not second_file.exists(), "a clean end takes the file away"
    wait_for("the target's end", lambda: not watched.prometheus.query('up{job="catamaran", run="second"}'), 30)
    time.sleep(2 * 120 / FASTER)  # twice what CatamaranDown waits
    assert watched.value('count(count_over_time(ALERTS{alertname="CatamaranDown", run="second"}[10m]))') is None
    assert watched.value('count(up{job="catamaran"})') == 1
    assert watched.alerts("CatamaranDown")[0]["state"] == "firing", "the other's goes on"


def test_a_crashed_run_whose_port_another_run_has_got_is_still_told_of(watched):
    """It left its file, and the address in it answers as another run. What else that file says is not believed."""
    page = 'catamaran_run_info{run="other",config_hash="0",dataset="d",model="m",world_size="1",global_batch="16"} 1\n'
    with PageServer({"/metrics": lambda: page}) as server:
        (watched.folder / "discovery/crashed-00000000.json").write_text(json.dumps(
            [{"targets": [server.address], "labels": {"job": "catamaran", "run": "crashed", "user": "ada", "instance": "elsewhere", "__metrics_path__": "/secrets"}}]))
        wait_for("the alert of the crashed run", lambda: [alert for alert in watched.alerts("CatamaranDown", run="crashed") if alert["state"] == "firing"], 60)
        labels, value = watched.prometheus.query('up{run="crashed"}')[0]
        assert value == 1 and labels["instance"] == server.address, "neither another path nor another instance is taken from the folder"
        assert labels["cluster"] == "main", "what the file does not say comes from the configuration"
    (watched.folder / "discovery/crashed-00000000.json").unlink()
