#!/usr/bin/env python3
"""Debian's Prometheus on this machine alone, with the configuration and the rules that ship: to look at runs here, and for tests.

usage: local_prometheus.py --discovery FOLDER [--port 9090] [--scrape 2] [--faster 1] [--data FOLDER]

    build/venv/bin/python scripts/local_prometheus.py --discovery /tmp/runs-here &
    build/release/bin/catamaran train ... --set monitoring.discovery_folder=/tmp/runs-here
    xdg-open http://127.0.0.1:9090          (Status, Targets; Alerts; or Grafana with this address as its data source)

It listens on 127.0.0.1, scrapes every --scrape seconds, with rules whose durations are divided by --faster (scripts/alert_rules.py), and keeps its data
in --data, else in a temporary folder that goes when it ends. The example's jobs for GPUs, nodes and HTTP discovery are left out, and so is Alertmanager.
In Python, with other jobs beside it:

    with LocalPrometheus(folder, discovery, faster=60, jobs=[...]) as prometheus:
        prometheus.query('up{run="first"}')          # [({"run": "first", ...}, 1.0)]
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml
from alert_rules import SHIPPED, faster_rules

EXAMPLE = SHIPPED.with_name("prometheus.yml")
LONGEST_START = 30  # seconds


class PrometheusError(Exception):
    """It does not start, does not answer, or refuses a query; the message says which and why."""


def free_port():
    with contextlib.closing(socket.socket()) as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def configuration(rules, discovery, scrape_seconds, jobs):
    """The example's, with the job that finds runs by file as it is but for the folder and how often it is read."""
    made = yaml.safe_load(EXAMPLE.read_text())
    made["global"] = {"scrape_interval": f"{scrape_seconds}s", "evaluation_interval": f"{scrape_seconds}s"}
    made["rule_files"] = [str(rules)]
    del made["alerting"]
    runs = next(job for job in made["scrape_configs"] if job["job_name"] == "catamaran")
    runs["scrape_timeout"] = f"{scrape_seconds}s"
    runs["file_sd_configs"] = [{"files": [f"{discovery}/*.json"], "refresh_interval": "1s"}]
    made["scrape_configs"] = [runs, *jobs]
    return made


class LocalPrometheus:
    def __init__(self, folder, discovery, faster=1, scrape_seconds=1, port=0, jobs=()):
        self.folder, self.discovery, self.faster, self.scrape_seconds, self.jobs = pathlib.Path(folder), pathlib.Path(discovery).absolute(), faster, scrape_seconds, list(jobs)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def __enter__(self):
        if shutil.which("prometheus") is None:
            raise PrometheusError("there is no program prometheus: apt-get install prometheus")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.discovery.mkdir(parents=True, exist_ok=True)
        (self.folder / "rules.yml").write_text(faster_rules(SHIPPED.read_text(), self.faster) if self.faster != 1 else SHIPPED.read_text())
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(self.folder / "rules.yml", self.discovery, self.scrape_seconds, self.jobs)))
        words = ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def wait_until_ready(self):
        deadline = time.monotonic() + LONGEST_START
        while True:
            if self.process.poll() is not None:
                raise PrometheusError(f"prometheus ended with code {self.process.returncode} at its start: {self.log()[-2000:]}")
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise PrometheusError(f"prometheus is not ready after {LONGEST_START} s: {self.log()[-2000:]}") from None
            time.sleep(0.1)

    def get(self, path, **parameters):
        return ask(self.url, path, **parameters)

    def query(self, expr):
        return instant(self.url, expr)

    def query_range(self, expr, begin, end, step):
        return over_time(self.url, expr, begin, end, step)


def ask(url, path, **parameters):
    """The `data` of an answer of Prometheus' HTTP API."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}", timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as refused:
        try:
            why = json.load(refused)["error"]
        except (ValueError, KeyError):
            why = str(refused)
        raise PrometheusError(f"{path} {parameters}: {why}") from None
    except (OSError, ValueError) as problem:
        raise PrometheusError(f"{url} does not answer as a Prometheus does: {problem}") from None


def instant(url, expr):
    """[(labels, value)]"""
    return [(series["metric"], float(series["value"][1])) for series in ask(url, "query", query=expr)["result"]]


def over_time(url, expr, begin, end, step):
    """[(labels, [(unix time, value)])]"""
    found = ask(url, "query_range", query=expr, start=begin, end=end, step=step)["result"]
    return [(series["metric"], [(at, float(value)) for at, value in series["values"]]) for series in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--discovery", type=pathlib.Path, required=True, metavar="FOLDER", help="monitoring.discovery_folder of the runs")
    parser.add_argument("--port", type=int, default=9090)
    parser.add_argument("--scrape", type=int, default=2, metavar="SECONDS")
    parser.add_argument("--faster", type=float, default=1, metavar="N")
    parser.add_argument("--data", type=pathlib.Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.scrape < 1 or not 1 <= given.faster <= 1000 or not 0 <= given.port < 65536:
        parser.error("--scrape must be at least 1, --faster 1 to 1000, --port 0 to 65535")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what it started ends with it
    with contextlib.ExitStack() as stack:
        folder = given.data or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            prometheus = stack.enter_context(LocalPrometheus(folder, given.discovery, given.faster, given.scrape, given.port))
        except (PrometheusError, OSError) as problem:
            sys.exit(f"local_prometheus.py: {problem}")
        print(f"Prometheus at {prometheus.url}, runs from {prometheus.discovery}; end it with Ctrl-C", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            return prometheus.process.wait()


if __name__ == "__main__":
    sys.exit(main())
