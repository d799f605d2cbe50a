/** The page `/scaling`: draws the curves of the scaling study from the numbers in the page. */

import { CurveChart } from "./curves.js";
import { byId, pageData } from "./page.js";
import { short } from "./scales.js";

const HEIGHT = 300;
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Format FLOPs and sizes: 2·10¹³, 3.4M, 4.5. */
export function words(value) {
  if (value < 1e12) return short(value, 3);
  const power = Math.floor(Math.log10(value) + 1e-9);
  const front = Number((value / 10 ** power).toPrecision(2));
  const raised = [...String(power)].map((digit) => RAISED[digit]).join("");
  return `${front === 1 ? "" : `${front}·`}10${raised}`;
}

/** Return the lines for the chart; fitted laws are faint behind the measured values. */
function linesOf({ lines, stacked }) {
  const found = lines.map((line, k) => ({
    ...line,
    key: `${line.name} ${k}`,
    faint: line.style === "fit",
    dots: line.style === "measured" || line.style === "read",
    low: line.style === "measured" ? null : line.low,
    high: line.style === "measured" ? null : line.high,
  }));
  if (!stacked) return found;
  const sum = lines[0].xs.map((_, i) => lines.reduce((total, { ys }) => total + (ys[i] ?? 0), 0));
  return [...found, { key: "all", name: "all together", tint: 6, xs: lines[0].xs, ys: sum }];
}

function draw(root, panel) {
  /** @type {{low: number|null, high: number|null}} */
  const window = { low: null, high: null };
  const lines = linesOf(panel);
  const chart = new CurveChart(root, {
    label: panel.label,
    height: HEIGHT,
    onCursor: (x, speaker) => chart.mark(x, speaker !== undefined),
    onZoom: (low, high) => {
      Object.assign(window, { low, high });
      show();
    },
  });
  const show = () => chart.show({ lines, ...window, logX: panel.log, logY: false, words });
  show();
}

for (const [id, panel] of Object.entries(pageData().charts)) draw(byId(id), panel);
document.body.dataset.drawn = "yes";
