// Asks the service. Problems say what to do; a 401 asks the user for a token.

import { token } from "./session.js";

const PATIENCE = 15_000; // ms

export class Problem extends Error {
  constructor(status, detail, retryAfter = 0) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter; // s
  }
}

export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const sent = { ...headers };
  if (token()) sent.authorization = `Bearer ${token()}`;
  if (body !== undefined) sent["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method, headers: sent, signal: AbortSignal.timeout(PATIENCE),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "The service doesn't answer. Is undertone api running, and this machine reachable?");
  }
  return read(answer);
}

async function read(answer) {
  const said = await answer.json().catch(() => null);
  if (answer.ok) return said;
  if (answer.status === 401) document.dispatchEvent(new Event("token-wanted"));
  throw new Problem(answer.status, said?.detail ?? answer.statusText, Number(answer.headers.get("retry-after") ?? 0));
}

/** Asks with the parameters that aren't undefined. */
export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value != null && value !== "");
  const query = new URLSearchParams(given).toString();
  return ask(query ? `${path}?${query}` : path);
}

/** The answer, or null where the service has none (404). */
export async function there(answer) {
  try {
    return await answer;
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return null;
    throw problem;
  }
}

/** Where a symbol's answers are: slashes in its name stay part of the path. */
export function of(route, symbol) {
  return `${route}/${symbol.split("/").map(encodeURIComponent).join("/")}`;
}

/** Does `work` now and `every` ms after it ended, while the page is seen. Returns what ends it. */
export function poll(work, every) {
  let timer = 0, ended = false;
  const run = async () => {
    clearTimeout(timer);
    let wait = every;
    try {
      if (!document.hidden) await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      wait = Math.max(every, problem.retryAfter * 1000);
    } finally {
      if (!ended) timer = setTimeout(run, wait);
    }
  };
  const seen = () => { if (!document.hidden && !ended) run(); };
  document.addEventListener("visibilitychange", seen);
  run();
  return () => { ended = true; clearTimeout(timer); document.removeEventListener("visibilitychange", seen); };
}
