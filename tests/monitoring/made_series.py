"""Series as a Prometheus that scrapes a run would have them, made of the table in docs/metrics.md, for `promtool test rules`.

    known_metrics()["catamaran_state"]      {"type": "gauge", "labels": {"state": ["init", ...]}, "buckets": []}
    all_series(80)                          [{"series": 'catamaran_state{...}', "values": "0x80"}, ...]
"""
import itertools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = {"job": "catamaran", "instance": "n1:4100", "run": "cat-1", "slurm_job_id": "81", "user": "ada", "cluster": "hpc"}
FREE_TEXT = ["0", "1"]  # values of a label whose values are not listed: of rank these are right
ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| (.+?) \| .* \|$", re.MULTILINE)

# What dcgm-exporter and node_exporter have: default-counters.csv and dcp-metrics-included.csv of the one, the collectors' documentation of the other.
DCGM = ("GPU_UTIL", "FB_USED", "POWER_USAGE", "GPU_TEMP", "SM_CLOCK", "XID_ERRORS", "PCIE_REPLAY_COUNTER")
DCGM_NAMES = tuple(f"DCGM_FI_DEV_{name}" for name in DCGM) + ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",)
NODE = {"node_cpu_seconds_total": {"cpu": "0", "mode": "idle"}, "node_memory_MemAvailable_bytes": {}, "node_network_receive_bytes_total": {"device": "eth0"},
        "node_network_transmit_bytes_total": {"device": "eth0"}}
FINAL = ("catamaran_final_exit_code", "catamaran_final_step", "catamaran_final_best_map_ratio", "catamaran_final_timestamp_seconds")


def known_metrics(page=ROOT / "docs/metrics.md"):
    found = {}
    for name, kind, labels in ROW.findall(page.read_text()):
        parts = [] if labels == "-" else [part.strip() for part in labels.split(";")]
        metric = found[name] = {"type": kind, "labels": {}, "beside": set(), "buckets": []}
        for part in parts:
            label, _, values = part.strip("()").partition(":")
            if label == "le":
                metric["buckets"] = values.split()
            else:
                metric["labels"][label] = [value.strip() for value in values.split(",")] if values else FREE_TEXT
                if part.startswith("("):
                    metric["beside"].add(label)
    return found


def written(name, labels):
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def combinations(metric):
    """The sets of labels that a metric comes with. Labels beside the others, and rank or stat, are not on one series together."""
    alternatives = [label for label in metric["labels"] if label in metric["beside"] or ({"rank", "stat"} <= set(metric["labels"]) and label in ("rank", "stat"))]
    together = [label for label in metric["labels"] if label not in alternatives]
    for label in alternatives or [None]:
        names = [*together, label] if label else together
        for values in itertools.product(*(metric["labels"][name] for name in names)):
            yield dict(zip(names, values))
    if metric["beside"] == set(alternatives) and alternatives:
        for values in itertools.product(*(metric["labels"][name] for name in together)):
            yield dict(zip(together, values))


def values_of(name, labels, count):
    if name == "catamaran_state":
        return f"{int(labels['state'] == 'train')}x{count}"
    if name.endswith("_timestamp_seconds"):
        return f"{100000 if 'deadline' in name else 0}+15x{count}"
    if name.endswith("_info"):
        return f"1x{count}"
    return f"1+1x{count}"


def series_of(name, metric, count):
    for labels in combinations(metric):
        if name == "catamaran_run_info":
            labels["exported_run"] = TARGET["run"]
            labels.pop("run")
        if name == "catamaran_gpu_info":
            labels["gpu_uuid"] = f"GPU-{labels['rank']}"
        whole = {**TARGET, **labels}
        if metric["type"] != "histogram":
            yield {"series": written(name, whole), "values": values_of(name, labels, count)}
            continue
        for number, bound in enumerate([*metric["buckets"], "+Inf"], 1):
            yield {"series": written(f"{name}_bucket", {**whole, "le": bound}), "values": f"0+{number}x{count}"}
        yield {"series": written(f"{name}_count", whole), "values": f"0+{len(metric['buckets']) + 1}x{count}"}
        yield {"series": written(f"{name}_sum", whole), "values": f"0+1x{count}"}


def all_series(count):
    """Every metric of the page, up, one alert that fires, and what the exporters on the nodes show."""
    made = [{"series": written("up", TARGET), "values": f"1x{count}"}, {"series": written("up", {**TARGET, "run": "gone", "instance": "n2:1"}), "values": f"0x{count}"}]
    for name, metric in known_metrics().items():
        made += series_of(name, metric, count)
    for gpu in (0, 1):
        labels = {"job": "dcgm", "instance": "n1:9400", "host": "n1", "Hostname": "n1", "gpu": str(gpu), "UUID": f"GPU-{gpu}"}
        made += [{"series": written(name, labels), "values": f"1+1x{count}"} for name in DCGM_NAMES]
    node = {"job": "node", "instance": "n1:9100", "host": "n1"}
    made += [{"series": written(name, {**node, **labels}), "values": f"1+1x{count}"} for name, labels in NODE.items()]
    made += [{"series": written(name, {**node, "run": "cat-0"}), "values": f"1x{count}"} for name in FINAL]
    made.append({"series": written("catamaran_final_info", {**node, "run": "cat-0", "state": "finish", "reason": "done", "cause": "all steps are done"}), "values": f"1x{count}"})
    return made
