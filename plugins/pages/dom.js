// Elements from data. Text is always set as text, so nothing that came with an order can become markup.

/** An element: `el("td", { class: "number" }, "12", child)`. Names starting with `on` are listeners. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** `place` holds exactly `children`. What has the focus keeps it where it comes again. */
export function fill(place, ...children) {
  place.replaceChildren(...children.filter(Boolean));
}

/**
 * A table. `columns` are `{ head, cell(row), number?, wide?, wraps?, roomy? }`: `cell` gives text or an element, `roomy` is left
 * out on a phone. `caption` is read by screen readers. A `list` becomes one block per row on a phone.
 */
export function table(caption, columns, rows, { list = false } = {}) {
  const kind = (column) => [column.number && "number", column.wide && "wide", column.wraps && "wraps", column.roomy && "roomy"].filter(Boolean).join(" ") || null;
  return el(
    "table",
    { class: list && "list" },
    el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, ...columns.map((c) => el("th", { scope: "col", class: kind(c) }, c.head)))),
    el(
      "tbody",
      {},
      ...rows.map((row) =>
        el(
          "tr",
          {},
          ...columns.map((c, place) =>
            el(place ? "td" : "th", { scope: place ? null : "row", class: kind(c), "data-head": list && c.head }, c.cell(row) ?? "–"),
          ),
        ),
      ),
    ),
  );
}

/** A text with its `code` between backticks set as such. */
export const withCode = (text) => text.split("`").map((part, place) => (place % 2 ? el("code", {}, part) : part));

/** A word with a colour, and the word says it without the colour too. */
export const pill = (text, level) => el("span", { class: `pill ${level ?? ""}` }, text);

/** A bar as long as its share of the longest. */
export function bar(share, text) {
  const ink = el("span", { class: "bar-ink" });
  ink.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", { class: "bar", title: text }, ink);
}
