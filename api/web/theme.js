// Light, dark, or as the system has it; and what a colour of the style sheet is now, for canvases.

import { h } from "./dom.js";
import { applyTheme, keepTheme, theme, THEMES } from "./session.js";

const SIGNS = { auto: "◐", light: "☀", dark: "☾" };
const probe = h("span", { hidden: true });

export function themeButton() {
  const button = h("button", { type: "button", class: "theme", onclick: () => {
    keepTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    label();
  } });
  const label = () => {
    button.textContent = SIGNS[theme()];
    button.title = `Theme: ${theme()}`;
    button.setAttribute("aria-label", `Theme: ${theme()}; press for the next`);
  };
  label();
  return button;
}

/** The colour of a custom property, as canvases take it. */
export function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** Calls `draw` when colours change. Returns what ends it. */
export function onTheme(draw) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  document.addEventListener("theme", draw);
  media.addEventListener("change", draw);
  return () => { document.removeEventListener("theme", draw); media.removeEventListener("change", draw); };
}

document.body.append(probe);
applyTheme();
