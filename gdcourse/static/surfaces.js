// The two-dimensional objectives, twins of those in gdcourse/objectives.py: value(x, y), grad(x, y) = [∂x, ∂y] and
// hessian(x, y) = [∂xx, ∂xy, ∂yy], with what a picture needs: a domain, the minima, a name.
import { DATASETS } from "./datasets.js";

const box = (low, high) => [
  [low, high],
  [low, high],
];
const TAU = 2 * Math.PI;
const square = (u) => u * u; // u ** 2 is several times slower in the browsers

const himmelblau = () => ({
  title: "Himmelblau",
  domain: box(-5, 5),
  minima: [
    [3, 2],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.28318599128617],
    [3.584428340330492, -1.848126526964404],
  ],
  value(x, y) {
    const a = x * x + y - 11,
      b = x + y * y - 7;
    return a * a + b * b;
  },
  grad(x, y) {
    const a = x * x + y - 11,
      b = x + y * y - 7;
    return [4 * x * a + 2 * b, 2 * a + 4 * y * b];
  },
  hessian: (x, y) => [12 * x * x + 4 * y - 42, 4 * (x + y), 12 * y * y + 4 * x - 26],
});

const bukin6 = () => ({
  title: "Bukin N.6",
  domain: [
    [-15, -5],
    [-3, 3],
  ],
  minima: [[-10, 1]],
  value: (x, y) => 100 * Math.sqrt(Math.abs(y - 0.01 * (x * x))) + 0.01 * Math.abs(x + 10),
  grad(x, y) {
    const u = y - 0.01 * (x * x);
    const slope = u === 0 ? 0 : (50 * Math.sign(u)) / Math.sqrt(Math.abs(u));
    return [-0.02 * x * slope + 0.01 * Math.sign(x + 10), slope];
  },
  hessian(x, y) {
    const u = y - 0.01 * (x * x);
    const slope = u === 0 ? 0 : (50 * Math.sign(u)) / Math.sqrt(Math.abs(u));
    const bend = u === 0 ? 0 : -25 / Math.abs(u) ** 1.5;
    return [0.0004 * (x * x) * bend - 0.02 * slope, -0.02 * x * bend, bend];
  },
});

const rosenbrock = () => ({
  title: "Rosenbrock",
  domain: [
    [-2, 2],
    [-1, 3],
  ],
  minima: [[1, 1]],
  value: (x, y) => 100 * square(y - x * x) + square(1 - x),
  grad: (x, y) => [-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)],
  hessian: (x, y) => [1200 * (x * x) - 400 * y + 2, -400 * x, 200],
});

const beale = () => ({
  title: "Beale",
  domain: box(-4.5, 4.5),
  minima: [[3, 0.5]],
  value(x, y) {
    const a = 1.5 - x * (1 - y),
      b = 2.25 - x * (1 - y * y),
      c = 2.625 - x * (1 - y * y * y);
    return a * a + b * b + c * c;
  },
  grad(x, y) {
    const p = 1 - y,
      q = 1 - y * y,
      r = 1 - y * y * y;
    const a = 1.5 - x * p,
      b = 2.25 - x * q,
      c = 2.625 - x * r;
    return [-2 * a * p + -2 * b * q + -2 * c * r, 2 * a * x + 2 * b * x * 2 * y + 2 * c * x * 3 * (y * y)];
  },
  hessian(x, y) {
    const terms = [
      [1.5, 1],
      [2.25, 2],
      [2.625, 3],
    ];
    let xx = 0,
      xy = 0,
      yy = 0;
    for (const [c, k] of terms) {
      const slope = k * y ** (k - 1),
        bend = k > 1 ? k * (k - 1) * y ** (k - 2) : 0;
      xx += 2 * (1 - y ** k) ** 2;
      xy += 2 * slope * (c - 2 * x * (1 - y ** k));
      yy += 2 * (x * slope) ** 2 + 2 * (c - x * (1 - y ** k)) * x * bend;
    }
    return [xx, xy, yy];
  },
});

const booth = () => ({
  title: "Booth",
  domain: box(-10, 10),
  minima: [[1, 3]],
  quadratic: true,
  value: (x, y) => square(x + 2 * y - 7) + square(2 * x + y - 5),
  grad(x, y) {
    const a = x + 2 * y - 7,
      b = 2 * x + y - 5;
    return [2 * a + 4 * b, 4 * a + 2 * b];
  },
  hessian: () => [10, 8, 10],
});

const saddle = () => ({
  title: "Saddle",
  domain: box(-2, 2),
  minima: [],
  value: (x, y) => 0.5 * (x * x - y * y),
  grad: (x, y) => [x, -y],
  hessian: () => [1, 0, -1],
});

const rastrigin = () => ({
  title: "Rastrigin",
  domain: box(-5.12, 5.12),
  minima: [[0, 0]],
  value: (x, y) => x * x + 10 * (1 - Math.cos(TAU * x)) + (y * y + 10 * (1 - Math.cos(TAU * y))),
  grad: (x, y) => [2 * x + 20 * Math.PI * Math.sin(TAU * x), 2 * y + 20 * Math.PI * Math.sin(TAU * y)],
  hessian: (x, y) => [2 + 40 * Math.PI ** 2 * Math.cos(TAU * x), 0, 2 + 40 * Math.PI ** 2 * Math.cos(TAU * y)],
});

const styblinskiTang = () => ({
  title: "Styblinski–Tang",
  domain: box(-5, 5),
  minima: [[-2.903534027771178, -2.903534027771178]],
  value: (x, y) => 0.5 * (square(x * x) - 16 * (x * x) + 5 * x + (square(y * y) - 16 * (y * y) + 5 * y)),
  grad: (x, y) => [2 * (x * x * x) - 16 * x + 2.5, 2 * (y * y * y) - 16 * y + 2.5],
  hessian: (x, y) => [6 * (x * x) - 16, 0, 6 * (y * y) - 16],
});

/** ½ (θ − c)ᵀ A (θ − c): the bowl, or the ravine when A's eigenvalues differ. */
function quadratic({
  A = [
    [1, 0],
    [0, 1],
  ],
  center = [0, 0],
}) {
  const [[a, b], [, c]] = A,
    [cx, cy] = center;
  const [least] = eigen([a, b, c]).values;
  return {
    title: "Quadratic",
    domain: [
      [cx - 2, cx + 2],
      [cy - 2, cy + 2],
    ],
    minima: least >= 0 ? [[cx, cy]] : [],
    quadratic: true,
    value(theta0, theta1) {
      const x = theta0 - cx,
        y = theta1 - cy;
      return 0.5 * (x * (x * a + y * b) + y * (x * b + y * c));
    },
    grad(theta0, theta1) {
      const x = theta0 - cx,
        y = theta1 - cy;
      return [x * a + y * b, x * b + y * c];
    },
    hessian: () => [a, b, c],
  };
}

/** The two columns of a data matrix: numbers in a row are read several times faster than rows of two. */
const columns = (X) => [Float64Array.from(X, (x) => x[0]), Float64Array.from(X, (x) => x[1])];

function linearRegression(spec) {
  const { X, y } = spec.X ? spec : DATASETS.LinearRegression;
  const H = meanOuter(X, () => 1),
    [p, q] = columns(X),
    n = y.length;
  const surface = {
    title: "Linear regression",
    data: { X, y },
    quadratic: true,
    value(theta0, theta1) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += 0.5 * square(p[i] * theta0 + q[i] * theta1 - y[i]);
      return sum / n;
    },
    grad(theta0, theta1, items) {
      const size = items ? items.length : n;
      let gx = 0;
      let gy = 0;
      for (let k = 0; k < size; k++) {
        const i = items ? items[k] : k;
        const residual = p[i] * theta0 + q[i] * theta1 - y[i];
        gx += residual * p[i];
        gy += residual * q[i];
      }
      return [gx / size, gy / size];
    },
    hessian: () => H,
  };
  const best = newtonStep(surface, 0, 0);
  surface.minima = [best];
  surface.domain = best.map((middle) => [middle - 3, middle + 3]);
  return surface;
}

function logisticRegression(spec) {
  const { X, y } = spec.X ? spec : DATASETS.LogisticRegression;
  const n = y.length,
    [p, q] = columns(X);
  // A run asks for the gradient where it has just asked for the loss: the sigmoids of that point are kept.
  const kept = new Float64Array(n);
  let kept0 = NaN;
  let kept1 = NaN;
  const surface = {
    title: "Logistic regression",
    data: { X, y },
    domain: box(-3, 3),
    coarse: true,
    value(theta0, theta1) {
      // Σ log(1 + eᵢ) is log(1 + r) with 1 + r = Π (1 + eᵢ): one logarithm, and no digit of a small eᵢ is lost.
      let sum = 0;
      let r = 0;
      for (let i = 0; i < n; i++) {
        const z = p[i] * theta0 + q[i] * theta1;
        const e = Math.exp(z < 0 ? z : -z);
        sum += (z > 0 ? z : 0) - y[i] * z;
        r += e + r * e;
        kept[i] = (z >= 0 ? 1 : e) / (1 + e);
        if (r > 1e100) {
          sum += Math.log1p(r);
          r = 0;
        }
      }
      kept0 = theta0;
      kept1 = theta1;
      return (sum + Math.log1p(r)) / n;
    },
    grad(theta0, theta1, items) {
      const known = theta0 === kept0 && theta1 === kept1;
      const size = items ? items.length : n;
      let gx = 0;
      let gy = 0;
      for (let k = 0; k < size; k++) {
        const i = items ? items[k] : k;
        const residual = (known ? kept[i] : sigmoid(p[i] * theta0 + q[i] * theta1)) - y[i];
        gx += residual * p[i];
        gy += residual * q[i];
      }
      return [gx / size, gy / size];
    },
    hessian: (theta0, theta1) =>
      meanOuter(X, (x) => {
        const share = sigmoid(x[0] * theta0 + x[1] * theta1);
        return share * (1 - share);
      }),
  };
  // The minimum has no closed form; on separable data there is no minimum, and these steps run away.
  let best = [0, 0];
  for (let k = 0; k < 25; k++) best = newtonStep(surface, ...best);
  surface.minima = Math.hypot(...surface.grad(...best)) < 1e-9 && Math.hypot(...best) < 100 ? [best] : [];
  return surface;
}

/** 1/(1 + e^(−z)) without overflow: the exponential never has a positive argument. */
export function sigmoid(z) {
  const e = Math.exp(-Math.abs(z));
  return (z >= 0 ? 1 : e) / (1 + e);
}

/** The mean of w(x) x xᵀ over the items, as [xx, xy, yy]. */
function meanOuter(X, weight) {
  const sums = [0, 0, 0];
  for (const x of X) {
    const w = weight(x) / X.length;
    sums[0] += w * x[0] * x[0];
    sums[1] += w * x[0] * x[1];
    sums[2] += w * x[1] * x[1];
  }
  return sums;
}

function newtonStep(surface, x, y) {
  const [gx, gy] = surface.grad(x, y),
    [a, b, c] = surface.hessian(x, y),
    det = a * c - b * b;
  return [x - (c * gx - b * gy) / det, y - (a * gy - b * gx) / det];
}

/** Eigenvalues (ascending) of [[a, b], [b, c]] and the angle of the axis that belongs to the first. */
export function eigen([a, b, c]) {
  const middle = (a + c) / 2,
    radius = Math.hypot((a - c) / 2, b);
  const angle = radius === 0 ? 0 : Math.atan2(2 * b, a - c) / 2 + Math.PI / 2;
  return { values: [middle - radius, middle + radius], angle };
}

/** The symmetric matrix of these eigenvalues, the first along `angle`. */
export function fromEigen([low, high], angle) {
  const c = Math.cos(angle),
    s = Math.sin(angle),
    b = (low - high) * c * s;
  return [
    [low * c * c + high * s * s, b],
    [b, low * s * s + high * c * c],
  ];
}

export const SURFACES = {
  Quadratic: quadratic,
  Booth: booth,
  Himmelblau: himmelblau,
  Rosenbrock: rosenbrock,
  Beale: beale,
  Bukin6: bukin6,
  Saddle: saddle,
  Rastrigin: rastrigin,
  StyblinskiTang: styblinskiTang,
  LinearRegression: linearRegression,
  LogisticRegression: logisticRegression,
};

/** The surface of a specification such as {name: "Quadratic", A: [[1, 0], [0, 20]]}. */
export function makeSurface(spec) {
  const surface = SURFACES[spec.name](spec);
  surface.name = spec.name;
  surface.minimum = surface.minima.length ? Math.min(...surface.minima.map(([x, y]) => surface.value(x, y))) : null;
  return surface;
}

/** Where a surface is started from unless told: near its upper left corner. */
export function defaultStart({ domain: [[x0, x1], [y0, y1]] }) {
  return [x0 + 0.2 * (x1 - x0), y0 + 0.8 * (y1 - y0)].map((v) => Number(v.toFixed(3)));
}
