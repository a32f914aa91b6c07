// The dataflow in a few numbers.

import { h, write } from "../dom.js";
import * as format from "../format.js";

const FACTS = [
  ["ticks/s", ({ run }) => format.rate(run.rates.ticks_per_second)],
  ["predictions/s", ({ run }) => format.rate(run.rates.predictions_per_second)],
  ["lag", ({ gauges }) => gauges?.watermark_lag_seconds == null ? format.DASH : `${format.fixed(gauges.watermark_lag_seconds, 1)} s`],
  ["bar end → prediction", (flow) => milliseconds(whole(flow)?.p50)],
  ["late", ({ run }) => format.count(run.totals.late)],
  ["dead", ({ run }) => format.count(run.totals.dead)],
  ["tier", ({ tiers }) => tiers.map((tier) => tier.answers).join(", ") || format.DASH],
];

function whole(flow) {
  return flow.stored.find((stage) => stage.name === "bar's end -> enqueued");
}

function milliseconds(value) {
  return value == null ? format.DASH : `${format.milliseconds(value)} ms`;
}

export function facts() {
  const values = FACTS.map(() => h("dd", {}, format.DASH));
  const element = h("dl", { class: "facts" }, FACTS.map(([name], k) => h("div", {}, h("dt", {}, name), values[k])));
  return { element, show: (flow) => FACTS.forEach(([, text], k) => write(values[k], text(flow))) };
}
