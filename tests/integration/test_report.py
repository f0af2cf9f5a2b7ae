"""The report in a real browser: charts are drawn, nothing is fetched, nothing complains, on a desk, on a phone, in the dark, on paper."""
import json
import re
import shutil

import pytest
from browser import Browser
from runs import SMALL, catamaran, settings

HOSTILE = ["</script><script>window.pwned = 1</script>", "<img src=x onerror='window.pwned = 2'>", "\"><b onclick=alert(1)>", "\u2028 \u2029 ]]> <!--",
           "%{x} $\\alpha$ <a href='javascript:alert(2)'>link</a>"]


@pytest.fixture(scope="module")
def running_browser():
    with Browser() as running:
        yield running


@pytest.fixture
def browser(running_browser):
    yield running_browser
    running_browser.close_pages()


@pytest.fixture(scope="module")
def told(trained, packs, tmp_path_factory):
    """A run with all that a report can show: two ranks, evaluations, checkpoints, best and worst pictures."""
    run = tmp_path_factory.mktemp("told") / "run"
    catamaran("train", "--config", trained / "config.toml", *settings(*SMALL, "schedule.max_steps=24", "evaluate.every_epochs=1", "log.every_steps=1"),
              "--run-dir", run, ranks=2)
    catamaran("explain", "--checkpoint", run, "--data", packs / "pack-test", "--best", 2, "--worst", 2, "--out", run / "explain")
    return run


def report_of(*runs, out):
    catamaran("report", *runs, "--out", out)
    return out


def looked_at(browser, path, **how):
    page = browser.open(path, **how)
    page.wait_for_charts()
    assert page.complaints == [] and page.requests == []
    return page


def drawn(page):
    """Every chart is there with something in it, but for those that say that nothing was recorded."""
    counts = page.evaluate("""[...document.querySelectorAll('.js-plotly-plot')].map((plot) =>
        [plot.id, plot.querySelectorAll('.scatterlayer .trace path, .barlayer .point path, .heatmaplayer image').length, plot._fullData.length])""")
    assert counts and all(marks > 0 and traces > 0 for _, marks, traces in counts), counts
    assert len(counts) == int(page.evaluate("document.documentElement.dataset.chartCount"))
    assert page.evaluate("document.getElementById('trouble').hidden")
    return len(counts)


def fits(page, width=1280):
    """No scrolling sideways."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.evaluate(
        f"[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > {width} + 1 && !e.closest('.scroll, pre, nav')).slice(0, 5).map((e) => e.outerHTML.slice(0, 120))")


def test_a_report_has_everything_and_fetches_nothing(browser, told, tmp_path):
    page = looked_at(browser, report_of(told, out=tmp_path / "report.html"))
    assert drawn(page) >= 10
    sections = page.evaluate("[...document.querySelectorAll('section')].map((s) => s.id)")
    assert sections == ["verdict", "figures", "curves", "accuracy", "confusions", "pictures", "steps", "data", "events", "settings", "versions", "files"] or \
        sections == [s for s in ["verdict", "figures", "curves", "accuracy", "confusions", "pictures", "steps", "data", "events", "settings", "versions", "files"] if s != "confusions"]
    text = page.evaluate("document.body.innerText")
    for words in ("Finished after", "Does best on", "Does worst on", "final checkpoint", "Other than the default", "LibTorch", "Straggler map"):
        assert words in text, words
    assert page.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth > 0 && i.naturalWidth <= 360)")
    assert (tmp_path / "report.html").stat().st_size < 9 << 20
    fits(page)


def test_what_a_run_leaves_for_it(told):
    curves = sorted((told / "curves").iterdir())
    assert [path.name for path in curves] == sorted(path.name for path in (told / "eval").iterdir())
    stored, evaluation = json.loads(curves[-1].read_text()), json.loads((told / "eval" / curves[-1].name).read_text())
    assert set(stored["classes"]) == set(evaluation["ap"]) and stored["images"] == evaluation["images"]
    counts = stored["counts"]
    hits, said = sum(counts["true_positives"]), sum(counts["true_positives"]) + sum(counts["false_positives"])
    there = hits + sum(counts["false_negatives"])
    assert evaluation["op"] == pytest.approx(hits / said if said else 0) and evaluation["or"] == pytest.approx(hits / there)
    events = [json.loads(line) for line in (told / "events.jsonl").read_text().splitlines()]
    assert events[-1]["kind"] == "final" and events[-1]["step"] == 24 and events[-1]["ok"] and events[-1]["bytes"] > 0
    ranks = [json.loads(line) for line in (told / "ranks.jsonl").read_text().splitlines()]
    assert [line["step"] for line in ranks] == [10, 20]
    assert all(len(line["compute_seconds"]) == len(line["data_wait_seconds"]) == 2 and min(line["compute_seconds"]) > 0 for line in ranks)


def test_the_best_and_the_worst_are_those_of_the_lowest_and_highest_loss(told, packs, tmp_path):
    chosen = json.loads((told / "explain/explain.json").read_text())["images"]
    assert [entry["rank"] for entry in chosen] == ["best", "best", "worst", "worst"]
    losses = [entry["loss"] for entry in chosen]
    assert losses[0] <= losses[1] < losses[3] <= losses[2]
    catamaran("eval", "--checkpoint", told, "--data", packs / "pack-test", "--scores", tmp_path / "scores.h5")
    catamaran("explain", "--checkpoint", told, "--data", packs / "pack-test", "--best", 2, "--worst", 2, "--scores", tmp_path / "scores.h5", "--out", tmp_path / "seen")
    again = json.loads((tmp_path / "seen/explain.json").read_text())["images"]
    assert [entry["image"] for entry in again] == [entry["image"] for entry in chosen]
    assert [entry["loss"] for entry in again] == pytest.approx(losses, rel=1e-3)
    for wrong in (["--best", "1"], ["--scores", tmp_path / "scores.h5", "--data", packs / "pack-test"], ["--worst", 1, "--data", packs / "pack-test", "--ids", "x"],
                  ["--worst", 1, "--data", packs / "pack-train", "--scores", tmp_path / "scores.h5"]):
        done = catamaran("explain", "--checkpoint", told, *wrong, "--out", tmp_path / "no", check=False)
        assert done.returncode in (2, 3) and not (tmp_path / "no").exists(), wrong


def test_charts_zoom_together_and_tell_what_is_under_the_mouse(browser, told, tmp_path):
    page = looked_at(browser, report_of(told, out=tmp_path / "report.html"))
    page.evaluate("Plotly.relayout('chart-0', {'xaxis.range': [3, 9]}).then(() => 1)")
    page.wait_for("document.getElementById('chart-2')._fullLayout.xaxis.range[0] === 3 && document.getElementById('chart-2')._fullLayout.xaxis.range[1] === 9")
    page.evaluate("document.querySelector('#chart-0').closest('figure').querySelector('button').click()")
    page.wait_for("document.getElementById('chart-0')._fullLayout.yaxis.type === 'log'")
    page.evaluate("document.getElementById('chart-0').scrollIntoView(), Plotly.Fx.hover('chart-0', {xval: 5}), 1")
    page.wait_for("document.querySelector('#chart-0 .hoverlayer text')")
    curves = page.evaluate("[...document.querySelectorAll('.js-plotly-plot')].findIndex((p) => p.closest('figure').querySelector('select[aria-label=of]'))")
    assert curves >= 0
    page.evaluate("""(() => { const select = document.querySelector('select[aria-label=of]'); select.selectedIndex = 1;
        select.dispatchEvent(new Event('change')); })()""")
    assert page.complaints == []


def test_tables_are_sorted_and_looked_through(browser, told, tmp_path):
    page = looked_at(browser, report_of(told, out=tmp_path / "report.html"))
    column = "[...document.querySelectorAll('#accuracy table')].at(-1)"
    values = f"[...{column}.tBodies[0].rows].map((row) => Number(row.cells[1].dataset.v))"
    assert page.evaluate(values) == sorted(page.evaluate(values), reverse=True)
    page.evaluate(f"{column}.tHead.rows[0].cells[1].click(), {column}.tHead.rows[0].cells[1].click()")
    assert page.evaluate(values) == sorted(page.evaluate(values))
    assert page.evaluate(f"{column}.tHead.rows[0].cells[1].getAttribute('aria-sort')") == "ascending"
    page.evaluate("""(() => { const input = document.querySelector('#settings .filter input'); input.value = 'learning_rate';
        input.dispatchEvent(new Event('input')); })()""")
    rows = page.evaluate("[...document.querySelector('#settings .filter').nextElementSibling.querySelectorAll('tbody tr')].map((row) => [row.hidden, row.innerText])")
    assert any(not hidden for hidden, _ in rows) and all(hidden or "learning_rate" in text for hidden, text in rows)


def test_it_follows_the_system_and_the_readers_choice_between_light_and_dark(browser, told, tmp_path):
    path = report_of(told, out=tmp_path / "report.html")
    light, dark = (looked_at(browser, path, dark=choice) for choice in (False, True))
    ground = "getComputedStyle(document.body).backgroundColor"
    words = "document.querySelector('#chart-0 .xtick text').style.fill"
    assert light.evaluate(ground) != dark.evaluate(ground) and light.evaluate(words) != dark.evaluate(words)
    before = light.evaluate(words)
    light.evaluate("document.querySelector('[data-theme-choice=dark]').click()")
    light.wait_for(f"{words} !== {json.dumps(before)}")
    assert light.evaluate(ground) == dark.evaluate(ground) and light.evaluate(words) == dark.evaluate(words)
    light.evaluate("document.querySelector('[data-theme-choice=auto]').click()")
    light.prefer(dark=True)
    light.wait_for(f"{ground} === {json.dumps(dark.evaluate(ground))}")
    assert light.complaints == dark.complaints == []


def test_on_a_phone_nothing_scrolls_sideways(browser, told, trained, tmp_path):
    for name, runs in (("one", [told]), ("several", [told, trained])):
        page = looked_at(browser, report_of(*runs, out=tmp_path / f"{name}.html"), width=375, height=740, mobile=True, scale=2)
        drawn(page)
        fits(page, 375)
        assert page.evaluate("[...document.querySelectorAll('.plot')].every((plot) => plot.getBoundingClientRect().width <= 375)")


def test_it_prints_white_and_within_the_paper(browser, told, tmp_path):
    page = looked_at(browser, report_of(told, out=tmp_path / "report.html"), dark=True)
    pdf = page.pdf()
    page.wait_for("!document.documentElement.classList.contains('printing')")
    assert pdf.startswith(b"%PDF") and len(pdf) > 50_000 and len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page').trim()") == "#f6f7f9"
    page.wait_for("[...document.querySelectorAll('.main-svg')].every((svg) => svg.getBoundingClientRect().width <= 680)")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page').trim()") == "#12161c"
    assert page.complaints == []


def copies(run, folder, count):
    for i in range(count):
        shutil.copytree(run, folder / f"{i:02}", ignore=shutil.ignore_patterns("checkpoints", "explain", "lock"))
        yield folder / f"{i:02}"


def scale_accuracy(run, factor):
    for path in (run / "eval").iterdir():
        evaluation = json.loads(path.read_text())
        evaluation["map"] = min(1, evaluation["map"] * factor)
        path.write_text(json.dumps(evaluation))


def test_a_sweep_has_a_table_parallel_coordinates_and_a_scatter(browser, trained, tmp_path):
    rates = ["0.1", "0.01", "0.001", "0.0001"]
    for i, run in enumerate(copies(trained / "cat", tmp_path / "sweep", 4)):
        scale_accuracy(run, 1 - 0.1 * i)
        (run / "point.json").write_text(json.dumps({"id": f"point{i}", "index": i, "values": {
            "optimizer.learning_rate": rates[i], "optimizer.name": ["\"sgd\"", "\"lamb\""][i % 2]}}))
    waiting = tmp_path / "sweep/waiting"
    waiting.mkdir()
    (waiting / "point.json").write_text(json.dumps({"id": "point4", "index": 4, "values": {"optimizer.learning_rate": "1.0"}}))
    page = looked_at(browser, report_of(tmp_path / "sweep", out=tmp_path / "report.html"))
    drawn(page)
    rows = page.evaluate("[...document.querySelector('#sweep table').tBodies[0].rows].map((row) => row.innerText)")
    assert len(rows) == 5 and any("point4" in row and "pending" in row for row in rows)
    lines = "document.querySelector('#sweep .js-plotly-plot')"
    assert page.evaluate(f"{lines}._fullData.length") == 4
    # only what passes high up on the first axis: the largest learning rate
    page.evaluate(f"{lines}.emit('plotly_selected', {{points: [{{x: 0, curveNumber: 0}}]}})")
    page.wait_for(f"{lines}._fullData[1].opacity < 0.1 && {lines}._fullData[0].opacity > 0.5")
    assert page.evaluate("[...document.querySelectorAll('tr[data-point]')].filter((row) => !row.classList.contains('dim')).length") == 1
    page.evaluate(f"{lines}.emit('plotly_deselect')")
    page.wait_for(f"{lines}._fullData[1].opacity > 0.5")
    page.evaluate("""(() => { const select = document.querySelector('select[aria-label=x]'); select.selectedIndex = 1;
        select.dispatchEvent(new Event('change')); })()""")
    assert page.complaints == []
    fits(page)


def test_twenty_runs_are_one_page(browser, trained, tmp_path):
    for i, run in enumerate(copies(trained / "cat", tmp_path / "runs", 20)):
        scale_accuracy(run, 1 - 0.02 * i)
    page = looked_at(browser, report_of(tmp_path / "runs", out=tmp_path / "report.html"))
    drawn(page)
    assert page.evaluate("document.querySelector('#chart-1')._fullData.length") == 20, "mAP"
    fits(page)


def test_a_run_that_is_half_deleted_or_of_another_version_is_shown_as_far_as_it_goes(browser, trained, tmp_path):
    halves = list(copies(trained / "cat", tmp_path / "runs", 5))
    shutil.rmtree(halves[0] / "eval")
    (halves[1] / "manifest.json").unlink()
    (halves[2] / "metrics.jsonl").write_text("")
    (halves[3] / "config.toml").write_bytes(b"\xff\xfe\x00 [[[\n")
    (halves[3] / "data.json").write_text("{")
    lines = [json.loads(line) for line in (halves[4] / "metrics.jsonl").read_text().splitlines()]
    (halves[4] / "metrics.jsonl").write_text("".join(json.dumps({k: line[k] for k in ("step", "loss")} | {"new": [1, {"deep": None}]}) + "\n" for line in lines))
    (halves[4] / "manifest.json").write_text(json.dumps({"format": 99, "lives": [{"world": "many", "hosts": 3, "ended": []}]}))
    for path in (halves[4] / "eval").iterdir():
        path.write_text(json.dumps({"map": 0.5, "protocol": "default", "images": "many"}))
    for half in halves:
        page = looked_at(browser, report_of(half, out=tmp_path / f"{half.name}.html"))
        drawn(page)
        page.close()
    assert "manifest.json: it is missing" in (tmp_path / "01.html").read_text()
    page = looked_at(browser, report_of(tmp_path / "runs", out=tmp_path / "all.html"))
    drawn(page)


def test_names_that_look_like_markup_are_names(browser, trained, tmp_path):
    run, = copies(trained / "cat", tmp_path / "runs", 1)
    for path in (run / "eval").iterdir():
        evaluation = json.loads(path.read_text())
        evaluation["ap"] = {name: 0.1 * (i + 1) for i, name in enumerate(HOSTILE)}
        evaluation["protocol"] = HOSTILE[0]
        path.write_text(json.dumps(evaluation))
        curve = {"positives": 2, "predicted": [1, 4], "true_positives": [1, 2], "threshold": [0.9, 0.1]}
        (run / "curves").mkdir(exist_ok=True)
        (run / "curves" / path.name).write_text(json.dumps({
            "threshold": 0.5, "classes": HOSTILE, "precision_recall": [curve] * len(HOSTILE), "pooled": curve,
            "counts": {key: [1] * len(HOSTILE) for key in ("true_positives", "false_positives", "false_negatives")},
            "mistaken": [[0, 1, 3, 5]], "invented": [[1, 2, 1, 2]], "missed": [[3, 4, 1, 2]]}))
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["run"] = HOSTILE[0]
    manifest["lives"][0]["hosts"] = HOSTILE
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run / "log.jsonl").write_text("".join(json.dumps({"time": 1.0, "level": "warning", "rank": 0, "message": name}) + "\n" for name in HOSTILE))
    page = looked_at(browser, report_of(run, out=tmp_path / "report.html"))
    drawn(page)
    page.evaluate("""(() => { const select = document.querySelector('select[aria-label=of]'); select.selectedIndex = 1;
        select.dispatchEvent(new Event('change')); })()""")
    assert page.evaluate("window.pwned") is None and page.evaluate("document.querySelectorAll('[onclick], [onerror], a[href^=javascript]').length") == 0
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.evaluate("document.querySelector('h1').textContent") == HOSTILE[0]
    cells = page.evaluate("[...document.querySelectorAll('#accuracy td')].map((cell) => cell.textContent)")
    assert set(HOSTILE) <= set(cells)
    ticks = page.evaluate("[...document.querySelectorAll('#confusions .ytick text')].map((tick) => tick.textContent)")
    assert any(name in ticks for name in HOSTILE[:2]), ticks
    assert page.complaints == []


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    for given, words in ((tmp_path / "nowhere", "no such run directory"), (tmp_path / "file", "no such run directory"), (tmp_path, "is no run directory")):
        done = catamaran("report", given, "--out", tmp_path / "report.html", check=False)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "report.html").exists()
