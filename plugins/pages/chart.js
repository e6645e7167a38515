// Charts by uPlot: lines over time, and stacked columns. Colours come from style.css, so that they follow the theme.

const SERIES_DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
// Cents and counts are whole: 1, 2, 5, 10, 20, 50, …
const STEPS = [...Array(16).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

/** A colour of style.css as the canvas needs it. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/**
 * A chart in `place`. `series` are `{ label, colour }`; `value(number)` is the text of a value, `axisValue` that of
 * the axis. Returns `{ update(data) }`, data as uPlot wants it: seconds, then one array per series.
 */
export function chart(place, { series, value, axisValue, columns = false, height = 240 }) {
  let plot = null;
  let data = null;
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;

  function draw() {
    plot?.destroy();
    const width = place.clientWidth;
    if (!data || !width) return;
    plot = new window.uPlot(options(width), data, place);
    place.append(tip);
  }

  function options(width) {
    const ink = colour("ink-soft");
    const grid = { stroke: colour("line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width,
      height,
      padding: [12, 20, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
      cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
      scales: { x: columns ? { range: (_, low, high) => [low - 30, high + 30] } : {}, y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] } },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map(clock) },
        { ...axis, size: 60, incrs: STEPS, values: (_, splits) => splits.map((split) => (split < 0 ? "" : axisValue(split))) },
      ],
      series: [{}, ...series.map(line)],
      hooks: { setCursor: [showTip] },
    };
  }

  function line({ label, colour: name }, place) {
    const ink = colour(name);
    if (!columns) return { label, stroke: ink, width: 2, dash: SERIES_DASHES[place % 4], points: { show: false } };
    return { label, fill: ink, stroke: ink, width: 0, points: { show: false },
      paths: window.uPlot.paths.bars({ size: [0.8, 40] }) };
  }

  function showTip(u) {
    const at = u.cursor.idx;
    tip.hidden = at === null || at === undefined || u.cursor.left < 0;
    if (tip.hidden) return;
    const lines = series.map(({ label }, place) => {
      const numbers = data[place + 1];
      const own = columns && place + 1 < series.length ? numbers[at] - data[place + 2][at] : numbers[at];
      return `${label}: ${own === null ? "–" : value(own)}`;
    });
    tip.textContent = [`${clock(data[0][at])} UTC`, ...lines].join("\n");
    const left = u.cursor.left + u.bbox.left / devicePixelRatio;
    tip.style.left = `${Math.min(left + 14, place.clientWidth - tip.offsetWidth - 4)}px`;
    tip.style.top = "8px";
  }

  new ResizeObserver(() => {
    if (!plot) draw();
    else if (plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height });
  }).observe(place);
  document.addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  return {
    update(next) {
      data = next;
      if (plot) plot.setData(data);
      else draw();
    },
  };
}

function clock(seconds) {
  return new Date(seconds * 1_000).toISOString().slice(11, 16);
}

/** Arrays of equal length, each the sum of itself and those after it: what stacked columns are drawn from. */
export function stacked(arrays) {
  const sums = arrays.map((array) => [...array]);
  for (let place = sums.length - 2; place >= 0; place -= 1) {
    sums[place] = sums[place].map((number, at) => number + sums[place + 1][at]);
  }
  return sums;
}
