// The table: one row a symbol, made once and changed in place, so that nothing moves.

import * as format from "./format.js";

const ARROWS = { bullish: "▲", bearish: "▼", neutral: "•" };
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120, HEIGHT = 28;

const ORDERS = {
  symbol: (row) => row.symbol,
  price: (row) => row.current_price,
  direction: (row) => row.probabilities.up - row.probabilities.down,
  expected: (row) => row.expected_log_return,
  confidence: (row) => row.confidence,
};

export class Board {
  constructor(table) {
    this.body = table.tBodies[0];
    this.rows = new Map();
    this.order = { by: "symbol", descending: false };
    this.shown = [];
    for (const button of table.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => this.sort(button));
    }
  }

  sort(button) {
    const by = button.dataset.sort;
    const descending = this.order.by === by ? !this.order.descending : by !== "symbol";
    this.order = { by, descending };
    for (const head of button.closest("tr").cells) head.removeAttribute("aria-sort");
    button.closest("th").setAttribute("aria-sort", descending ? "descending" : "ascending");
    this.arrange();
  }

  show(rows) {
    this.shown = rows;
    const there = new Set(rows.map((row) => row.symbol));
    for (const [symbol, row] of this.rows) {
      if (!there.has(symbol)) { row.remove(); this.rows.delete(symbol); }
    }
    for (const row of rows) {
      if (!this.rows.has(row.symbol)) this.rows.set(row.symbol, makeRow());
      fillRow(this.rows.get(row.symbol), row);
    }
    this.arrange();
  }

  clear() { this.show([]); }

  arrange() {
    const value = ORDERS[this.order.by], sign = this.order.descending ? -1 : 1;
    const sorted = [...this.shown].sort((a, b) => sign * compare(value(a), value(b)) || compare(a.symbol, b.symbol));
    sorted.forEach((row, place) => {
      const element = this.rows.get(row.symbol);
      if (this.body.rows[place] !== element) this.body.insertBefore(element, this.body.rows[place] ?? null);
    });
  }
}

function compare(a, b) {
  if (a == null || b == null) return (a == null) - (b == null);
  return a < b ? -1 : a > b ? 1 : 0;
}

function makeRow() {
  const row = document.createElement("tr");
  for (const name of ["symbol", "price", "trend", "direction", "chances", "expected", "confidence", "age", "version"]) {
    const cell = row.insertCell();
    cell.className = name;
    row[name] = cell;
  }
  row.arrow = row.direction.appendChild(Object.assign(document.createElement("span"), { className: "arrow" }));
  row.word = row.direction.appendChild(document.createElement("span"));
  row.bar = row.chances.appendChild(Object.assign(document.createElement("div"), { className: "bar" }));
  row.bar.setAttribute("role", "img");
  for (const side of ["down", "sideways", "up"]) {
    row.bar[side] = row.bar.appendChild(Object.assign(document.createElement("span"), { className: side }));
  }
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  row.start = picture.appendChild(document.createElementNS(SVG, "line"));
  row.line = picture.appendChild(document.createElementNS(SVG, "polyline"));
  row.trend.appendChild(picture);
  return row;
}

function fillRow(element, row) {
  element.dataset.direction = row.direction;
  element.classList.toggle("old", row.tier === "stale");
  write(element.symbol, row.symbol);
  writePrice(element, row.current_price);
  write(element.arrow, ARROWS[row.direction] ?? "");
  write(element.word, row.direction ?? "–");
  for (const [side, share] of Object.entries(row.probabilities)) element.bar[side].style.flexGrow = share ?? 0;
  const { down, sideways, up } = row.probabilities;
  const chances = `down ${format.percent(down)}, sideways ${format.percent(sideways)}, up ${format.percent(up)}`;
  if (element.bar.title !== chances) { element.bar.title = chances; element.bar.setAttribute("aria-label", chances); }
  write(element.expected, format.basisPoints(row.expected_log_return));
  element.expected.dataset.sign = row.expected_log_return > 0 ? "up" : row.expected_log_return < 0 ? "down" : "";
  write(element.confidence, format.percent(row.confidence));
  write(element.age, format.age(row.age_ms));
  write(element.version, row.model_version);
  element.version.title = `${row.model_version}, tier ${row.tier}`;
  draw(element, row.prices);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function writePrice(element, value) {
  const last = element.last;
  element.last = value;
  write(element.price, format.price(value));
  if (last == null || value == null || last === value) return;
  element.price.dataset.move = value > last ? "up" : "down";
  requestAnimationFrame(() => requestAnimationFrame(() => delete element.price.dataset.move));
}

function draw(element, prices) {
  const low = Math.min(...prices), high = Math.max(...prices), span = high - low || 1;
  const y = (value) => (HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4)).toFixed(2);
  const x = (k) => ((k / Math.max(1, prices.length - 1)) * WIDTH).toFixed(2);
  element.line.setAttribute("points", prices.map((value, k) => `${x(k)},${y(value)}`).join(" "));
  const level = prices.length ? y(prices[0]) : HEIGHT / 2;
  for (const [name, value] of [["x1", 0], ["x2", WIDTH], ["y1", level], ["y2", level]]) {
    element.start.setAttribute(name, value);
  }
}
