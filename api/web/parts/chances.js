// Probabilities of down, sideways and up as one divided bar, with their words for those who don't see it.

import { h } from "../dom.js";
import { share } from "../format.js";

const SIDES = ["down", "sideways", "up"];

export function chances() {
  const bar = h("div", { class: "chances-bar", role: "img" }, SIDES.map((side) => h("span", { class: side })));
  return bar;
}

export function fillChances(bar, said) {
  const text = SIDES.map((side) => `${side} ${share(said[side])}`).join(", ");
  if (bar.title === text) return;
  bar.title = text;
  bar.setAttribute("aria-label", text);
  SIDES.forEach((side, k) => { bar.children[k].style.flexGrow = said[side] ?? 0; });
}
