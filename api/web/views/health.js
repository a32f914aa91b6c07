// How service and dataflow do: what they depend on, lags, latency by stage, which tier answers.

import { h, notice, panel, refill, table } from "../dom.js";
import * as format from "../format.js";
import { get, poll, Problem, there } from "../service.js";

const EVERY = 5_000; // ms
const SIGNS = { healthy: "✓ healthy", degraded: "▲ degraded", unhealthy: "✕ unhealthy" };
const WELL = new Set(["up", "running", "full", "ended"]);
const GAUGES = {
  watermark_lag_seconds: ["Watermark behind the clock", (value) => `${format.fixed(value, 2)} s`],
  source_lag_messages: ["Messages not read yet", format.count],
  ticks_waiting: ["Ticks in the reorder buffer", format.count],
  store_lag_batches: ["Batches the store hasn't acknowledged", format.count],
  store_spool_bytes: ["Bytes that wait for the store", format.count],
  bus_waiting_messages: ["Messages that wait for the bus", format.count],
  checkpoint_age_seconds: ["Age of the newest checkpoint", format.duration],
};

export function healthView() {
  const shown = h("div"), element = h("div", {}, h("h1", {}, "Health"), shown);

  async function refresh() {
    try {
      const [health, flow] = await Promise.all([get("health"), flowOrNone()]);
      refill(shown, banner(health), columns(health, flow));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      refill(shown, notice("The service's health isn't known", problem.message, "error"));
      throw problem;
    }
  }

  return { element, close: poll(refresh, EVERY) };
}

function columns(health, flow) {
  const stack = (...parts) => h("div", { class: "stack" }, ...parts);
  const [latency, ...others] = flow ? dataflow(flow) : [];
  return h("div", { class: "panels" }, stack(dependencies(health), latency), stack(service(health), ...others));
}

/** What is known of the dataflow; null while there is no store. */
async function flowOrNone() {
  try {
    return await there(get("api/v1/flow"));
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 503) return null;
    throw problem;
  }
}

function banner(health) {
  const age = health.newest_prediction_age_seconds;
  return h("p", { class: "banner", "data-status": health.status }, h("strong", {}, SIGNS[health.status]),
    age == null ? " There is no prediction yet: start a dataflow with a model (undertone demo, undertone run)."
      : ` The newest prediction is of ${format.moment(health.newest_prediction)}, ${format.duration(age)} ago.`);
}

function dependencies(health) {
  const columns = [{ title: "Name" }, { title: "State" }, { title: "Detail" }, { title: "Age", class: "number" }];
  return panel("Dependencies", table("Dependencies", columns, Object.entries(health.dependencies).map(([name, { state, detail, age_seconds: age }]) => [
    name.replaceAll("_", " "), h("span", { class: "badge", "data-well": String(WELL.has(state)) }, `${WELL.has(state) ? "✓" : "▲"} ${state}`),
    detail || format.DASH, format.duration(age)])));
}

function service(health) {
  const { cpu_percent: cpu, memory_percent: memory, disk_percent: disk } = health.system_metrics;
  return panel("Service", pairs([
    ["Version", health.version], ["Model", health.model_version ?? "none"], ["Up for", format.duration(health.uptime_seconds)],
    ["WebSocket connections", format.count(health.websocket_connections)], ["CPU", percent(cpu)], ["Memory", percent(memory)], ["Disk", percent(disk)],
  ]));
}

function dataflow({ run, tiers, gauges, stored, process }) {
  const known = Object.entries(GAUGES).filter(([name]) => gauges?.[name] != null);
  return [
    panel("Latency by stage", latency(stored, process ?? []), h("p", { class: "legend" }, "Now: the newest stored predictions." +
      (process ? " Since the dataflow began: its metrics." : " The dataflow's metrics can't be read (api.dataflow_url)."))),
    panel("Lag", known.length ? pairs(known.map(([name, value]) => [GAUGES[name][0], GAUGES[name][1](gauges[name])]))
      : notice("The dataflow's metrics can't be read", "It isn't on this machine, or api.dataflow_url names another place.")),
    panel("Tier", tiers.length ? table("Tiers", [{ title: "Timeframe" }, { title: "Answers" }, { title: "At its best" }],
      tiers.map((tier) => [tier.timeframe, h("span", { class: "badge", "data-well": String(tier.answers === tier.full) },
        `${tier.answers === tier.full ? "✓" : "▲"} ${tier.answers}`), tier.full])) : notice("No prediction yet", "The tier is known with the first.")),
    panel("Dataflow", pairs([
      ["State", `${run.state}: ${run.detail}`], ["Watermark", format.moment(run.watermark)],
      ...["ticks", "bars", "predictions"].map((name) => [name, `${format.count(run.totals[name])} (${format.rate(run.rates[`${name}_per_second`])}/s)`]),
      ["late ticks", format.count(run.totals.late)], ["dead ticks", format.count(run.totals.dead)],
    ])),
  ];
}

/** The stages of both sources, in milliseconds. */
function latency(stored, process) {
  const names = [...new Set([...process, ...stored].map((span) => span.name))];
  if (!names.length) return notice("Nothing measured yet", "It takes a prediction.");
  const columns = [{ title: "Stage, ms" }, ...["p50 now", "p99 now", "p50 since", "p99 since"].map((title) => ({ title, class: "number" }))];
  const of = (spans, name) => spans.find((span) => span.name === name) ?? {};
  return table("Latency by stage", columns, names.map((name) => [name.replace("->", "→"),
    ...[of(stored, name), of(process, name)].flatMap(({ p50, p99 }) => [format.milliseconds(p50), format.milliseconds(p99)])]));
}

function pairs(rows) {
  return h("dl", { class: "pairs" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function percent(value) {
  return value == null ? format.DASH : `${Math.round(value)} %`;
}
