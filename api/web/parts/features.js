// The newest feature row, searched by name.

import { h, notice, refill, table, write } from "../dom.js";
import * as format from "../format.js";
import { get, of, there } from "../service.js";

const MOST = 12; // rows

export class Features {
  #row = null;

  constructor(symbol) {
    this.symbol = symbol;
    this.found = h("div");
    this.count = h("p", { class: "legend" });
    this.filter = h("input", { type: "search", placeholder: "Name of a feature", "aria-label": "Filter features", oninput: () => this.#list() });
    this.element = h("div", {}, this.filter, this.found, this.count);
  }

  async refresh(timeframe) {
    this.#row = await there(get(of("features", this.symbol), { timeframe }));
    this.#list();
  }

  #list() {
    const row = this.#row;
    this.filter.hidden = !row;
    write(this.count, "");
    if (!row) return refill(this.found, notice("No feature rows", "They aren't stored for this timeframe (store.features_from_s)."));
    const text = this.filter.value.trim().toLowerCase();
    const found = row.names.map((name, k) => k).filter((k) => row.names[k].includes(text));
    refill(this.found, table("Feature row", [{ title: "Feature" }, { title: "Value", class: "number" }], found.slice(0, MOST).map((k) =>
      [row.names[k], row.validity[k] ? h("span", { class: "soft" }, "undefined") : format.significant(row.values[k])])));
    write(this.count, `${Math.min(MOST, found.length)} of ${found.length}, as of ${format.moment(row.timestamp)}.`);
  }
}
