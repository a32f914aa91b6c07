// Training: what runs, how far it is, and a small form to start more. The WebSocket tells of every change.

import { confirmed } from "../dialogs.js";
import { h, notice, table, write } from "../dom.js";
import * as format from "../format.js";
import { jobForm } from "../parts/job_form.js";
import { listing } from "../parts/listing.js";
import { address } from "../router.js";
import { ask, get } from "../service.js";

const EVERY = 20_000; // ms between two looks at all jobs; who starts one or reconnects looks at once
const SIGNS = { queued: "◦ queued", running: "▸ running", succeeded: "✓ succeeded", failed: "✕ failed", cancelled: "– cancelled" };

export function jobsView({ live }) {
  const form = jobForm(async (body) => {
    const job = await ask("api/ai/train", { method: "POST", body, headers: { "idempotency-key": crypto.randomUUID() } });
    write(done, `Job ${job.job_id} is ${job.status}.`);
    await refresh();
  });
  form.hidden = true;
  const { list, done, refresh, act, tell, close } = listing(async () => (await get("api/ai/jobs")).jobs, EVERY, show, without);

  function show(jobs) {
    form.hidden = false;
    return jobs.length ? h("div", { class: "panel wide" }, table("Jobs", COLUMNS, jobs.map((job) => cells(job, cancel))))
      : notice("No jobs yet", "Start one above, or with undertone train.");
  }

  async function cancel(job) {
    if (!await confirmed(`Cancel ${job.job_id}?`, "What it has done so far is lost.", "Cancel the job")) return;
    await act(async () => {
      const { job_id: id, status } = await ask(`api/ai/jobs/${encodeURIComponent(job.job_id)}`, { method: "DELETE" });
      return status === "cancelled" ? `Job ${id} is cancelled.` : `Job ${id} is being cancelled.`;
    });
  }

  live.followJobs();
  return {
    element: h("div", {}, h("h1", {}, "Jobs"), form, done, list), close,
    heardJob: (job) => tell((jobs) => withJob(jobs, job)),
    restored: () => { refresh().catch(() => {}); }, // the next look says what is wrong
  };
}

/** The job in its place, or first: the one submitted last is. */
function withJob(jobs, job) {
  const known = jobs.some(({ job_id: id }) => id === job.job_id);
  return known ? jobs.map((old) => old.job_id === job.job_id ? job : old) : [job, ...jobs];
}

/** Says why there is no list; a service without jobs is no error. */
function without(problem) {
  if (problem.status === 404) return notice("This service has no jobs", "undertone train trains on the command line.");
  return problem.status === 503 ? notice("This service has no jobs", problem.message)
    : notice("The jobs can't be shown", problem.message, "error");
}

const COLUMNS = [{ title: "Job" }, { title: "What" }, { title: "Status" }, { title: "Progress" },
  ...["Epoch", "Loss", "Validation", "Left"].map((title) => ({ title, class: "number" })), { title: "Outcome" }, { title: "Actions" }];

function cells(job, cancel) {
  const open = ["queued", "running"].includes(job.status);
  return [
    h("span", { class: "version", title: `submitted ${format.moment(job.created)}` }, job.job_id), what(job),
    h("span", { class: "badge", "data-status": job.status }, job.cancelling ? "– cancelling" : SIGNS[job.status] ?? job.status),
    progress(job),
    job.current_epoch == null ? format.DASH : `${job.current_epoch} of ${job.total_epochs ?? "?"}`,
    format.significant(job.current_loss), format.significant(job.validation_loss), format.duration(job.eta_seconds), outcome(job),
    open && !job.cancelling ? h("button", { type: "button", "data-focus": `cancel-${job.job_id}`, "aria-label": `Cancel ${job.job_id}`,
      onclick: () => cancel(job) }, "Cancel") : "",
  ];
}

function what(job) {
  if (job.job_ids?.length) return `batch of ${job.job_ids.length}`;
  const symbols = job.symbols?.length ? `${job.symbols.length} symbols` : "all symbols";
  return [job.timeframe, job.model ?? "preset", symbols].filter(Boolean).join(" · ");
}

function progress(job) {
  const text = `${Math.round(job.progress * 100)} %`;
  return h("span", { class: "progress", title: job.detail }, h("progress", { max: 1, value: job.progress, "aria-label": `Progress of ${job.job_id}` }), text);
}

function outcome(job) {
  if (job.error) return h("span", { class: "problem", title: job.error }, job.error);
  return job.model_version ? h("a", { href: address("models") }, job.model_version) : job.detail || format.DASH;
}
