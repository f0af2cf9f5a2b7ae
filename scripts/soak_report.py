"""What a soak (scripts/soak.py) was good for: goodput, recoveries and memory from the lives of its job and the lines of metrics.jsonl.

A life: `start`, `end`, `code`, `computed` (steps), `first_new_step`, `fault` and `fault_at` of the newest fault, `rss` of rank 0 as (age, MiB). Times are of
the steady clock, which is that of `steady_seconds` in metrics.jsonl.
"""
import json
import os
import statistics

SETTLED = 10  # seconds of a life before its memory counts


def whole_lines(file):
    """Of a log that may be torn where its writer was killed."""
    try:
        return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    except OSError:
        return []


def newest_line(file):
    """The last whole line, without reading the others; None where there is none."""
    try:
        with open(file, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
            lines = log.read().split(b"\n")
    except OSError:
        return None
    return json.loads(lines[-2]) if len(lines) > 1 and lines[-2].startswith(b"{") else None


def recoveries(lives):
    """Of each fault that ended its life: its kind, seconds from it and from the job's end to the first new step."""
    found = []
    for number, life in enumerate(lives):
        if not life["fault"]:
            continue
        later = [other["first_new_step"] for other in lives[number + 1:] if other["first_new_step"]]
        if later:
            found.append({"fault": life["fault"], "code": life["code"], "from_fault_seconds": later[0] - life["fault_at"],
                          "from_end_seconds": later[0] - life["end"]})
    return found


def memory(lives):
    """Of each life that is long enough: MiB in its first and last quarter once it has settled, and the slope."""
    found = []
    for life in lives:
        settled = [(at, mib) for at, mib in life["rss"] if at > SETTLED]
        if len(settled) < 20:
            continue
        quarter = len(settled) // 4
        (t0, first), (t1, last) = (tuple(statistics.mean(column) for column in zip(*part)) for part in (settled[:quarter], settled[-quarter:]))
        found.append({"start_mib": first, "end_mib": last, "mib_per_hour": 3600 * (last - first) / (t1 - t0)})
    return found


def summary(job, faults, wall):
    """job: run, lives, options. Without what the looks at the end say."""
    history = whole_lines(job.run / "metrics.jsonl")
    # What ranks still computed after their launcher was killed is in no life: at least the history was computed.
    computed = max(len(history), sum(life["computed"] for life in job.lives))
    back = recoveries(job.lives)
    result = {"seconds": wall, "interval": job.options.interval, "seed": job.options.seed, "ranks": job.options.ranks, "lives": len(job.lives),
              "faults": {kind: faults.count(kind) for kind in sorted(set(faults))}, "manual_steps": 0, "steps": len(history), "steps_computed": computed,
              "goodput_steps": len(history) / max(1, computed),
              "goodput_time": len(history) * statistics.median(line["step_seconds"] for line in history) / wall if history else 0, "recoveries": back,
              "memory": memory(job.lives)}
    for key in ("from_fault_seconds", "from_end_seconds"):
        values = [one[key] for one in back]
        result[f"recovery_{key}"] = {"median": statistics.median(values), "worst": max(values)} if values else None
    if result["memory"]:
        result["rank_0_mib_per_hour"] = statistics.median(life["mib_per_hour"] for life in result["memory"])
    return result


def print_table(result):
    def seconds(pair):
        return f"{pair['median']:.1f} s, at most {pair['worst']:.1f} s" if pair else "none was needed"
    print(f"{sum(result['faults'].values())} faults in {result['seconds']:.0f} s (seed {result['seed']}): "
          + ", ".join(f"{count} x {kind}" for kind, count in result["faults"].items()))
    print(f"  steps           {result['steps']} of {result['steps_computed']} that were computed: goodput {result['goodput_steps']:.1%} of the steps, "
          f"{result['goodput_time']:.1%} of the time")
    print(f"  recoveries      {len(result['recoveries'])}: from the fault to the next step {seconds(result['recovery_from_fault_seconds'])}; "
          f"from the end of the job {seconds(result['recovery_from_end_seconds'])}; by hand 0")
    if result["memory"]:
        lives = result["memory"]
        print(f"  memory, rank 0  {lives[0]['start_mib']:.0f} MiB in the first life, {lives[-1]['end_mib']:.0f} at the end of the last; "
              f"{result['rank_0_mib_per_hour']:+.1f} MiB an hour within a life (median of {len(lives)})")
    print(f"  left behind     {result['leaks'] or 'nothing'}")
    print(f"  final state     {'loads' if result['loads'] else 'does not load'}" + ("" if result["same_as_undisturbed"] is None else
          ", the weights of an undisturbed run" if result["same_as_undisturbed"] else f", other weights than an undisturbed run: {result['difference']}"))
