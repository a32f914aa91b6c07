// Candles with the predicted path, what is under the pointer, and the same as a table.

import { Candles } from "../charts/candles.js";
import { tally } from "../charts/series.js";
import { choice, h, notice, refill, table, write } from "../dom.js";
import * as format from "../format.js";
import { get, of, there } from "../service.js";

const COUNTS = [60, 120, 240, 500]; // bars

export class ChartPanel {
  #count = innerWidth < 700 ? 60 : 120; #last = [null, null]; #timeframe = null; #predicted = false;

  constructor(symbol) {
    this.symbol = symbol;
    this.candles = new Candles((bar, outcome) => this.#read(...(bar ? [bar, outcome] : this.#last)));
    this.counts = h("div");
    this.reading = h("p", { class: "reading" });
    this.tally = h("p", { class: "legend" });
    this.path = h("div");
    this.said = h("div");
    this.element = h("section", { class: "panel wide", "aria-label": "Chart" },
      h("div", { class: "tools" }, this.reading, this.counts), this.said, this.candles.element, this.tally,
      h("details", {}, h("summary", {}, "Predicted path as a table"), this.path));
    this.#choices();
  }

  async refresh(timeframe, predicted) {
    [this.#timeframe, this.#predicted] = [timeframe, predicted];
    const [bars, path, outcomes] = await Promise.all([
      there(get(of("bars", this.symbol), { timeframe, limit: this.#count })),
      predicted ? there(get(of("api/v1/path", this.symbol), { timeframe })) : null,
      predicted ? there(get(of("api/v1/outcomes", this.symbol), { timeframe, limit: this.#count })) : null,
    ]);
    if (timeframe === this.#timeframe) this.#show(bars?.bars ?? [], path, outcomes?.outcomes ?? []);
  }

  close() { this.candles.close(); }

  #choices() {
    refill(this.counts, choice("Bars", COUNTS.map((count) => [count, String(count)]), this.#count, (count) => {
      this.#count = count;
      this.#choices();
      this.refresh(this.#timeframe, this.#predicted).catch(() => {}); // the next refresh says what is wrong
    }));
  }

  #show(bars, path, outcomes) {
    refill(this.said, bars.length ? null : notice("No bars yet", "They come once one has closed."));
    this.candles.element.hidden = bars.length === 0;
    this.candles.show(bars, path, outcomes);
    this.#last = [bars.at(-1), undefined];
    this.#read(...this.#last);
    this.#judge(outcomes);
    refill(this.path, path ? steps(path) : notice("No predicted path", "There is no prediction in this timeframe."));
  }

  #judge(outcomes) {
    const { hits, misses, open } = tally(outcomes);
    if (!outcomes.length) return write(this.tally, "No past prediction has been judged yet.");
    refill(this.tally, `Past ${outcomes.length} predictions: `, h("span", { class: "hit" }, `▲▼ ${hits} hits`), " (filled), ",
      h("span", { class: "miss" }, `△▽ ${misses} misses`), ` (hollow), ${open} undecided`,
      hits + misses ? `; signs right in ${format.share(hits / (hits + misses))}` : "", ". The dashed line is the expected price, the band one standard deviation.");
  }

  #read(bar, outcome) {
    if (!bar) return write(this.reading, "");
    const text = `${format.moment(bar.time)}  O ${format.price(bar.open)}  H ${format.price(bar.high)}  ` +
      `L ${format.price(bar.low)}  C ${format.price(bar.close)}  V ${format.count(bar.volume)}`;
    const word = { true: "hit", false: "miss" }[outcome?.hit] ?? "undecided";
    write(this.reading, outcome ? `${text}  predicted ${format.basisPoints(outcome.expected_return)}, came ` +
      `${format.basisPoints(outcome.realised_return)} bps: ${word}` : text);
  }
}

function steps(path) {
  const columns = ["Bars ahead", "Price", "Low", "High", "Expected bps", "Down", "Up"].map((title) => ({ title, class: "number" }));
  return table("Predicted path", columns, path.steps.map((step) => [
    String(step.prediction_horizon), format.price(step.predicted_price), format.price(step.low), format.price(step.high),
    format.basisPoints(step.expected_return), format.share(step.probabilities.down), format.share(step.probabilities.up),
  ]));
}
