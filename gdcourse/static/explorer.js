// The figure: what the reader sees and handles. One state (the specification, and what is only looked at), one way to
// change it (`change`), one way to show it (`refresh`).
import { CONTROLS, LOOKS, RULES, allowed, dress, stabilityLimit } from "./rules.js";
import {
  SCHEDULE_CONTROLS,
  SCHEDULE_LOOKS,
  allowedInSchedule,
  pythonSchedule,
  rateAfter,
  soundSchedule,
} from "./schedules.js";
import { SURFACES, defaultStart, eigen, fromEigen, makeSurface } from "./surfaces.js";
import { descend, disturbances, insideStep, makeRule, outcome } from "./descend.js";
import {
  THEMES,
  boxOf,
  drawArrows,
  drawContours,
  drawData,
  drawLoss,
  drawPaths,
  drawRelief,
  frame,
  markerPath,
  show,
} from "./draw.js";

/** What Python and the page's data-spec hold; a live widget keeps one trait for each. */
export const TRAITS = ["surface", "optimizers", "start", "steps", "seed", "noise", "batch_size", "inside", "relief"];
const DEFAULTS = { steps: 100, seed: 0, noise: 0, batch_size: null, inside: false, relief: false };
const LOOKING = { step: null, selected: 0, view: null, turn: [-0.5, 0.75], speed: 1 };
const RAVINE = {
  name: "Quadratic",
  A: [
    [1, 0],
    [0, 10],
  ],
  center: [0, 0],
};
const MOST_STEPS = 2000;
const SYMBOLS = { g: "g", v: "v", s: "s", u: "u", s_max: "s max", v_hat: "v̂", s_hat: "ŝ", r: "r", delta: "Δθ" };

/** h("button", {class: "x", onclick: f}, "text", child…) */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Set a property, or an attribute, that may have its value already: to write it again would cost the browser more. */
const put = (element, name, value) => element[name] === value || (element[name] = value);
const attribute = (element, name, value) =>
  element.getAttribute(name) === String(value) || element.setAttribute(name, value);

/** A field for a number: `accept` hears every good value that is typed; one that is no good is marked as such. */
function numberField(label, good, accept) {
  const commit = () => {
    const text = field.value.trim().replace("−", "-"),
      value = Number(text);
    const fine = text !== "" && Number.isFinite(value) && good(value);
    field.setAttribute("aria-invalid", String(!fine));
    if (fine) accept(value);
  };
  const field = h("input", {
    type: "text",
    inputmode: "decimal",
    size: 7,
    autocomplete: "off",
    "aria-label": label,
    onchange: commit,
    onkeydown: (event) => event.key === "Enter" && commit(),
  });
  return field;
}

function marker(rule, dark) {
  const [, light, night, kind] = LOOKS[rule];
  const span = h("span", { class: "gd-marker", "aria-hidden": "true" });
  span.innerHTML = `<svg viewBox="0 0 12 12" width="14" height="14"><path d="${markerPath(kind)}" fill="${dark ? night : light}"/></svg>`;
  return span;
}

/** Sliders run from 0 to 1000; each scale says where a value stands and which value stands there. */
const SCALES = {
  linear: { at: (p, a, b) => a + p * (b - a), where: (v, a, b) => (v - a) / (b - a) },
  log: { at: (p, a, b) => a * (b / a) ** p, where: (v, a, b) => Math.log(v / a) / Math.log(b / a) },
  // Logarithmic, but with nought at its lower end.
  log0: {
    at: (p, a, b) => (p <= 0 ? 0 : a * (b / a) ** p),
    where: (v, a, b) => (v <= 0 ? 0 : Math.log(v / a) / Math.log(b / a)),
  },
  // Towards 1: each quarter of the slider is another 9 of 0.9, 0.99, 0.999.
  decay: { at: (p, a, b) => 1 - (1 - b) ** p, where: (v, a, b) => Math.log(1 - v) / Math.log(1 - b) },
};

/** A labelled slider with a number that can be typed and a reset; `mark` puts a limit on its track. */
class Slider {
  constructor({ id, symbol, words, scale, low, high, whole = false, valid = () => true, onchange, onreset }) {
    Object.assign(this, { scale: SCALES[scale], decay: scale === "decay", low, high, whole });
    this.range = h("input", {
      type: "range",
      min: 0,
      max: 1000,
      step: 5,
      id,
      "aria-label": words,
      oninput: () => onchange(this.round(this.scale.at(this.range.value / 1000, low, high))),
    });
    this.number = numberField(
      `${words}, typed`,
      (value) => valid(value) && (!whole || Number.isInteger(value)),
      onchange,
    );
    this.tick = h("span", { class: "gd-tick", hidden: true });
    this.note = h("span", { class: "gd-note" });
    this.root = h(
      "div",
      { class: "gd-control" },
      h("label", { for: id }, symbol ? h("i", {}, symbol) : null, symbol ? ` ${words}` : words),
      h("span", { class: "gd-track" }, this.range, this.tick),
      this.number,
      onreset
        ? h(
            "button",
            { type: "button", class: "gd-reset", title: "Reset", "aria-label": `Reset ${words}`, onclick: onreset },
            "↺",
          )
        : h("span"),
      this.note,
    );
  }

  round(value) {
    if (this.whole) return Math.round(value);
    return this.decay ? 1 - Number((1 - value).toPrecision(3)) : Number(value.toPrecision(3));
  }

  set(value) {
    const place = Math.min(1, Math.max(0, this.scale.where(value, this.low, this.high))) || 0;
    const text = this.decay ? String(Number(value.toPrecision(6))) : String(value);
    if (this.number.value === text && this.text === text) return; // nothing typed, nothing moved
    this.text = text;
    if (document.activeElement !== this.range) this.range.value = Math.round(1000 * place);
    this.number.value = text;
    this.number.removeAttribute("aria-invalid");
    this.range.setAttribute("aria-valuetext", text);
  }

  /** Mark a limit, in words too. */
  mark(limit, text) {
    if (this.marked === text) return;
    this.marked = text;
    const place = limit ? this.scale.where(limit, this.low, this.high) : -1;
    this.tick.hidden = !(place > 0 && place < 1);
    this.tick.style.left = `calc(8px + ${100 * place}% - ${16 * place}px)`;
    this.note.textContent = text;
  }
}

export class Figure {
  /** `onchange(keys)` hears which traits the reader has changed; `link(state)` gives the page's URL for a state. */
  constructor(root, spec, { onchange = () => {}, link = null } = {}) {
    this.root = root;
    this.onchange = onchange;
    this.link = link;
    this.id = root.id || `gd-${Math.random().toString(36).slice(2, 8)}`;
    this.state = { ...DEFAULTS, ...LOOKING, ...spec };
    this.surface = makeSurface(this.state.surface);
    this.state.start ??= defaultStart(this.surface);
    this.initial = structuredClone(this.state);
    this.shown = {};
    this.build();
    this.watch();
    this.refresh();
    this.announce();
  }

  // ---- state ----

  /** Change some of the state, show it, and tell whoever listens. */
  change(part, { quietly = false } = {}) {
    Object.assign(this.state, part);
    if (part.surface) this.surface = makeSurface(part.surface);
    if (part.steps && this.state.step !== null) this.state.step = Math.min(this.state.step, part.steps);
    this.state.selected = Math.max(0, Math.min(this.state.selected, this.state.optimizers.length - 1));
    this.refresh();
    const keys = Object.keys(part).filter((key) => TRAITS.includes(key));
    if (keys.length && !quietly) this.onchange(keys);
    if (!this.playing) this.announceSoon();
  }

  get step() {
    return Math.min(this.state.step ?? this.state.steps, this.state.steps);
  }

  get chosen() {
    return this.state.optimizers[this.state.selected];
  }

  setHyperparameter(name, value) {
    const optimizers = this.state.optimizers.map((rule, i) =>
      i === this.state.selected ? { ...rule, [name]: value } : rule,
    );
    this.change({ optimizers });
  }

  /** Give the chosen rule another schedule, or (null) none. */
  setSchedule(schedule) {
    const optimizers = this.state.optimizers.map((rule, i) => {
      if (i !== this.state.selected) return rule;
      const { schedule: _, ...plain } = rule;
      return schedule ? { ...plain, schedule } : plain;
    });
    this.change({ optimizers });
  }

  /** The value to go back to: that of the rule as it came, or of the suggestion for a rule that was added. */
  resetHyperparameter(name) {
    const first = this.initial.optimizers[this.state.selected];
    const before = first?.rule === this.chosen.rule ? first : suggest(this.surface, this.chosen.rule);
    this.setHyperparameter(name, before[name]);
  }

  chooseSurface(name) {
    this.stop();
    const surface =
      name === this.initial.surface.name ? this.initial.surface : name === "Quadratic" ? RAVINE : { name };
    const same = surface === this.initial.surface,
      made = makeSurface(surface);
    const optimizers = same ? this.initial.optimizers : this.state.optimizers.map(({ rule, schedule }) => ({
          ...suggest(made, rule),
          ...(schedule && { schedule }),
        }));
    this.change({
      surface,
      optimizers,
      start: same ? this.initial.start : defaultStart(made),
      view: null,
      step: null,
      noise: 0,
      batch_size: null,
    });
  }

  moveStart(x, y) {
    // Nobody can aim finer than a thousandth of the picture: short numbers, for links and for Python.
    const digits = Math.max(0, Math.min(15, 3 - Math.floor(Math.log10(this.plane().width))));
    this.change({ start: [Number(x.toFixed(digits)), Number(y.toFixed(digits))] });
  }

  /** What a link holds: the specification, and where the reader looks. */
  linkState() {
    return Object.fromEntries([...TRAITS, "step", "selected", "view", "turn"].map((key) => [key, this.state[key]]));
  }

  asPython() {
    const { surface, optimizers, start, steps, seed, noise, batch_size } = this.state;
    const settings = [`start=(${start.join(", ")})`, `steps=${steps}`];
    if (this.surface.data && batch_size !== null) settings.push(`batch_size=${batch_size}`, `seed=${seed}`);
    if (!this.surface.data && noise > 0) settings.push(`noise=${noise}`, `seed=${seed}`);
    return [
      "import gdcourse as gd",
      "",
      "rules = [",
      ...optimizers.map((spec) => `    ${pythonRule(spec)},`),
      "]",
      `w = gd.Explorer(${pythonSurface(surface)}, rules, ${settings.join(", ")})`,
      "runs = w.trajectories  # what gd.descend gives for each rule",
      "w",
      "",
    ].join("\n");
  }

  // ---- the page ----

  build() {
    const { id } = this;
    this.root.replaceChildren();
    this.root.classList.add("gd-explorer", "gd-live");
    this.root.setAttribute("role", "group");
    this.root.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for its cells
    this.root.setAttribute("aria-label", "Explorer: gradient descent on a surface");

    this.surfaceMenu = h(
      "select",
      { "aria-label": "Surface", onchange: () => this.chooseSurface(this.surfaceMenu.value) },
      ...Object.keys(SURFACES).map((name) => h("option", { value: name }, makeSurface({ name }).title)),
    );
    this.chips = h("div", { class: "gd-chips", role: "group", "aria-label": "Rules" });
    // Not a select: one of those would add a rule with every arrow key that passes it.
    this.ruleMenu = h(
      "details",
      {
        class: "gd-add",
        ontoggle: () => this.placeMenu(),
        onkeydown: (event) => event.key === "Escape" && this.closeMenu(),
      },
      h("summary", { "aria-label": "Add a rule" }, "+ rule"),
      h("div", { class: "gd-menu" }),
    );

    this.ground = h("canvas", { class: "gd-ground", role: "img" });
    this.over = h("canvas", { class: "gd-over", "aria-hidden": "true" });
    this.ball = h("button", {
      type: "button",
      class: "gd-ball",
      role: "slider",
      "aria-label": "Start point",
      "aria-describedby": `${id}-keys`,
    });
    const tool = (text, label, onclick) =>
      h("button", { type: "button", title: label, "aria-label": label, onclick }, text);
    this.reliefButton = tool("3-D", "Show as a relief", () => this.change({ relief: !this.state.relief }));
    this.picture = h(
      "div",
      { class: "gd-picture" },
      this.ground,
      this.over,
      this.ball,
      h(
        "div",
        { class: "gd-tools" },
        tool("+", "Zoom in", () => this.zoom(0.7)),
        tool("−", "Zoom out", () => this.zoom(1 / 0.7)),
        tool("⤢", "Show the whole surface", () => this.change({ view: null, turn: LOOKING.turn })),
        this.reliefButton,
      ),
    );

    this.loss = h("canvas", { class: "gd-loss", role: "img", "aria-label": "Loss against step" });
    this.data = h("canvas", {
      class: "gd-data",
      role: "img",
      "aria-label": "The data and what each rule has fitted to them",
    });
    this.insideTable = h("div", { class: "gd-inside" });
    this.side = h("div", { class: "gd-side" }, this.loss, this.data, this.insideTable);

    this.playButton = h("button", {
      type: "button",
      class: "gd-play",
      onclick: () => (this.playing ? this.stop() : this.play()),
    });
    this.scrub = h("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "Step",
      oninput: () => this.goTo(Number(this.scrub.value)),
    });
    this.stepText = h("span", { class: "gd-step" });
    this.transport = h(
      "div",
      { class: "gd-transport" },
      this.playButton,
      tool("‹", "One step back", () => this.goTo(this.step - 1)),
      tool("›", "One step forward", () => this.goTo(this.step + 1)),
      this.scrub,
      this.stepText,
    );

    this.rate = h("div", { class: "gd-rate" });
    this.live = h("p", { class: "gd-hidden", role: "status", "aria-live": "polite" });
    this.more = h("div", { class: "gd-more" });
    this.insideBox = h("input", { type: "checkbox", onchange: () => this.change({ inside: this.insideBox.checked }) });

    this.root.append(
      h("div", { class: "gd-bar" }, this.surfaceMenu, this.chips, this.ruleMenu),
      h("div", { class: "gd-main" }, this.picture, this.transport, this.rate, this.side),
      h("details", { class: "gd-all" }, h("summary", {}, "All controls"), this.more, this.buildLasting()),
      h(
        "p",
        { id: `${id}-keys`, class: "gd-hidden" },
        "Arrow keys move the start point, with Shift further. Plus and minus zoom, 0 shows the whole surface. " +
          "In the relief, Page Up and Page Down turn it.",
      ),
      this.live,
    );
  }

  /** The controls that do not depend on the rule. */
  buildLasting() {
    const { id } = this;
    const pointField = (axis) =>
      numberField(
        `Start, θ${"₁₂"[axis]}`,
        (value) => Math.abs(value) <= 1e6,
        (value) => this.change({ start: this.state.start.map((old, i) => (i === axis ? value : old)) }),
      );
    this.startFields = [pointField(0), pointField(1)];
    this.stepsSlider = new Slider({
      id: `${id}-steps`,
      words: "steps",
      scale: "log",
      low: 1,
      high: MOST_STEPS,
      whole: true,
      valid: (v) => v >= 1 && v <= MOST_STEPS,
      onchange: (steps) => this.change({ steps }),
      onreset: () => this.change({ steps: this.initial.steps }),
    });
    this.speedSlider = new Slider({
      id: `${id}-speed`,
      words: "speed of play",
      scale: "log",
      low: 0.1,
      high: 10,
      valid: (v) => v > 0 && v <= 100,
      onchange: (speed) => this.change({ speed }),
      onreset: () => this.change({ speed: 1 }),
    });
    this.noiseSlider = new Slider({
      id: `${id}-noise`,
      symbol: "σ",
      words: "noise on the gradient",
      scale: "log0",
      low: 0.01,
      high: 1000,
      valid: (v) => v >= 0,
      onchange: (noise) => this.change({ noise }),
      onreset: () => this.change({ noise: this.initial.noise }),
    });
    this.batchHolder = h("div");
    this.seedField = numberField(
      "Seed",
      (seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32,
      (seed) => this.change({ seed }),
    );
    this.shapeHolder = h("div");
    this.linkButton = h(
      "button",
      { type: "button", onclick: () => this.copy(this.link?.(this.linkState()), this.linkButton) },
      "Copy link",
    );
    this.linkButton.hidden = !this.link;
    this.codeButton = h(
      "button",
      { type: "button", onclick: () => this.copy(this.asPython(), this.codeButton) },
      "Copy as Python",
    );
    this.copied = h("textarea", {
      class: "gd-copied",
      readonly: true,
      rows: 6,
      hidden: true,
      "aria-label": "Text to copy",
    });
    return h(
      "div",
      { class: "gd-lasting" },
      h(
        "div",
        { class: "gd-control" },
        h("span", { class: "gd-label" }, "start"),
        h("span", { class: "gd-pair" }, ...this.startFields),
      ),
      this.stepsSlider.root,
      this.speedSlider.root,
      this.shapeHolder,
      this.noiseSlider.root,
      this.batchHolder,
      (this.seedRow = h(
        "div",
        { class: "gd-control" },
        h("span", { class: "gd-label" }, "seed"),
        h(
          "span",
          { class: "gd-pair" },
          this.seedField,
          h(
            "button",
            { type: "button", onclick: () => this.change({ seed: (this.state.seed + 1) % 2 ** 32 }) },
            "New seed",
          ),
        ),
      )),
      h("div", { class: "gd-row" }, h("label", {}, this.insideBox, " show the inside of the chosen rule: numbers and arrows of a step")),
      h(
        "div",
        { class: "gd-row" },
        this.linkButton,
        this.codeButton,
        h("button", { type: "button", onclick: () => this.reset() }, "Start over"),
      ),
      this.copied,
    );
  }

  /** Everything that the reader does by pointing and typing at the picture. */
  watch() {
    const { picture, ball, over } = this;
    const pointers = new Map();
    let drag = null; // "start", "pan" or "turn"
    const place = (event) => {
      const box = picture.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const startAt = ([px, py]) => {
      const f = this.plane();
      this.moveStart(f.x(px), f.y(py));
    };
    const down = (event) => {
      if (event.target.closest(".gd-tools")) return;
      const point = place(event);
      pointers.set(event.pointerId, point);
      const onBall = event.target === ball;
      if (pointers.size > 1) drag = "pan";
      else if (onBall) drag = "start";
      else if (this.state.relief) drag = "turn";
      else if (event.shiftKey || event.button > 0) drag = "pan";
      else if (event.pointerType === "touch") drag = "tap";
      else {
        drag = "start";
        startAt(point);
      }
      if (drag !== "tap") picture.setPointerCapture(event.pointerId);
      if (event.pointerType !== "touch" || onBall) event.preventDefault();
      if (drag === "start") ball.focus({ preventScroll: true });
      ball.classList.toggle("gd-held", drag === "start");
    };
    const move = (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = place(event);
      if (drag === "start") startAt(now);
      else if (drag === "turn") this.turn((now[0] - before[0]) / 120, (now[1] - before[1]) / 120);
      else if (drag === "pan") this.drag(pointers, event.pointerId, now);
      else if (drag === "tap" && Math.hypot(now[0] - before[0], now[1] - before[1]) > 8) drag = null;
      if (drag !== "tap") pointers.set(event.pointerId, now);
    };
    const up = (event) => {
      if (drag === "tap" && pointers.has(event.pointerId) && event.type === "pointerup") startAt(place(event));
      pointers.delete(event.pointerId);
      if (!pointers.size) drag = null;
      ball.classList.remove("gd-held");
    };
    picture.addEventListener("pointerdown", down);
    picture.addEventListener("pointermove", move);
    picture.addEventListener("pointerup", up);
    picture.addEventListener("pointercancel", up);
    picture.addEventListener("contextmenu", (event) => event.target === over && event.preventDefault());
    // A plain wheel scrolls the page; with Ctrl (which a pinch on a trackpad sends too) it zooms.
    picture.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(Math.exp(Math.max(-50, Math.min(50, event.deltaY)) / 100), place(event));
      },
      { passive: false },
    );
    ball.addEventListener("keydown", (event) => this.key(event));
    // The keys pressed here are for the figure: the host (JupyterLab, the book's theme) must not act on them too.
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    this.loss.addEventListener("pointerdown", (event) => {
      this.loss.setPointerCapture(event.pointerId);
      this.scrubLoss(event);
    });
    this.loss.addEventListener("pointermove", (event) => event.buttons && this.scrubLoss(event));

    const recolour = () => {
      this.dark = isDark(this.root);
      if (this.drawnDark !== this.dark) this.refresh();
    };
    // The style sheets of another theme may arrive some time after it is named (in JupyterLab they do).
    const redraw = () => [0, 400, 2000].forEach((wait) => setTimeout(recolour, wait));
    const canvases = [this.ground, this.over, this.loss, this.data];
    const measure = () => {
      this.root.classList.toggle("gd-narrow", this.root.clientWidth < 620);
      canvases.forEach((canvas) => (canvas.box = boxOf(canvas)));
    };
    measure();
    const resized = new ResizeObserver(() => {
      measure();
      this.refresh();
    });
    [this.root, ...canvases].forEach((element) => resized.observe(element));
    this.observers = [resized];
    for (const element of [document.documentElement, document.body]) {
      const observer = new MutationObserver(redraw);
      observer.observe(element, { attributes: true, attributeFilter: ["data-theme", "class", "data-jp-theme-light"] });
      this.observers.push(observer);
    }
    this.darkQuery = matchMedia("(prefers-color-scheme: dark)");
    this.darkQuery.addEventListener("change", redraw);
    this.outside = (event) => this.ruleMenu.contains(event.target) || this.closeMenu();
    document.addEventListener("pointerdown", this.outside);
    this.forget = () => {
      document.removeEventListener("pointerdown", this.outside);
      this.stop();
      clearTimeout(this.later);
      this.observers.forEach((observer) => observer.disconnect());
      this.darkQuery.removeEventListener("change", redraw);
    };
  }

  key(event) {
    const f = this.plane(),
      [x, y] = this.state.start,
      far = f.width * (event.shiftKey ? 0.1 : 0.01);
    const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    if (moves[event.key]) this.moveStart(x + moves[event.key][0], y + moves[event.key][1]);
    else if (event.key === "+" || event.key === "=") this.zoom(0.7, [f.px(x), f.py(y)]);
    else if (event.key === "-") this.zoom(1 / 0.7, [f.px(x), f.py(y)]);
    else if (event.key === "0") this.change({ view: null });
    else if (event.key === "PageUp") this.turn(0.15, 0);
    else if (event.key === "PageDown") this.turn(-0.15, 0);
    else return;
    event.preventDefault();
  }

  plane() {
    const { w, h } = this.ground.box;
    return frame(this.surface, this.state.view, w || 1, h || 1);
  }

  zoom(factor, [px, py] = [this.ground.box.w / 2, this.ground.box.h / 2]) {
    const f = this.plane(),
      [[x0, x1]] = this.surface.domain,
      x = f.x(px),
      y = f.y(py);
    const width = Math.min(1e3 * (x1 - x0), Math.max(1e-5 * (x1 - x0), f.width * factor)),
      by = width / f.width;
    this.look([x + (f.cx - x) * by, y + (f.cy - y) * by, width]);
  }

  /** One finger or the mouse pans; two fingers pan and zoom about each other. */
  drag(pointers, moved, [nx, ny]) {
    const f = this.plane(),
      [bx, by] = pointers.get(moved),
      others = [...pointers].filter(([id]) => id !== moved);
    if (!others.length) return this.look([f.cx - (nx - bx) * f.unit, f.cy + (ny - by) * f.unit, f.width]);
    const [, [ox, oy]] = others[0];
    this.zoom(Math.hypot(bx - ox, by - oy) / (Math.hypot(nx - ox, ny - oy) || 1), [ox, oy]);
  }

  look([cx, cy, width]) {
    const [[x0, x1]] = this.surface.domain,
      far = 1e3 * (x1 - x0);
    const near = (v) => Math.max(-far, Math.min(far, v));
    this.change({ view: [near(cx), near(cy), width] });
  }

  turn(around, above) {
    const [a, b] = this.state.turn;
    this.change({ turn: [(a + around) % (2 * Math.PI), Math.min(1.5, Math.max(0.1, b + above))] });
  }

  scrubLoss(event) {
    const { left, right, w } = this.lossFrame,
      box = this.loss.getBoundingClientRect();
    this.goTo(Math.round(((event.clientX - box.left - left) / (w - left - right)) * this.state.steps));
  }

  // ---- time ----

  goTo(step) {
    this.stop();
    step = Math.max(0, Math.min(this.state.steps, step));
    this.change({ step: step === this.state.steps ? null : step });
  }

  play() {
    const from = this.step >= this.state.steps ? 0 : this.step,
      began = performance.now();
    // The whole run takes four seconds at speed 1. With reduced motion it advances four times a second, not smoothly.
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const frame = (now) => {
      let seconds = (now - began) / 1000;
      if (calm) seconds = Math.floor(seconds * 4) / 4;
      const step = Math.floor(from + (Math.max(0, seconds) * this.state.speed * this.state.steps) / 4);
      if (step >= this.state.steps) {
        this.stop();
        this.change({ step: null });
      } else {
        if (step !== this.state.step) this.change({ step });
        this.playing = requestAnimationFrame(frame);
      }
    };
    this.playing = requestAnimationFrame(frame);
    this.showTransport();
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.showTransport();
    this.announceSoon();
  }

  // ---- rules ----

  addRule(rule) {
    const optimizers = [...this.state.optimizers, suggest(this.surface, rule)];
    this.change({ optimizers, selected: optimizers.length - 1 });
    this.closeMenu();
  }

  /** Put the menu under its button, as far to the left as it must be to have room. */
  placeMenu() {
    const menu = this.ruleMenu.lastChild,
      room = this.root.clientWidth - menu.offsetWidth;
    menu.style.left = `${Math.max(0, Math.min(this.ruleMenu.offsetLeft, room))}px`;
  }

  closeMenu() {
    const inside = this.ruleMenu.contains(document.activeElement);
    this.ruleMenu.open = false;
    if (inside) this.ruleMenu.firstChild.focus();
  }

  removeRule(i) {
    const optimizers = this.state.optimizers.filter((_, k) => k !== i);
    this.change({ optimizers, selected: Math.max(0, this.state.selected - (i <= this.state.selected ? 1 : 0)) });
    (this.chips.children[Math.min(i, optimizers.length - 1)]?.firstChild ?? this.ruleMenu.firstChild).focus();
  }

  reset() {
    this.stop();
    this.change(structuredClone(this.initial));
  }

  // ---- showing ----

  /** Compute the runs and draw whatever has changed. */
  refresh() {
    const { state, surface } = this;
    this.dark ??= isDark(this.root);
    const { dark } = this;
    const theme = THEMES[dark ? "dark" : "light"];

    this.race(dark);
    this.showParts(dark);
    const { w, h: height } = this.ground.box;
    if (!w) return this.showControls(dark);

    const ground = JSON.stringify([
      state.surface,
      state.view,
      state.relief && state.turn,
      state.relief,
      dark,
      w,
      height,
      window.devicePixelRatio,
    ]);
    if (this.shown.ground !== ground) {
      this.shown.ground = ground;
      if (state.relief) this.project = drawRelief(this.ground, surface, state.view, state.turn, theme);
      else drawContours(this.ground, surface, state.view, theme);
      const f = this.plane();
      if (!state.relief) this.project = (x, y) => [f.px(x), f.py(y)];
    }
    const { project } = this;
    const { ctx } = drawPaths(this.over, this.runs, this.step, project, theme);
    this.showInside(ctx, project, theme);
    const [bx, by] = project(...state.start);
    this.ball.hidden = !(bx >= 0 && by >= 0 && bx <= w && by <= height);
    if (!this.ball.hidden) this.ball.style.transform = `translate(${bx.toFixed(1)}px, ${by.toFixed(1)}px)`;
    this.lossFrame = drawLoss(this.loss, surface, this.runs, this.step, state.steps, theme);
    if (surface.data) drawData(this.data, surface, this.runs, this.step, this.disturbed?.[this.step - 1]?.items, theme);
    this.drawnDark = dark;
    // Last, since to ask for the size of something after writing to the page makes the browser lay it out at once.
    this.showControls(dark);
  }

  /** What is there and what is not, on which the sizes of the pictures depend. */
  showParts(dark) {
    const parts = JSON.stringify([dark, Boolean(this.surface.data), this.state.inside && this.runs.length > 0]);
    if (this.shown.parts === parts) return;
    this.shown.parts = parts;
    this.root.dataset.gdTheme = dark ? "dark" : "light";
    this.data.hidden = !this.surface.data;
    this.noiseSlider.root.hidden = Boolean(this.surface.data);
    this.insideTable.hidden = !(this.state.inside && this.runs.length);
  }

  /**
   * One run for each rule. Only what has changed is computed: nothing while a run is played, and one run while a slider
   * of one rule moves.
   */
  race(dark) {
    const { start, steps, seed, noise, batch_size, optimizers } = this.state;
    const course = [this.surface, start, steps, seed, noise, batch_size];
    const sameCourse = this.course?.every((value, i) => value === course[i]);
    if (sameCourse && this.raced === optimizers && this.racedDark === dark) return;
    Object.assign(this, { course, raced: optimizers, racedDark: dark });
    if (!sameCourse) {
      this.disturbed = disturbances(this.surface, { steps, seed, noise, batch_size });
      this.paths = new Map();
    }
    const known = this.paths;
    this.paths = new Map();
    for (const spec of optimizers) {
      this.paths.set(spec, known.get(spec) ?? descend(this.surface, start, makeRule(spec), steps, this.disturbed));
    }
    const seen = {},
      dresses = dress(optimizers.map(({ rule }) => rule));
    const nameOf = ({ rule, schedule }) =>
      LOOKS[rule][0] + (schedule ? `, ${SCHEDULE_LOOKS[schedule.name][0]}` : "");
    this.runs = optimizers.map((spec, i) => {
      const [, light, night, kind] = LOOKS[dresses[i]],
        name = nameOf(spec);
      const nth = (seen[dresses[i]] = (seen[dresses[i]] ?? 0) + 1);
      const twin = optimizers.filter((other) => nameOf(other) === name).length > 1;
      const run = this.paths.get(spec);
      return {
        ...run,
        dress: dresses[i],
        name: twin ? `${name} ${show(spec.lr)}` : name,
        colour: dark ? night : light,
        marker: kind,
        dash: [[], [6, 4], [2, 4]][(nth - 1) % 3],
        outcome: outcome(this.surface, run),
      };
    });
  }

  showControls(dark) {
    const { state, surface } = this;
    put(this.surfaceMenu, "value", state.surface.name);
    attribute(this.reliefButton, "aria-pressed", state.relief);
    this.showChips(dark);
    this.showRate();
    this.showTransport();

    this.startFields.forEach((field, i) => put(field, "value", String(state.start[i])));
    attribute(this.ball, "aria-valuenow", state.start[0]);
    attribute(this.ball, "aria-valuetext", `θ₁ = ${show(state.start[0])}, θ₂ = ${show(state.start[1])}`);
    this.stepsSlider.set(state.steps);
    this.speedSlider.set(state.speed);
    put(this.insideBox, "checked", state.inside);
    this.noiseSlider.set(state.noise);
    put(this.seedField, "value", String(state.seed));
    put(this.seedRow, "hidden", this.disturbed === null);
    this.showBatch();
    this.showShape();
    const names = this.runs.map((run) => run.name).join(", ") || "no rule";
    const view = state.relief ? "relief" : "contours";
    attribute(this.ground, "aria-label", `${surface.title}: ${view} with the paths of ${names}`);
  }

  showChips(dark) {
    const { optimizers, selected } = this.state;
    if (this.shown.menu !== dark) {
      this.shown.menu = dark;
      this.ruleMenu.lastChild.replaceChildren(
        ...Object.keys(RULES).map((rule) =>
          h("button", { type: "button", onclick: () => this.addRule(rule) }, marker(rule, dark), LOOKS[rule][0]),
        ),
      );
    }
    const shape = JSON.stringify([this.runs.map((run) => [run.name, run.dress]), dark]);
    if (this.shown.chips !== shape) {
      this.shown.chips = shape;
      const focused = [...this.chips.querySelectorAll("button")].indexOf(document.activeElement);
      this.chips.replaceChildren(
        ...this.runs.map((run, i) =>
          h(
            "span",
            { class: "gd-chip" },
            h(
              "button",
              { type: "button", class: "gd-choose", onclick: () => this.change({ selected: i }) },
              marker(run.dress, dark),
              h("b", {}, run.name),
              h("span", { class: "gd-end" }),
            ),
            h(
              "button",
              {
                type: "button",
                class: "gd-remove",
                "aria-label": `Remove ${run.name}`,
                title: "Remove",
                onclick: () => this.removeRule(i),
              },
              "×",
            ),
          ),
        ),
      );
      this.chips.querySelectorAll("button")[focused]?.focus();
    }
    this.runs.forEach((run, i) => {
      const chip = this.chips.children[i],
        { kind, step, loss } = run.outcome;
      const end = {
        minimum: `${step} ${step === 1 ? "step" : "steps"}`,
        stuck: `stuck, ${step}`,
        diverged: `✕ step ${step}`,
        moving: `loss ${show(loss ?? 0)}`,
      }[kind];
      put(chip.firstChild.lastChild, "textContent", end);
      attribute(chip.firstChild, "aria-pressed", i === selected);
      put(chip, "className", i === selected ? "gd-chip gd-selected" : "gd-chip");
    });
  }

  /** The chosen rule's sliders: the learning rate always in sight, the others among all controls. */
  showRate() {
    const rule = this.chosen;
    const run = this.runs[this.state.selected],
      shape = rule ? `${rule.rule} ${this.state.selected} ${rule.schedule?.name}` : "";
    if (this.shown.rate !== shape) {
      this.shown.rate = shape;
      this.sliders = {};
      for (const key of Object.keys(rule ?? {}).filter((key) => key in CONTROLS)) {
        const [symbol, words, scale, low, high] = CONTROLS[key];
        this.sliders[key] = new Slider({
          id: `${this.id}-${key}`,
          symbol,
          words,
          scale,
          low,
          high,
          valid: (v) => allowed(key, v),
          onchange: (value) => this.setHyperparameter(key, value),
          onreset: () => this.resetHyperparameter(key),
        });
      }
      const { lr, ...others } = this.sliders;
      this.owner = h("span", { class: "gd-owner" });
      this.shown.owner = null;
      this.rate.replaceChildren(...(lr ? [this.owner, lr.root] : [h("p", {}, "No rule yet: add one above.")]));
      const schedule = rule ? this.buildSchedule(rule) : [];
      this.more.replaceChildren(...Object.values(others).map((slider) => slider.root), ...schedule);
    }
    if (!rule) return;
    const owner = `${run.name} ${run.dress} ${this.dark}`;
    if (this.shown.owner !== owner) {
      this.shown.owner = owner;
      this.owner.replaceChildren(marker(run.dress, this.dark), run.name);
    }
    for (const [key, slider] of Object.entries(this.sliders)) slider.set(rule[key]);
    const {
      values: [least, largest],
    } = this.surface.quadratic ? eigen(this.surface.hessian()) : { values: [0, 0] };
    const limit = least > 0 ? stabilityLimit(rule, largest) : null;
    this.sliders.lr.mark(
      limit,
      limit ? `stable below ${show(limit)}${rule.lr > limit ? ": beyond the limit" : ""}` : "",
    );
    for (const [key, slider] of Object.entries(this.scheduleSliders)) slider.set(rule.schedule[key]);
    const t = Math.max(1, this.step);
    const now = rule.schedule ? `in step ${t}: η = ${show(rateAfter(rule.schedule, rule.lr, t - 1))}` : "";
    put(this.rateNow, "textContent", now);
  }

  /** The menu of schedules, and a slider for each number of the chosen rule's. */
  buildSchedule({ schedule }) {
    const id = `${this.id}-schedule`;
    const menu = h(
      "select",
      {
        id,
        onchange: () => {
          const name = menu.value;
          const made = SCHEDULE_LOOKS[name]?.[1]?.(this.state.steps, this.chosen.schedule ?? null);
          this.setSchedule(made ? { name, ...made } : null);
          this.more.querySelector(`[id="${id}"]`).focus();
        },
      },
      h("option", { value: "" }, "constant"),
      ...Object.entries(SCHEDULE_LOOKS)
        .filter(([name, [, made]]) => made || name === schedule?.name)
        .map(([name, [title]]) => h("option", { value: name }, title)),
    );
    menu.value = schedule?.name ?? "";
    this.rateNow = h("span", { class: "gd-note" });
    this.scheduleSliders = {};
    for (const key of Object.keys(schedule ?? {}).filter((name) => name in SCHEDULE_CONTROLS)) {
      const [words, scale, low, high, whole = false] = SCHEDULE_CONTROLS[key];
      const to = (value) => this.setSchedule({ ...this.chosen.schedule, [key]: value });
      const before = this.initial.optimizers[this.state.selected]?.schedule;
      const first = (before?.name === schedule.name ? before : schedule)[key];
      this.scheduleSliders[key] = new Slider({
        id: `${id}-${key}`,
        words,
        scale,
        low,
        high,
        whole,
        valid: (v) => allowedInSchedule(key, v),
        onchange: (value) => to(key === "gamma" ? Math.max(value, 1e-3) : value),
        onreset: () => to(first),
      });
    }
    const row = h("div", { class: "gd-control" }, h("label", { for: id }, "schedule of η"), menu, this.rateNow);
    return [row, ...Object.values(this.scheduleSliders).map((slider) => slider.root)];
  }

  showTransport() {
    const { steps } = this.state,
      text = this.playing ? "❚❚" : "▶",
      shown = `${text} ${this.step} ${steps}`;
    if (this.shown.transport === shown) return;
    this.shown.transport = shown;
    this.playButton.textContent = text;
    this.playButton.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.scrub.max = steps;
    this.scrub.value = this.step;
    this.scrub.setAttribute("aria-valuetext", `step ${this.step} of ${steps}`);
    this.stepText.textContent = `step ${this.step} / ${steps}`;
  }

  /** The batch size, for surfaces that come from data. */
  showBatch() {
    const n = this.surface.data?.y.length ?? 0;
    if (this.shown.batch !== n) {
      this.shown.batch = n;
      this.batchSlider =
        n &&
        new Slider({
          id: `${this.id}-batch`,
          symbol: "B",
          words: `items in a batch, of ${n}`,
          scale: "linear",
          low: 1,
          high: n,
          whole: true,
          valid: (v) => v >= 1 && v <= n,
          onchange: (size) => this.change({ batch_size: size >= n ? null : size }),
          onreset: () => this.change({ batch_size: this.initial.batch_size }),
        });
      this.batchHolder.replaceChildren(...(n ? [this.batchSlider.root] : []));
    }
    if (n) {
      this.batchSlider.set(this.state.batch_size ?? n);
      this.batchSlider.mark(
        null,
        this.state.batch_size === null
          ? "the whole batch"
          : this.state.batch_size === 1
            ? "one item at a time"
            : "a minibatch",
      );
    }
  }

  /** The shape of a quadratic: its eigenvalues and the direction of the first. */
  showShape() {
    const spec = this.state.surface,
      quadratic = spec.name === "Quadratic";
    if (this.shown.shape !== quadratic) {
      this.shown.shape = quadratic;
      const reshape = (part) => {
        const {
          values: [low, high],
          angle,
        } = { ...this.shape, ...part };
        this.shape = { values: [low, high], angle };
        this.change({ surface: { ...this.state.surface, A: fromEigen([low, high], angle) } });
      };
      const back = () =>
        this.change({ surface: this.initial.surface.name === "Quadratic" ? this.initial.surface : RAVINE });
      const value = (i) =>
        new Slider({
          id: `${this.id}-lambda${i}`,
          symbol: `λ${"₁₂"[i]}`,
          words: "eigenvalue",
          scale: "log",
          low: 0.01,
          high: 1000,
          valid: (v) => Math.abs(v) <= 1e6,
          onchange: (v) => reshape({ values: this.shape.values.map((old, k) => (k === i ? v : old)) }),
          onreset: back,
        });
      this.shapeSliders = quadratic && [
        value(0),
        value(1),
        new Slider({
          id: `${this.id}-angle`,
          words: "direction of λ₁, degrees",
          scale: "linear",
          low: -90,
          high: 90,
          whole: true,
          valid: (v) => Math.abs(v) <= 360,
          onchange: (v) => reshape({ angle: (v * Math.PI) / 180 }),
          onreset: back,
        }),
      ];
      this.shapeHolder.replaceChildren(...(quadratic ? this.shapeSliders.map((slider) => slider.root) : []));
    }
    if (!quadratic) return;
    // The sliders say λ₁ and λ₂ in the reader's order; a matrix from elsewhere is taken apart afresh.
    const [[a, b], [, c]] = spec.A ?? [
      [1, 0],
      [0, 1],
    ];
    const [[p, q], [, r]] = this.shape
      ? fromEigen(this.shape.values, this.shape.angle)
      : [
          [NaN, 0],
          [0, 0],
        ];
    if (!(a === p && b === q && c === r)) this.shape = b === 0 ? { values: [a, c], angle: 0 } : eigen([a, b, c]);
    const clean = (v) => Number(v.toPrecision(6));
    this.shapeSliders[0].set(clean(this.shape.values[0]));
    this.shapeSliders[1].set(clean(this.shape.values[1]));
    let degrees = Math.round((this.shape.angle * 180) / Math.PI);
    if (degrees > 90) degrees -= 180;
    this.shapeSliders[2].set(degrees);
  }

  /** The inside of the chosen rule at the step that is looked at. */
  showInside(ctx, project, theme) {
    const { inside, selected } = this.state,
      run = this.runs[selected];
    if (!inside || !run) return;
    const t = Math.min(this.step, run.divergedAt ?? run.taken);
    if (t < 1) {
      this.insideTable.replaceChildren(h("p", {}, `${run.name}: no step taken yet.`));
      return;
    }
    const found = insideStep(this.surface, this.state.start, makeRule(this.chosen), t, this.disturbed);
    drawArrows(ctx, found, project, run.colour, theme);
    this.insideTable.replaceChildren(
      h(
        "table",
        {},
        h("caption", {}, `Inside ${run.name}, step ${t}`),
        h(
          "tbody",
          {},
          ...found.rows.map(([key, pair]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, SYMBOLS[key]),
              ...pair.map((value) => h("td", {}, show(value))),
              h("td", { "aria-hidden": "true" }, direction(pair)),
            ),
          ),
        ),
      ),
    );
  }

  /** The result in words, for those who cannot see it. */
  announce() {
    this.live.textContent = this.words();
  }

  announceSoon() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.announce(), 700);
  }

  words() {
    if (!this.runs.length) return "No rule is chosen.";
    const at = ([x, y]) => `(${show(x)}, ${show(y)})`;
    const ends = this.runs.map(
      ({ name, outcome: end }) =>
        ({
          minimum: `${name} reached the minimum ${at(end.at ?? [0, 0])} in ${end.step} steps`,
          stuck: `${name} came to rest at ${at(end.at ?? [0, 0])}, which is not the minimum, in ${end.step} steps`,
          diverged: `${name} diverged at step ${end.step}`,
          moving: `${name} is at ${at(end.at ?? [0, 0])} after ${end.step} steps, loss ${show(end.loss ?? 0)}`,
        })[end.kind],
    );
    const looking = this.state.step === null ? "" : ` Shown: step ${this.step} of ${this.state.steps}.`;
    return `From ${at(this.state.start)}: ${ends.join("; ")}.${looking}`;
  }

  async copy(text, button) {
    const old = button.dataset.text ?? (button.dataset.text = button.textContent);
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      this.live.textContent = "Copied.";
      setTimeout(() => (button.textContent = old), 1500);
    } catch {
      // No clipboard (a file:// page, an old browser): show the text, selected, to be copied by hand.
      this.copied.hidden = false;
      this.copied.value = text;
      this.copied.focus();
      this.copied.select();
    }
  }
}

/** The Python that makes this rule; hyperparameters that are the package's defaults are left out. */
function pythonRule({ rule, schedule, ...values }) {
  const defaults = LOOKS[rule][4];
  const told = Object.entries(values).filter(([name, value]) => name === "lr" || value !== defaults[name]);
  const name = rule === "Newton" ? "second_order.Newton" : rule;
  return `gd.${name}(${told.map(([key, value]) => `${key}=${key === "lr" ? pythonSchedule(schedule, value) : value}`).join(", ")})`;
}

/** The Python that makes this surface. The explorer's own data go by name. */
function pythonSurface({ name, ...values }) {
  if (!Object.keys(values).length) return `"${name}"`;
  const told = Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `gd.objectives.${name}(${told.join(", ")})`;
}

/** The parts of a state from outside (a link) that make sense; the rest is left out. */
export function soundParts(part) {
  const number = (v) => typeof v === "number" && Number.isFinite(v) && Math.abs(v) <= 1e9;
  const numbers = (list, n) => Array.isArray(list) && (n === undefined || list.length === n) && list.every(number);
  const whole = (low, high) => (v) => Number.isInteger(v) && v >= low && v <= high;
  const square = (A) => numbers(A?.flat?.(), 4) && A.length === 2 && A[0][1] === A[1][0];
  const table = (X) => Array.isArray(X) && X.length > 0 && X.every((row) => numbers(row, 2));
  const rule = ({ rule, schedule, ...values }) =>
    RULES[rule] &&
    (schedule === undefined || (schedule && soundSchedule(schedule))) &&
    Object.keys(LOOKS[rule][4]).every((key) => allowed(key, values[key])) &&
    Object.keys(values).every((key) => key in LOOKS[rule][4]);
  const sound = {
    surface: (s) =>
      s &&
      Object.hasOwn(SURFACES, s.name) &&
      (!s.A || square(s.A)) &&
      (!s.center || numbers(s.center, 2)) &&
      (!(s.X || s.y) || (table(s.X) && numbers(s.y, s.X.length))),
    optimizers: (list) => Array.isArray(list) && list.length <= 30 && list.every((one) => one && rule(one)),
    start: (pair) => numbers(pair, 2),
    steps: whole(1, MOST_STEPS),
    seed: whole(0, 2 ** 32 - 1),
    noise: (v) => number(v) && v >= 0,
    batch_size: (v) => v === null || whole(1, 1e9)(v),
    inside: (v) => typeof v === "boolean",
    relief: (v) => typeof v === "boolean",
    step: (v) => v === null || whole(0, MOST_STEPS)(v),
    selected: whole(0, 30),
    view: (v) => v === null || (numbers(v, 3) && v[2] > 0),
    turn: (v) => numbers(v, 2),
  };
  return Object.fromEntries(Object.entries(part ?? {}).filter(([key, value]) => sound[key]?.(value)));
}

/** A small arrow that points where (x, y) does. */
function direction([x, y]) {
  const size = Math.hypot(x, y),
    span = h("span", { class: "gd-arrow" });
  if (size > 0 && size < Infinity) {
    span.textContent = "→";
    span.style.transform = `rotate(${((-Math.atan2(y, x) * 180) / Math.PI).toFixed(0)}deg)`;
  }
  return span;
}

/** Whether the page around is dark: whether its text is light. */
function isDark(root) {
  const [r, g, b] = (getComputedStyle(root.parentElement ?? document.body).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(
    Number,
  );
  return 0.3 * r + 0.6 * g + 0.1 * b > 128;
}

/** A rule with a learning rate that does something sensible on this surface. */
export function suggest(surface, rule) {
  const defaults = LOOKS[rule][4],
    [[x0, x1]] = surface.domain;
  const places = surface.minima.length ? surface.minima : [defaultStart(surface)];
  const steepest = Math.max(...places.map(([x, y]) => Math.max(...eigen(surface.hessian(x, y)).values.map(Math.abs))));
  const bounded = Number.isFinite(steepest) && steepest > 0 ? 1 / steepest : 1e-3;
  const lr =
    {
      GradientDescent: 0.5 * bounded,
      Momentum: 0.2 * bounded,
      Nesterov: 0.2 * bounded,
      Adadelta: 1,
      Newton: 1,
      AdaGrad: 0.05 * (x1 - x0),
    }[rule] ?? 0.01 * (x1 - x0);
  return { rule, ...defaults, lr: Number(lr.toPrecision(1)) };
}

/** For anywidget: the same figure, its state kept in step with the model's traits. */
function render({ model, el }) {
  const root = h("div");
  el.append(root);
  const spec = Object.fromEntries(TRAITS.map((key) => [key, model.get(key)]));
  const figure = new Figure(root, spec, {
    onchange(keys) {
      for (const key of keys) model.set(key, figure.state[key]);
      model.save_changes();
    },
  });
  const follow = TRAITS.map((key) => {
    const handler = () => {
      if (JSON.stringify(model.get(key)) !== JSON.stringify(figure.state[key]))
        figure.change({ [key]: model.get(key) }, { quietly: true });
    };
    model.on(`change:${key}`, handler);
    return () => model.off(`change:${key}`, handler);
  });
  return () => {
    follow.forEach((off) => off());
    figure.forget();
  };
}

export default { render };
