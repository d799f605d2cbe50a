/** Pure functions for axes, running means and formatted numbers. */

/** Return about `wanted` round numbers for ticks between two ends. */
export function ticks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5].map((k) => k * power).find((size) => size >= rough) ?? 10 * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-12) + 1e-300; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

/** Return round numbers for ticks of a logarithmic axis: powers of ten, and 2 and 5 between them if there is room. */
export function logTicks(low, high, wanted) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((last - first) / wanted));
  for (const parts of [[1, 2, 5], [1]]) {
    const found = [];
    for (let k = first; k <= last; k += every) {
      for (const part of parts) {
        const place = Number((part * 10 ** k).toPrecision(12));
        if (place >= low * (1 - 1e-12) && place <= high * (1 + 1e-12)) found.push(place);
      }
    }
    if (found.length >= 2 && found.length <= wanted + 1) return found;
  }
  return ticks(low, high, wanted).filter((place) => place > 0);
}

/**
 * Return a linear or logarithmic scale that converts numbers to pixels and back.
 * @param {{low: number, high: number, from: number, to: number, log: boolean}} ends in numbers and in pixels
 */
export function scale({ low, high, from, to, log }) {
  /** @type {(x: number) => number} */
  const turn = log ? Math.log10 : (x) => x;
  /** @type {(t: number) => number} */
  const back = log ? (t) => 10 ** t : (t) => t;
  const [a, b] = [turn(low), turn(high)];
  const ratio = b > a ? (to - from) / (b - a) : 0;
  return {
    low,
    high,
    /** @param {number} value */
    at: (value) => from + (turn(value) - a) * ratio,
    /** @param {number} pixel */
    value: (pixel) => (ratio ? back(a + (pixel - from) / ratio) : low),
  };
}

/**
 * Return running means over the neighbours within `half` on either side, weighted by `counts`. Near the start,
 * where curves are steep, and at the end the neighbourhood shrinks, so that it stays even.
 */
export function smooth(xs, ys, counts, half) {
  const last = xs.length - 1;
  if (!(half > 0) || last < 2) return ys;
  const sums = [0];
  const weights = [0];
  for (let i = 0; i <= last; i++) {
    const weight = ys[i] === null ? 0 : (counts?.[i] ?? 1);
    sums.push(sums[i] + (weight ? ys[i] * weight : 0));
    weights.push(weights[i] + weight);
  }
  const found = [];
  let from = 0;
  let to = 0;
  for (let i = 0; i <= last; i++) {
    const reach = Math.min(half, (xs[i] - xs[0]) / 4, xs[last] - xs[i]);
    from = Math.min(from, i);
    while (from > 0 && xs[from - 1] >= xs[i] - reach) from--;
    while (xs[from] < xs[i] - reach) from++;
    to = Math.max(to, i + 1);
    while (to <= last && xs[to] <= xs[i] + reach) to++;
    while (to > i + 1 && xs[to - 1] > xs[i] + reach) to--;
    const weight = weights[to] - weights[from];
    found.push(ys[i] === null || !weight ? null : (sums[to] - sums[from]) / weight);
  }
  return found;
}

/**
 * Return the index of the number in the sorted array `xs` that is nearest to `x`.
 * @param {number[]} xs
 * @param {number} x
 */
export function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}

/** What stands in the place of a value that was measured and is NaN or infinite. */
export const NOT_FINITE = "NaN or ∞";

/** @type {[number, string][]} */
const UNITS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Format a number with few digits: 2.013, 14.3M, 0.00031, 3e-5. */
export function short(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const unit = UNITS.find(([from]) => size >= from);
  if (unit && size >= 10_000) return `${Number((value / unit[0]).toPrecision(3))}${unit[1]}`;
  if (size !== 0 && size < 1e-4) return value.toExponential(2).replace(/\.?0*e/, "e");
  return String(Number(value.toPrecision(digits)));
}

/** Format a number of bytes: 14.3 MB. */
export function sizeInWords(bytes) {
  const unit = UNITS.find(([from]) => bytes >= from);
  return unit ? `${Number((bytes / unit[0]).toPrecision(3))} ${unit[1]}B` : `${Math.round(bytes)} B`;
}

/** Format seconds roughly: 40 s, 12 min, 3 h, 2 days. */
export function timeInWords(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
