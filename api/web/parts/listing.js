// A list that follows the service, filled anew where the answer has changed, and a line about what was done to it.

import { h, refill, write } from "../dom.js";
import { poll, Problem } from "../service.js";

/**
 * Asks `answer` for the rows now and every `every` ms. `show(rows)` returns what the list holds, `without(problem)` what
 * it holds where none came yet.
 */
export function listing(answer, every, show, without) {
  const list = h("div"), done = h("p", { class: "done", role: "status", "aria-live": "polite" });
  let last = "", kept = null, coming = []; // changes while an answer is under way

  function fill(rows) {
    const text = JSON.stringify(rows);
    kept = rows;
    if (text === last) return;
    last = text;
    refill(list, show(rows));
  }

  /** Changes the rows, `change(rows)` returns them anew; once more in an answer under way, which may be older. */
  function tell(change) {
    coming?.push(change);
    if (kept !== null) fill(change(kept));
  }

  async function refresh() {
    const told = coming = [];
    try {
      const rows = await answer();
      fill(told.reduce((now, change) => change(now), rows));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!last) refill(list, without(problem));
      throw problem;
    } finally {
      if (coming === told) coming = null;
    }
  }

  /** Asks the service for a change and says what `change` returns, or what was wrong; then the list is asked for. */
  async function act(change) {
    try {
      write(done, await change());
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      write(done, problem.message);
    }
    await refresh().catch(() => {}); // the next one says what is wrong
  }

  return { list, done, refresh, act, tell, close: poll(refresh, every) };
}
