// Elements without templates: h("td", { class: "price" }, "1.00").

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value != null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false));
  return element;
}

/** Writes a text only where it differs: layout is costly. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces what is in a container; whoever had the focus in it keeps it, by `data-focus`. */
export function refill(container, ...children) {
  const inside = container.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  container.replaceChildren(...children.flat().filter((child) => child != null && child !== false));
  if (inside) container.querySelector(`[data-focus="${CSS.escape(inside)}"]`)?.focus();
}

/** A table: columns are { title, class, hint }, rows are lists of texts or elements. Phones show titles beside cells. */
export function table(label, columns, rows) {
  const head = columns.map(({ title, class: name, hint }) => h("th", { scope: "col", class: name, title: hint }, title));
  const body = rows.map((cells) => h("tr", {}, cells.map((cell, k) =>
    h(k ? "td" : "th", { class: columns[k].class, scope: k ? null : "row", "data-title": columns[k].title }, cell))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h("table", { class: "plain", "aria-label": label }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

/** A titled part of a view. */
export function panel(title, ...children) {
  const id = "panel-" + title.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  return h("section", { class: "panel", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/** Says honestly that there is nothing to show, and what to do. */
export function notice(title, text, kind = "empty") {
  return h("div", { class: "notice", "data-kind": kind, role: kind === "error" ? "alert" : null },
    h("strong", {}, title), h("p", {}, text));
}

/** A row of buttons of which one is chosen. */
export function choice(label, names, chosen, choose) {
  return h("div", { class: "choice", role: "group", "aria-label": label }, names.map(([name, text]) =>
    h("button", { type: "button", "aria-pressed": String(name === chosen), "data-focus": `choice-${label}-${name}`,
      onclick: () => choose(name) }, text)));
}
