// Pictures on canvases: contours, paths, the loss curve, the data, the relief. Nothing here keeps state or handles input.
import { sigmoid } from "./surfaces.js";

/** Colours that CSS cannot give to a canvas; `low` and `high` end the ramp of the surface. */
export const THEMES = {
  light: {
    text: "#333a44",
    faint: "#8a93a0",
    rule: "#d9dde3",
    paper: "#ffffff",
    low: [137, 178, 216],
    high: [252, 249, 241],
    line: "#92a9c3",
  },
  dark: {
    text: "#d4dae3",
    faint: "#98a2b0",
    rule: "#3a424e",
    paper: "#15191f",
    low: [52, 92, 138],
    high: [19, 23, 29],
    line: "#47617f",
  },
};

/** The size of an element. A figure keeps those of its canvases: to ask may make the browser lay out the whole page. */
export const boxOf = (element) => ({ w: element.clientWidth, h: element.clientHeight });

/** Size a canvas to its box on the page, at the screen's own resolution; return its context in CSS pixels. */
export function fit(canvas) {
  const { w, h } = canvas.box ?? boxOf(canvas),
    ratio = Math.min(window.devicePixelRatio || 1, 2);
  const W = Math.round(w * ratio),
    H = Math.round(h * ratio);
  if (canvas.width !== W || canvas.height !== H) {
    canvas.width = W;
    canvas.height = H;
    // Once only, since each time the browser would first settle the style of the whole page.
    canvas.getContext("2d").font = "12px system-ui, sans-serif";
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, w, h);
  ctx.lineJoin = ctx.lineCap = "round";
  return { ctx, w, h };
}

/** The part of the plane that a w × h picture shows, in equal units: `view` = [centre x, centre y, width], or the domain. */
export function frame(surface, view, w, h) {
  const [[x0, x1], [y0, y1]] = surface.domain;
  const [cx, cy, width] = view ?? [(x0 + x1) / 2, (y0 + y1) / 2, Math.max(x1 - x0, (y1 - y0) * (w / h))];
  const unit = width / w;
  return {
    unit,
    cx,
    cy,
    width,
    w,
    h,
    px: (x) => w / 2 + (x - cx) / unit,
    py: (y) => h / 2 - (y - cy) / unit,
    x: (px) => cx + (px - w / 2) * unit,
    y: (py) => cy - (py - h / 2) * unit,
  };
}

/** The heights of the surface over the frame, and `scale`, which takes a height to [0, 1] logarithmically. */
function heights(surface, f, columns, rows) {
  const z = new Float64Array((columns + 1) * (rows + 1));
  let low = Infinity,
    high = -Infinity;
  for (let j = 0, k = 0; j <= rows; j++) {
    const y = f.y((j / rows) * f.h);
    for (let i = 0; i <= columns; i++, k++) {
      const value = surface.value(f.x((i / columns) * f.w), y);
      z[k] = value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (surface.minimum === null && surface.quadratic !== true && !surface.data) {
    // No least value to measure from (a saddle): logarithmic both ways from zero.
    const most = Math.max(high, -low) || 1,
      unit = most / 30;
    const scale = (value) => 0.5 + (0.5 * Math.asinh(value / unit)) / Math.asinh(most / unit);
    return { z, scale };
  }
  for (const [x, y] of surface.minima) {
    if (Math.abs(f.px(x) - f.w / 2) < f.w / 2 && Math.abs(f.py(y) - f.h / 2) < f.h / 2)
      low = Math.min(low, surface.value(x, y));
  }
  const unit = (high - low) / 500 || 1,
    full = Math.log1p((high - low) / unit) || 1;
  return { z, scale: (value) => Math.log1p(Math.max(0, value - low) / unit) / full };
}

const mix = (theme, t) => theme.low.map((c, i) => Math.round(c + (theme.high[i] - c) * Math.min(1, Math.max(0, t))));

/** Shaded ground with log-spaced contour lines, and the minima. */
export function drawContours(canvas, surface, view, theme) {
  const { ctx, w, h } = fit(canvas);
  if (!w || !h) return;
  const f = frame(surface, view, w, h);
  const cell = surface.coarse ? 8 : 4,
    columns = Math.ceil(w / cell),
    rows = Math.ceil(h / cell),
    levels = 13;
  const { z, scale } = heights(surface, f, columns, rows);
  const t = z.map(scale),
    wide = columns + 1;

  // A pixel is one number, its bytes red, green, blue, opaque: the script has just come, and what it does once is slow.
  const shade = new ImageData(wide, rows + 1),
    pixels = new Uint32Array(shade.data.buffer);
  const ramp = Uint32Array.from({ length: 256 }, (_, i) => {
    const [r, g, b] = mix(theme, i / 255);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
  for (let k = 0; k < t.length; k++) pixels[k] = ramp[Math.min(255, Math.max(0, Math.round(255 * t[k])))];
  const small = document.createElement("canvas");
  small.width = wide;
  small.height = rows + 1;
  small.getContext("2d").putImageData(shade, 0, 0);
  ctx.imageSmoothingQuality = "high";
  // The samples stand on the corners of the cells, the pixels of an image on their middles: half a cell apart.
  ctx.drawImage(small, -w / columns / 2, -h / rows / 2, w * (wide / columns), h * ((rows + 1) / rows));

  const dx = w / columns,
    dy = h / rows,
    band = Int16Array.from(t, (value) => Math.floor(value * levels));
  ctx.beginPath();
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const k = j * wide + i,
        m = k + wide;
      // Most cells lie between two contour lines: nothing to draw.
      if (band[k] === band[k + 1] && band[k] === band[m] && band[k] === band[m + 1]) continue;
      contourCell(ctx, [t[k], t[k + 1], t[m + 1], t[m]], i * dx, j * dy, dx, dy, levels);
    }
  }
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.lineCap = "butt"; // round ends would show as dots where the pieces meet
  ctx.stroke();
  ctx.lineCap = "round";
  for (const [x, y] of surface.minima) drawMinimum(ctx, f.px(x), f.py(y), theme);
}

/** Marching squares: the pieces of the contour lines t = 1/levels, 2/levels, … that cross one cell. */
function contourCell(ctx, corners, x, y, dx, dy, levels) {
  const low = Math.min(...corners),
    high = Math.max(...corners);
  for (let level = Math.ceil(low * levels); level <= Math.floor(high * levels); level++) {
    const at = level / levels,
      cuts = [];
    for (let e = 0; e < 4; e++) {
      const a = corners[e],
        b = corners[(e + 1) % 4];
      if (a < at === b < at) continue;
      const s = (at - a) / (b - a);
      cuts.push([x + dx * [s, 1, 1 - s, 0][e], y + dy * [0, s, 1, 1 - s][e]]);
    }
    for (let c = 0; c + 1 < cuts.length; c += 2) {
      ctx.moveTo(...cuts[c]);
      ctx.lineTo(...cuts[c + 1]);
    }
  }
}

function drawMinimum(ctx, x, y, theme) {
  for (const [width, colour] of [
    [4, theme.paper],
    [1.6, theme.text],
  ]) {
    ctx.beginPath();
    ctx.arc(x, y, 6, 0, 7);
    ctx.moveTo(x - 9, y);
    ctx.lineTo(x - 3, y);
    ctx.moveTo(x + 3, y);
    ctx.lineTo(x + 9, y);
    ctx.moveTo(x, y - 9);
    ctx.lineTo(x, y - 3);
    ctx.moveTo(x, y + 3);
    ctx.lineTo(x, y + 9);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke();
  }
}

const polygon = (n, turn, inner) =>
  Array.from({ length: inner ? 2 * n : n }, (_, k) => {
    const a = turn + (k * 2 * Math.PI) / (inner ? 2 * n : n),
      r = inner && k % 2 ? inner : 1;
    return [r * Math.sin(a), -r * Math.cos(a)];
  });
const MARKERS = {
  o: polygon(20, 0),
  s: polygon(4, Math.PI / 4),
  D: polygon(4, 0),
  d: polygon(4, 0).map(([x, y]) => [0.65 * x, 1.15 * y]),
  "^": polygon(3, 0),
  v: polygon(3, Math.PI),
  "<": polygon(3, -Math.PI / 2),
  ">": polygon(3, Math.PI / 2),
  p: polygon(5, 0),
  h: polygon(6, 0),
  H: polygon(6, Math.PI / 6),
  8: polygon(8, Math.PI / 8),
  "*": polygon(5, 0, 0.45),
  P: polygon(4, 0, 0.4),
  X: polygon(4, Math.PI / 4, 0.4),
};

export function drawMarker(ctx, kind, x, y, r, colour, halo) {
  ctx.beginPath();
  for (const [mx, my] of MARKERS[kind]) ctx.lineTo(x + r * mx, y + r * my);
  ctx.closePath();
  ctx.strokeStyle = halo;
  ctx.lineWidth = 2;
  ctx.setLineDash([]);
  ctx.stroke();
  ctx.fillStyle = colour;
  ctx.fill();
}

/** A marker as the outline of an SVG, for the rules' labels. */
export const markerPath = (kind) =>
  "M" + MARKERS[kind].map(([x, y]) => `${(6 + 5 * x).toFixed(2)} ${(6 + 5 * y).toFixed(2)}`).join("L") + "Z";

/** The last step of a run that has a place. */
const lastStep = (run) => (run.divergedAt === null ? run.taken : run.divergedAt - 1);

/** The part of the segment a–b within the box [−m, w + m] × [−m, h + m], as two parameters in [0, 1], or null. */
function clip(ax, ay, bx, by, w, h, m) {
  let from = 0,
    to = 1;
  for (const [p, d, high] of [
    [ax, bx - ax, w],
    [ay, by - ay, h],
  ]) {
    if (d === 0) {
      if (p < -m || p > high + m) return null;
      continue;
    }
    const s = (-m - p) / d,
      e = (high + m - p) / d;
    from = Math.max(from, Math.min(s, e));
    to = Math.min(to, Math.max(s, e));
  }
  return from <= to ? [from, to] : null;
}

/** Trace steps i … j of a run, in pixels, cut at the picture's edges; return where the last piece left, if it did. */
function trace(ctx, X, Y, i, j, w, h) {
  let left = null,
    pen = false,
    px = 0,
    py = 0;
  for (let k = i; k < j; k++) {
    // Steps too small to see wait for those that follow: a run that has arrived costs no lines.
    if (pen && k < j - 1 && Math.abs(X[k + 1] - px) + Math.abs(Y[k + 1] - py) < 0.4) continue;
    const ax = X[k],
      ay = Y[k],
      bx = X[k + 1],
      by = Y[k + 1];
    if (Math.abs(ax) < 4000 && Math.abs(ay) < 4000 && Math.abs(bx) < 4000 && Math.abs(by) < 4000) {
      // Near enough for the canvas to cut by itself.
      if (!pen) ctx.moveTo(ax, ay);
      ctx.lineTo(bx, by);
      pen = true;
      px = bx;
      py = by;
      if (bx < 0 || by < 0 || bx > w || by > h) {
        const part = clip(ax, ay, bx, by, w, h, 0);
        if (part) left = [ax + (bx - ax) * part[1], ay + (by - ay) * part[1]];
      }
      continue;
    }
    pen = false;
    const part = clip(ax, ay, bx, by, w, h, 4);
    if (!part || !Number.isFinite(bx - ax + by - ay)) continue; // off the picture, or no place on it at all (NaN)
    ctx.moveTo(ax + (bx - ax) * part[0], ay + (by - ay) * part[0]);
    ctx.lineTo(ax + (bx - ax) * part[1], ay + (by - ay) * part[1]);
    if (part[1] < 1) left = [ax + (bx - ax) * part[1], ay + (by - ay) * part[1]];
  }
  return left;
}

/** What was traced of each run, by the array of its points or losses: a slider of one rule leaves the others as they were. */
const traced = new WeakMap();

/** The value that `make` gave for this array the last time, if it was made under the same conditions. */
function keep(array, conditions, make) {
  const old = traced.get(array);
  if (old && old.conditions.every((value, i) => value === conditions[i])) return old.value;
  const value = make();
  traced.set(array, { conditions, value });
  return value;
}

/** A run's path up to step `now`, what is still to come of it, and a dot for each step, as outlines in pixels. */
function tracePath(run, now, last, project, w, h) {
  const X = new Float64Array(last + 1),
    Y = new Float64Array(last + 1);
  for (let i = 0; i <= last; i++) [X[i], Y[i]] = project(run.x[i], run.y[i]);
  const [done, rest, dots] = [new Path2D(), new Path2D(), new Path2D()];
  const left = trace(done, X, Y, 0, now, w, h);
  if (now < last) trace(rest, X, Y, now, last, w, h);
  for (let i = 1, px = X[0], py = Y[0]; i <= now; i++) {
    const x = X[i],
      y = Y[i];
    if (!(x >= 0 && y >= 0 && x <= w && y <= h) || Math.abs(x - px) + Math.abs(y - py) < 7) continue;
    dots.moveTo(x, y);
    dots.arc(x, y, 2.2, 0, 7);
    px = x;
    py = y;
  }
  return { done, rest, dots, left, x: X[now], y: Y[now] };
}

/**
 * The paths up to step k, what is still to come of them faintly, a dot for each step and a marker at its head; a run
 * that diverges ends in a cross where it left the picture. `project` takes (x, y) to pixels.
 */
export function drawPaths(canvas, runs, k, project, theme) {
  const { ctx, w, h } = fit(canvas);
  const heads = [];
  for (const run of runs) {
    const last = lastStep(run),
      now = Math.min(k, last);
    if (last < 0) continue;
    const path = keep(run.x, [now, project, w, h], () => tracePath(run, now, last, project, w, h));
    ctx.setLineDash(run.dash);
    ctx.strokeStyle = theme.paper;
    ctx.globalAlpha = 0.75;
    ctx.lineWidth = 4;
    ctx.stroke(path.done);
    ctx.strokeStyle = run.colour;
    if (now < last) {
      ctx.globalAlpha = 0.25;
      ctx.lineWidth = 1.2;
      ctx.stroke(path.rest);
    }
    ctx.globalAlpha = 1;
    ctx.lineWidth = 1.8;
    ctx.stroke(path.done);
    ctx.setLineDash([]);
    ctx.fillStyle = run.colour;
    ctx.fill(path.dots);
    heads.push([run, path, now === last && run.divergedAt !== null]);
  }
  for (const [run, { x, y, left }, gone] of heads) {
    const inside = x >= 0 && y >= 0 && x <= w && y <= h;
    const end = inside || !left ? [x, y] : left;
    if (gone && Number.isFinite(end[0] + end[1])) drawDivergence(ctx, run, end, w, h, theme);
    else if (inside) drawMarker(ctx, run.marker, x, y, 6.5, run.colour, theme.paper);
  }
  return { ctx, w, h };
}

function drawDivergence(ctx, run, [x, y], w, h, theme) {
  const cx = Math.min(w - 10, Math.max(10, x)),
    cy = Math.min(h - 10, Math.max(10, y));
  for (const [width, colour] of [
    [6, theme.paper],
    [2.6, run.colour],
  ]) {
    ctx.beginPath();
    ctx.moveTo(cx - 5, cy - 5);
    ctx.lineTo(cx + 5, cy + 5);
    ctx.moveTo(cx - 5, cy + 5);
    ctx.lineTo(cx + 5, cy - 5);
    ctx.lineWidth = width;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
  const right = cx > w - 130;
  label(
    ctx,
    `diverged, step ${run.divergedAt}`,
    cx + (right ? -11 : 11),
    cy + 4,
    run.colour,
    theme,
    right ? "right" : "left",
  );
}

function label(ctx, text, x, y, colour, theme, align = "left") {
  ctx.textAlign = align;
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = theme.paper;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Arrows at the point from which a step is taken: −g and −v by direction only, Δθ as long as it is. */
export function drawArrows(ctx, inside, project, colour, theme) {
  const [x, y] = project(...inside.from);
  for (const [key, [dx, dy]] of inside.rows) {
    if (!["g", "v", "delta"].includes(key)) continue;
    const sign = key === "delta" ? 1 : -1;
    const [ex, ey] = project(inside.from[0] + sign * dx, inside.from[1] + sign * dy);
    const long = Math.hypot(ex - x, ey - y);
    if (!(long > 0 && long < 1e7)) continue;
    const length = key === "delta" ? Math.max(long, 8) : 52;
    const ux = (ex - x) / long,
      uy = (ey - y) / long;
    const style = { g: [theme.text, [4, 3], "−g"], v: [theme.text, [], "−v"], delta: [colour, [], "Δθ"] }[key];
    arrow(ctx, x, y, x + ux * length, y + uy * length, style[0], style[1], theme);
    if (length < 2000)
      label(ctx, style[2], x + ux * (length + 12), y + uy * (length + 12) + 4, style[0], theme, "center");
  }
}

function arrow(ctx, x0, y0, x1, y1, colour, dash, theme) {
  const a = Math.atan2(y1 - y0, x1 - x0);
  for (const [width, stroke] of [
    [5, theme.paper],
    [2, colour],
  ]) {
    ctx.strokeStyle = stroke;
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x1 - 8 * Math.cos(a - 0.45), y1 - 8 * Math.sin(a - 0.45));
    ctx.lineTo(x1, y1);
    ctx.lineTo(x1 - 8 * Math.cos(a + 0.45), y1 - 8 * Math.sin(a + 0.45));
    ctx.stroke();
  }
}

/** A number for people: four digits at most, and a power of ten where it is very large or small. */
export function show(value) {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 1e-3) {
    const [digits, power] = value.toExponential(1).split("e");
    return `${digits.replace("-", "−").replace(/\.0$/, "")}e${power.replace("+", "").replace("-", "−")}`;
  }
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

const powerOfTen = (n) => "10" + String(n).replace(/./g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);

/** Loss against step: above the least value on a log axis where there is one, otherwise as it is. */
export function drawLoss(canvas, surface, runs, k, steps, theme) {
  const { ctx, w, h } = fit(canvas);
  if (!w || !h) return;
  const log = surface.minimum !== null,
    floor = 1e-12;
  const height = log ? (z) => Math.log10(Math.max(z - surface.minimum, floor)) : (z) => z;
  const heightsOf = (run) => {
    const curve = run.loss.subarray(0, run.taken + 1).map(height);
    let least = Infinity,
      most = -Infinity;
    for (const z of curve) {
      if (z < least) least = z;
      if (z > most && z < Infinity) most = z;
    }
    return { curve, least, most };
  };
  const found = runs.map((run) => keep(run.loss, [surface], () => heightsOf(run)));
  const curves = found.map(({ curve }) => curve);
  const start = runs.length ? curves[0][0] : 0;
  let low = Math.min(...found.map(({ least }) => least)),
    high = Math.max(...found.map(({ most }) => most));
  if (log) {
    high = Math.ceil(Math.min(high, start + 4) + 1e-9);
    low = Math.max(Math.floor(low), high - 20);
    if (!(high - low >= 2)) low = high - 2;
  } else {
    low = Math.max(low, start - 20 * (1 + Math.abs(start)));
    high = Math.min(high, start + 20 * (1 + Math.abs(start)));
    if (!(high > low)) [low, high] = [start - 1, start + 1];
  }
  if (!Number.isFinite(low + high)) [low, high] = [0, 1];
  const [left, right, top, bottom] = [40, 10, 20, 24];
  const px = (i) => left + (i / Math.max(steps, 1)) * (w - left - right);
  const py = (z) => top + ((high - z) / (high - low)) * (h - top - bottom);

  ctx.strokeStyle = theme.rule;
  ctx.lineWidth = 1;
  ctx.fillStyle = theme.faint;
  ctx.textAlign = "right";
  const stride = log ? Math.ceil((high - low) / 5) : (high - low) / 4;
  for (let n = 0; n <= 5; n++) {
    const z = high - n * stride;
    if (z < low - 1e-9) break;
    ctx.beginPath();
    ctx.moveTo(left, py(z));
    ctx.lineTo(w - right, py(z));
    ctx.stroke();
    ctx.fillText(log ? powerOfTen(z) : show(z), left - 5, py(z) + 4);
  }
  ctx.textAlign = "left";
  ctx.fillStyle = theme.text;
  ctx.fillText(log ? (Math.abs(surface.minimum) < 1e-12 ? "loss" : "loss above the minimum") : "loss", left, 12);
  ctx.fillStyle = theme.faint;
  ctx.fillText("0", left - 3, h - 8);
  ctx.textAlign = "right";
  ctx.fillText(`${steps} steps`, w - right, h - 8);

  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - 2, w - left - right + 2, h - top - bottom + 4);
  ctx.clip();
  const outline = (curve, from, to) => {
    const path = new Path2D();
    for (let i = from; i <= to; i++) path.lineTo(px(i), Math.max(-20, py(curve[i])));
    return path;
  };
  runs.forEach((run, n) => {
    const end = lastStep(run),
      now = Math.min(k, end);
    ctx.strokeStyle = run.colour;
    ctx.setLineDash(run.dash);
    const [rest, done] = keep(curves[n], [now, low, high, w, h, steps], () => [
      outline(curves[n], now, end),
      outline(curves[n], 0, now),
    ]);
    for (const [path, alpha, width] of [
      [rest, 0.3, 1.2],
      [done, 1, 1.8],
    ]) {
      ctx.globalAlpha = alpha;
      ctx.lineWidth = width;
      ctx.stroke(path);
    }
  });
  ctx.restore();
  if (k < steps) {
    ctx.strokeStyle = theme.faint;
    ctx.beginPath();
    ctx.moveTo(px(k), top);
    ctx.lineTo(px(k), h - bottom);
    ctx.stroke();
  }
  runs.forEach((run, n) => {
    const now = Math.min(k, lastStep(run));
    if (now < 0) return;
    const y = Math.min(h - bottom, Math.max(top, py(curves[n][now])));
    drawMarker(ctx, run.marker, px(now), y, 4.5, run.colour, theme.paper);
  });
  return { left, right, w };
}

/** The data, with what each rule has fitted after k steps; `items` are those of that step's minibatch. */
export function drawData(canvas, surface, runs, k, items, theme) {
  const { ctx, w, h } = fit(canvas);
  if (!w || !h) return;
  const { X, y } = surface.data,
    logistic = surface.name === "LogisticRegression";
  const curve = X.every((x) => x[0] === 1);
  // Across: the feature. Upwards: the target, or the second feature where the classes lie in a plane.
  const us = X.map((x, i) => (curve ? x[1] : logistic ? x[0] : y[i])),
    vs = X.map((x, i) => (curve || !logistic ? y[i] : x[1]));
  const pad = (list) => {
    const low = Math.min(...list),
      high = Math.max(...list),
      room = 0.12 * (high - low) || 1;
    return [low - room, high + room];
  };
  const [u0, u1] = pad(us),
    [v0, v1] = pad(vs),
    [left, right, top, bottom] = [12, 10, 20, 22];
  const px = (u) => left + ((u - u0) / (u1 - u0)) * (w - left - right);
  const py = (v) => top + ((v1 - v) / (v1 - v0)) * (h - top - bottom);
  ctx.strokeStyle = theme.rule;
  ctx.strokeRect(left, top, w - left - right, h - top - bottom);
  ctx.fillStyle = theme.text;
  ctx.textAlign = "left";
  ctx.fillText(curve ? "data y and fit" : logistic ? "data and boundary" : "fit ŷ against y", left, 12);
  ctx.fillStyle = theme.faint;
  ctx.textAlign = "right";
  ctx.fillText(curve ? "x" : logistic ? "x₁ →, x₂ ↑" : "y", w - right, h - 7);

  const batch = items && new Set(items);
  us.forEach((u, i) => {
    const x = px(u),
      Y = py(vs[i]),
      chosen = batch?.has(i);
    ctx.globalAlpha = batch && !chosen ? 0.35 : 1;
    drawMarker(
      ctx,
      logistic && y[i] ? "X" : "o",
      x,
      Y,
      chosen ? 6 : 4,
      logistic && !y[i] ? theme.faint : theme.text,
      theme.paper,
    );
  });
  ctx.globalAlpha = 1;

  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, w - left - right, h - top - bottom);
  ctx.clip();
  for (const run of runs) {
    const now = Math.min(k, lastStep(run));
    const a = run.x[now],
      b = run.y[now];
    if (!(Math.abs(a) < 1e9 && Math.abs(b) < 1e9)) continue;
    ctx.strokeStyle = ctx.fillStyle = run.colour;
    ctx.setLineDash(run.dash);
    ctx.lineWidth = 2;
    ctx.beginPath();
    if (curve) {
      for (let n = 0; n <= 60; n++) {
        const u = u0 + (n / 60) * (u1 - u0),
          z = a + b * u;
        ctx.lineTo(px(u), py(logistic ? sigmoid(z) : z));
      }
    } else if (logistic) {
      const long = (10 * Math.max(u1 - u0, v1 - v0)) / (Math.hypot(a, b) || 1);
      ctx.moveTo(px(-b * long), py(a * long));
      ctx.lineTo(px(b * long), py(-a * long));
    } else {
      X.forEach((x, i) => ctx.rect(px(y[i]) - 2, py(a * x[0] + b * x[1]) - 2, 4, 4));
    }
    ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.restore();
}

/** The surface as a relief, seen from `turn` = [around, above] in radians; heights are on the contours' log scale. */
export function drawRelief(canvas, surface, view, turn, theme) {
  const { ctx, w, h } = fit(canvas);
  if (!w || !h) return null;
  const f = frame(surface, view, w, h),
    n = 46;
  const { z, scale } = heights(surface, f, n, n);
  const project = reliefProjection(surface, f, turn, scale);
  const corners = Array.from(z, (value, k) =>
    project.at((k % (n + 1)) / n - 0.5, 0.5 - Math.floor(k / (n + 1)) / n, scale(value)),
  );
  const tiles = [];
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const k = j * (n + 1) + i,
        around = [k, k + 1, k + n + 2, k + n + 1];
      tiles.push([around.reduce((sum, c) => sum + corners[c][2], 0), around]);
    }
  }
  tiles.sort((p, q) => q[0] - p[0]);
  for (const [, around] of tiles) {
    const heightsHere = around.map((c) => scale(z[c]));
    const lit = 1 + 0.9 * (heightsHere[0] - heightsHere[2]);
    const [r, g, b] = mix(theme, (heightsHere[0] + heightsHere[2]) / 2).map((c) =>
      Math.max(0, Math.min(255, Math.round(c * lit))),
    );
    ctx.beginPath();
    for (const c of around) ctx.lineTo(corners[c][0], corners[c][1]);
    ctx.closePath();
    ctx.fillStyle = `rgb(${r},${g},${b})`;
    ctx.fill();
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = 0.5;
    ctx.stroke();
  }
  for (const [x, y] of surface.minima) {
    const [px, py] = project(x, y);
    if (Number.isFinite(px)) drawMinimum(ctx, px, py, theme);
  }
  return project;
}

function reliefProjection(surface, f, [around, above], scale) {
  const c = Math.cos(around),
    s = Math.sin(around),
    ce = Math.cos(above),
    se = Math.sin(above);
  const size = Math.min(f.w, f.h) * 0.95,
    tall = 0.42;
  const at = (u, v, t) => {
    const x = u * c - v * s,
      y = u * s + v * c,
      up = (t - 0.4) * tall;
    return [f.w / 2 + x * size, f.h * 0.54 + (-y * se - up * ce) * size, y * ce - up * se];
  };
  // A point outside the patch that is drawn has no place on it.
  const project = (x, y) => {
    const u = (f.px(x) - f.w / 2) / f.w,
      v = (f.h / 2 - f.py(y)) / f.h;
    return Math.abs(u) <= 0.5 && Math.abs(v) <= 0.5 ? at(u, v, scale(surface.value(x, y))) : [NaN, NaN];
  };
  project.at = at;
  return project;
}
