// Lets the picture of the first page grow step by step; see book/_ext/front_picture.py.
for (const race of document.querySelectorAll(".gd-race")) {
  const ways = [...race.querySelectorAll(".way")];
  const heads = [...race.querySelectorAll(".head")];
  const points = ways.map((way) => way.getAttribute("points").split(" "));
  const last = points[0].length - 1;
  const button = race.querySelector("button");
  const output = race.querySelector("output");
  const perSecond = 30;
  let timer = 0;
  let step = last;

  function show() {
    ways.forEach((way, i) => way.setAttribute("points", points[i].slice(0, step + 1).join(" ")));
    heads.forEach((head, i) => head.setAttribute("transform", `translate(${points[i][step]})`));
    output.textContent = `after ${step} steps`;
    button.textContent = timer ? "Pause" : step < last ? "Go on" : "Run again";
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    show();
  }

  function run() {
    if (step === last) step = 0;
    timer = setInterval(() => (++step < last ? show() : stop()), 1000 / perSecond);
    show();
  }

  button.addEventListener("click", () => (timer ? stop() : run()));
  button.hidden = false;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) run();
  addEventListener("beforeprint", () => { step = last; stop(); });
}
