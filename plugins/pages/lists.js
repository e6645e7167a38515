// Lists of what happened, the newest first: one entry each, and its query under include/pages/sql.

import { el, pill } from "./dom.js";
import { count, duration, hour, moment } from "./format.js";

const LEVEL_OF_SEVERITY = { warning: "watch", critical: "bad" };
const LEVEL_OF_REBUILD = { equal: "good", swapped: "good", different: "watch", declined: "watch", contradicts: "bad" };
export const LEVEL_OF_STATE = { success: "good", done: "good", failed: "bad", running: "watch", queued: "watch", waiting: "watch" };

export const between = (from, to) => (new Date(to) - new Date(from)) / 1_000;

export const LISTS = [
  {
    name: "incidents", title: "Incidents", none: "Nothing was wrong lately.",
    columns: [
      { head: "State", cell: (row) => (row.closed_at ? pill("over", "good") : pill(row.severity, LEVEL_OF_SEVERITY[row.severity])) },
      { head: "About", cell: (row) => row.stream },
      { head: "What", wide: true, cell: (row) => row.summary },
      { head: "Since", cell: (row) => moment(row.opened_at) },
      { head: "Lasted", number: true, cell: (row) => duration(between(row.opened_at, row.closed_at ?? row.last_seen_at)) },
      { head: "What to do", cell: (row) => runbookOf(row.runbook) },
    ],
  },
  {
    name: "restarts", title: "Last restarts", none: "The lake writer was never restarted by the watchdog or by Airflow.",
    columns: [
      { head: "Begun", cell: (row) => moment(row.started_at) },
      { head: "Took", number: true, cell: (row) => (row.finished_at ? duration(between(row.started_at, row.finished_at)) : pill("not finished", "bad")) },
      { head: "Why", wide: true, cell: (row) => row.reason },
      { head: "By", cell: (row) => row.run_id },
      { head: "Process", cell: (row) => `${row.old_pid ?? "–"} → ${row.new_pid ?? "–"}` },
    ],
  },
  {
    name: "table_requests", title: "Table requests", none: "Nobody has asked the lake writer to compact or replace anything yet.",
    columns: [
      { head: "Nr", cell: (row) => String(row.request_id) },
      { head: "State", cell: (row) => pill(row.state, LEVEL_OF_STATE[row.state]) },
      { head: "What", wide: true, cell: whatWasAsked },
      { head: "By", cell: (row) => row.requested_by },
      { head: "Asked", cell: (row) => moment(row.requested_at) },
      { head: "Took", number: true, cell: (row) => (row.finished_at ? duration(between(row.begun_at, row.finished_at)) : "–") },
      { head: "Why it failed", wide: true, cell: (row) => row.detail || "–" },
    ],
  },
  {
    name: "hour_rebuilds", title: "Hours rebuilt from bronze", none: "No hour was rebuilt and compared yet. rebuild_hours does it every night for the day before.",
    columns: [
      { head: "From", cell: (row) => moment(row.since) },
      { head: "Until", cell: (row) => moment(row.until) },
      { head: "Compared with the stream", cell: (row) => pill(row.state, LEVEL_OF_REBUILD[row.state]) },
      { head: "Orders", number: true, cell: (row) => count(row.orders) },
      { head: "Hours that differed", number: true, cell: (row) => count(row.differences) },
      { head: "Decided by", cell: (row) => row.decided_by || "–" },
      { head: "When", cell: (row) => moment(row.compared_at) },
    ],
  },
  {
    name: "restatements", title: "Restatements", none: "No published hour has changed after it was closed.",
    columns: [
      { head: "Hour", cell: (row) => hour(row.hour_utc) },
      { head: "Version", number: true, cell: (row) => String(row.version) },
      { head: "Values changed", number: true, cell: (row) => count(row.changes) },
      { head: "Why", wide: true, cell: (row) => row.reason },
      { head: "When", cell: (row) => moment(row.restated_at) },
    ],
  },
];

function whatWasAsked({ kind, arguments: { table: name, days, since, until, ...others } }) {
  if (kind === "optimize") return `compact ${name}, ${days?.length ? days.join(", ") : "every day"}`;
  if (kind === "replace_hours") return `swap the hours from ${moment(since)} to ${moment(until)} for rebuilt ones`;
  if (kind === "vacuum") return `delete files that ${name} no longer needs`;
  return `${kind} ${JSON.stringify(others)}`;
}

// Of "docs/runbooks/x.md" or "docs/runbooks/x.md, 'The heading'".
function runbookOf(text) {
  const [, name, heading] = /runbooks\/(\w+)\.md(?:, '([^']+)')?/.exec(text) ?? [];
  return name ? runbookLink({ runbook: name, heading }) : text;
}

const anchor = (heading) => heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");

export function runbookLink({ runbook, heading }) {
  const target = `runbooks/${runbook}${heading ? `#${anchor(heading)}` : ""}`;
  return el("a", { href: target, class: "go" }, heading ? `What to do: ${heading}` : `The runbook: ${runbook}`);
}
