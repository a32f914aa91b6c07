// What the page remembers: the token until the tab is closed, the theme for good. Neither is ever in an address.

const TOKEN = "undertone.token", THEME = "undertone.theme";
export const THEMES = ["auto", "light", "dark"];

export function token() {
  return sessionStorage.getItem(TOKEN) ?? "";
}

export function keepToken(secret) {
  if (secret) sessionStorage.setItem(TOKEN, secret);
  else sessionStorage.removeItem(TOKEN);
}

export function theme() {
  const kept = localStorage.getItem(THEME);
  return THEMES.includes(kept) ? kept : "auto";
}

export function keepTheme(name) {
  localStorage.setItem(THEME, name);
  applyTheme();
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
  document.dispatchEvent(new Event("theme"));
}
