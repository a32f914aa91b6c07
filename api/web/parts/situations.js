// Past moments like this one and what followed; and the indicators around it.

import { h, notice, table } from "../dom.js";
import * as format from "../format.js";

export function situations(analysis) {
  const found = analysis?.similar_situations ?? [];
  if (!found.length) {
    return notice("None to compare with", "It takes 50 stored feature rows of the symbol (store.features_from_s).");
  }
  const spread = analysis.outcome_spread;
  const columns = [{ title: "When" }, { title: "Distance", class: "number" }, { title: "What followed, bps", class: "number" }];
  return [
    spread && h("p", { class: "legend" }, `Of ${spread.count}, ${format.share(spread.share_up)} rose within ${analysis.prediction_horizon} ` +
      `bar${analysis.prediction_horizon > 1 ? "s" : ""}; median ${format.basisPoints(spread.median)} bps, ` +
      `four in five between ${format.basisPoints(spread.low)} and ${format.basisPoints(spread.high)}.`),
    table("Similar situations", columns, found.map((one) => [format.moment(one.as_of), format.fixed(one.distance, 3),
      sided(one.realised_return)])),
  ].filter(Boolean);
}

function sided(percent) {
  const arrow = percent > 0 ? "▲ " : percent < 0 ? "▼ " : "";
  return h("span", { "data-side": format.side(percent) }, arrow + format.basisPoints(percent));
}

const KNOWN = [
  ["RSI (14)", (a) => format.fixed(a.technical_indicators.rsi, 1)],
  ["Volatility, 20 days", (a) => format.significant(a.technical_indicators.volatility_20d)],
  ["Price / SMA 20", (a) => format.fixed(a.technical_indicators.sma_ratio, 4)],
  ["Volume trend", (a) => format.signed(a.technical_indicators.volume_trend)],
  ["Change in 1 day, %", (a) => format.signed(a.market_context.price_change_1d)],
  ["Change in 7 days, %", (a) => format.signed(a.market_context.price_change_7d)],
  ["Rank of volume", (a) => format.fixed(a.market_context.volume_rank, 0)],
];

export function indicators(analysis) {
  if (!analysis) return notice("No analysis", "There is no prediction in this timeframe.");
  return h("dl", { class: "pairs" }, KNOWN.map(([title, text]) => h("div", {}, h("dt", {}, title), h("dd", {}, text(analysis)))));
}
