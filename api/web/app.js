// The page: chooses a view by the address, keeps one connection, and says how it is.

import { askForToken } from "./dialogs.js";
import { refill, write } from "./dom.js";
import { Live } from "./live.js";
import { address, place } from "./router.js";
import { get, poll } from "./service.js";
import { themeButton } from "./theme.js";
import { healthView } from "./views/health.js";
import { jobsView } from "./views/jobs.js";
import { modelsView } from "./views/models.js";
import { symbolView } from "./views/symbol.js";
import { symbolsView } from "./views/symbols.js";

const VIEWS = { symbols: symbolsView, symbol: symbolView, models: modelsView, jobs: jobsView, health: healthView };
const TITLES = { symbols: "Symbols", symbol: "Symbol", models: "Models", jobs: "Jobs", health: "Health" };
const CONNECTION = {
  live: "live", connecting: "connecting", waiting: "connected, no predictions yet",
  disconnected: "disconnected, trying again",
};
const RUN = { silent: "stale: no news from the dataflow", ended: "the dataflow's input has ended" };
const RUN_EVERY = 5_000; // ms

const main = document.querySelector("main"), state = document.getElementById("state");
const status = { connection: "connecting", run: null };
let shown = null;

const live = new Live({
  heard: (analyses) => shown?.view.heard?.(analyses),
  heardJob: (job) => shown?.view.heardJob?.(job),
  changed: connectionChanged,
});

function connectionChanged(connection) {
  const restored = connection === "live" && status.connection === "disconnected";
  status.connection = connection;
  showState();
  if (restored) {
    refreshRun().catch(() => {});
    shown?.view.restored?.();
  }
}

function showState() {
  const stale = status.connection === "live" && status.run?.state in RUN;
  state.dataset.state = stale ? "stale" : status.connection;
  write(state, stale ? RUN[status.run.state] : CONNECTION[status.connection]);
  document.body.toggleAttribute("data-away", status.connection === "disconnected");
}

async function refreshRun() {
  const flow = await get("api/v1/flow");
  status.run = flow.run;
  showState();
  shown?.view.told?.(flow);
}

function show() {
  const { view, name: subject, parameters } = place();
  if (!VIEWS[view]) {
    location.replace(address("symbols"));
    return;
  }
  if (shown?.key === `${view}/${subject}`) {
    shown.view.changed?.(parameters);
    return;
  }
  shown?.view.close();
  live.follow([]);
  shown = { key: `${view}/${subject}`, view: VIEWS[view]({ live, name: subject, parameters }) };
  refill(main, shown.view.element);
  document.title = `${subject || TITLES[view]} · Undertone`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.hash === `#/${view}` || (view === "symbol" && link.hash === "#/symbols");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
}

function restart() {
  shown?.view.close();
  shown = null;
  live.reconnect();
  show();
  refreshRun().catch(() => {});
}

addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true }); // so that a screen reader begins with the view
});
document.addEventListener("token-wanted", () => askForToken(restart));
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.querySelector("header").append(themeButton());
show();
poll(refreshRun, RUN_EVERY);
