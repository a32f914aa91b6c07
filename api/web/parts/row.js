// One row of the table of symbols: made once, filled again and again; only what differs is written.

import { h, write } from "../dom.js";
import * as format from "../format.js";
import { age } from "../market.js";
import { chances, fillChances } from "./chances.js";
import { drawSparkline, sparkline } from "./sparkline.js";

// key of the order (none: not sortable), title, hint
export const HEADS = [
  ["symbol", "Symbol"], ["price", "Price"], [null, "Recent", "The newest 60 bars"], ["direction", "Direction"],
  [null, "Chances", "Probability of down, sideways and up"],
  ["expected", "Expected bps", "Expected return over the model's horizon, in basis points"],
  ["confidence", "Confidence"], ["age", "Age", "Since the bar closed that the prediction was made from"],
  [null, "Model"],
];
export const CELLS = ["symbol", "price", "trend", "direction", "chances", "expected", "confidence", "age", "version"];

export function makeRow(symbol, address) {
  const row = h("tr", { role: "row" });
  for (const name of CELLS) {
    row[name] = row.appendChild(h(name === "symbol" ? "th" : "td", {
      class: name, role: name === "symbol" ? "rowheader" : "cell", scope: name === "symbol" ? "row" : null }));
  }
  row.link = row.symbol.appendChild(h("a", { href: address, "data-symbol": symbol, tabindex: -1 }, symbol));
  row.picture = row.trend.appendChild(sparkline());
  row.bar = row.chances.appendChild(chances());
  return row;
}

export function fillRow(row, known) {
  row.dataset.direction = known.direction ?? "";
  row.classList.toggle("old", known.tier === "stale");
  writePrice(row.price, known.price);
  drawSparkline(row.picture, known.prices);
  write(row.direction, format.direction(known.direction));
  fillChances(row.bar, known);
  write(row.expected, format.basisPoints(known.expected));
  row.expected.dataset.side = format.side(known.expected);
  write(row.confidence, format.share(known.confidence));
  write(row.age, format.duration(age(known) / 1000) + (known.tier === "stale" ? " stale" : ""));
  if (row.version.textContent !== known.version) {
    write(row.version, known.version);
    row.version.title = `${known.version}, tier ${known.tier}`;
  }
}

function writePrice(cell, value) {
  const last = cell.last;
  if (last === value) return;
  cell.last = value;
  write(cell, format.price(value));
  if (last == null || value == null) return;
  cell.dataset.move = value > last ? "up" : "down";
  requestAnimationFrame(() => requestAnimationFrame(() => delete cell.dataset.move));
}
