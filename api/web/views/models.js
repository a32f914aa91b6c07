// Champion, challengers and all other versions, how they do live, and what to do with them.

import { confirmed } from "../dialogs.js";
import { h, notice, table } from "../dom.js";
import * as format from "../format.js";
import { listing } from "../parts/listing.js";
import { address } from "../router.js";
import { ask, get } from "../service.js";

const EVERY = 10_000; // ms
const ACTS = {
  activate: ["Activate", "It becomes the champion of its timeframe: running dataflows take it over at a bar time that none " +
    "has passed, and what they serve comes from it."],
  challenge: ["Challenge", "Running dataflows score it beside the champion, in the shadow. What they serve doesn't change."],
};

export function modelsView() {
  const { list, done, act, close } = listing(async () => (await get("api/ai/models")).models, EVERY, show, without);

  function show(models) {
    return models.length ? groups(models, change)
      : notice("No models yet", "undertone train makes one, or start a job; undertone models activate lets it serve.");
  }

  async function change(model, action) {
    const [title, text] = ACTS[action];
    if (!await confirmed(`${title} ${model.version}?`, text, title)) return;
    await act(async () => {
      const { version, timeframe, role } = await ask(`api/ai/models/${encodeURIComponent(model.version)}/${action}`, { method: "POST" });
      return `${version} is wanted as ${role} of ${timeframe}.`;
    });
  }

  return { element: h("div", {}, h("h1", {}, "Models"), done, list), close };
}

function without(problem) {
  return notice("The models can't be shown", problem.message, "error");
}

const COLUMNS = [{ title: "Version" }, { title: "Role" }, { title: "Made" },
  { title: "Members" }, ...[
    ["Horizon", "Bars ahead that are served"], ["Judged", "Predictions whose horizon has passed"],
    ["Accuracy", "Share of right signs, with the 95 % interval where there are enough"], ["Brier", "Less is better"],
    ["Log loss", "Less is better"], ["IC", "Rank correlation of expected and realised return"],
    ["Evidence", "Of a challenger: its e-value, and what it takes to be promoted"],
  ].map(([title, hint]) => ({ title, hint, class: "number" })), { title: "Actions" }];
const RANK = { champion: 0, challenger: 1 };

/** One table a timeframe: the champion first, then challengers, then the newest. */
function groups(models, change) {
  const timeframes = [...new Set(models.map((model) => model.timeframe))];
  return timeframes.map((timeframe) => {
    const mine = models.filter((model) => model.timeframe === timeframe)
      .sort((a, b) => (RANK[a.role] ?? 2) - (RANK[b.role] ?? 2) || (a.created < b.created ? 1 : -1));
    return h("section", { class: "panel wide", "aria-label": `Models of ${timeframe}` },
      h("h2", {}, h("a", { href: address("symbols", "", { timeframe }) }, timeframe)),
      table(`Models of ${timeframe}`, COLUMNS, mine.map((model) => cells(model, change))));
  });
}

function cells(model, change) {
  const score = model.score ?? {};
  return [
    h("span", { class: "version" }, model.version), role(model.role), format.moment(model.created), model.members.join(", "),
    String(model.prediction_horizon), format.count(score.directional), accuracy(score), format.fixed(score.brier, 3),
    format.fixed(score.log_loss, 3), format.signed(score.information_coefficient, 3),
    score.e_value == null ? format.DASH : `${format.fixed(score.e_value, 2)} of ${format.fixed(score.e_needed, 0)}`,
    model.role === "champion" ? "" : h("span", { class: "actions" }, button(model, "activate", change), !model.role && button(model, "challenge", change)),
  ];
}

function role(name) {
  const signs = { champion: "★ champion", challenger: "◇ challenger" };
  return h("span", { class: "badge", "data-role": name ?? "" }, signs[name] ?? format.DASH);
}

function accuracy({ accuracy: share, accuracy_low: low, accuracy_high: high }) {
  if (share == null) return format.DASH;
  const percent = (value) => format.fixed(100 * value, 1);
  return low == null ? `${percent(share)} %` : `${percent(share)} % (${percent(low)} to ${percent(high)})`;
}

function button(model, action, change) {
  return h("button", { type: "button", "data-focus": `${action}-${model.version}`, onclick: () => change(model, action),
    "aria-label": `${ACTS[action][0]} ${model.version}` }, ACTS[action][0]);
}
