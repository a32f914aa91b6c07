// One symbol in one timeframe. What the WebSocket says is shown at once; charts follow a moment later.

import { choice, h, notice, refill } from "../dom.js";
import { length } from "../format.js";
import { address, note } from "../router.js";
import { get, of, poll, Problem } from "../service.js";
import { ChartPanel } from "../parts/chart.js";
import { ContextPanels } from "../parts/context.js";
import { headline } from "../parts/headline.js";

const CHART_EVERY = 4_000, CONTEXT_EVERY = 15_000; // ms, where a new bar has come
const IDLE = 30_000; // ms, where none has
const AGAIN = 5_000; // ms until a service that doesn't answer is asked again

export function symbolView({ live, name: symbol, parameters }) {
  const head = headline(symbol), said = h("div"), frames = h("div");
  const chart = new ChartPanel(symbol), context = new ContextPanels(symbol);
  const element = h("div", { class: "symbol" },
    h("p", { class: "crumbs" }, h("a", { href: address("symbols", "", { timeframe: parameters.timeframe }) }, "← Symbols")),
    head.element, frames, said, chart.element, context.element);
  let timeframe = parameters.timeframe, series = [], stops = [], closed = false;
  const news = { chart: true, context: true };

  /** Finds the symbol's timeframes; asks again until the service has answered. */
  async function find() {
    if (series.length) return;
    try {
      series = (await get("symbols")).symbols.filter((one) => one.symbol === symbol).sort((a, b) => length(a.timeframe) - length(b.timeframe));
    } catch (problem) {
      if (problem instanceof Problem) refill(said, notice("The symbol can't be shown", problem.message, "error"));
      throw problem;
    }
    if (closed) return;
    if (!series.length) {
      refill(said, notice(`There is no symbol ${symbol}`, "The table of symbols lists what has been seen.", "error"));
      return;
    }
    const known = series.some((one) => one.timeframe === timeframe);
    choose(known ? timeframe : (series.find((one) => one.newest_prediction) ?? series[0]).timeframe);
  }

  function choose(name) {
    timeframe = name;
    note("symbol", symbol, { timeframe });
    const predicted = series.find((one) => one.timeframe === name)?.newest_prediction;
    refill(frames, choice("Timeframe", series.map((one) => [one.timeframe, one.timeframe]), timeframe, choose));
    refill(said, predicted ? null : notice(`No predictions in ${name}`, "No model is active for this timeframe; the bars are shown."));
    head.clear();
    if (predicted) live.follow([symbol], timeframe);
    for (const stop of stops) stop();
    stops = [
      every("chart", CHART_EVERY, () => chart.refresh(timeframe, Boolean(predicted))),
      every("context", CONTEXT_EVERY, () => context.refresh(timeframe, Boolean(predicted))),
    ];
  }

  /** Refreshes a part when news have come, now and then without. */
  function every(part, wait, refresh) {
    let last = -Infinity;
    news[part] = true;
    return poll(async () => {
      if (!news[part] && performance.now() - last < IDLE) return;
      news[part] = false;
      last = performance.now();
      await refresh();
    }, wait);
  }

  const finding = poll(find, AGAIN);
  return {
    element,
    heard: (analyses) => {
      const mine = analyses.find((one) => one.symbol === symbol && one.timeframe === timeframe);
      if (!mine) return;
      head.show(mine);
      news.chart = news.context = true;
    },
    changed: (given) => { if (given.timeframe && given.timeframe !== timeframe) choose(given.timeframe); },
    close: () => {
      closed = true;
      for (const stop of [finding, ...stops]) stop();
      for (const part of [chart, context, head]) part.close();
    },
  };
}
