// Power of the returns by time and frequency: the darker (on dark: the lighter) the more, in decibels over their mean.

import { h } from "../dom.js";
import { fixed, moment } from "../format.js";
import { colour, onTheme } from "../theme.js";
import { logReturns, spectrogram } from "./dsp.js";

export const WINDOW = 64, HOP = 2; // bars
const LOW = -10, HIGH = 10; // dB that the colours span

export class Spectrogram {
  #columns = [];

  constructor() {
    this.canvas = h("canvas", { role: "img", "aria-label": "Spectrogram" });
    this.times = h("p", { class: "ends" });
    this.element = h("div", { class: "spectrogram" },
      h("p", { class: "scale", "aria-hidden": "true" }, h("span", {}, "0.5"), h("span", {}, "0.25"), h("span", {}, "0")), this.canvas, this.times);
    this.unwatch = onTheme(() => this.#draw());
  }

  /** Returns whether there are bars enough to show anything. */
  show(bars) {
    this.#columns = spectrogram(logReturns(bars), WINDOW, HOP);
    if (!this.#columns.length) return false;
    const newest = this.#columns.at(-1), peak = newest.indexOf(Math.max(...newest)) + 1;
    this.canvas.setAttribute("aria-label", `Spectrogram of ${bars.length} bars: in the newest ${WINDOW} the strongest ` +
      `frequency is ${fixed(peak / WINDOW, 3)} cycles a bar, a period of ${fixed(WINDOW / peak, 1)} bars`);
    this.times.replaceChildren(h("span", {}, moment(bars[Math.min(WINDOW, bars.length - 1)].time)), h("span", {}, moment(bars.at(-1).time)));
    this.#draw();
    return true;
  }

  close() { this.unwatch(); }

  #draw() {
    const width = this.#columns.length, height = WINDOW / 2;
    if (!width) return;
    Object.assign(this.canvas, { width, height });
    const ctx = this.canvas.getContext("2d"), image = ctx.createImageData(width, height);
    const all = this.#columns.flat(), mean = all.reduce((sum, value) => sum + value, 0) / all.length || 1;
    const [none, much] = [rgb("raised"), rgb("heat")];
    this.#columns.forEach((column, x) => column.forEach((power, f) => {
      const level = Math.min(1, Math.max(0, (10 * Math.log10(power / mean + 1e-12) - LOW) / (HIGH - LOW)));
      const at = 4 * ((height - 1 - f) * width + x);
      for (let k = 0; k < 3; k++) image.data[at + k] = none[k] + (much[k] - none[k]) * level;
      image.data[at + 3] = 255;
    }));
    ctx.putImageData(image, 0, 0);
  }
}

function rgb(name) {
  return colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);
}
