// The table of symbols. Only rows in sight are in the document, so a thousand cost what forty do; everything that
// comes between two frames is drawn once.

import { h } from "../dom.js";
import { CELLS, fillRow, HEADS, makeRow } from "./row.js";

const SPARE = 6; // rows drawn beyond either edge
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };

export class Board {
  #rows = []; #drawn = new Map(); #current = null; #frame = 0; #ended = new AbortController();

  /** `sort(key)` is called by a head's button, `address(symbol)` gives a row's link. */
  constructor(sort, address) {
    this.address = address;
    this.heads = HEADS.map(([key, title, hint], k) => h("th", { role: "columnheader", scope: "col", title: hint,
      class: CELLS[k] },
      key ? h("button", { type: "button", onclick: () => sort(key) }, title) : title));
    this.before = space();
    this.body = h("tbody", { role: "rowgroup" });
    this.after = space();
    this.element = h("table", { class: "board", role: "table", "aria-label": "Symbols" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row", "aria-rowindex": 1 }, this.heads)),
      this.before, this.body, this.after);
    this.body.addEventListener("click", (event) => this.#click(event));
    const options = { signal: this.#ended.signal, passive: true };
    addEventListener("scroll", () => this.draw(), options);
    addEventListener("resize", () => this.draw(), options);
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.#ended.signal });
  }

  close() { this.#ended.abort(); cancelAnimationFrame(this.#frame); this.#frame = -1; }

  /** Shows these rows in this order; `by` and `descending` are told to screen readers. */
  show(rows, by, descending) {
    this.#rows = rows;
    this.element.setAttribute("aria-rowcount", rows.length + 1);
    HEADS.forEach(([key], k) => {
      if (key === by) this.heads[k].setAttribute("aria-sort", descending ? "descending" : "ascending");
      else this.heads[k].removeAttribute("aria-sort");
    });
    this.draw();
  }

  /** Draws at the next frame, once however often it is asked for. */
  draw() { this.#frame ||= requestAnimationFrame(() => { this.#frame = 0; this.#draw(); }); }

  #draw() {
    const height = this.#height(), top = this.before.getBoundingClientRect().top, count = this.#rows.length;
    const first = Math.min(count, Math.max(0, Math.floor(-top / height) - SPARE));
    const last = Math.min(count, Math.max(first, Math.ceil((innerHeight - top) / height) + SPARE));
    const seen = this.#rows.slice(first, last), focused = document.activeElement?.dataset.symbol;
    const names = new Set(seen.map((row) => row.symbol));
    for (const [symbol, element] of this.#drawn) {
      if (!names.has(symbol)) { element.remove(); this.#drawn.delete(symbol); }
    }
    seen.forEach((row, k) => this.#place(row, k, first + k + 2));
    spread(this.before, first * height);
    spread(this.after, (count - last) * height);
    this.#reach(names, seen[0]?.symbol);
    if (focused && document.activeElement?.dataset.symbol !== focused) this.#drawn.get(focused)?.link.focus({ preventScroll: true });
  }

  #place(row, k, index) {
    let element = this.#drawn.get(row.symbol);
    if (!element) this.#drawn.set(row.symbol, element = makeRow(row.symbol, this.address(row.symbol)));
    if (element.getAttribute("aria-rowindex") !== String(index)) element.setAttribute("aria-rowindex", index);
    if (this.body.rows[k] !== element) this.body.insertBefore(element, this.body.rows[k] ?? null);
    fillRow(element, row);
  }

  /** Lets the Tab key reach one row: the one last moved to, else the first in sight. */
  #reach(names, first) {
    const chosen = names.has(this.#current) ? this.#current : first;
    for (const [symbol, element] of this.#drawn) element.link.tabIndex = symbol === chosen ? 0 : -1;
  }

  #height() { return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")); }

  #click(event) {
    const link = event.target.closest("tr")?.link;
    if (link && event.target !== link && !getSelection().toString()) link.click();
  }

  #key(event) {
    const target = event.target, inside = this.body.contains(target);
    if (!(event.key in STEPS) || event.altKey || event.ctrlKey || event.metaKey || !(inside || target === document.body)) return;
    if (!this.#rows.length) return;
    event.preventDefault();
    const at = this.#rows.findIndex((row) => row.symbol === (inside ? target.dataset.symbol : this.#current));
    const next = Math.min(this.#rows.length - 1, Math.max(0, at + STEPS[event.key]));
    this.#current = this.#rows[next].symbol;
    this.#bring(next);
    this.#draw();
    this.#drawn.get(this.#current)?.link.focus({ preventScroll: true });
  }

  /** Scrolls a row into sight. */
  #bring(index) {
    const height = this.#height(), head = this.heads[0].offsetHeight;
    const top = this.before.getBoundingClientRect().top + index * height;
    if (top < head) scrollBy(0, top - head);
    else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight);
  }
}

function space() {
  return h("tbody", { "aria-hidden": "true", class: "space" }, h("tr", {}, h("td", { colspan: HEADS.length })));
}

function spread(body, height) {
  const cell = body.rows[0].cells[0];
  if (cell.style.height !== `${height}px`) cell.style.height = `${height}px`;
}
