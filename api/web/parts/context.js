// What is known around a prediction: votes, spectrum, similar situations, indicators, features.

import { Spectrogram } from "../charts/spectrogram.js";
import { Spectrum } from "../charts/spectrum.js";
import { h, notice, panel, refill, table, write } from "../dom.js";
import * as format from "../format.js";
import { ask, get, of, there } from "../service.js";
import { chances, fillChances } from "./chances.js";
import { Explanation } from "./explanation.js";
import { Features } from "./features.js";
import { indicators, situations } from "./situations.js";

const BARS = 500; // that the spectrogram is made of
const LEAST_RETURNS = 32; // of a spectrum

export class ContextPanels {
  #timeframe = null;

  constructor(symbol) {
    this.symbol = symbol;
    this.spectrum = new Spectrum();
    this.spectrogram = new Spectrogram();
    this.features = new Features(symbol);
    this.explanation = new Explanation(symbol);
    this.bands = h("p", { class: "legend" });
    [this.votes, this.similar, this.around, this.few] = [h("div"), h("div"), h("div"), h("div")];
    this.element = h("div", { class: "panels" },
      panel("Spectrum", this.spectrum.element, this.bands), panel("Spectrogram", this.spectrogram.element, this.few),
      h("div", { class: "stack" }, panel("Votes", this.votes), panel("Indicators", this.around), panel("Top features", this.explanation.element)),
      h("div", { class: "stack" }, panel("Similar situations", this.similar), panel("Feature row", this.features.element)));
  }

  async refresh(timeframe, predicted) {
    this.#timeframe = timeframe;
    this.explanation.begin(timeframe, predicted);
    const [path, bars] = await Promise.all([
      predicted ? there(get(of("api/v1/path", this.symbol), { timeframe })) : null,
      there(get(of("bars", this.symbol), { timeframe, limit: BARS })),
    ]);
    const [analysis, spectrum] = await Promise.all([
      path ? there(this.#analysis(timeframe, path.prediction_horizon)) : null,
      bars?.bars.length > LEAST_RETURNS ? there(get(of("spectrum", this.symbol), { timeframe })) : null,
    ]);
    if (timeframe !== this.#timeframe) return;
    refill(this.votes, path ? votes(path) : notice("No votes", "There is no prediction in this timeframe."));
    refill(this.similar, situations(analysis));
    refill(this.around, indicators(analysis));
    this.#spectra(spectrum, bars?.bars ?? []);
    await this.features.refresh(timeframe);
  }

  close() {
    for (const part of [this.spectrum, this.spectrogram, this.explanation]) part.close();
  }

  #analysis(timeframe, horizon) {
    return ask("analyze", { method: "POST", body: { symbol: this.symbol, timeframe, prediction_horizon: horizon } });
  }

  #spectra(spectrum, bars) {
    this.spectrum.element.hidden = !spectrum;
    if (spectrum) {
      this.spectrum.show(spectrum);
      const { low_frequency: low, medium_frequency: middle, high_frequency: high } = spectrum.frequency_bands;
      const shares = [low, middle, high].map(({ power }) => format.share(power / spectrum.total_power));
      write(this.bands, `Trend ${shares[0]}, cycles of 3 to 10 bars ${shares[1]}, noise ${shares[2]} of the power of ` +
        `${spectrum.returns} returns, in cycles a bar. White noise is flat at 1.`);
    } else {
      write(this.bands, "Too few bars, or the price hasn't moved.");
    }
    const enough = this.spectrogram.show(bars);
    this.spectrogram.element.hidden = !enough;
    refill(this.few, h("p", { class: "legend" }, enough
      ? "Cycles a bar (up to 0.5) over time, windows of 64 bars; stronger colour is more power."
      : `There are ${bars.length} bars; it takes more than 64.`));
  }
}

/** Each member's probabilities, and the ensemble's. */
function votes({ members, probabilities, prediction_horizon: horizon }) {
  const all = Object.entries(members).map(([name, [down, sideways, up]]) => [name, { down, sideways, up }]);
  all.push([`together, in ${horizon}`, probabilities]);
  const columns = [{ title: "Member" }, { title: "Chances", class: "chances" }, ...["▼ down", "• flat", "▲ up"].map((title) => ({ title, class: "number" }))];
  return table("Votes of the members", columns, all.map(([name, said]) => {
    const bar = chances();
    fillChances(bar, said);
    return [name, bar, format.share(said.down), format.share(said.sideways), format.share(said.up)];
  }));
}
