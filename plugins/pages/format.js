// Numbers, money and times as people read them. Money comes in whole cents, times as ISO 8601 in UTC.

// English pages: the separators must not change with the reader's machine.
const LOCALE = "en-GB";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const short = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const clockSeconds = new Intl.DateTimeFormat(LOCALE, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC",
});
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const currencies = new Map();

export const count = (number) => (number === null || number === undefined ? null : whole.format(number));
export const rate = (number) => (number === null ? "–" : number >= 100 ? whole.format(number) : tenths.format(number));
export const compact = (number) => short.format(number);
export const percent = (share, digits = 0) =>
  share === null || share === undefined ? "–" : `${(Math.floor(share * 100 * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;

function formatterOf(currency) {
  if (!currencies.has(currency)) {
    currencies.set(currency, new Intl.NumberFormat(LOCALE, { style: "currency", currency, currencyDisplay: "narrowSymbol" }));
  }
  return currencies.get(currency);
}

/** Cents as money, by integers: a sum may be larger than what a float holds. Accepts numbers and texts. */
export function money(cents, currency) {
  if (cents === null || cents === undefined) return null;
  const all = BigInt(cents);
  const positive = all < 0n ? -all : all;
  const fraction = String(positive % 100n).padStart(2, "0");
  const parts = formatterOf(currency).formatToParts(positive / 100n);
  const text = parts.map((part) => (part.type === "fraction" ? fraction : part.value)).join("");
  return all < 0n ? `−${text}` : text;
}

/** Money for an axis: no cents, and short. */
export const axisMoney = (cents, currency) =>
  new Intl.NumberFormat(LOCALE, { style: "currency", currency, currencyDisplay: "narrowSymbol", notation: "compact",
    minimumFractionDigits: 0, maximumFractionDigits: 1 }).format(cents / 100);

export const time = (iso) => (iso ? clock.format(new Date(iso)) : null);
export const timeSeconds = (iso) => (iso ? clockSeconds.format(new Date(iso)) : null);

/** With its day where that is not today. */
export function moment(iso) {
  if (!iso) return null;
  const then = new Date(iso);
  const isToday = then.toISOString().slice(0, 10) === new Date().toISOString().slice(0, 10);
  return isToday ? clockSeconds.format(then) : `${day.format(then)} ${clock.format(then)}`;
}

/** An hour as the span it is. */
export function hour(iso) {
  const began = new Date(iso);
  return `${moment(iso).replace(/:00$/, "")}–${clock.format(new Date(began.getTime() + 3_600_000))}`;
}

/** "3 s", "4 min", "2 h 5 min", "3 days". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return null;
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7_200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3_600)} h ${Math.round((s % 3_600) / 60)} min`;
  return `${Math.round(s / 86_400)} days`;
}
