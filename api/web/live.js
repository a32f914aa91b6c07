// The WebSocket: one connection a page. It is made again when it breaks, and asks for what was missed (`since`).

import { token } from "./session.js";

const SILENCE = 60_000; // ms; a heartbeat comes every 15 s
const FIRST_WAIT = 500, LONGEST_WAIT = 10_000; // ms before it is tried again
const AGAIN = 3_000; // ms before a subscription that was refused is sent again

export class Live {
  #socket = null; #wanted = null; #since = null; #wait = FIRST_WAIT; #timers = {};

  /**
   * `heard(analyses)` and `heardJob(job)` get what comes, `changed(state)` live, connecting, waiting (for predictions)
   * or disconnected.
   */
  constructor({ heard, heardJob, changed }) {
    Object.assign(this, { heard, heardJob, changed });
    addEventListener("online", () => this.reconnect());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !this.#open()) this.reconnect(); });
  }

  /** Wants these symbols of a timeframe from now on (none: to know that the service is there), newer than `since`. */
  follow(symbols, timeframe = undefined, since = null) {
    this.#want({ symbols, timeframe, update_frequency: 1, include_spectral: false }, since);
  }

  /** Wants training jobs from now on: those that haven't ended, then what changes. */
  followJobs() { this.#want({ symbols: [], jobs: true, update_frequency: 0.5 }); }

  #want(wanted, since = null) {
    this.#wanted = wanted;
    this.#since = since;
    if (this.#open()) this.#subscribe();
    else if (this.#socket === null) this.#connect();
  }

  reconnect() {
    this.#wait = FIRST_WAIT;
    if (this.#wanted !== null) this.#connect();
  }

  #open() { return this.#socket?.readyState === WebSocket.OPEN; }

  #connect() {
    this.#drop();
    this.changed("connecting");
    const address = new URL("ws/realtime", location.href.split("#")[0]);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, token() ? ["undertone", `bearer.${token()}`] : ["undertone"]);
    this.#socket = socket;
    socket.onopen = () => { this.#wait = FIRST_WAIT; this.#subscribe(); };
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = () => { if (this.#socket === socket) this.#lost(); };
  }

  #subscribe() {
    const since = this.#since === null ? {} : { since: this.#since };
    this.#socket.send(JSON.stringify({ ...this.#wanted, ...since }));
    this.#listen();
  }

  #hear({ type, data, sequence }) {
    this.#listen();
    if (type === "error") {
      this.changed("waiting");
      this.#later("again", AGAIN, () => { if (this.#open()) this.#subscribe(); });
      return;
    }
    this.changed("live");
    if (type === "job") this.heardJob(data);
    if (type !== "prediction" && type !== "predictions") return;
    this.#since = sequence;
    this.heard(type === "prediction" ? [data] : data);
  }

  #listen() { this.#later("silence", SILENCE, () => this.#lost()); }

  #lost() {
    this.#drop();
    this.changed("disconnected");
    this.#later("connect", this.#wait * (0.75 + Math.random() / 2), () => this.#connect());
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  #drop() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #later(name, wait, work) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(work, wait);
  }
}
