// The spectrum of the returns: power by frequency, 1 is what white noise would have.

import { fixed } from "../format.js";
import { colour } from "../theme.js";
import { axis, inside, plot } from "./plot.js";

const HEIGHT = 200;
const EDGES = [0.1, 0.3]; // cycles a bar, between trend, cycles and noise

export class Spectrum {
  constructor() {
    this.plot = plot("Spectrum", HEIGHT, {
      scales: { x: { time: false, range: [0, 0.5] }, y: { range: (u, low, high) => [0, (high ?? 1) * 1.08] } },
      axes: [axis({ size: 24, incrs: [0.05, 0.1], values: (u, splits) => splits.map((value) => fixed(value, 2)) }),
        axis({ size: 34, values: (u, splits) => splits.map((value) => fixed(value, 0)), incrs: [1, 2, 5, 10, 20, 50] })],
      series: [{}, { stroke: () => colour("path"), width: 1.5, fill: () => colour("band"), points: { show: false } }],
      cursor: { show: false },
      hooks: { draw: [(u) => inside(u, (ctx, box) => edges(u, ctx, box))] },
    }, [[], []]);
    this.element = this.plot.element;
  }

  show({ spectrum: { frequency, power }, spectral_centroid: centroid, returns }) {
    const mean = power.reduce((sum, value) => sum + value, 0) / power.length || 1;
    this.plot.chart.setData([frequency, power.map((value) => value / mean)]);
    this.element.setAttribute("aria-label", `Spectrum of ${returns} returns, centroid ${fixed(centroid, 3)} cycles a bar`);
  }

  close() { this.plot.close(); }
}

function edges(u, ctx, box) {
  ctx.strokeStyle = colour("soft");
  ctx.setLineDash([2, 4]);
  for (const edge of EDGES) {
    const x = Math.round(u.valToPos(edge, "x", true)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(x, box.top);
    ctx.lineTo(x, box.top + box.height);
    ctx.stroke();
  }
}
