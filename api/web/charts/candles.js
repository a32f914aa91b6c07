// Candles, the predicted path with its band, and under them what became of past predictions.
// Rising candles are hollow, hits are filled: nothing is said by colour alone.

import { moment, price } from "../format.js";
import { colour } from "../theme.js";
import { axis, inside, plot } from "./plot.js";
import { byBar, columns, range } from "./series.js";

const HEIGHT = 400, LANE = 16, VOLUME = 0.16; // CSS pixels; share of the height
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200];

export class Candles {
  #shown = { known: [], outcomes: new Map(), times: new Map(), begin: 0 };

  /** `point(bar, outcome)` is called with what is under the pointer, or with nothing. */
  constructor(point) {
    const hidden = { paths: () => null, points: { show: false } };
    const edge = { stroke: "transparent", width: 0, points: { show: false } }; // of the band
    this.plot = plot("Candles", HEIGHT, {
      scales: {
        x: { time: false, range: (u, low, high) => [(low ?? 0) - 0.6, (high ?? 1) + 0.6] },
        y: { range: (u, low, high) => range(low, high) },
      },
      axes: [axis({ size: 24, incrs: STEPS, space: 80, values: (u, splits) => splits.map((split) => this.#label(split)) }),
        axis({ side: 1, size: 74, values: (u, splits) => splits.map(price) })],
      series: [{}, hidden, hidden,
        { stroke: () => colour("path"), width: 2, dash: [5, 4], points: { show: false } }, edge, edge],
      bands: [{ series: [5, 4], fill: () => colour("band") }],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false } },
      hooks: {
        drawClear: [(u) => inside(u, (ctx, box) => this.#volume(u, ctx, box))],
        draw: [(u) => inside(u, (ctx, box) => { this.#candles(u, ctx); this.#marks(u, ctx, box); })],
        setCursor: [(u) => point(...this.#under(u.cursor.idx))],
      },
    }, [[], [], [], [], [], []]);
    this.element = this.plot.element;
  }

  show(bars, path, outcomes) {
    const { data, known, steps, begin } = columns(bars, path);
    this.#shown = { known, begin, outcomes: byBar(known, outcomes),
      times: new Map(known.map((bar) => [bar.bar_sequence, bar.time])) };
    this.plot.chart.setData(data);
    const step = steps.at(-1), last = known.at(-1);
    this.element.setAttribute("aria-label", `${known.length} candles, last close ${price(last?.close)}` +
      (step ? `, predicted ${price(step.predicted_price)} in ${step.prediction_horizon} bars, between ${price(step.low)} and ${price(step.high)}` : ""));
  }

  close() { this.plot.close(); }

  #under(index) {
    const bar = this.#shown.known[index ?? -1];
    return [bar, bar && this.#shown.outcomes.get(bar.bar_sequence)];
  }

  #label(number) {
    const { times, begin } = this.#shown, time = times.get(number);
    if (time) return moment(time, time.slice(0, 10));
    return Number.isInteger(number) && number > begin ? `+${number - begin}` : "";
  }

  #volume(u, ctx, box) {
    const { known } = this.#shown, most = Math.max(...known.map((bar) => bar.volume ?? 0));
    if (!(most > 0)) return;
    const floor = box.top + box.height - LANE * devicePixelRatio, width = bodyWidth(u);
    ctx.fillStyle = colour("line");
    for (const bar of known) {
      const height = ((bar.volume ?? 0) / most) * VOLUME * box.height;
      ctx.fillRect(u.valToPos(bar.bar_sequence, "x", true) - width / 2, floor - height, width, height);
    }
  }

  #candles(u, ctx) {
    const width = bodyWidth(u), y = (value) => Math.round(u.valToPos(value, "y", true)) + 0.5;
    const [up, down, paper] = ["up", "down", "raised"].map(colour);
    ctx.lineWidth = Math.max(1, Math.round(devicePixelRatio));
    for (const { bar_sequence, open, high, low, close } of this.#shown.known) {
      const x = Math.round(u.valToPos(bar_sequence, "x", true)) + 0.5, rises = close >= (open ?? close);
      const top = y(Math.max(open ?? close, close)), bottom = y(Math.min(open ?? close, close));
      ctx.strokeStyle = rises ? up : down;
      ctx.fillStyle = rises ? paper : down;
      ctx.beginPath();
      ctx.moveTo(x, y(high ?? close));
      ctx.lineTo(x, y(low ?? close));
      ctx.stroke();
      if (width < 3) continue;
      ctx.fillRect(x - width / 2, top, width, Math.max(1, bottom - top));
      ctx.strokeRect(x - width / 2, top, width, Math.max(1, bottom - top));
    }
  }

  #marks(u, ctx, box) {
    const middle = box.top + box.height - (LANE / 2) * devicePixelRatio;
    const size = Math.min(4 * devicePixelRatio, bodyWidth(u) / 2 + 1), [hit, miss] = ["hit", "miss"].map(colour);
    for (const [number, { hit: right, expected_return: expected }] of this.#shown.outcomes) {
      if (right == null) continue;
      const x = u.valToPos(number, "x", true), way = expected > 0 ? -1 : 1;
      ctx.beginPath();
      ctx.moveTo(x - size, middle - way * size);
      ctx.lineTo(x + size, middle - way * size);
      ctx.lineTo(x, middle + way * size);
      ctx.closePath();
      ctx.fillStyle = hit;
      ctx.strokeStyle = miss;
      if (right) ctx.fill();
      else ctx.stroke();
    }
  }
}

function bodyWidth(u) {
  return Math.max(1, Math.floor(0.7 * (u.valToPos(1, "x", true) - u.valToPos(0, "x", true))));
}
