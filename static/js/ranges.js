/** The range of a y axis, and the numbers at an axis. */

import { logTicks, ticks } from "./scales.js";

const USUAL = 0.98; // share of the highs of a band that stay in the chart

/** Return round numbers between the ends of a scale, about as many as there is room for. */
export function roundNumbers({ low, high }, log, room) {
  return log ? logTicks(low, high, room) : ticks(low, high, room);
}

/** Return the range of the y axis: all values, but a steep start may exceed the top. */
export function rangeOfY({ lines, logY }, x, early) {
  let low = Infinity;
  let high = -Infinity;
  const start = x.value(x.at(x.low) + early);
  for (const wanted of [start, x.low]) {
    for (const { xs, ys, dots } of lines) {
      for (let i = 0; i < xs.length; i++) {
        const y = ys[i];
        if (y === null || xs[i] > x.high || xs[i] < x.low || (logY && y <= 0)) continue;
        low = Math.min(low, y);
        if (dots || xs[i] >= wanted) high = Math.max(high, y);
      }
    }
    if (high >= low) break;
  }
  for (const { xs, low: lows, high: highs } of logY ? [] : lines) {
    if (!lows) continue;
    const there = [...xs.keys()].filter((i) => xs[i] >= start && xs[i] <= x.high && lows[i] !== null);
    if (!there.length) continue;
    const usual = there.map((i) => highs[i]).sort((a, b) => a - b)[Math.floor((there.length - 1) * USUAL)];
    high = Math.max(high, usual);
    low = Math.min(low, ...there.map((i) => lows[i]));
  }
  if (!(high >= low)) return { low: 0, high: 1, log: false };
  if (logY) return { low: low / 1.05, high: Math.max(high * 1.05, low * 1.1), log: true };
  const space = (high - low || Math.abs(high) || 1) * 0.06;
  return { low: low >= 0 ? Math.max(0, low - space) : low - space, high: high + space, log: false };
}
