// What moved a prediction most. A worker computes it, so it is asked for, of the prediction that is newest then.

import { h, notice, refill, table } from "../dom.js";
import * as format from "../format.js";
import { get, of, Problem } from "../service.js";

const AGAIN = 2_000; // ms

export class Explanation {
  #timer = 0; #asked = 0;

  constructor(symbol) {
    this.symbol = symbol;
    this.shown = h("div", { "aria-live": "polite" });
    this.button = h("button", { type: "button", onclick: () => this.#ask() }, "Explain the newest prediction");
    this.element = h("div", {}, h("p", { class: "actions" }, this.button), this.shown);
  }

  /** Begins anew with another timeframe; without predictions there is nothing to explain. */
  begin(timeframe, predicted) {
    if (timeframe === this.timeframe) return;
    this.timeframe = timeframe;
    this.button.disabled = !predicted;
    this.close();
    refill(this.shown);
  }

  close() { clearTimeout(this.#timer); this.#asked++; }

  async #ask(prediction_id) {
    this.close();
    const asked = this.#asked;
    try {
      const said = await get(of("api/ai/explain", this.symbol), { timeframe: this.timeframe, prediction_id });
      if (asked !== this.#asked) return;
      if (said.status !== "pending") return refill(this.shown, contributions(said));
      refill(this.shown, notice("Being explained", "A worker computes it; without one (undertone worker) this waits."));
      this.#timer = setTimeout(() => this.#ask(said.prediction_id), AGAIN);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (asked === this.#asked) refill(this.shown, notice("Not explained", problem.message, "error"));
    }
  }
}

function contributions({ contributions: found, others, timestamp, prediction_horizon: horizon }) {
  const columns = [{ title: "Feature" }, { title: "Value", class: "number" }, { title: "Contribution, bps", class: "number" }];
  const rest = others?.features ? ` The ${others.features} others add ${format.signed(others.contribution * 1e4)} bps.` : "";
  return [
    table("Top features", columns, found.map(({ feature, value, contribution }) => [feature, format.significant(value),
      h("span", { "data-side": format.side(contribution) }, `${contribution > 0 ? "▲" : "▼"} ${format.signed(contribution * 1e4)}`)])),
    h("p", { class: "legend" }, `What each added to the return expected in ${horizon} bars, as of ${format.moment(timestamp)}.${rest}`),
  ];
}
