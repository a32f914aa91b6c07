// What all charts have in common: colours of the theme, the width of their place, another drawing when either changes.

import uPlot from "../vendor/uPlot.esm.js";
import { h } from "../dom.js";
import { colour, onTheme } from "../theme.js";

const FONT = "11px system-ui, sans-serif";

export function axis(more) {
  return { stroke: () => colour("soft"), font: FONT, ticks: { show: false }, gap: 4,
    grid: { stroke: () => colour("line"), width: 1 }, ...more };
}

/** A chart in an element of its own. `options` as uPlot's, less the size; `height` in CSS pixels. */
export function plot(label, height, options, data) {
  const element = h("div", { class: "chart", role: "img", "aria-label": label });
  const chart = new uPlot({ width: 300, height, legend: { show: false }, padding: [10, 14, 0, 20], ...options }, data, element);
  const watching = new ResizeObserver(() => {
    if (element.clientWidth) chart.setSize({ width: element.clientWidth, height });
  });
  watching.observe(element);
  const unwatch = onTheme(() => chart.redraw());
  return { element, chart, close: () => { watching.disconnect(); unwatch(); chart.destroy(); } };
}

/** Draws within the chart's area, without leaving traces in the context. */
export function inside(chart, draw) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.setLineDash([]);
  draw(ctx, bbox);
  ctx.restore();
}
