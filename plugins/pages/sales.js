// The page Sales: what sells, how regions trend, what an order is worth.

import "./airflow.js";
import { chart } from "./chart.js";
import { bar, byId, el, fill, pill, table } from "./dom.js";
import { axisMoney, compact, count, duration, moment, money, percent, timeSeconds } from "./format.js";
import { keepFresh } from "./refresh.js";

const SECONDS = 5;
const REGION_COLOURS = { AMER: "series-1", EMEA: "series-2", APAC: "series-3", LATAM: "series-4" };

let answers = null;
let trend = null;

const lastHour = () => answers.order_values.find((row) => row.period === "last hour") ?? { regions: {} };
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const cash = (cents) => money(cents, answers.currency);
const colourOf = (region, place) => REGION_COLOURS[region] ?? `series-${(place % 4) + 1}`;

const fresh = keepFresh({ url: () => `api/sales?hours=${chosen("window")}`, seconds: SECONDS, show });
byId("window").addEventListener("change", () => fresh.now());
byId("measure").addEventListener("change", () => answers && showTrend());

function show(next) {
  answers = next;
  const isEmpty = answers.as_of === null;
  byId("empty").hidden = !isEmpty;
  byId("answers").hidden = isEmpty;
  byId("currency").textContent = `Amounts in ${answers.currency}.`;
  showFreshness();
  if (isEmpty) return;
  showTiles();
  showTrend();
  showOrderValues();
  showHours();
  showProducts();
}

function showFreshness() {
  const place = byId("freshness");
  if (answers.as_of === null) return fill(place, pill("no orders yet", "watch"));
  const asOf = `As of ${moment(answers.as_of)} UTC`;
  const age = `${duration(answers.age_seconds)} behind`;
  if (!answers.is_stale) return fill(place, pill("live", "good"), ` ${asOf}, ${age}`);
  return fill(
    place,
    pill("the stream stands still", "bad"),
    ` ${asOf}, ${age}: newer orders are not counted. `,
    el("a", { href: "streams" }, "See Streams"),
  );
}

function showTiles() {
  const last = lastHour().all;
  const seen = `${percent(answers.last_hour_seen, 1)} of the hour seen`;
  const tile = (name, value, note) =>
    el("div", { class: "tile" }, el("p", { class: "tile-name" }, name), el("p", { class: "tile-value" }, value), el("p", { class: "note" }, note));
  fill(
    byId("tiles"),
    tile("Revenue, last hour", last ? cash(last.revenue_cents) : "–", seen),
    tile("Orders, last hour", last ? count(last.orders) : "0", seen),
    tile("Average order value, last hour", last ? cash(last.average_order_value_cents) : "–", "all regions"),
    tile("Best seller, last hour", answers.top_products[0]?.product_name ?? "–",
      answers.top_products[0] ? `${count(answers.top_products[0].units)} units` : "no order in the last hour"),
  );
}

function showTrend() {
  const { regions, step_minutes: step, seen_up_to: seenUpTo } = answers.trend;
  const measure = chosen("measure");
  const isMoney = measure === "revenue_cents";
  const value = (number) => (isMoney ? cash(number) : `${count(number)} orders`);
  byId("trend-note").textContent =
    `${isMoney ? "Revenue" : "Orders"} per ${step === 1 ? "minute" : `${step} minutes`}, up to ${timeSeconds(new Date(seenUpTo * 1_000).toISOString()).slice(0, 5)}: ` +
    `what the stream has not read to its end is not drawn.`;
  drawTrend(regions, measure, value, isMoney, seenUpTo);
  const total = (name) => regions.reduce((sum, region) => sum + region[name], 0);
  const all = { orders: total("orders"), revenue_cents: total("revenue_cents") };
  const rows = [...regions].sort((a, b) => b[measure] - a[measure]);
  fill(
    byId("trend-regions"),
    regions.length
      ? table(`Orders and revenue by region in the last ${answers.trend.hours} hours`, [
          { head: "Region", cell: (row) => swatch(row.region, regions) },
          { head: "Orders", number: true, cell: (row) => count(row.orders) },
          { head: "Revenue", number: true, cell: (row) => cash(row.revenue_cents) },
          { head: "Share", number: true, cell: (row) => (all[measure] ? percent(row[measure] / all[measure], 1) : "–") },
        ], [...rows, { region: "all", ...all }])
      : el("p", { class: "note" }, `No order was placed in the last ${answers.trend.hours} h.`),
  );
}

function swatch(region, regions) {
  if (region === "all") return el("b", {}, "all");
  const place = regions.findIndex((one) => one.region === region);
  const look = `swatch ${colourOf(region, place)} dash-${(place % 4) + 1}`;
  return el("span", {}, el("span", { class: look, "aria-hidden": "true" }), region);
}

function drawTrend(regions, measure, value, isMoney, seenUpTo) {
  const kind = `${measure} ${regions.map((region) => region.region).join(" ")} ${answers.trend.hours}`;
  const place = byId("trend-chart");
  place.setAttribute("aria-label", `Lines of ${isMoney ? "revenue" : "orders"} by region; the table below has the sums`);
  if (!regions.length) {
    fill(place);
    trend = null;
    return;
  }
  if (trend?.kind !== kind) {
    fill(place);
    trend = { kind, drawn: chart(place, {
      height: 290,
      series: regions.map((region, at) => ({ label: region.region, colour: colourOf(region.region, at) })),
      value,
      axisValue: isMoney ? (cents) => axisMoney(cents, answers.currency) : compact,
    }) };
  }
  const full = regions[0].steps.filter((step) => step < seenUpTo).length;
  trend.drawn.update([
    regions[0].steps.slice(0, full),
    ...regions.map((region) => region[`${measure}_by_step`].slice(0, full)),
  ]);
}

function showOrderValues() {
  const periods = answers.order_values;
  const regions = [...new Set(periods.flatMap((row) => Object.keys(row.regions)))].sort();
  const inPeriod = (period, region) => (region === "all" ? period.all : period.regions[region]);
  const value = (measures) =>
    measures && el("span", { title: `${count(measures.orders)} orders` }, cash(measures.average_order_value_cents));
  fill(
    byId("order-values"),
    periods.length
      ? table("Average order value by region and period", [
          { head: "Region", cell: (region) => el(region === "all" ? "b" : "span", {}, region) },
          ...periods.map((period) => ({ head: period.period, number: true, cell: (region) => value(inPeriod(period, region)) })),
          { head: "Orders, last hour", number: true, roomy: true, cell: (region) => count(inPeriod(lastHour(), region)?.orders ?? 0) },
        ], ["all", ...regions])
      : el("p", { class: "note" }, "No order was placed in the last day."),
  );
}

function showHours() {
  fill(
    byId("hours"),
    answers.hours.length
      ? table("Orders and revenue by hour, live and audited", [
          { head: "Hour from", cell: (row) => moment(row.hour_utc).replace(/:00$/, "") },
          { head: "Orders", number: true, roomy: true, cell: (row) => count(row.live_orders) },
          { head: "Revenue", number: true, cell: (row) => cash(row.live_revenue_cents) },
          { head: "Seen", number: true, cell: (row) => percent(row.seen, 1) },
          { head: "Audited", wraps: true, cell: audited },
        ], answers.hours)
      : el("p", { class: "note" }, "No order was placed in the last hours."),
  );
}

function audited(row) {
  if (row.version === null) return pill("not yet", "");
  if (row.completeness < 1) return pill(`${percent(row.completeness, 1)} so far`, "watch");
  if (row.marts_revenue_cents === row.live_revenue_cents) {
    return pill(row.is_restated ? "equals live, restated" : "equals live", "good");
  }
  return el("span", {}, pill(cash(row.marts_revenue_cents), "watch"), " before late orders");
}

function showProducts() {
  const products = answers.top_products;
  byId("top-note").textContent =
    `By units; revenue without shipping and tax. ${percent(answers.last_hour_seen, 1)} of the last 60 minutes is seen, as of ${moment(answers.as_of)}.`;
  const most = Math.max(...products.map((product) => product.units), 1);
  fill(
    byId("top-products"),
    products.length
      ? table("Top products of the last hour", [
          { head: "#", cell: (row) => String(row.rank) },
          { head: "Product", wide: true, cell: (row) => row.product_name },
          { head: "Category", roomy: true, cell: (row) => row.category },
          { head: "Units", number: true, cell: (row) => count(row.units) },
          { head: "", roomy: true, cell: (row) => bar(row.units / most, `${count(row.units)} units`) },
          { head: "Revenue", number: true, cell: (row) => cash(row.revenue_cents) },
        ], products)
      : el("p", { class: "note" }, "No order was placed in the last hour."),
  );
}
