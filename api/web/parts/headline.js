// A symbol's newest prediction in one line.

import { h, write } from "../dom.js";
import * as format from "../format.js";

const TICK = 1_000; // ms

export function headline(symbol) {
  const names = ["price", "direction", "expected", "confidence", "risk", "age", "model"];
  const parts = Object.fromEntries(names.map((name) => [name, h("dd", {}, format.DASH)]));
  const titles = { price: "Price", direction: "Direction", expected: "Expected", confidence: "Confidence",
    risk: "Risk", age: "Age", model: "Model" };
  const element = h("div", { class: "headline" }, h("h1", {}, symbol),
    h("dl", { class: "facts" }, names.map((name) => h("div", { class: name }, h("dt", {}, titles[name]), parts[name]))));
  let made = null;

  function tick() {
    write(parts.age, made === null ? format.DASH : format.duration((performance.now() - made) / 1000));
  }

  function show(said) {
    made = performance.now() - said.age_ms;
    write(parts.price, format.price(said.current_price));
    write(parts.direction, format.direction(said.direction));
    parts.direction.dataset.side = { bullish: "up", bearish: "down" }[said.direction] ?? "";
    write(parts.expected, `${format.basisPoints(said.expected_return)} bps in ${said.prediction_horizon}`);
    parts.expected.dataset.side = format.side(said.expected_return);
    write(parts.confidence, format.share(said.confidence));
    write(parts.risk, said.risk_level ?? format.DASH);
    write(parts.model, `${said.model_version}, ${said.tier ?? "no tier"}`);
    tick();
  }

  function clear() {
    made = null;
    for (const part of Object.values(parts)) { write(part, format.DASH); part.dataset.side = ""; }
  }

  const timer = setInterval(tick, TICK);
  return { element, show, clear, close: () => clearInterval(timer) };
}
