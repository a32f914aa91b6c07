// Addresses of views: #/symbol/SYN000?timeframe=1s. They can be kept and passed on.

export function place() {
  const [path, query = ""] = (location.hash.slice(1) || "/symbols").split("?");
  const [, view, ...rest] = path.split("/");
  return { view, name: rest.map(decodeURIComponent).join("/"), parameters: Object.fromEntries(new URLSearchParams(query)) };
}

export function address(view, name = "", parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  const query = new URLSearchParams(given).toString();
  const path = name ? `#/${view}/${name.split("/").map(encodeURIComponent).join("/")}` : `#/${view}`;
  return query ? `${path}?${query}` : path;
}

/**
 * Notes a view's parameters in the address without a step in the history. A view that the user has just left is not
 * noted, or an answer that comes between the step back and its event would bring the user there again.
 */
export function note(view, name, parameters) {
  const here = place();
  if (here.view !== view || here.name !== name) return;
  history.replaceState(null, "", address(view, name, parameters));
}
