// Checks the quizzes (book/_ext/quiz.py) and keeps what was answered right, in this browser alone: localStorage, key
// "gdcourse", { page: { right: [question, …], finished: "2026-11-22" } }.
(() => {
  const KEY = "gdcourse";
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href).pathname;
  const pageOf = (path) => path.slice(root.length).replace(/\.html$/, "");
  const here = pageOf(location.pathname);
  const forms = [...document.querySelectorAll(".quiz-question")];
  let refused = false; // the browser keeps nothing: then the memory of this page must do
  let memory = {};

  function load() {
    try {
      const stored = JSON.parse(localStorage.getItem(KEY));
      if (stored && typeof stored === "object") memory = stored;
    } catch (error) {
      refused = !(error instanceof SyntaxError);
    }
    return memory;
  }

  function save(progress) {
    memory = progress;
    try {
      localStorage.setItem(KEY, JSON.stringify(progress));
      if (!Object.keys(progress).length) localStorage.removeItem(KEY);
    } catch {
      refused = true;
    }
    show();
  }

  const rightOn = (page) => [].concat(load()[page]?.right ?? []);
  const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const element = (tag, className, textContent) => Object.assign(document.createElement(tag), { className, textContent });

  // Show what is kept: beside each question, below the quiz, in the sidebar, and on the page For students.
  function show() {
    const progress = load();
    const right = rightOn(here);
    for (const old of document.querySelectorAll(".quiz-mark")) old.remove();
    const done = forms.filter((form) => right.includes(form.dataset.question));
    for (const form of done) form.querySelector("legend").append(element("span", "quiz-mark", " ✓ answered right"));
    for (const line of document.querySelectorAll(".quiz-progress")) {
      const day = progress[here]?.finished && new Date(`${progress[here].finished}T12:00`);
      const when = day && ` First on ${day.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}.`;
      line.textContent = `${done.length} of ${forms.length} answered right.${done.length === forms.length ? (when ?? "") : ""}`;
    }
    for (const link of document.querySelectorAll(".bd-sidebar-primary a.internal")) {
      if (!progress[pageOf(new URL(link.href).pathname)]?.finished) continue;
      const mark = element("span", "quiz-mark", " ✓");
      mark.append(element("span", "visually-hidden", " quiz answered"));
      link.append(mark);
    }
    for (const box of document.querySelectorAll(".quiz-kept")) {
      const pages = Object.keys(progress);
      const answers = pages.reduce((sum, page) => sum + rightOn(page).length, 0);
      const finished = pages.filter((page) => progress[page]?.finished).length;
      const kept = `Kept now: ${counted(answers, "right answer")}, ${counted(finished, "finished chapter")}.`;
      box.querySelector("[role=status]").textContent = refused ? "Your browser keeps nothing for this page." : kept;
      box.querySelector("button").hidden = refused;
    }
  }

  // 0.05, 0,05, 5e-2, 1/20 and 2,302 are numbers.
  function number(text) {
    const plain = text.trim().replace("−", "-").replace(/^-?[1-9]\d{0,2}(,\d{3})+$/, (all) => all.replaceAll(",", ""));
    const parts = plain.replace(",", ".").split("/");
    return parts.length > 2 || parts.some((part) => !part.trim()) ? NaN : parts.map(Number).reduce((a, b) => a / b);
  }

  // Return the explanation of the answer given, one of the folded ones, or what is wrong with the answer as a text.
  function explanation(form) {
    const all = [...form.querySelectorAll("details > div")];
    const field = form.querySelector("input[type=text]");
    const chosen = form.querySelector("input:checked");
    if (!field) return chosen ? all.find((one) => one.dataset.value === chosen.value) : "Choose an answer first.";
    const x = number(field.value);
    if (!Number.isFinite(x)) return "Type a number, such as 0.05, 1e-3 or 1/3.";
    const near = ({ value, tolerance }) => Math.abs(x - value) <= Number(tolerance) + 1e-9 * Math.abs(value);
    const other = all.find((one) => !("value" in one.dataset));
    return all.find((one) => one !== other && near(one.dataset)) ?? other;
  }

  function check(form) {
    const result = form.querySelector(".quiz-result");
    const found = explanation(form);
    delete result.dataset.is;
    if (typeof found === "string") return result.replaceChildren(found);
    const isRight = "right" in found.dataset;
    const copy = found.cloneNode(true);
    copy.querySelector("strong").textContent = isRight ? "Right. " : "Not so. ";
    result.replaceChildren(...copy.childNodes);
    result.dataset.is = isRight ? "right" : "wrong";
    if (!isRight) return;
    const known = [...rightOn(here), form.dataset.question];
    const entry = { right: forms.map((one) => one.dataset.question).filter((one) => known.includes(one)) };
    const today = new Date().toLocaleDateString("sv"); // as 2026-11-22
    if (entry.right.length === forms.length) entry.finished = load()[here]?.finished ?? today;
    save({ ...load(), [here]: entry });
  }

  for (const form of forms) {
    form.querySelector("button").hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      check(form);
    });
  }
  document.querySelector(".quiz-kept button")?.addEventListener("click", () => save({}));
  show();
})();
