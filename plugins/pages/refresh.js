// Keeps what a page shows fresh, stops while nobody sees it, and says how old it is when it cannot.

import { byId, el, fill, pill, withCode } from "./dom.js";
import { duration, timeSeconds } from "./format.js";

const ANSWER_WITHIN_MS = 15_000;

/**
 * Ask `url()` every `seconds` and hand the answer to `show`. Returns `{ now }`, which asks at once.
 *
 * `page`: whether it is this answer that the page lives by; it alone writes into #refreshing and #trouble.
 */
export function keepFresh({ url, seconds, show, failed = () => {}, page = true }) {
  let timer = null;
  let asking = null;
  let shownAt = null;
  let trouble = null;

  async function ask() {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const giveUp = setTimeout(() => mine.abort("timeout"), ANSWER_WITHIN_MS);
    try {
      const answer = await answered(url(), mine.signal);
      if (mine !== asking) return;
      show(answer);
      shownAt = Date.now();
      trouble = null;
    } catch (error) {
      if (mine !== asking) return;
      trouble = inWords(error);
      failed(trouble);
    } finally {
      clearTimeout(giveUp);
      if (mine === asking) {
        asking = null;
        tell();
        if (!document.hidden) timer = setTimeout(ask, seconds * 1_000);
      }
    }
  }

  function tell() {
    if (!page) return;
    const age = shownAt === null ? null : (Date.now() - shownAt) / 1_000;
    const every = document.hidden ? "paused while hidden" : `refreshes every ${seconds} s`;
    fill(byId("refreshing"), age === null ? "Nothing shown yet" : `Refreshed ${duration(age)} ago, ${every}`);
    byId("refreshing").dataset.shownAt = shownAt ?? "";
    const banner = byId("trouble");
    banner.hidden = trouble === null;
    document.body.classList.toggle("outdated", trouble !== null && age !== null);
    if (trouble === null) return;
    if (age === null) fill(byId("freshness"), pill("not known", "watch"));
    const shown = age === null
      ? "There is nothing to show yet."
      : `What is shown is of ${timeSeconds(new Date(shownAt).toISOString())} UTC, ${duration(age)} old.`;
    // Read aloud once: only the age changes from second to second.
    if (banner.dataset.trouble !== trouble) {
      fill(banner, el("strong", {}, "Could not refresh. "), el("span", { class: "age" }), el("p", {}, ...withCode(trouble)));
      banner.dataset.trouble = trouble;
    }
    banner.querySelector(".age").textContent = `${shown} Trying again every ${seconds} s.`;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      tell();
    } else {
      ask();
    }
  });
  if (page) setInterval(tell, 1_000);
  ask();
  return { now: ask };
}

/** The JSON behind `url`. Throws an Error that says in words why there is none. */
export async function answered(url, signal) {
  const response = await fetch(url, { signal, headers: { accept: "application/json" } });
  if (response.status === 401) throw new Error("You are not logged in to Airflow any more: log in, then come back here.");
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  const detail = typeof said.detail === "string" ? said.detail : `Airflow answered ${response.status}.`;
  throw new Error(detail);
}

function inWords(error) {
  if (error === "timeout" || error.name === "AbortError") {
    return `No answer within ${ANSWER_WITHIN_MS / 1_000} s: Airflow or the database is very busy or stands still.`;
  }
  if (error instanceof TypeError && /fetch|network/i.test(error.message)) {
    return "Airflow's API server cannot be reached. Orders are not lost by this; `saleslake status` shows which part is down.";
  }
  return error.message;
}
