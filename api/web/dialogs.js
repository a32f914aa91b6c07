// Two dialogs: is it really wanted, and the token of a service that asks for one.

import { h } from "./dom.js";
import { keepToken, token } from "./session.js";

function opened(...children) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() }, ...children);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Resolves to whether `action` was chosen; Escape is no. */
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const close = (value) => () => dialog.close(value);
    const dialog = opened(
      h("h2", { id: "dialog-title" }, title), h("p", {}, text),
      h("div", { class: "actions" },
        h("button", { type: "button", onclick: close("") }, "Cancel"),
        h("button", { type: "button", class: "primary", onclick: close("yes") }, action)));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/** Asks for the token, once at a time; `done` is called when one was given. */
export function askForToken(done) {
  if (document.getElementById("token-field")) return;
  const field = h("input", { id: "token-field", type: "password", autocomplete: "off", required: true,
    placeholder: "ut_…", spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    if (!field.value.trim()) return;
    keepToken(field.value.trim());
    dialog.close();
    done();
  };
  const dialog = opened(
    h("h2", { id: "dialog-title" }, "This service asks for a token"),
    h("p", {}, token() ? "The one that this tab has kept is unknown or revoked. " : "",
      "undertone token create NAME makes one. It is kept in this tab until it is closed."),
    h("form", { onsubmit: submit },
      h("label", { for: "token-field" }, "Token"), field,
      h("div", { class: "actions" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "primary" }, "Use token"))));
}
