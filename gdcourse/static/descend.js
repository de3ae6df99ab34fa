// The one loop, the twin of gdcourse.descend, and what can be said of a run.
import { RULES } from "./rules.js";
import { gaussians, minibatches } from "./random.js";

/** The rule of a specification such as {rule: "Adam", lr: 0.1, …}. */
export function makeRule({ rule, ...hyperparameters }) {
  return new RULES[rule](hyperparameters);
}

/** What disturbs the gradient of each step: {items} of a minibatch, {noise} to add, or null for the exact gradient. */
export function disturbances(surface, { steps, seed, noise, batch_size }) {
  if (surface.data) {
    const n = surface.data.y.length;
    return batch_size && batch_size < n ? minibatches(n, batch_size, seed, steps).map((items) => ({ items })) : null;
  }
  return noise > 0 ? gaussians(noise, seed, steps).map((pair) => ({ noise: pair })) : null;
}

/**
 * One step from (x, y): the gradient where the rule wants it, Δθ, and the next state (of both coordinates).
 * The rule and its state are those of one coordinate; Newton's method alone takes both at once.
 */
export function step(surface, rule, states, x, y, disturbance) {
  const px = rule.lookahead(states[0], x),
    py = rule.lookahead(states[1], y);
  const grad = surface.grad(px, py, disturbance?.items);
  if (disturbance?.noise) {
    grad[0] += disturbance.noise[0];
    grad[1] += disturbance.noise[1];
  }
  if (rule.updateBoth) return { grad, delta: rule.updateBoth(grad, surface.hessian(px, py)), states };
  const [dx, sx] = rule.update(grad[0], states[0], x);
  const [dy, sy] = rule.update(grad[1], states[1], y);
  return { grad, delta: [dx, dy], states: [sx, sy] };
}

/**
 * The run from `start`: points x[k], y[k] and loss[k] after k = 0 … taken steps. It ends at the first θ or L that is
 * not finite; `divergedAt` is that step, null if there is none. (At a start without a finite loss it is 0.)
 */
export function descend(surface, start, rule, steps, disturbed) {
  const xs = new Float64Array(steps + 1),
    ys = new Float64Array(steps + 1),
    losses = new Float64Array(steps + 1);
  let [x, y] = start,
    states = [rule.init(), rule.init()],
    taken = 0;
  xs[0] = x;
  ys[0] = y;
  losses[0] = surface.value(x, y);
  let divergedAt = Number.isFinite(losses[0]) ? null : 0;
  for (let t = 1; t <= steps && divergedAt === null; t++) {
    const next = step(surface, rule.at(t), states, x, y, disturbed?.[t - 1]);
    states = next.states;
    x += next.delta[0];
    y += next.delta[1];
    xs[t] = x;
    ys[t] = y;
    losses[t] = Number.isFinite(x) && Number.isFinite(y) ? surface.value(x, y) : NaN;
    if (!Number.isFinite(losses[t])) divergedAt = t;
    taken = t;
  }
  return { x: xs, y: ys, loss: losses, taken, divergedAt };
}

/** The inside of step t = 1, 2, … of a run: g, what the rule remembers after it, and Δθ, each as a pair. */
export function insideStep(surface, start, rule, t, disturbed) {
  let [x, y] = start,
    states = [rule.init(), rule.init()],
    next = null;
  for (let k = 1; k <= t; k++) {
    if (next) {
      x += next.delta[0];
      y += next.delta[1];
    }
    next = step(surface, rule.at(k), states, x, y, disturbed?.[k - 1]);
    states = next.states;
  }
  const [ix, iy] = states.map((state) => rule.inside(state));
  const rows = Object.keys(ix)
    .filter((key) => key !== "t")
    .map((key) => [key, [ix[key], iy[key]]]);
  return { from: [x, y], rows: [["g", next.grad], ...rows, ["delta", next.delta]] };
}

/**
 * How a run ended. It has reached a point from the first step after which it stays within 1% of the domain's width of
 * where it ends up: a minimum if one is that close, another resting place if the gradient there is (nearly) nought.
 */
export function outcome(surface, run) {
  if (run.divergedAt !== null) return { kind: "diverged", step: run.divergedAt };
  const [[x0, x1], [y0, y1]] = surface.domain,
    near = 0.01 * Math.max(x1 - x0, y1 - y0);
  const last = [run.x[run.taken], run.y[run.taken]];
  const minimum = surface.minima.find((m) => Math.hypot(m[0] - last[0], m[1] - last[1]) <= near);
  const rests = minimum || Math.hypot(...surface.grad(...last)) < 1e-3;
  if (!rests) return { kind: "moving", step: run.taken, at: last, loss: run.loss[run.taken] };
  const [ax, ay] = minimum ?? last;
  let first = run.taken;
  while (first > 0 && Math.hypot(run.x[first - 1] - ax, run.y[first - 1] - ay) <= near) first--;
  return { kind: minimum ? "minimum" : "stuck", step: first, at: [ax, ay], loss: run.loss[run.taken] };
}
