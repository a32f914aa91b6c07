// Starts training. What is left empty is the worker's preset.

import { h, write } from "../dom.js";
import { Problem } from "../service.js";

// name of the request's field, label, what is shown in the empty field, how the text becomes the field's value
const FIELDS = [
  ["timeframes", "Timeframes", "1d", names],
  ["models", "Models", "the preset; gru+lightgbm", names],
  ["symbols", "Symbols", "all", names],
  ["horizon", "Horizon, bars", "the preset's", Number],
  ["start", "From", "2026-01-01", String],
  ["end", "To", "now", String],
];

export function jobForm(start) {
  const fields = FIELDS.map(([name, label, hint, read]) => ({ name, label, read,
    input: h("input", { id: `job-${name}`, placeholder: hint, autocomplete: "off", inputmode: read === Number ? "numeric" : null }) }));
  const problem = h("p", { class: "problem", role: "alert" });
  const button = h("button", { class: "primary" }, "Start training");
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    write(problem, "");
    try {
      await start(body(fields));
    } catch (failure) {
      if (!(failure instanceof Problem)) throw failure;
      write(problem, failure.message);
    } finally {
      button.disabled = false;
    }
  };
  return h("form", { class: "panel wide job-form", "aria-label": "Start training", onsubmit: submit },
    fields.map(({ name, label, input }) => h("label", { for: `job-${name}` }, label, input)), button, problem);
}

function body(fields) {
  const filled = fields.filter(({ input }) => input.value.trim());
  return Object.fromEntries(filled.map(({ name, read, input }) => [name, read(input.value.trim())]));
}

function names(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}
