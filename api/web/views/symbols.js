// The table of symbols: a snapshot over REST, then what the WebSocket brings.

import { choice, h, notice, refill, write } from "../dom.js";
import * as format from "../format.js";
import { arranged, COLUMNS, Market } from "../market.js";
import { Board } from "../parts/board.js";
import { facts } from "../parts/facts.js";
import { address, note } from "../router.js";
import { get, Problem } from "../service.js";

const MOST = 1000; // rows of a snapshot
const AGAIN = 3_000; // ms until a snapshot that failed or was empty is asked for again
const HELD = 3_000; // ms that rows keep their places after the user moved over them
const TICK = 1_000; // ms

export function symbolsView({ live, parameters }) {
  const market = new Market();
  const chosen = { timeframe: null, text: "", direction: "", by: "symbol", descending: false };
  let timeframes = [], order = null, touched = -HELD, timer = 0, closed = false;

  const board = new Board(sort, (symbol) => address("symbol", symbol, { timeframe: chosen.timeframe }));
  const frames = h("div"), summary = h("p", { class: "summary" }), strip = facts();
  const said = h("div"), filter = h("input", { type: "search", id: "filter", placeholder: "Filter  /",
    "aria-label": "Filter symbols", oninput: () => set({ text: filter.value }) });
  const directions = select("Direction", [["", "all directions"], ["bullish", "▲ bullish"], ["neutral", "• neutral"],
    ["bearish", "▼ bearish"]], (value) => set({ direction: value }));
  const sorts = select("Sort by", COLUMNS.map((name) => [name, `by ${name}`]), (value) => sort(value));
  const element = h("div", { class: "symbols" }, h("h1", { class: "unseen" }, "Symbols"), strip.element,
    h("div", { class: "tools" }, frames, filter, directions, h("span", { class: "phone" }, sorts), summary), said, board.element);
  board.element.addEventListener("pointermove", () => { touched = performance.now(); });
  board.element.addEventListener("focusin", () => { touched = performance.now(); });

  function take({ timeframe, text, direction, sort: by, order: way }) {
    chosen.text = filter.value = text ?? "";
    chosen.direction = directions.value = direction ?? "";
    chosen.by = sorts.value = COLUMNS.includes(by) ? by : "symbol";
    chosen.descending = way === "descending";
    const other = timeframe && timeframe !== chosen.timeframe;
    if (timeframe) chosen.timeframe = timeframe;
    return other;
  }

  function set(changes) {
    Object.assign(chosen, changes);
    const { timeframe, text, direction, by, descending } = chosen;
    note("symbols", "", { timeframe, text, direction, sort: by === "symbol" ? "" : by, order: descending ? "descending" : "" });
    arrange(true);
  }

  function sort(by) {
    const descending = chosen.by === by ? !chosen.descending : by !== "symbol";
    sorts.value = by;
    set({ by, descending });
  }

  async function load() {
    clearTimeout(timer);
    try {
      const answer = await get("api/v1/board", { timeframe: chosen.timeframe, limit: MOST });
      if (closed) return;
      chosen.timeframe = answer.timeframe;
      timeframes = answer.timeframes;
      market.load(answer.rows);
      if (answer.rows.length) live.follow(["*"], answer.timeframe, market.sequence);
      else timer = setTimeout(load, AGAIN);
      showState();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (closed) return;
      if (!market.rows.size) refill(said, notice("The symbols can't be shown", problem.message, "error"));
      timer = setTimeout(load, Math.max(AGAIN, problem.retryAfter * 1000));
    }
  }

  function showState() {
    refill(frames, choice("Timeframe", timeframes.map((name) => [name, name]), chosen.timeframe, (name) => {
      set({ timeframe: name });
      load();
    }));
    const start = timeframes.length
      ? `Timeframe ${chosen.timeframe} has none; there are some in ${timeframes.join(", ")}.`
      : "Start a dataflow with a model: undertone demo, or undertone run. The first predictions come once bars have " +
        "closed and features have warmed up.";
    refill(said, market.rows.size ? null : notice("No predictions yet", start));
    arrange(true);
  }

  /** Sorts anew; rows keep their places under a pointer that moves, unless the user asked. */
  function arrange(asked = false) {
    const all = [...market.rows.values()], held = !asked && performance.now() - touched < HELD;
    order = held && order ? order.map(({ symbol }) => market.rows.get(symbol)).filter(Boolean) : arranged(all, chosen);
    board.element.hidden = all.length === 0;
    board.show(order, chosen.by, chosen.descending);
    const pointing = (direction) => order.filter((row) => row.direction === direction).length;
    const some = order.length === all.length ? format.count(all.length) : `${format.count(order.length)} of ${format.count(all.length)}`;
    write(summary, all.length ? `${some} symbols: ▲ ${pointing("bullish")}, ▼ ${pointing("bearish")}` : "");
  }

  function key(event) {
    if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    filter.focus();
  }

  document.addEventListener("keydown", key);
  const ticking = setInterval(() => { if (market.rows.size) arrange(); }, TICK);
  take(parameters);
  load();
  return {
    element,
    heard: (analyses) => { market.merge(analyses.filter((one) => one.timeframe === chosen.timeframe)); arrange(); },
    told: (flow) => strip.show(flow),
    restored: load,
    changed: (given) => { if (take(given)) load(); else arrange(true); },
    close: () => {
      closed = true;
      clearTimeout(timer);
      clearInterval(ticking);
      document.removeEventListener("keydown", key);
      board.close();
    },
  };
}

function select(label, options, choose) {
  return h("select", { "aria-label": label, onchange: (event) => choose(event.target.value) },
    options.map(([value, text]) => h("option", { value }, text)));
}
