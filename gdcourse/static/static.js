// The script of a static page: mounts every explorer on it that comes near, and restores what a link holds.
import { Figure, soundParts } from "./explorer.js";

/** The state in the page's fragment, #explorer-2={…}, if it is meant for this explorer. */
function fromFragment(id) {
  const [name, ...value] = location.hash.slice(1).split("=");
  if (name !== id) return {};
  try {
    return soundParts(JSON.parse(decodeURIComponent(value.join("="))));
  } catch {
    return {}; // a mangled link: the figure as the page has it
  }
}

export function mount(root) {
  const spec = JSON.parse(root.dataset.spec);
  const link = (state) => `${location.href.split("#")[0]}#${root.id}=${encodeURIComponent(JSON.stringify(state))}`;
  const figure = (root.figure = new Figure(root, spec, { link }));
  const linked = () => {
    const part = fromFragment(root.id);
    if (!Object.keys(part).length) return;
    figure.change(part);
    root.scrollIntoView();
  };
  window.addEventListener("hashchange", linked);
  linked();
}

function mountOrLeave(root) {
  const fallback = [...root.childNodes];
  try {
    mount(root);
  } catch (error) {
    // Something is missing or wrong: better the static picture than half a figure.
    root.replaceChildren(...fallback);
    console.error(error);
  }
}

/** Mount each explorer when it is a screen away, so that a page is there before its figures are; a linked one at once. */
export function mountNear() {
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        if (!target.figure) mountOrLeave(target);
      }
    },
    { rootMargin: "100% 0px" },
  );
  const roots = [...document.querySelectorAll(".gd-explorer[data-spec]:not(.gd-live)")];
  const mountLinked = () => {
    for (const root of roots) if (!root.figure && location.hash.startsWith(`#${root.id}=`)) mountOrLeave(root);
  };
  roots.forEach((root, i) => {
    root.id ||= `explorer-${i + 1}`;
    near.observe(root);
  });
  window.addEventListener("hashchange", mountLinked);
  mountLinked();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountNear);
else mountNear();
