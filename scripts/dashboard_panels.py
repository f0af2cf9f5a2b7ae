"""What the Grafana dashboards show: rows of panels, each with its queries, unit, and what to do when it looks wrong.

scripts/dashboards.py makes Grafana's files of it, scripts/dashboard_picture.py draws it, and tests run every query on a real Prometheus.
A query names the run by the target's labels (cluster, run). Lines are the run's, not the process's: a run that was resumed has another
instance, and its line goes on. Rates are over $__rate_interval, which Grafana makes at least four scrapes.
"""
import dataclasses

OF_RUNS = 'cluster=~"$cluster", run=~"$run"'
STEP = "data_wait|h2d|forward|backward|allreduce_exposed|optimizer"  # phases that a step consists of
STATES = ("init", "self_test", "train", "eval", "checkpoint", "finish")
STATE_COLOURS = {"init": "purple", "self_test": "blue", "train": "green", "eval": "super-light-blue", "checkpoint": "yellow", "finish": "text"}
FULL, HALF, THIRD, QUARTER, SIXTH = 24, 12, 8, 6, 4  # widths, of 24


@dataclasses.dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""
    column: str = ""  # of a table


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    description: str
    queries: tuple
    unit: str = "none"
    kind: str = "timeseries"  # stat, table, heatmap, state-timeline
    width: int = THIRD
    height: int = 8
    stacked: bool = False     # to 100 %
    log: bool = False
    low: float | None = None  # of the axis
    high: float | None = None
    warn: float | None = None  # from here on yellow, red; below it where `falling`
    bad: float | None = None
    falling: bool = False
    units: tuple = ()          # of a table: (column, unit)
    none: str = ""             # instead of "No data"


@dataclasses.dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    description: str
    variables: tuple  # names of VARIABLES
    rows: tuple       # (title, panels)


def series(name, *more):
    return name + "{" + ", ".join([OF_RUNS, *more]) + "}"


def gauge(name, *more, by="cluster, run"):
    """One number a run: of a run that was resumed, whichever of its processes has a value."""
    return f"max by ({by}) ({series(name, *more)})"


def rate(name, *more, by="cluster, run"):
    return f"sum by ({by}) (rate({series(name, *more)}[$__rate_interval]))"


def total(name, *more, by):
    """Of the newest start: counters begin again with each."""
    return f"sum by (cluster, run, {by}) ({series(name, *more)})"


def quantile(share, name, *more, by="cluster, run"):
    return f"histogram_quantile({share}, {rate(name + '_bucket', *more, by=by + ', le')})"


def phase(which):
    return rate("catamaran_phase_seconds_total", f'phase=~"{which}"')


def states():
    """1 for init, 2 for self_test, ... where a run is in that state, else 0; names: STATES."""
    return " or ".join(f"""{number} * {series('catamaran_state', f'state="{state}"')}""" for number, state in enumerate(STATES, 1))


def of_gpus(expr):
    """A DCGM series, by UUID, with the run and rank that use the GPU. Runs are the `many` side: two of them may share one."""
    names = 'label_replace(' + series("catamaran_gpu_info", 'rank=~"$rank"') + ', "UUID", "$1", "gpu_uuid", "(.+)")'
    return f"{names} * on (UUID) group_left () {expr}"


def dcgm(name):
    return of_gpus(f"max by (UUID) ({name})")


def nvml(name):
    return series(name, 'rank=~"$rank"')


def of_nodes(name, by="host, gpu"):
    return f'max by ({by}) ({name}{{host=~"$host"}})'


def by_host(expr):
    return f'label_replace({expr}, "host", "$1", "instance", "([^:]+).*")'


def table_row(name, *more):
    """A column of the table of runs: one value a run, with the labels that the rows go by."""
    return f"max by ({RUN_LABELS}) ({by_host(series(name, *more))})"


RUN_LABELS = "cluster, run, user, slurm_job_id, host"
BY_RANK = "{{run}} rank {{rank}}"
GPU_LEGEND = "{{run}} rank {{rank}} ({{host}})"
NVML_LEGEND = "{{run}} rank {{rank}}{{stat}}, NVML"

NOW = ("Now", (
    Panel("State", "What the run does. `checkpoint` is the moment in which training stands still for one, not the writing. Not running: it has ended; "
          "`catamaran status` says why.", (Query(f"max by (cluster, run) ({states()})", "{{run}}"),), kind="stat", unit="state", width=SIXTH, height=4, none="not running"),
    Panel("Progress", "Share of the run's steps that are done, over all its starts.", (Query(gauge("catamaran_progress_ratio"), "{{run}}"),),
          kind="stat", unit="percentunit", width=SIXTH, height=4, low=0, high=1, none="not running"),
    Panel("Time left", "To the last step at the present step time. If it is more than the time limit: nothing to do, the run stops with a checkpoint and is "
          "requeued; with fewer ranks than planned it takes longer.", (Query(gauge("catamaran_eta_seconds"), "{{run}}"),), kind="stat", unit="s",
          width=SIXTH, height=4, none="not running"),
    Panel("Time limit in", "Until the job's end (Slurm's, or --max-time). The run stops before it with a checkpoint. Without a limit: none.",
          (Query(f"({gauge('catamaran_deadline_timestamp_seconds')} < Inf) - time()", "{{run}}"),), kind="stat", unit="s", width=SIXTH, height=4, falling=True,
          warn=1800, bad=600, none="none"),
    Panel("Goodput", "Time of the steps that count over the time since the first start: what queueing, restarts, lost steps, evaluation and checkpoints took is the rest. "
          "Below 0.9: look at restarts and lost steps; checkpoint more often, or exclude a bad node.", (Query(gauge("catamaran_goodput_ratio"), "{{run}}"),), kind="stat",
          unit="percentunit", width=SIXTH, height=4, falling=True, warn=0.9, bad=0.7),
    Panel("Restarts", "Starts before this one. Many of them: `catamaran status` says why the last ones ended.", (Query(gauge("catamaran_restarts"), "{{run}}"),
          Query(gauge("catamaran_lost_steps"), "{{run}}, steps lost")), kind="stat", width=SIXTH, height=4, warn=3, bad=10),
))

LEARNING = ("Learning", (
    Panel("Loss", "Mean over the global batch: the newest step, and smoothed over about 50 steps; heads apart where loss.auxiliary_weight asks for them. Jumps that come back are "
          "harmless; one that stays asks for a lower learning rate, clip.max_norm, or numerics.on_spike.",
          (Query(gauge("catamaran_loss", 'head=""'), "{{run}}"), Query(gauge("catamaran_loss_smoothed"), "{{run}} smoothed"),
           Query(gauge("catamaran_loss", 'head!=""', by="cluster, run, head"), "{{run}} head {{head}}")), width=HALF),
    Panel("Learning rate", "Of the new layers. It must be what the schedule was meant to be: compare with `catamaran config show`.",
          (Query(gauge("catamaran_learning_rate"), "{{run}}"),), unit="sci", width=QUARTER),
    Panel("Gradient norm", "Before clipping. It grows before a loss diverges: set clip.max_norm a little above its usual height.",
          (Query(gauge("catamaran_gradient_norm"), "{{run}}"),), width=QUARTER, log=True),
))

ACCURACY = ("Accuracy", (
    Panel("mAP", "Of the newest evaluation, of the weights as they are and of their average (ema), and the best so far. It falls while the loss falls: the run overfits; the best "
          "checkpoint is kept.", (Query(gauge("catamaran_eval_map_ratio", by="cluster, run, weights") + " > 0", "{{run}} {{weights}}"),
                                  Query(gauge("catamaran_best_map_ratio"), "{{run}} best")), unit="percentunit", width=HALF),
    Panel("F1", "OF1 (micro: over all labels) and CF1 (macro: mean of the classes) at threshold 0.5. Macro far below micro: rare classes are missed; `catamaran thresholds fit` helps.",
          (Query(gauge("catamaran_eval_f1_ratio", by="cluster, run, average"), "{{run}} {{average}}"),), unit="percentunit", width=HALF),
))

IMAGES = rate("catamaran_samples_total", 'split="train"')
TRAINED = "rate(" + series("catamaran_samples_total", 'split="train"') + "[$__rate_interval])"
SPEED = ("Speed", (
    Panel("Images a second", "What all ranks train on, and the line of linear scaling: what the same ranks would do if they never waited for each other. A wide gap: see the all-reduce "
          "and the ranks below.", (Query(IMAGES, "{{run}}"),
                                   Query(f"{IMAGES} * {phase(STEP)} / {phase(STEP.replace('|allreduce_exposed', ''))}", "{{run}} linear")),
          unit="suffix: img/s", width=HALF, low=0),
    Panel("Step time", "p50, p90, p99. p99 far above p50: evaluations of the file system's mood, a straggler, checkpoints; the heat map shows whether there are two kinds of steps.",
          tuple(Query(quantile(share, "catamaran_step_duration_seconds"), f"{{{{run}}}} p{100 * share:g}") for share in (0.5, 0.9, 0.99)), unit="s", width=HALF, low=0),
    Panel("Steps by their time", "How many steps took how long. Two bands are two kinds of steps: data that comes late, or another job on the nodes.",
          (Query(f"sum by (le) (increase({series('catamaran_step_duration_seconds_bucket')}[$__rate_interval]))", "{{le}}"),), kind="heatmap", unit="s", width=HALF),
    Panel("Where the time goes", "All wall time of the runs chosen, to 100 %. Wanted: forward and backward. data_wait: see Data; allreduce_exposed: see All-reduce; eval: evaluate more rarely "
          "(evaluate.every_epochs); checkpoint_stall: checkpoint more rarely.",
          (Query(rate("catamaran_phase_seconds_total", by="phase"), "{{phase}}"),), unit="percentunit", width=HALF, stacked=True),
))

RANKS_OF = "count by (cluster, run) (" + series("catamaran_rank_compute_seconds", 'rank!=""') + ")"
GRADIENT = 'op="gradient"'
ALLREDUCE = ("All-reduce", (
    Panel("Hidden by the backward pass", "Share of the all-reduces of gradients that computation hid. Below 0.9: a smaller reducer.last_bucket_bytes, larger batches, or the network is too slow.",
          (Query(gauge("catamaran_allreduce_overlap_ratio"), "{{run}}"),), unit="percentunit", width=QUARTER, low=0, high=1),
    Panel("Exposed", "Share of the steps' time in which ranks wait for sums, or for a slower rank. Above 5 %: if a rank is slow (see Ranks) it is that; else the network.",
          (Query(f"{phase('allreduce_exposed')} / {phase(STEP)}", "{{run}}"),), unit="percentunit", width=QUARTER, low=0),
    Panel("Bus bandwidth", "Bytes of gradients by the time of their all-reduces, times 2 (n - 1) / n: comparable between numbers of ranks, and with nccl-tests. Far below `catamaran bench "
          "allreduce` on the same nodes: another job shares the network.",
          (Query(f"{rate('catamaran_allreduce_bytes_total', GRADIENT)} / {rate('catamaran_allreduce_seconds_total', GRADIENT)}"
                 f" * ((2 - 2 / {RANKS_OF}) or 2 * group by (cluster, run) ({series('catamaran_step')}))", "{{run}}"),), unit="Bps", width=QUARTER, low=0),
    Panel("Time of a collective", "p50 and p99, on rank 0, from its start to its end, by what it is for. sync: ranks that meet, so it waits for the slowest.",
          tuple(Query(quantile(share, "catamaran_collective_duration_seconds", by="cluster, run, op"), f"{{{{run}}}} {{{{op}}}} p{100 * share:g}") for share in (0.5, 0.99)),
          unit="s", width=QUARTER, log=True),
))

RANKS = ("Ranks", (
    Panel("Own work of the ranks", "Least, median and greatest of all ranks, before they wait for each other. A greatest far above the median: that rank's node is slow; exclude it.",
          (Query(gauge("catamaran_rank_compute_seconds", 'stat!=""', by="cluster, run, stat"), "{{run}} {{stat}}"),), unit="s", low=0),
    Panel("Own work, rank by rank", "Of the ranks chosen above (up to 64 ranks have a series each). One that is above the rest: exclude its node, or look there for other processes.",
          (Query(gauge("catamaran_rank_compute_seconds", 'rank=~"$rank", rank!=""', by="cluster, run, rank"), BY_RANK),), unit="s", low=0),
    Panel("Waiting for data, rank by rank", "One rank that waits: its node's cores, its node's disk. All of them: the file system.",
          (Query(gauge("catamaran_rank_data_wait_seconds", 'rank=~"$rank", rank!=""', by="cluster, run, rank"), BY_RANK),), unit="s", low=0),
    Panel("Slowest rank", "Its number. Always the same one: its log line names the host; look there for other processes and a throttled GPU.",
          (Query(gauge("catamaran_slowest_rank"), "{{run}}"),)),
    Panel("Slowest rank over the median", "Above 1.2 for ten minutes CatamaranStraggler tells of it.", (Query(gauge("catamaran_slowest_rank_factor"), "{{run}}"),), low=1, warn=1.2, bad=1.5),
    Panel("Silence of ranks", "Since the newest heartbeat of the other ranks; each sends one a second. One that grows: that process or its node is gone, and the job ends by itself.",
          (Query(gauge("catamaran_watchdog_heartbeat_age_seconds", by="cluster, run, stat"), "{{run}} {{stat}}"),), unit="s", low=0, warn=5, bad=30),
    Panel("State over time", "A gap is time without a run: in the queue, or gone; `catamaran status` says which.", (Query(f"max by (cluster, run) ({states()})", "{{run}}"),), kind="state-timeline", unit="state", width=FULL, height=6),
))

DATA = ("Data", (
    Panel("Waiting for data", "Share of the steps' time. Above a tenth CatamaranInputBound tells of it: more data.threads and cores, data.stage, data.cache_mib, or pixel packs.",
          (Query(f"{phase('data_wait')} / {phase(STEP)}", "{{run}}"),), unit="percentunit", width=QUARTER, low=0, warn=0.05, bad=0.1),
    Panel("Wait of a step", "p50 and p99. Only p99 is high: reads that stall now and then, the file system; a larger data.prefetch_batches bridges them.",
          tuple(Query(quantile(share, "catamaran_data_wait_seconds"), f"{{{{run}}}} p{100 * share:g}") for share in (0.5, 0.99)), unit="s", width=QUARTER, low=0),
    Panel("Queue", "Batches ready, of the rank that has the fewest, and how many there may be. Empty with cores at work: decoding is too slow; empty with idle cores: reading is.",
          (Query(gauge("catamaran_queue_batches"), "{{run}} ready"), Query(gauge("catamaran_queue_capacity_batches"), "{{run}} at most")), width=QUARTER, low=0),
    Panel("Read", "Bytes of images a second, all ranks. With data.cache_mib or a page cache it falls to nothing, and that is well.",
          (Query(rate("catamaran_read_bytes_total"), "{{run}}"),), unit="Bps", width=QUARTER, low=0),
    Panel("Decoding threads", "Cores' worth of reading, decoding and resizing, all ranks: near data.threads times ranks, the loaders are at their limit.",
          (Query(rate("catamaran_decode_seconds_total"), "{{run}}"),), unit="suffix: cores", width=HALF, low=0),
    Panel("Bad images", "That another one took the place of, by reason, since this start. Any at all: `catamaran check PACK`; the log has their ids.",
          (Query(total("catamaran_bad_samples_total", by="reason"), "{{run}} {{reason}}"),), width=HALF, low=0),
))

CHECKPOINTS = ("Checkpoints", (
    Panel("Age of the newest", "What would be lost if the run were killed now, and the interval. Above three intervals CatamaranCheckpointOverdue tells of it: see the log.",
          (Query(f"time() - {gauge('catamaran_last_checkpoint_timestamp_seconds')}", "{{run}} age"),
           Query(gauge("catamaran_checkpoint_interval_seconds"), "{{run}} interval")), unit="s", width=QUARTER, low=0),
    Panel("Training stands still", "p99 of the time for a checkpoint. More than a step: less memory than a copy of the state needs, or the one before is still being written.",
          (Query(quantile(0.99, "catamaran_checkpoint_stall_duration_seconds"), "{{run}}"),), unit="s", width=QUARTER, low=0),
    Panel("Writing", "p50 and p99, in the background. It must stay well below the interval: checkpoint more rarely, or to a faster file system.",
          tuple(Query(quantile(share, "catamaran_checkpoint_write_duration_seconds"), f"{{{{run}}}} p{100 * share:g}") for share in (0.5, 0.99)), unit="s", width=QUARTER, low=0),
    Panel("Size and free space", "Below three checkpoints of room CatamaranDiskLow tells of it: prune runs that have ended, or raise the quota.",
          (Query(gauge("catamaran_checkpoint_bytes"), "{{run}} checkpoint"), Query(gauge("catamaran_run_dir_free_bytes"), "{{run}} free")), unit="bytes", width=QUARTER, log=True),
    Panel("Written, failed, left out", "Since this start, by result and kind. An error: see the log for the file and the reason; the last good one is kept.",
          (Query(total("catamaran_checkpoints_total", by="result, kind"), "{{run}} {{kind}} {{result}}"),), width=FULL, low=0),
))

NUMERICS = ("Numerics", (
    Panel("Steps that did not count", "Not finite, spikes, undone by going back. In fp16 a few at the start are the search for a loss scale. Many: a lower learning rate, clipping, fp32.",
          (Query(total("catamaran_steps_total", 'result!="ok"', by="result"), "{{run}} {{result}}"),), width=QUARTER, low=0),
    Panel("Spikes", "Steps whose loss or gradient norm was far above those before (numerics.on_spike). The log has the images of each.",
          (Query(gauge("catamaran_loss_spikes_total"), "{{run}}"),), width=QUARTER, low=0),
    Panel("Hash checks", "Comparisons of weights over ranks, and those that failed. A failure ends the run: a memory or processor fault on the node that the error names.",
          (Query(gauge("catamaran_consistency_checks_total"), "{{run}} checks"), Query(gauge("catamaran_consistency_check_failures_total"), "{{run}} failures")), width=QUARTER, low=0),
    Panel("Loss scale", "Of fp16; 1 without. It must come to rest: falling to below 1024 means values that do not fit into fp16, try bf16.",
          (Query(gauge("catamaran_loss_scale"), "{{run}}"),), width=QUARTER, log=True),
    Panel("Norm of the weights", "It grows without end: raise optimizer.weight_decay, or the learning rate is too high.", (Query(gauge("catamaran_parameter_norm"), "{{run}}"),), width=HALF),
    Panel("Weights of the three heads", "Alpha, beta, gamma of equation (11). One near 0: that head does not help.",
          (Query(gauge("catamaran_fusion_weight", by="cluster, run, weight"), "{{run}} {{weight}}"),), width=HALF),
))


GPU = ("GPU", (
    Panel("Utilisation", "Share of the time in which kernels ran, by DCGM or by NVML. Below 0.9: see where the time goes; data and all-reduce are the usual reasons.",
          (Query(dcgm("DCGM_FI_DEV_GPU_UTIL") + " / 100", GPU_LEGEND), Query(nvml("catamaran_gpu_utilization_ratio"), NVML_LEGEND)), unit="percentunit", low=0, high=1),
    Panel("Tensor cores", "Share of the cycles in which they worked. Near 0 in bf16 or fp16: odd widths of the model (multiples of 8), or batches that are too small.",
          (Query(dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"), GPU_LEGEND),), unit="percentunit", low=0, high=1),
    Panel("Memory", "In use, by DCGM or by NVML, and what there is. Room to spare: a larger batch.per_device.",
          (Query(dcgm("DCGM_FI_DEV_FB_USED") + " * 1048576", GPU_LEGEND), Query(nvml("catamaran_gpu_memory_used_bytes"), NVML_LEGEND),
           Query(nvml("catamaran_gpu_memory_total_bytes"), NVML_LEGEND + ", in all")), unit="bytes", low=0),
    Panel("Power", "One GPU far below the others at the same work is throttled: power cap, cooling, or a fault.",
          (Query(dcgm("DCGM_FI_DEV_POWER_USAGE"), GPU_LEGEND), Query(nvml("catamaran_gpu_power_watts"), NVML_LEGEND)), unit="watt", low=0),
    Panel("Temperature", "Above 85 °C most GPUs run slower: the node's cooling.",
          (Query(dcgm("DCGM_FI_DEV_GPU_TEMP"), GPU_LEGEND), Query(nvml("catamaran_gpu_temperature_celsius"), NVML_LEGEND)), unit="celsius", warn=80, bad=87),
    Panel("Errors", "Number of the newest XID (0: none; it stays until the exporter is restarted), and memory errors since the driver was loaded, corrected or not. "
          "A change of the XID is CatamaranGpuFault: drain the node.",
          (Query(dcgm("DCGM_FI_DEV_XID_ERRORS"), GPU_LEGEND + " XID"), Query(nvml("catamaran_gpu_ecc_errors_total"), NVML_LEGEND + ", memory errors")), low=0),
))

PROCESS = ("Process of rank 0", (
    Panel("Memory", "Resident. It grows without end: a leak, tell us; near the job's limit the kernel ends the process without a word.",
          (Query(gauge("process_resident_memory_bytes"), "{{run}}"),), unit="bytes", width=QUARTER, low=0),
    Panel("Open files", "And how many may be: at the limit packs and checkpoints can no longer be opened; raise `ulimit -n`.",
          (Query(gauge("process_open_fds"), "{{run}} open"), Query(gauge("process_max_fds"), "{{run}} at most")), width=QUARTER, log=True),
    Panel("Threads", "More than cores of the rank by far: another library makes its own; set OMP_NUM_THREADS.", (Query(gauge("process_threads"), "{{run}}"),), width=QUARTER, low=0),
    Panel("Warnings and errors in the log", "A second, of all ranks. Any that go on are worth reading: log.jsonl.",
          (Query(rate("catamaran_log_messages_total", by="cluster, run, level"), "{{run}} {{level}}"),), unit="cps", width=QUARTER, low=0),
    Panel("Making this page", "Seconds of a core a scrape. Above 5 ms something is wrong with the machine, not with the run.",
          (Query(gauge("catamaran_scrape_render_seconds"), "{{run}}"),), unit="s", width=FULL, height=5, low=0),
))

TABLE = ("Runs", (
    Panel("Runs", "A line a run that is being scraped. Follow a run to its own dashboard. One that is missing has ended, or is in the queue: `catamaran status`.", (
        Query(f"max by ({RUN_LABELS}) ({by_host(states())})", column="state"),
        Query(table_row("catamaran_step"), column="step"),
        Query(table_row("catamaran_progress_ratio"), column="progress"),
        Query(table_row("catamaran_best_map_ratio"), column="best mAP"),
        Query(f"sum by ({RUN_LABELS}) ({by_host(TRAINED)})", column="images/s"),
        Query(table_row("catamaran_loss_smoothed"), column="loss"),
        Query(table_row("catamaran_eta_seconds"), column="time left"),
        Query(table_row("catamaran_restarts"), column="restarts")),
        kind="table", width=FULL, height=9,
        units=(("state", "state"), ("progress", "percentunit"), ("best mAP", "percentunit"), ("images/s", "suffix: img/s"), ("time left", "s"))),
))

FIRING = 'alertname=~"Catamaran.*", alertstate="firing"'
GLANCE = ("At a glance", (
    Panel("Runs by state", "Runs that are being scraped. To see why one is missing: `catamaran status`.", (Query("count by (state) (" + series("catamaran_state") + " == 1)", "{{state}}"),),
          kind="stat", width=QUARTER, height=4, none="no run"),
    Panel("Images a second", "All runs together, over 5 minutes. It falls while as many runs train: the file system or the network that they share.", (Query("sum(" + series("catamaran:images:rate5m") + ")", "all"),), kind="stat", unit="suffix: img/s", width=SIXTH, height=4),
    Panel("Goodput", "Mean of the runs: time of steps that count over time since their first start. Below 0.9: look for the run with many restarts.", (Query("avg(" + series("catamaran_goodput_ratio") + ")", "mean"),), kind="stat",
          unit="percentunit", width=SIXTH, height=4, falling=True, warn=0.9, bad=0.7),
    Panel("Gone", "Targets whose run does not answer. It crashed: submit it again; or its node did. To forget it: `catamaran status --sweep`.",
          (Query("count(" + series("up", 'job="catamaran"') + " == 0) or vector(0)", "gone"),), kind="stat", width=SIXTH, height=4, warn=1, bad=1),
    Panel("Alerts", "Firing now. docs/monitoring.md has a heading for each that says what to do.", (Query("count by (alertname) (" + series("ALERTS", FIRING) + ") or vector(0)", "{{alertname}}"),),
          kind="stat", width=QUARTER, height=4, warn=1, bad=1),
))
COMPARED = ("Side by side", (
    Panel("Loss", "Smoothed over about 50 steps. One run that leaves the others: see its own dashboard, Learning.", (Query(gauge("catamaran_loss_smoothed"), "{{run}}"),), width=HALF),
    Panel("Best mAP", "So far. A run that is far behind after as many images as the others may be cancelled.", (Query(gauge("catamaran_best_map_ratio"), "{{run}}"),), unit="percentunit", width=HALF),
    Panel("Images a second", "Over 5 minutes (recorded by the rules). Of runs on as many ranks one that is slower: see its own dashboard, Speed.", (Query("sum by (cluster, run) (" + series("catamaran:images:rate5m") + ")", "{{run}}"),), unit="suffix: img/s", low=0),
    Panel("Waiting for data", "Share of the steps' time over 10 minutes (recorded by the rules). Above a tenth: see the run's own dashboard, Data.",
          (Query("max by (cluster, run) (" + series("catamaran:data_wait:ratio10m") + ")", "{{run}}"),), unit="percentunit", low=0, warn=0.05, bad=0.1),
    Panel("Slowest rank over the median", "Over 10 minutes (recorded by the rules). Above 1.2: exclude that rank's node.",
          (Query("max by (cluster, run) (" + series("catamaran:straggler:ratio10m") + ")", "{{run}}"),), low=1, warn=1.2, bad=1.5),
    Panel("Progress", "A line that is flat is a run that stands still, or is in the queue.", (Query(gauge("catamaran_progress_ratio"), "{{run}}"),), unit="percentunit", low=0, high=1),
    Panel("Checkpoint's age in intervals", "Above 3: nothing is being saved; see the run's log.",
          (Query(f"(time() - {gauge('catamaran_last_checkpoint_timestamp_seconds')}) / {gauge('catamaran_checkpoint_interval_seconds')}", "{{run}}"),), low=0, warn=2, bad=3),
    Panel("Free space", "Where each run's directory is. Below three checkpoints CatamaranDiskLow tells of it: prune runs that have ended, or raise the quota.", (Query(gauge("catamaran_run_dir_free_bytes"), "{{run}}"),), unit="bytes", low=0),
    Panel("State over time", "A gap is time without the run: in the queue, or gone; `catamaran status` says which.", (Query(f"max by (cluster, run) ({states()})", "{{run}}"),), kind="state-timeline", unit="state", width=FULL),
    Panel("Alerts over time", "Which fired, and for how long. None is well; docs/monitoring.md has a heading for each that says what to do.", (Query("count by (run, alertname) (" + series("ALERTS", FIRING) + ") or vector(0)", "{{alertname}} {{run}}"),), width=FULL, low=0),
))



def of_ended(name):
    """Of final.prom, which node_exporter shows: one line a run and end."""
    return 'max by (run, state, reason, cause) (catamaran_final_info{run=~"$run"}) * on (run) group_left () max by (run) (' + name + ")"


ENDED = ("How runs ended", (
    Panel("Runs that have ended", "From the final.prom of run directories, by node_exporter's textfile collector (docs/monitoring.md). Code 75: stopped with a checkpoint, submit it again; "
          "docs/exit-codes.md has the others.", (
              Query(of_ended("catamaran_final_exit_code"), column="exit code"),
              Query(of_ended("catamaran_final_step"), column="step"),
              Query(of_ended("catamaran_final_best_map_ratio"), column="best mAP"),
              Query(of_ended("catamaran_final_timestamp_seconds") + " * 1000", column="ended")),
          kind="table", width=FULL, height=7, units=(("best mAP", "percentunit"), ("ended", "dateTimeAsIso"))),
))

GPU_ROWS = ("Which run is on which GPU", (
    Panel("GPUs of the runs", "By DCGM, joined by the GPU's UUID. XID: 0 is none; a GPU whose power is far below the others' at the same work is throttled.", (
        Query(dcgm("DCGM_FI_DEV_GPU_UTIL") + " / 100", column="utilisation"),
        Query(dcgm("DCGM_FI_DEV_FB_USED") + " * 1048576", column="memory"),
        Query(dcgm("DCGM_FI_DEV_POWER_USAGE"), column="power"),
        Query(dcgm("DCGM_FI_DEV_GPU_TEMP"), column="temperature"),
        Query(dcgm("DCGM_FI_DEV_XID_ERRORS"), column="XID")),
        kind="table", width=FULL, height=9,
        units=(("utilisation", "percentunit"), ("memory", "bytes"), ("power", "watt"), ("temperature", "celsius"))),
))
GPU_LINE = "{{host}} GPU {{gpu}}"
GPUS = ("GPUs by node", (
    Panel("Utilisation", "A GPU at 0 in a job that trains: the job did not get it, or hangs.", (Query(of_nodes("DCGM_FI_DEV_GPU_UTIL") + " / 100", GPU_LINE),), unit="percentunit", low=0, high=1),
    Panel("Tensor cores", "Share of the cycles in which they worked. Near 0 in bf16 or fp16: see the run's own dashboard, GPU.", (Query(of_nodes("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"), GPU_LINE),), unit="percentunit", low=0, high=1),
    Panel("Memory in use", "In use without a job: a process was left behind; drain the node.", (Query(of_nodes("DCGM_FI_DEV_FB_USED") + " * 1048576", GPU_LINE),), unit="bytes", low=0),
    Panel("Power", "One far below the others: throttled.", (Query(of_nodes("DCGM_FI_DEV_POWER_USAGE"), GPU_LINE),), unit="watt", low=0),
    Panel("Temperature", "Above 85 °C most GPUs run slower.", (Query(of_nodes("DCGM_FI_DEV_GPU_TEMP"), GPU_LINE),), unit="celsius", warn=80, bad=87),
    Panel("SM clock", "Falling at full work: power or temperature limits it.", (Query(of_nodes("DCGM_FI_DEV_SM_CLOCK") + " * 1000000", GPU_LINE),), unit="hertz", low=0),
    Panel("Newest XID", "0: none. A step is a new error; the number stays until the exporter is restarted. NVIDIA's list of XIDs says what it is.",
          (Query(of_nodes("DCGM_FI_DEV_XID_ERRORS"), GPU_LINE),), width=HALF, low=0),
    Panel("PCIe replays", "A second. Any that go on: a bad slot, riser or cable.", (Query('sum by (host, gpu) (rate(DCGM_FI_DEV_PCIE_REPLAY_COUNTER{host=~"$host"}[$__rate_interval]))', GPU_LINE),),
          unit="cps", width=HALF, low=0),
))
ON_HOST = 'host=~"$host"'
HOSTS = ("Hosts", (
    Panel("Processor", "Share in use. Full while GPUs wait: decoding is what limits; more nodes, or pixel packs.",
          (Query('1 - avg by (host) (rate(node_cpu_seconds_total{' + ON_HOST + ', mode="idle"}[$__rate_interval]))', "{{host}}"),), unit="percentunit", low=0, high=1),
    Panel("Memory available", "Near 0 the kernel ends processes: fewer data.threads, a smaller data.cache_mib.", (Query("node_memory_MemAvailable_bytes{" + ON_HOST + "}", "{{host}}"),), unit="bytes", low=0),
    Panel("Network", "Received and sent. Gradients over MPI or sockets, and packs over NFS; not what InfiniBand carries.",
          (Query('sum by (host) (rate(node_network_receive_bytes_total{' + ON_HOST + ', device!="lo"}[$__rate_interval]))', "{{host}} received"),
           Query('sum by (host) (rate(node_network_transmit_bytes_total{' + ON_HOST + ', device!="lo"}[$__rate_interval]))', "{{host}} sent")), unit="Bps", low=0),
))

ONE_RUN = Dashboard("catamaran-run", "Catamaran: one run", "Everything about a run, or a few beside each other.", ("cluster", "run", "rank"),
                    (NOW, LEARNING, ACCURACY, SPEED, ALLREDUCE, RANKS, DATA, CHECKPOINTS, NUMERICS, GPU, PROCESS, TABLE))
ALL_RUNS = Dashboard("catamaran-runs", "Catamaran: all runs", "What runs now, side by side. Some panels need the recording rules of monitoring/prometheus.", ("cluster", "run"),
                     (GLANCE, TABLE, COMPARED, ENDED))
NODES = Dashboard("catamaran-nodes", "Catamaran: nodes", "GPUs and hosts, and which run is on which. Needs dcgm-exporter and node_exporter, with the label host of the example's relabelling.",
                  ("cluster", "run", "rank", "host"), (GPU_ROWS, GPUS, HOSTS))
DASHBOARDS = (ONE_RUN, ALL_RUNS, NODES)


def queries(dashboard):
    """(panel, query) of all rows."""
    return [(panel, query) for _, row in dashboard.rows for panel in row for query in panel.queries]


def substituted(expr, rate_interval, chosen=()):
    """As Grafana sends it: `chosen` is {variable: regular expression}, everything for the rest."""
    for name in VARIABLES:
        expr = expr.replace(f'"${name}"', f'"{dict(chosen).get(name, ".*")}"')
    return expr.replace("$__rate_interval", rate_interval)


# Values of a variable: of what a label, in the order in which they depend on each other.
VARIABLES = {
    "cluster": "label_values(catamaran_build_info, cluster)",
    "run": 'label_values(catamaran_build_info{cluster=~"$cluster"}, run)',
    "rank": "label_values(" + series("catamaran_rank_compute_seconds", 'rank!=""') + ", rank)",
    "host": 'label_values(up{job=~"dcgm|node"}, host)',
}

# Marks on every panel's time axis: name, colour, query, text. Their step is 15 s, and they have no $__rate_interval of a panel.
ANNOTATIONS = (
    ("Starts", "purple", "changes(" + gauge("catamaran_start_timestamp_seconds") + "[1m:15s]) > 0", "{{run}} was started again"),
    ("Checkpoints", "blue", "sum by (cluster, run) (increase(" + series("catamaran_checkpoints_total", 'result="ok"') + "[1m])) > 0", "{{run}}: checkpoint"),
    ("Spikes", "orange", "sum by (cluster, run) (increase(" + series("catamaran_loss_spikes_total") + "[1m])) > 0", "{{run}}: spike"),
    ("Alerts", "red", series("ALERTS", FIRING), "{{alertname}} {{run}}"),
)
