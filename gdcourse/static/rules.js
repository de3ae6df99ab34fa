// The update rules, each the twin of the Python class of the same name in gdcourse/optimizers.py or modern.py, line by
// line.
//
// Every rule but Newton's treats each coordinate by itself, so here grad, state and theta are those of ONE coordinate,
// plain numbers, and the lines can use plain operators. `descend` calls a rule once for each coordinate.

import { rateAfter } from "./schedules.js";

class Rule {
  constructor(hyperparameters) {
    Object.assign(this, hyperparameters);
  }
  /** The rule as it stands at step t = 1, 2, …: with its schedule, if it has one, evaluated. */
  at(t) {
    if (!this.schedule) return this;
    return new this.constructor({ ...this, schedule: null, lr: rateAfter(this.schedule, this.lr, t - 1) });
  }
  init() {
    return null;
  }
  lookahead(state, theta) {
    return theta;
  }
  /** What the figure shows of a step besides g and Δθ: the state, unless a rule has more to say. */
  inside(state) {
    return state ?? {};
  }
}

export class GradientDescent extends Rule {
  update(grad) {
    return [-this.lr * grad, null];
  }
}

export class SignDescent extends Rule {
  update(grad) {
    return [-this.lr * Math.sign(grad), null];
  }
}

export class Momentum extends Rule {
  init() {
    return { v: 0 };
  }
  update(grad, state) {
    const v = this.beta * state.v + grad;
    return [-this.lr * v, { v }];
  }
}

export class Nesterov extends Momentum {
  lookahead(state, theta) {
    return theta - this.lr * this.beta * state.v;
  }
}

export class AdaGrad extends Rule {
  init() {
    return { s: 0 };
  }
  update(grad, state) {
    const s = state.s + grad ** 2;
    return [(-this.lr * grad) / (Math.sqrt(s) + this.eps), { s }];
  }
}

export class RMSProp extends Rule {
  init() {
    return { s: 0 };
  }
  update(grad, state) {
    const s = this.rho * state.s + (1 - this.rho) * grad ** 2;
    return [(-this.lr * grad) / (Math.sqrt(s) + this.eps), { s }];
  }
}

export class RMSPropNesterov extends Rule {
  init() {
    return { v: 0, s: 0 };
  }
  lookahead(state, theta) {
    return theta - this.lr * this.beta * state.v;
  }
  update(grad, state) {
    const s = this.rho * state.s + (1 - this.rho) * grad ** 2;
    const v = this.beta * state.v + grad / (Math.sqrt(s) + this.eps);
    return [-this.lr * v, { v, s }];
  }
}

export class Adadelta extends Rule {
  init() {
    return { s: 0, u: 0 };
  }
  update(grad, state) {
    const s = this.rho * state.s + (1 - this.rho) * grad ** 2;
    const step = (Math.sqrt(state.u + this.eps) / Math.sqrt(s + this.eps)) * grad;
    const u = this.rho * state.u + (1 - this.rho) * step ** 2;
    return [-this.lr * step, { s, u }];
  }
}

export class Adam extends Rule {
  init() {
    return { v: 0, s: 0, t: 0 };
  }
  update(grad, state) {
    const t = state.t + 1;
    const v = this.beta1 * state.v + (1 - this.beta1) * grad;
    const s = this.beta2 * state.s + (1 - this.beta2) * grad ** 2;
    const v_hat = v / (1 - this.beta1 ** t);
    const s_hat = s / (1 - this.beta2 ** t);
    return [(-this.lr * v_hat) / (Math.sqrt(s_hat) + this.eps), { v, s, t }];
  }
  inside({ v, s, t }) {
    return { v, s, v_hat: v / (1 - this.beta1 ** t), s_hat: s / (1 - this.beta2 ** t) };
  }
}

export class AMSGrad extends Adam {
  init() {
    return { v: 0, s: 0, s_max: 0, t: 0 };
  }
  update(grad, state) {
    const t = state.t + 1;
    const v = this.beta1 * state.v + (1 - this.beta1) * grad;
    const s = this.beta2 * state.s + (1 - this.beta2) * grad ** 2;
    const s_max = Math.max(state.s_max, s);
    const v_hat = v / (1 - this.beta1 ** t);
    const s_hat = s_max / (1 - this.beta2 ** t);
    return [(-this.lr * v_hat) / (Math.sqrt(s_hat) + this.eps), { v, s, s_max, t }];
  }
  inside({ v, s, s_max, t }) {
    return { v, s, s_max, v_hat: v / (1 - this.beta1 ** t), s_hat: s_max / (1 - this.beta2 ** t) };
  }
}

export class AdamW extends Adam {
  update(grad, before, theta) {
    const [delta, state] = super.update(grad, before, theta);
    return [delta - this.lr * this.weight_decay * theta, state];
  }
}

export class AdaBound extends Adam {
  update(grad, state) {
    const t = state.t + 1;
    const v = this.beta1 * state.v + (1 - this.beta1) * grad;
    const s = this.beta2 * state.s + (1 - this.beta2) * grad ** 2;
    const lower = this.final_lr * (1 - 1 / (this.gamma * t + 1));
    const upper = this.final_lr * (1 + 1 / (this.gamma * t));
    const correction = (1 - this.beta2 ** t) ** 0.5 / (1 - this.beta1 ** t);
    const rate = Math.min(Math.max((this.lr * correction) / (Math.sqrt(s) + this.eps), lower), upper);
    return [-rate * v, { v, s, t }];
  }
}

export class NAdam extends Adam {
  init() {
    return { v: 0, s: 0, mu_product: 1, t: 0 };
  }
  mu(t) {
    return this.beta1 * (1 - 0.5 * 0.96 ** (this.momentum_decay * t));
  }
  update(grad, state) {
    const t = state.t + 1;
    const mu = this.mu(t);
    const mu_next = this.mu(t + 1);
    const mu_product = state.mu_product * mu;
    const v = this.beta1 * state.v + (1 - this.beta1) * grad;
    const s = this.beta2 * state.s + (1 - this.beta2) * grad ** 2;
    const v_bar = (mu_next * v) / (1 - mu_product * mu_next) + ((1 - mu) * grad) / (1 - mu_product);
    const s_hat = s / (1 - this.beta2 ** t);
    return [(-this.lr * v_bar) / (Math.sqrt(s_hat) + this.eps), { v, s, mu_product, t }];
  }
  inside({ v, s, t }) {
    return { v, s, s_hat: s / (1 - this.beta2 ** t) };
  }
}

export class RAdam extends Adam {
  rectifier(t) {
    const rho_inf = 2 / (1 - this.beta2) - 1;
    const rho = rho_inf - (2 * t * this.beta2 ** t) / (1 - this.beta2 ** t);
    if (!(rho > 5)) return 0;
    return (((rho - 4) * (rho - 2) * rho_inf) / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5;
  }
  update(grad, state) {
    const t = state.t + 1;
    const v = this.beta1 * state.v + (1 - this.beta1) * grad;
    const s = this.beta2 * state.s + (1 - this.beta2) * grad ** 2;
    const v_hat = v / (1 - this.beta1 ** t);
    const r = this.rectifier(t);
    const adaptive = (r * (1 - this.beta2 ** t) ** 0.5) / (Math.sqrt(s) + this.eps);
    return [-this.lr * v_hat * (r > 0 ? adaptive : 1), { v, s, t }];
  }
  inside(state) {
    return { ...super.inside(state), r: this.rectifier(state.t) };
  }
}

export class Lion extends Rule {
  init() {
    return { v: 0 };
  }
  update(grad, state, theta) {
    const c = this.beta1 * state.v + (1 - this.beta1) * grad;
    const v = this.beta2 * state.v + (1 - this.beta2) * grad;
    return [-this.lr * (Math.sign(c) + this.weight_decay * theta), { v }];
  }
}

/** Newton's method needs the whole gradient and the Hessian [[a, b], [b, c]] at once: Δθ = −η H⁻¹ g. */
export class Newton extends Rule {
  updateBoth([gx, gy], [a, b, c]) {
    const det = a * c - b * b;
    return [-this.lr * ((c * gx - b * gy) / det), -this.lr * ((a * gy - b * gx) / det)];
  }
}

export const RULES = {
  GradientDescent,
  SignDescent,
  Momentum,
  Nesterov,
  AdaGrad,
  RMSProp,
  RMSPropNesterov,
  Adadelta,
  Adam,
  AMSGrad,
  AdamW,
  AdaBound,
  NAdam,
  RAdam,
  Lion,
  Newton,
};

/** What the reader sees of a rule: its name, colour (in the light and in the dark), marker, and its defaults. */
const moments = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 };
export const LOOKS = {
  GradientDescent: ["Gradient descent", "#222222", "#e6e6e6", "o", { lr: 1e-3 }],
  SignDescent: ["Sign descent", "#8c8c8c", "#8c8c8c", "s", { lr: 1e-3 }],
  Momentum: ["Momentum", "#D55E00", "#D55E00", "^", { lr: 1e-3, beta: 0.9 }],
  Nesterov: ["Nesterov", "#E69F00", "#E69F00", "v", { lr: 1e-3, beta: 0.9 }],
  AdaGrad: ["AdaGrad", "#009E73", "#009E73", "D", { lr: 1e-2, eps: 1e-10 }],
  RMSProp: ["RMSProp", "#56B4E9", "#56B4E9", "P", { lr: 1e-2, rho: 0.99, eps: 1e-8 }],
  RMSPropNesterov: ["RMSProp + Nesterov", "#332288", "#9d8df1", "X", { lr: 1e-2, rho: 0.99, beta: 0.9, eps: 1e-8 }],
  Adadelta: ["Adadelta", "#882255", "#d98cb3", "<", { lr: 1, rho: 0.9, eps: 1e-6 }],
  Adam: ["Adam", "#0072B2", "#4aa8e0", "*", moments],
  AMSGrad: ["AMSGrad", "#117733", "#5fbf7f", ">", moments],
  AdamW: ["AdamW", "#CC79A7", "#CC79A7", "p", { ...moments, weight_decay: 1e-2 }],
  AdaBound: ["AdaBound", "#AA4499", "#AA4499", "h", { ...moments, final_lr: 0.1, gamma: 1e-3 }],
  NAdam: ["NAdam", "#44AA99", "#44AA99", "H", { ...moments, lr: 2e-3, momentum_decay: 4e-3 }],
  RAdam: ["RAdam", "#999933", "#b5b54a", "8", moments],
  Lion: ["Lion", "#C1121F", "#ff6b6b", "d", { lr: 1e-4, beta1: 0.9, beta2: 0.99, weight_decay: 0 }],
  Newton: ["Newton", "#B8860B", "#B8860B", "d", { lr: 1 }],
};

/**
 * Whose colour and marker each racer wears: its own rule's, unless one rule races with itself. Then all but the first
 * borrow another's.
 */
export function dress(rules) {
  const one = rules.length > 1 && rules.every((rule) => rule === rules[0]);
  const lent = ["Adam", "Momentum", "AdaGrad", "AdamW", "RMSProp", "Adadelta"].filter((rule) => rule !== rules[0]);
  return rules.map((rule, i) => (one && i ? lent[(i - 1) % lent.length] : rule));
}

/** The control of each hyperparameter: symbol, words, scale, and the slider's ends (a typed number may go further). */
export const CONTROLS = {
  lr: ["η", "learning rate", "log", 1e-5, 10],
  beta: ["β", "momentum", "decay", 0, 0.9999],
  beta1: ["β₁", "decay of v", "decay", 0, 0.9999],
  beta2: ["β₂", "decay of s", "decay", 0, 0.9999],
  rho: ["ρ", "decay of s", "decay", 0, 0.9999],
  eps: ["ε", "stabiliser", "log", 1e-12, 1],
  weight_decay: ["λ", "weight decay", "log0", 1e-5, 10],
  final_lr: ["η*", "final rate", "log", 1e-4, 10],
  gamma: ["γ", "speed of the bounds", "log", 1e-5, 1],
  momentum_decay: ["ψ", "speed of the momentum's warm-up", "log0", 1e-4, 10],
};

/** Whether a hyperparameter may have this value: the ranges that the Python rules enforce. */
export function allowed(name, value) {
  if (!Number.isFinite(value) || value < 0) return false;
  if (["beta", "beta1", "beta2", "rho"].includes(name)) return value < 1;
  return value > 0 || !["final_lr", "gamma"].includes(name);
}

/** The learning rate beyond which a rule diverges on a quadratic of largest eigenvalue λ, where a closed form exists. */
export function stabilityLimit({ rule, beta }, largest) {
  if (rule === "GradientDescent") return 2 / largest;
  if (rule === "Momentum") return (2 + 2 * beta) / largest;
  if (rule === "Nesterov") return (2 + 2 * beta) / ((1 + 2 * beta) * largest);
  if (rule === "Newton") return 2;
  return null;
}
