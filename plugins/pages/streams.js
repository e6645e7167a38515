// The page Streams: is everything well, and where to go when it is not.

import { airflowUrl, leaveFrame } from "./airflow.js";
import { chart, stacked } from "./chart.js";
import { byId, el, fill, pill, table, withCode } from "./dom.js";
import { count, duration, hour, moment, money, percent, rate } from "./format.js";
import { between, LEVEL_OF_STATE, LISTS, runbookLink } from "./lists.js";
import { answered, keepFresh } from "./refresh.js";

const SECONDS = 5;
const SELDOM_SECONDS = 30;
const PLACES = { silver: "accepted", duplicate: "duplicate", quarantined: "quarantined" };

const charts = new Map();

keepFresh({ url: () => "api/streams", seconds: SECONDS, show });
keepFresh({
  url: () => "api/rejected", seconds: SELDOM_SECONDS, page: false, show: showRejected,
  failed: (trouble) => fill(byId("rejected"), el("p", { class: "banner bad" }, ...withCode(trouble))),
});
keepFresh({
  url: () => airflowUrl("api/v2/dags?limit=50&order_by=dag_id"), seconds: SELDOM_SECONDS, page: false, show: showDags,
  failed: (trouble) => fill(byId("dags"), el("p", { class: "banner bad" }, "Airflow's DAGs could not be listed. ", ...withCode(trouble))),
});

function show(next) {
  byId("main").hidden = false;
  fill(byId("freshness"), ...next.streams.map(({ health }) => pill(health.text, health.level)), ` Checked at ${moment(next.checked_at)} UTC`);
  next.streams.forEach((stream) => showStream(stream, next.checked_at));
  showLedger(next.ledger, next.currency);
  showPublications(next.publications, next.currency);
  fill(byId("lists"), ...LISTS.map((list) => listed(list, next[list.name])));
}

function cardOf(name) {
  const id = `stream-${name}`;
  if (!byId(id)) {
    byId("streams").append(
      el("section", { class: "card", id, "aria-label": `Stream ${name}` },
        el("div", { class: "verdict" }),
        el("div", { class: "facts" }),
        el("h3", {}, "Records a minute, as their batches were closed"),
        el("p", { class: "note legend" }, ...Object.entries(PLACES).map(([place, word]) =>
          el("span", {}, el("span", { class: `swatch place-${place}`, "aria-hidden": "true" }), word))),
        el("div", { class: "chart", role: "img", "aria-label": "Columns of records a minute over the last hour; the sums stand below" }),
        el("p", { class: "note sums" }),
      ),
    );
  }
  return byId(id);
}

function showStream({ stream, health, progress, rates, rows_by_minute: minutes }, checkedAt) {
  const card = cardOf(stream);
  fill(
    card.querySelector(".verdict"),
    el("h2", {}, pill(stream, ""), " ", el("span", { class: `word ${health.level}` }, health.text)),
    el("p", {}, ...withCode(health.reasons.join(" ")), " ", health.runbook ? runbookLink(health) : ""),
  );
  fill(card.querySelector(".facts"), ...facts(progress, rates, checkedAt));
  showMinutes(card, minutes);
}

function facts(progress, rates, checkedAt) {
  const fact = (name, value, note) =>
    el("div", { class: "fact" }, el("p", { class: "fact-name" }, name), el("p", { class: "fact-value" }, value), el("p", { class: "note" }, note));
  if (!progress) return [fact("Lake writer", "not heard of", "it has never reported to this database")];
  const age = (then) => (then ? duration(between(then, checkedAt)) : "–");
  return [
    fact("Comes in", `${rate(rates.read_per_second)}/s`, "records read, last 5 minutes"),
    fact("Last batch went at", rates.last_batch_per_second === null ? "–" : `${rate(rates.last_batch_per_second)}/s`,
      progress.batch_rows === null ? "no batch yet" : `${count(progress.batch_rows)} records in ${rate(progress.batch_seconds)} s`),
    fact("Waiting in Kafka", progress.lag_records === null ? "unknown" : count(progress.lag_records), "records in no closed batch"),
    fact("Last batch", progress.last_batch_at ? `${age(progress.last_batch_at)} ago` : "–",
      progress.batch_id === null ? "no batch yet" : `number ${progress.batch_id}, ${rate(rates.batches_per_minute)} a minute`),
    fact("Read up to", progress.as_of ? `${age(progress.as_of)} ago` : "–", progress.as_of ? `${moment(progress.as_of)} UTC` : "nothing yet"),
    fact("Heartbeat", `${age(progress.heartbeat_at)} ago`, `process ${progress.pid}, ${progress.state} since ${moment(progress.started_at)}`),
  ];
}

function showMinutes(card, minutes) {
  const place = card.querySelector(".chart");
  const all = (name) => minutes.reduce((sum, minute) => sum + minute[name], 0);
  const isQuiet = !Object.keys(PLACES).some(all);
  place.hidden = card.querySelector(".legend").hidden = isQuiet;
  card.querySelector(".sums").textContent = isQuiet
    ? "No record was read in the last hour."
    : `Last hour: ${Object.entries(PLACES).map(([name, word]) => `${count(all(name))} ${word}`).join(", ")}.`;
  if (!charts.has(card.id)) {
    charts.set(card.id, chart(place, {
      columns: true, value: count, axisValue: count,
      series: Object.entries(PLACES).map(([name, label]) => ({ label, colour: `place-${name}` })),
    }));
  }
  const arrays = Object.keys(PLACES).map((name) => minutes.map((minute) => minute[name]));
  charts.get(card.id).update([minutes.map(({ minute }) => minute), ...stacked(arrays)]);
}

function showLedger(ledger, currency) {
  if (ledger.trouble) return fill(byId("ledger"), el("p", {}, ...withCode(ledger.trouble)));
  const verdict = ledger.balances
    ? el("p", { class: "word good" }, "Every record has its place")
    : el("p", {}, el("span", { class: "word bad" }, `${count(ledger.records_unaccounted)} records are not accounted for. `),
        runbookLink({ runbook: "supervise_streams", heading: ledger.holes ? "The ledger has a hole" : "The books do not balance" }));
  const rows = ["read", "silver", "duplicate", "quarantined"].map((place) => ({ place }));
  const names = { read: "read from Kafka", silver: "= accepted (silver)", duplicate: "+ duplicate", quarantined: "+ quarantined" };
  return fill(
    byId("ledger"),
    ledger.batch_id < 0 ? el("p", {}, "No batch was closed yet.") : verdict,
    table("The ledger over all time", [
      { head: "", cell: ({ place }) => names[place] },
      { head: "Records", number: true, cell: ({ place }) => count(ledger.rows[place]) },
      { head: "Claimed amount", number: true, cell: ({ place }) => money(ledger.cents[place], currency) },
    ], rows),
    el("p", { class: "note" }, ledger.batch_id < 0 ? "" : `Up to batch ${ledger.batch_id}, closed ${moment(ledger.closed_at)}. Added up every half a minute.`),
  );
}

function showRejected({ records, by_reason: reasons, read_at: readAt }) {
  fill(
    byId("rejected"),
    el("p", {}, records ? `${count(records)} records of the last hour.` : "No record of the last hour was rejected."),
    records
      ? table("Rejected records of the last hour by reason", [
          { head: "Reason", cell: (row) => row.reason },
          { head: "Records", number: true, cell: (row) => count(row.records) },
        ], reasons)
      : null,
    el("p", { class: "note" }, `Read ${moment(readAt)}. More: `, el("code", {}, "saleslake rejected --samples 5"), "; sending again: ",
      el("a", { href: "runbooks/replay_rejected#how-to-use-it" }, "replay_rejected"), "."),
  );
}

async function showDags({ dags }) {
  const rows = await Promise.all(dags.map(async (dag) => {
    const runs = airflowUrl(`api/v2/dags/${encodeURIComponent(dag.dag_id)}/dagRuns?limit=1&order_by=-run_after`);
    const { dag_runs: [run] } = await answered(runs).catch(() => ({ dag_runs: [] }));
    return { ...dag, run };
  }));
  const link = (path, text) => el("a", { href: airflowUrl(path), onclick: leaveFrame }, text);
  fill(
    byId("dags"),
    rows.length
      ? table("DAGs and their last runs", [
          { head: "DAG", cell: (row) => link(`dags/${row.dag_id}`, row.dag_id) },
          { head: "Last run", cell: ({ run, ...row }) => (run ? lastRun(run) : row.is_paused ? pill("paused", "watch") : "none yet") },
          { head: "When", cell: ({ run }) => (run ? link(`dags/${run.dag_id}/runs/${encodeURIComponent(run.dag_run_id)}`, moment(run.start_date ?? run.run_after)) : "–") },
          { head: "If it is red", cell: (row) => el("a", { href: `runbooks/${row.dag_id}` }, "runbook") },
        ], rows)
      : el("p", { class: "note" }, "Airflow has not read any DAG yet."),
  );
}

const lastRun = (run) => pill(run.state, LEVEL_OF_STATE[run.state]);

function showPublications(publications, currency) {
  fill(
    byId("publications"),
    publications.length
      ? table("Published hours", [
          { head: "Hour", cell: (row) => hour(row.hour_utc) },
          { head: "Complete", cell: (row) => (row.completeness < 1 ? pill(`provisional, ${percent(row.completeness, 1)}`, "watch") : pill("closed", "good")) },
          { head: "Orders", number: true, roomy: true, cell: (row) => count(row.orders) },
          { head: "Revenue", number: true, cell: (row) => money(row.amount_cents, currency) },
          { head: "Version", number: true, roomy: true, cell: (row) => String(row.version) },
          { head: "Published", roomy: true, cell: (row) => moment(row.published_at) },
        ], publications)
      : el("p", { class: "note" }, "No hour of the last twelve is published yet. publish_marts runs a quarter past each hour."),
  );
}

function listed({ name, title, none, columns }, rows) {
  return el(
    "section",
    { class: "card", "aria-labelledby": `${name}-title` },
    el("h2", { id: `${name}-title` }, title),
    rows.length ? el("div", { class: "scroll" }, table(title, columns, rows, { list: true })) : el("p", { class: "note" }, none),
  );
}
