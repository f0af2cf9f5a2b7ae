// Tables that can be sorted by a click on a column's head and looked through by a word. A cell sorts by its data-v where it has
// one, an empty one last in both directions, else by its text.

function cellKey(row, column) {
  const cell = row.cells[column];
  if (!cell) return {missing: true};
  if (cell.dataset.v === undefined) return {text: cell.textContent.trim()};
  return cell.dataset.v === "" ? {missing: true} : {number: Number(cell.dataset.v)};
}

function compareKeys(a, b, direction) {
  if (a.missing || b.missing) return Number(Boolean(a.missing)) - Number(Boolean(b.missing));
  if (a.number !== undefined && b.number !== undefined) return direction * (a.number - b.number);
  const text = (key) => (key.text !== undefined ? key.text : String(key.number));
  return direction * text(a).localeCompare(text(b), undefined, {numeric: true});
}

// The column that a head cell stands over, for heads of several rows with cells that span.
function headColumns(table) {
  const taken = [];
  const columns = new Map();
  [...table.tHead.rows].forEach((row, r) => {
    let column = 0;
    for (const cell of row.cells) {
      while (taken[r]?.[column]) ++column;
      if (cell.colSpan === 1) columns.set(cell, column);
      for (let y = r; y < r + cell.rowSpan; ++y)
        for (let x = column; x < column + cell.colSpan; ++x) (taken[y] ??= [])[x] = true;
      column += cell.colSpan;
    }
  });
  return columns;
}

function sortTable(table, head, column) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({row, key: cellKey(row, column)}));
  const numbers = rows.some(({key}) => key.number !== undefined);
  const before = head.getAttribute("aria-sort");
  const direction = before === "none" ? (numbers ? -1 : 1) : before === "ascending" ? -1 : 1;
  for (const other of table.tHead.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  rows.sort((a, b) => compareKeys(a.key, b.key, direction));
  body.append(...rows.map(({row}) => row));
}

function makeSortable(table) {
  for (const [head, column] of headColumns(table)) {
    head.setAttribute("aria-sort", "none");
    head.tabIndex = 0;
    head.addEventListener("click", () => sortTable(table, head, column));
    head.addEventListener("keydown", (key) => {
      if (key.key !== "Enter" && key.key !== " ") return;
      key.preventDefault();
      sortTable(table, head, column);
    });
  }
}

const FEWEST_ROWS_TO_FILTER = 6;

function makeFilterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < FEWEST_ROWS_TO_FILTER) return;
  const line = document.createElement("p");
  line.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = `Filter by ${table.dataset.filter}`;
  input.setAttribute("aria-label", input.placeholder);
  const count = document.createElement("span");
  count.className = "unit";
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = words.length > 0 ? `${shown} of ${rows.length}` : `${rows.length}`;
  };
  input.addEventListener("input", show);
  line.append(input, count);
  table.closest(".scroll").before(line);
  show();
}

function prepareTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    makeSortable(table);
    if (table.dataset.filter) makeFilterable(table);
  }
}
