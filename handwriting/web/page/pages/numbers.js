// Small sums over arrays of numbers.

export const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export const mean = (values) => sum(values) / values.length;

export function least(values) {
  let found = Infinity;
  for (const value of values) if (value < found) found = value;
  return found;
}

export function most(values) {
  let found = -Infinity;
  for (const value of values) if (value > found) found = value;
  return found;
}

/** The value below which a percentage of values is, between two of them by a straight line. */
export function percentile(values, percentage) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = ((sorted.length - 1) * percentage) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
