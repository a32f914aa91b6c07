// What moved the prediction most, where the service explains it; and the newest feature row, searched by name.

import { h, notice, refill, table, write } from "../dom.js";
import * as format from "../format.js";
import { get, of, there } from "../service.js";

const MOST = 12; // rows

export class Features {
  #newest = null; #explained = true;

  constructor(symbol) {
    this.symbol = symbol;
    [this.top, this.found] = [h("div"), h("div")];
    this.count = h("p", { class: "legend" });
    this.filter = h("input", { type: "search", placeholder: "Name of a feature", "aria-label": "Filter features", oninput: () => this.#list() });
    this.row = h("div", {}, this.filter, this.found, this.count);
  }

  async refresh(timeframe, predicted) {
    const [row, explanation] = await Promise.all([
      there(get(of("features", this.symbol), { timeframe })),
      predicted && this.#explained ? there(get(of("api/ai/explain", this.symbol), { timeframe })) : null,
    ]);
    this.#newest = row;
    this.#explained = !predicted || explanation !== null; // a service that can't is not asked again
    refill(this.top, top(explanation));
    this.#list();
  }

  #list() {
    const row = this.#newest;
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

/** The largest contributions to the expected return. */
function top(explanation) {
  if (!explanation) return notice("Not explained", "This service explains no predictions; undertone explain does.");
  if (!explanation.contributions) return notice("Being explained", "The contributions come in a moment.");
  const { contributions, timestamp } = explanation, most = contributions.slice(0, MOST);
  const columns = [{ title: "Feature" }, { title: "Value", class: "number" }, { title: "Contribution, bps", class: "number" }];
  return [
    table("Top features", columns, most.map(({ feature, value, contribution }) => [feature, format.significant(value),
      h("span", { "data-side": format.side(contribution) }, `${contribution > 0 ? "▲" : "▼"} ${format.signed(contribution * 1e4)}`)])),
    h("p", { class: "legend" }, `${most.length} of ${contributions.length} contributions to the expected return, as of ${format.moment(timestamp)}.`),
  ];
}
