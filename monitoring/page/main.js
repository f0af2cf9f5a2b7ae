// The page itself: unpacks the charts' library, draws every chart, and draws them anew when colours change, when the reader
// chooses, and for paper.

const BUILDERS = {
  "lines": buildLines, "heat": buildHeat, "stack": buildStack, "points": buildPoints, "precision-recall": buildPrecisionRecall,
  "parallel": buildParallel, "scatter": buildScatter,
};
const PAPER_WIDTH = 680;  // pixels of a page of A4 or letter within its margins

const CHART_CONFIG = {
  responsive: true, displaylogo: false, doubleClick: "reset+autosize",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"], toImageButtonOptions: {format: "png", scale: 2},
};

function tool(chart, element) {
  let tools = chart.figure.querySelector(".tools");
  if (!tools) {
    tools = document.createElement("span");
    tools.className = "tools";
    chart.figure.querySelector("figcaption").append(tools);
  }
  tools.append(element);
}

function redraw(chart, more = {}) {
  const {data, layout} = BUILDERS[chart.spec.kind](chart.spec, pageColours(), chart.chosen);
  return window.Plotly.react(chart.div, data, {...layout, ...more}, CHART_CONFIG);
}

// Options: [value, text].
function choice(chart, label, options, value, choose) {
  const select = document.createElement("select");
  select.setAttribute("aria-label", label);
  for (const [each, text] of options) {
    const option = document.createElement("option");
    option.value = String(each);
    option.textContent = text;
    select.append(option);
  }
  select.value = String(value);
  select.addEventListener("change", () => {
    choose(select.value);
    redraw(chart);
  });
  const words = document.createElement("label");
  words.append(`${label} `, select);
  tool(chart, words);
}

function addControls(chart) {
  const {spec, chosen} = chart;
  if (spec.kind === "lines" && spec.log) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "log";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      chosen.log = !chosen.log;
      button.setAttribute("aria-pressed", String(chosen.log));
      redraw(chart);
    });
    tool(chart, button);
  }
  if (spec.kind === "precision-recall") {
    choice(chart, "of", [[ALL_LABELS, "all labels"], ...spec.classes.map((name) => [name, name])], ALL_LABELS, (value) => {
      chosen.label = value;
    });
  }
  if (spec.kind === "scatter") {
    const axes = spec.axes.map((axis, k) => [k, axis.label]);
    for (const [key, label, value] of [["x", "x", 0], ["y", "y", axes.length - 1], ["colour", "colour", axes.length - 1]])
      choice(chart, label, axes, value, (picked) => {
        chosen[key] = Number(picked);
      });
  }
}

function markRows(spec, passing) {
  for (const row of document.querySelectorAll("tr[data-point]")) {
    const point = (spec.rows ?? []).indexOf(Number(row.dataset.point));
    row.classList.toggle("dim", passing !== null && !passing.has(point));
  }
}

function followSelection(chart) {
  const choose = (passing) => {
    const key = passing === null ? "all" : [...passing].join(" ");
    if (key === (chart.chosen.key ?? "all")) return;  // drawing anew may tell the same again
    chart.chosen.key = key;
    chart.chosen.passing = passing ?? undefined;
    markRows(chart.spec, passing);
    redraw(chart);
  };
  chart.div.on("plotly_selected", (selection) => {
    if (selection?.points) choose(passingPoints(selection.points));
  });
  chart.div.on("plotly_deselect", () => choose(null));
  chart.div.on("plotly_doubleclick", () => choose(null));
}

// Charts over steps zoom together.
function followZoom(chart, charts) {
  chart.div.on("plotly_relayout", (change) => {
    if (chart.isFollowing) return;
    const range = change["xaxis.range"] ?? (change["xaxis.range[0]"] === undefined ? null : [change["xaxis.range[0]"], change["xaxis.range[1]"]]);
    const whole = change["xaxis.autorange"] === true;
    if (!range && !whole) return;
    for (const other of charts) {
      if (other === chart || other.spec.group !== chart.spec.group || !other.isDrawn) continue;
      other.isFollowing = true;
      window.Plotly.relayout(other.div, whole ? {"xaxis.autorange": true} : {"xaxis.range": [...range]}).finally(() => {
        other.isFollowing = false;
      });
    }
  });
}

async function unpackPlotly() {
  const packed = document.getElementById("plotly");
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to unpack their library; the tables hold the same numbers");
  const bytes = Uint8Array.from(atob(packed.textContent.trim()), (character) => character.charCodeAt(0));
  const source = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const script = document.createElement("script");
  script.textContent = source;
  document.head.append(script);
  packed.remove();
  if (!window.Plotly) throw new Error("their library did not start");
}

function hasSomething(spec) {
  if (spec.lines) return spec.lines.some((line) => line.y.some((value) => value !== null));
  if (spec.kind === "points") return spec.x.length > 0;
  return true;
}

function sayNothing(chart) {
  const line = document.createElement("p");
  line.className = "none";
  line.textContent = "nothing recorded";
  chart.div.replaceWith(line);
}

async function drawAll(charts) {
  for (const chart of charts) {
    if (!hasSomething(chart.spec)) {
      sayNothing(chart);
      continue;
    }
    const {data, layout} = BUILDERS[chart.spec.kind](chart.spec, pageColours(), chart.chosen);
    await window.Plotly.newPlot(chart.div, data, layout, CHART_CONFIG);
    chart.isDrawn = true;
    addControls(chart);
    if (chart.spec.group) followZoom(chart, charts);
    if (chart.spec.kind === "parallel") followSelection(chart);
    await new Promise((resume) => setTimeout(resume, 0));  // the page stays alive meanwhile
  }
}

// Paper is white, and narrower than a screen.
function preparePrinting(charts) {
  const drawn = () => charts.filter((chart) => chart.isDrawn);
  window.addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    for (const chart of drawn()) redraw(chart, {width: Math.min(PAPER_WIDTH, chart.div.clientWidth), autosize: false});
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    for (const chart of drawn()) redraw(chart);
  });
}

async function runPage() {
  const trouble = document.getElementById("trouble");
  const page = document.documentElement;
  try {
    const {charts: specs} = JSON.parse(document.getElementById("report-data").textContent);
    const charts = specs.map((spec, number) => {
      const div = document.getElementById(`chart-${number}`);
      return {spec, div, figure: div.closest("figure"), chosen: {}, isDrawn: false, isFollowing: false};
    });
    prepareTables();
    offerThemes(() => charts.filter((chart) => chart.isDrawn).forEach((chart) => redraw(chart)));
    trouble.textContent = "Drawing the charts …";
    if (charts.length > 0) await unpackPlotly();
    await drawAll(charts);
    preparePrinting(charts);
    trouble.hidden = true;
    page.dataset.chartCount = String(charts.filter((chart) => chart.isDrawn).length);
    page.dataset.charts = "drawn";
  } catch (problem) {
    trouble.textContent = `The charts could not be drawn: ${problem.message}.`;
    page.dataset.charts = "failed";
    console.error(problem);
  }
}

runPage();
