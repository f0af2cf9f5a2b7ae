// Charts in which the reader chooses what is shown: precision over recall of a class, and the points of a sweep as parallel
// coordinates and as a scatter of two of their numbers.

const ALL_LABELS = "";

function curveTrace(run, curve, colours) {
  const f1 = curve.precision.map((p, k) => (p + curve.recall[k] > 0 ? (2 * p * curve.recall[k]) / (p + curve.recall[k]) : 0));
  return {
    type: "scatter", mode: "lines+markers", name: plain(run.name), x: curve.recall, y: curve.precision,
    customdata: curve.threshold.map((threshold, k) => [threshold, f1[k]]),
    line: {color: runColour(colours, run.colour), width: 2, dash: runDash(colours, run.colour)}, marker: {size: 4},
    hovertemplate: "recall %{x:.3f}, precision %{y:.3f}<br>F1 %{customdata[1]:.3f}, from a probability of %{customdata[0]}",
  };
}

// Where F1 is the same.
function evenTrace(f1, colours) {
  const x = [], y = [];
  for (let k = 0; k <= 60; ++k) {
    const recall = f1 / 2 + (1 - f1 / 2) * (k / 60);
    const precision = (f1 * recall) / (2 * recall - f1);
    if (precision > 1 || !Number.isFinite(precision)) continue;
    x.push(recall);
    y.push(precision);
  }
  return {
    type: "scatter", mode: "lines", x, y, hoverinfo: "skip", showlegend: false, name: `F1 ${f1}`,
    line: {color: colours.line, width: 1, dash: "dot"},
  };
}

function buildPrecisionRecall(spec, colours, chosen) {
  const name = chosen.label ?? ALL_LABELS;
  const data = [0.2, 0.4, 0.6, 0.8].map((f1) => evenTrace(f1, colours));
  for (const run of spec.runs) {
    const curve = name === ALL_LABELS ? run.pooled : run.by_class[name];
    if (curve) data.push(curveTrace(run, curve, colours));
  }
  return {
    data,
    layout: baseLayout(colours, {
      hovermode: "closest", showlegend: spec.runs.length > 1, legend: {x: 0, y: 0, xanchor: "left", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)"},
      xaxis: axisLayout(colours, "recall", {range: [0, 1.005]}), yaxis: axisLayout(colours, "precision", {range: [0, 1.02]}),
    }),
  };
}

// 0 ... 1 along an axis; null where a point has no value.
function placesOn(axis) {
  const value = (v) => (axis.log ? Math.log10(v) : v);
  const known = axis.values.filter((v) => v !== null).map(value);
  const low = Math.min(...known), high = Math.max(...known);
  return axis.values.map((v) => (v === null ? null : high > low ? (value(v) - low) / (high - low) : 0.5));
}

function wordsOf(axis, point) {
  const value = axis.values[point];
  if (value === null) return "–";
  return axis.ticks ? axis.ticks.find((tick) => tick.at === value)?.text ?? String(value) : String(value);
}

function mix(from, to, share) {
  const parts = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const [a, b] = [parts(from), parts(to)];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i] - value) * share)).join(",")})`;
}

function axisNotes(axis, at, colours) {
  const note = (y, text, more) => ({
    x: at, y, text: plain(text), showarrow: false, font: {size: 10, color: colours.soft}, bgcolor: withAlpha(colours.card, 0.75), ...more,
  });
  const title = note(1.13, axis.label, {font: {size: 11, color: colours.text}, yanchor: "bottom"});
  if (axis.ticks) {
    const last = Math.max(1, axis.ticks.length - 1);
    return [title, ...axis.ticks.map((tick) => note(axis.ticks.length > 1 ? tick.at / last : 0.5, tick.text, {xanchor: "left", xshift: 4}))];
  }
  const known = axis.values.filter((v) => v !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (high <= low) return [title, note(0.5, String(low), {xanchor: "left", xshift: 4})];
  return [title, note(1.04, String(high), {yanchor: "bottom"}), note(-0.04, String(low), {yanchor: "top"})];
}

function buildParallel(spec, colours, chosen) {
  const axes = spec.axes.filter((axis) => axis.values.some((value) => value !== null));
  const places = axes.map(placesOn);
  const rank = places[places.length - 1];
  const data = spec.names.map((name, point) => {
    const words = axes.map((axis) => `${plain(axis.label)}: ${plain(wordsOf(axis, point))}`).join("<br>");
    const passes = !chosen.passing || chosen.passing.has(point);
    return {
      type: "scatter", mode: "lines+markers", name: plain(name), x: axes.map((_, k) => k), y: places.map((place) => place[point]),
      opacity: passes ? 0.85 : 0.06, line: {color: mix(colours.low, colours.high, rank[point] ?? 0), width: passes ? 1.8 : 1},
      marker: {size: 5}, hovertemplate: `<b>${plain(name)}</b><br>${words}<extra></extra>`, selected: {marker: {size: 7}}, unselected: {marker: {opacity: 0.5}},
    };
  });
  return {
    data,
    layout: baseLayout(colours, {
      hovermode: "closest", dragmode: "select", margin: {l: 40, r: 60, t: 26, b: 26}, annotations: axes.flatMap((axis, k) => axisNotes(axis, k, colours)),
      shapes: axes.map((_, k) => ({type: "line", x0: k, x1: k, y0: 0, y1: 1, line: {color: colours.soft, width: 1}, layer: "below"})),
      xaxis: {visible: false, range: [-0.3, axes.length - 0.55], fixedrange: true}, yaxis: {visible: false, range: [-0.14, 1.28], fixedrange: true},
    }),
  };
}

// The points that pass through what was selected, on every axis that has something selected.
function passingPoints(selected) {
  const byAxis = new Map();
  for (const point of selected) {
    if (!byAxis.has(point.x)) byAxis.set(point.x, new Set());
    byAxis.get(point.x).add(point.curveNumber);
  }
  const sets = [...byAxis.values()];
  return sets.length === 0 ? null : new Set([...sets[0]].filter((point) => sets.every((set) => set.has(point))));
}

function scatterAxis(axis, colours) {
  if (!axis.ticks) return axisLayout(colours, axis.label, {type: axis.log ? "log" : "linear"});
  return axisLayout(colours, axis.label, {tickvals: axis.ticks.map((tick) => tick.at), ticktext: axis.ticks.map((tick) => plain(tick.text))});
}

function buildScatter(spec, colours, chosen) {
  const last = spec.axes.length - 1;
  const [x, y, c] = [chosen.x ?? 0, chosen.y ?? last, chosen.colour ?? last].map((k) => spec.axes[k]);
  return {
    data: [{
      type: "scatter", mode: "markers", x: x.values, y: y.values,
      text: spec.names.map((name, point) => `<b>${plain(name)}</b><br>` + spec.axes.map((axis) => `${plain(axis.label)}: ${plain(wordsOf(axis, point))}`).join("<br>")),
      hovertemplate: "%{text}<extra></extra>",
      marker: {size: 9, color: c.values, colorscale: [[0, colours.low], [1, colours.high]], showscale: true, line: {color: colours.card, width: 1},
        colorbar: {thickness: 10, outlinewidth: 0, tickfont: {color: colours.soft}, title: {text: plain(c.label), side: "right"}}},
    }],
    layout: baseLayout(colours, {hovermode: "closest", uirevision: `${x.label} ${y.label}`, xaxis: scatterAxis(x, colours), yaxis: scatterAxis(y, colours)}),
  };
}
