// Charts as plotly.js wants them: a builder for each kind of specification takes it, the page's colours and what the reader chose,
// and gives {data, layout}. Pure, but for the controls that a kind has.

// plotly reads a little markup in its texts; names of a run are none.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function withAlpha(colour, alpha) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (!hex) return colour;
  return `rgba(${hex.slice(1).map((pair) => Number.parseInt(pair, 16)).join(",")},${alpha})`;
}

const DASHES = ["solid", "dash", "dot"];

function runColour(colours, run) {
  return colours.runs[run % colours.runs.length];
}

function runDash(colours, run) {
  return DASHES[Math.floor(run / colours.runs.length) % DASHES.length];
}

function axisLayout(colours, title, more = {}) {
  return {
    title: {text: plain(title), standoff: 8}, gridcolor: colours.line, linecolor: colours.line, zeroline: false, automargin: true,
    tickfont: {color: colours.soft}, ...more,
  };
}

function baseLayout(colours, more = {}) {
  const touch = typeof window !== "undefined" && window.matchMedia?.("(pointer: coarse)").matches;
  return {
    autosize: true, margin: {l: 52, r: 12, t: 10, b: 42}, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {family: "system-ui, \"Segoe UI\", Roboto, \"DejaVu Sans\", sans-serif", size: 12, color: colours.soft},
    hoverlabel: {bgcolor: colours.card, bordercolor: colours.line, font: {color: colours.text}, namelength: 30},
    showlegend: false, uirevision: "kept", dragmode: touch ? false : "zoom",
    modebar: {bgcolor: "rgba(0,0,0,0)", color: colours.soft, activecolor: colours.accent}, ...more,
  };
}

function lineTrace(line, colours) {
  const colour = runColour(colours, line.colour);
  const common = {type: "scatter", name: plain(line.name), x: line.x, y: line.y, showlegend: false};
  switch (line.style) {
    case "faint":
      return {...common, mode: "lines", line: {color: withAlpha(colour, 0.28), width: 1}, hoverinfo: "skip"};
    case "marked":
      return {...common, mode: "lines+markers", line: {color: colour, width: 2, dash: runDash(colours, line.colour)},
        marker: {color: colour, size: 6}};
    case "crosses":
      return {...common, mode: "markers", marker: {color: colours.bad, symbol: "x", size: 7}};
    default:
      return {...common, mode: "lines", line: {color: colour, width: 1.9, dash: runDash(colours, line.colour)}};
  }
}

// A range that one spike of the raw values does not flatten: of faint lines it takes what lies up to their 98th percentile.
function calmRange(lines, fromZero) {
  let low = Infinity, high = -Infinity;
  for (const line of lines) {
    const values = line.y.filter((v) => v !== null).sort((a, b) => a - b);
    if (values.length === 0 || line.style === "crosses") continue;
    low = Math.min(low, values[0]);
    high = Math.max(high, line.style === "faint" ? values[Math.floor((values.length - 1) * 0.98)] : values[values.length - 1]);
  }
  if (!(low <= high)) return undefined;
  if (fromZero) low = Math.min(low, 0);
  const space = high > low ? 0.06 * (high - low) : Math.max(Math.abs(high) * 0.1, 1e-9);
  return [fromZero && low === 0 ? 0 : low - space, high + space];
}

function markShapes(spec, colours) {
  const across = (spec.marks ?? []).map((mark) => ({
    type: "line", x0: mark.x, x1: mark.x, yref: "paper", y0: 0, y1: 1, line: {color: colours.soft, width: 1, dash: "dot"},
    label: {text: plain(mark.text), textposition: "end", textangle: 0, font: {size: 10, color: colours.soft}, yanchor: "top"},
  }));
  const along = (spec.levels ?? []).map((level) => ({
    type: "line", xref: "paper", x0: 0, x1: 1, y0: level.y, y1: level.y, line: {color: colours.soft, width: 1, dash: "dash"},
    label: {text: plain(level.text), textposition: "start", font: {size: 11, color: colours.soft}, yanchor: "bottom"},
  }));
  return [...across, ...along];
}

function buildLines(spec, colours, chosen) {
  const shown = spec.lines.filter((line) => line.style !== "faint").length;
  const log = Boolean(spec.log && chosen.log);
  const values = log ? {type: "log", autorange: true} : {type: "linear", range: calmRange(spec.lines, spec.zero)};
  const reached = (spec.levels ?? []).map((level) => level.y);
  if (!log && values.range && reached.length > 0) {
    values.range = [Math.min(values.range[0], ...reached.map((y) => y - 1)), Math.max(values.range[1], ...reached.map((y) => y + 1.5))];
  }
  return {
    data: spec.lines.map((line) => lineTrace(line, colours)),
    layout: baseLayout(colours, {
      hovermode: shown > 8 ? "closest" : "x unified", shapes: markShapes(spec, colours), uirevision: log ? "log" : "linear",
      xaxis: axisLayout(colours, spec.x), yaxis: axisLayout(colours, "", values),
    }),
  };
}

function sequential(colours) {
  return [[0, withAlpha(colours.accent, 0.04)], [1, colours.accent]];
}

function diverging(colours) {
  return [[0, colours.low], [0.5, withAlpha(colours.soft, 0.12)], [1, colours.high]];
}

const MOST_WRITTEN_CELLS = 500;

function buildHeat(spec, colours) {
  const cells = spec.z.length * (spec.z[0]?.length ?? 0);
  const trace = {
    type: "heatmap", x: spec.continuous ? spec.x : spec.x.map(plain), y: spec.y.map(plain), z: spec.z, hoverongaps: false,
    colorscale: spec.middle === undefined ? sequential(colours) : diverging(colours), xgap: spec.continuous ? 0 : 1,
    ygap: spec.continuous ? 0 : 1, colorbar: {thickness: 10, outlinewidth: 0, tickfont: {color: colours.soft}},
    hovertemplate: `${plain(spec.y_label || "")} %{y}<br>${plain(spec.x_label || "")} %{x}<br>%{z}${spec.unit === "%" ? " %" : ""}` +
      `${spec.words ? "<br>%{text}" : ""}<extra></extra>`,
  };
  if (spec.middle === undefined) Object.assign(trace, {zmin: 0, zmax: Math.max(1, ...spec.z.flat().map((value) => value ?? 0))});
  else trace.zmid = spec.middle;
  if (spec.words) trace.text = spec.words;
  if (!spec.continuous && cells <= MOST_WRITTEN_CELLS) {
    trace.texttemplate = "%{z:.0f}";
    trace.textfont = {size: 10};
  }
  const names = {type: "category", showgrid: false};
  return {
    data: [trace],
    layout: baseLayout(colours, {
      hovermode: "closest",
      xaxis: axisLayout(colours, spec.x_label, spec.continuous ? {showgrid: false} : {...names, tickangle: -60}),
      yaxis: axisLayout(colours, spec.y_label, {...names, autorange: "reversed"}),
    }),
  };
}

function buildStack(spec, colours) {
  const sums = spec.bars.map((bar) => bar.values.reduce((sum, value) => sum + value, 0));
  const names = spec.bars.map((bar) => plain(bar.name));
  const data = spec.parts.map((part, p) => {
    const shares = spec.bars.map((bar, b) => (sums[b] > 0 ? (100 * bar.values[p]) / sums[b] : 0));
    return {
      type: "bar", orientation: "h", name: plain(part), y: names, x: shares, customdata: spec.bars.map((bar) => bar.values[p]),
      marker: {color: colours.parts[p % colours.parts.length]}, text: shares.map((s) => (s >= 5 ? `${s.toFixed(1)} %` : "")),
      textposition: "inside", insidetextanchor: "middle", textangle: 0, textfont: {color: "#ffffff"}, constraintext: "none",
      hovertemplate: `%{y}<br>${plain(part)}: %{customdata} ${plain(spec.unit)}, %{x:.1f} %<extra></extra>`,
    };
  });
  return {
    data,
    layout: baseLayout(colours, {
      barmode: "stack", bargap: 0.25, hovermode: "closest", showlegend: true, legend: {orientation: "h", y: 1.02, yanchor: "bottom", x: 0},
      margin: {l: 52, r: 12, t: 36, b: 30},
      xaxis: axisLayout(colours, "", {range: [0, 100], ticksuffix: " %", showgrid: false}),
      yaxis: axisLayout(colours, "", {type: "category", autorange: "reversed", showgrid: false, showticklabels: names.length > 1}),
    }),
  };
}

function buildPoints(spec, colours) {
  return {
    data: [{
      type: "scatter", mode: "markers", x: spec.x, y: spec.y,
      marker: {color: spec.z, size: 6, colorscale: sequential(colours), cmin: 1, cmax: Math.max(1.1, ...spec.z), showscale: true,
        colorbar: {thickness: 10, outlinewidth: 0, tickfont: {color: colours.soft}}},
      hovertemplate: `${plain(spec.x_label)} %{x}<br>${plain(spec.y_label)} %{y}<br>%{marker.color}<extra></extra>`,
    }],
    layout: baseLayout(colours, {
      hovermode: "closest", xaxis: axisLayout(colours, spec.x_label), yaxis: axisLayout(colours, spec.y_label, {rangemode: "tozero", tickformat: "d"}),
    }),
  };
}
