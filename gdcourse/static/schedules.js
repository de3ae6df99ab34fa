// The learning-rate schedules, each the twin of the Python class of the same name in gdcourse/schedules.py: the rate
// after k steps, from the rate `lr` that the schedule starts with (or climbs to).

const halfCosine = (lr, lr_min, share) => lr_min + 0.5 * (lr - lr_min) * (1 + Math.cos(Math.PI * share));

export const SCHEDULES = {
  InverseTime: ({ decay }, lr, k) => lr / (1 + decay * k),
  Exponential: ({ gamma }, lr, k) => lr * gamma ** k,
  StepDecay: ({ every, gamma }, lr, k) => lr * gamma ** Math.floor(k / every),
  // `factors` of lr, the first of them 1, where Python has the rates themselves.
  Piecewise: ({ boundaries, factors }, lr, k) => lr * factors[boundaries.filter((b) => b <= k).length],
  Cosine: ({ steps, lr_min }, lr, k) => halfCosine(lr, lr_min, Math.min(k, steps) / steps),
  CosineRestarts({ period, growth, lr_min }, lr, k) {
    let start = growth === 1 ? k - (k % period) : 0,
      length = period;
    while (k >= start + length) {
      start += length;
      length *= growth;
    }
    return halfCosine(lr, lr_min, (k - start) / length);
  },
  WarmUp: ({ steps, start, after }, lr, k) =>
    k < steps ? (start + ((1 - start) * k) / steps) * rateAfter(after, lr, 0) : rateAfter(after, lr, k - steps),
};

/** The learning rate after k steps, under a schedule or (null) without one. */
export function rateAfter(schedule, lr, k) {
  return schedule ? SCHEDULES[schedule.name](schedule, lr, k) : lr;
}

/** What the reader is told of each, and what it is set to when it is chosen for a run of n steps. */
export const SCHEDULE_LOOKS = {
  InverseTime: ["1/t", (n) => ({ decay: Number((20 / n).toPrecision(1)) })],
  Exponential: ["exponential", (n) => ({ gamma: Number((0.01 ** (1 / n)).toPrecision(3)) })],
  StepDecay: ["cut in steps", (n) => ({ every: Math.ceil(n / 3), gamma: 0.1 })],
  Piecewise: ["piecewise", null],
  Cosine: ["cosine", (n) => ({ steps: n, lr_min: 0 })],
  CosineRestarts: ["cosine with restarts", (n) => ({ period: Math.ceil(n / 4), growth: 1, lr_min: 0 })],
  WarmUp: ["warm-up", (n, before) => ({ steps: Math.ceil(n / 5), start: 0, after: before })],
};

const counts = ["log", 1, 2000, true];
/** The control of each number of a schedule: words, scale, the slider's ends, and whether it is a whole number. */
export const SCHEDULE_CONTROLS = {
  decay: ["decay", "log0", 1e-4, 10],
  gamma: ["factor", "decay", 0, 0.9999],
  every: ["steps between cuts", ...counts],
  steps: ["steps it takes", ...counts],
  period: ["steps of the first period", ...counts],
  growth: ["growth of the period", "linear", 1, 4, true],
  lr_min: ["lowest rate", "log0", 1e-6, 1],
  start: ["share to start from", "linear", 0, 0.99],
};

/** Whether a number of a schedule may have this value: the ranges that the Python schedules enforce. */
export function allowedInSchedule(name, value) {
  if (!Number.isFinite(value) || value < 0) return false;
  if (SCHEDULE_CONTROLS[name][4]) return value >= 1 && Number.isInteger(value);
  return name === "gamma" ? value > 0 && value <= 10 : name !== "start" || value < 1;
}

/** Whether a schedule from outside (a link) makes sense. */
export function soundSchedule({ name, boundaries, factors, after, ...numbers }, depth = 0) {
  if (!Object.hasOwn(SCHEDULES, name) || depth > 3) return false;
  const increasing = (list) => list.every((b, i) => Number.isFinite(b) && (i === 0 || b > list[i - 1]));
  if (name === "Piecewise")
    return (
      Array.isArray(boundaries) &&
      Array.isArray(factors) &&
      increasing(boundaries) &&
      factors.length === boundaries.length + 1 &&
      factors.every((f) => Number.isFinite(f) && f >= 0)
    );
  const wanted = Object.keys(SCHEDULE_LOOKS[name][1](100, null)).filter((key) => key !== "after");
  return (
    wanted.length === Object.keys(numbers).length &&
    wanted.every((key) => allowedInSchedule(key, numbers[key])) &&
    (name !== "WarmUp" || after === null || (after && soundSchedule(after, depth + 1)))
  );
}

/** The Python that makes this schedule. */
export function pythonSchedule(schedule, lr) {
  if (!schedule) return String(lr);
  const { name, after, factors, ...values } = schedule;
  const told = Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  if (name === "WarmUp") told.unshift(pythonSchedule(after, lr));
  else if (name === "Piecewise") told.push(`values=${JSON.stringify(factors.map((f) => f * lr))}`);
  else told.unshift(`lr=${lr}`);
  return `gd.schedules.${name}(${told.join(", ")})`;
}
