// Asks the service once a second and shows what it answers.

import { Board } from "./board.js";
import * as format from "./format.js";

const EVERY = 1000, HEALTH_EVERY = 5000, PATIENCE = 8000; // ms
const STATES = {
  running: "running", silent: "no news from the dataflow", ended: "input ended", unknown: "waiting for a dataflow",
  away: "away",
};

const element = (id) => document.getElementById(id);
const facts = Object.fromEntries([...document.querySelectorAll("[data-fact]")].map((e) => [e.dataset.fact, e]));
const table = element("board"), board = new Board(table);
let chosen = null, lastHealth = 0;

async function ask(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
  return body;
}

function showState(state) {
  element("state").dataset.state = state;
  element("state").textContent = STATES[state];
  document.body.toggleAttribute("data-away", state === "away");
}

function showRun(run) {
  showState(run.state);
  for (const name of ["ticks", "bars", "predictions"]) facts[name].textContent = format.rate(run.rates[name + "_per_second"]);
  facts.total.textContent = format.count(run.totals.ticks);
  for (const name of ["late", "dead"]) facts[name].textContent = format.count(run.totals[name]);
}

function showTimeframes(names, current) {
  const group = element("timeframes");
  if (group.childElementCount !== names.length || [...group.children].some((b, k) => b.textContent !== names[k])) {
    group.replaceChildren(...names.map((name) => {
      const button = Object.assign(document.createElement("button"), { textContent: name });
      button.addEventListener("click", () => { chosen = name; board.clear(); refresh(); });
      return button;
    }));
  }
  for (const button of group.children) button.setAttribute("aria-pressed", button.textContent === current);
}

function showRows(answer) {
  const up = answer.rows.filter((row) => row.direction === "bullish").length;
  const down = answer.rows.filter((row) => row.direction === "bearish").length;
  const more = answer.left_out ? `, ${answer.left_out} more not shown` : "";
  element("summary").textContent = answer.rows.length
    ? `${answer.rows.length} symbols: ${up} up, ${down} down${more}` : "";
  board.show(answer.rows);
  table.hidden = answer.rows.length === 0;
  notice(answer.rows.length ? "" : "No prediction yet. The first ones come once bars have closed and features have warmed up.");
}

function notice(text) {
  element("notice").hidden = text === "";
  element("notice").textContent = text;
}

async function showHealth() {
  if (Date.now() - lastHealth < HEALTH_EVERY) return;
  lastHealth = Date.now();
  const health = await ask("health");
  facts.cpu.textContent = Math.round(health.system_metrics.cpu_percent) + " %";
  facts.model.textContent = health.model_version ?? "none";
  facts.model.title = health.model_version ?? "";
}

async function refresh() {
  try {
    const answer = await ask("board" + (chosen ? `?timeframe=${encodeURIComponent(chosen)}` : ""));
    showRun(answer.run);
    showTimeframes(answer.timeframes, answer.timeframe);
    showRows(answer);
    await showHealth();
  } catch (error) {
    showState("away");
    if (table.hidden) notice(error.message === "Failed to fetch" ? "The service doesn't answer." : error.message);
  }
}

async function run() {
  if (!document.hidden) await refresh();
  setTimeout(run, EVERY);
}

run();
