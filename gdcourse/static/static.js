// The script of a static page: mounts every explorer on it, and restores what a link holds.
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
  return figure;
}

export function mountAll() {
  return [...document.querySelectorAll(".gd-explorer[data-spec]:not(.gd-live)")].map((root, i) => {
    root.id ||= `explorer-${i + 1}`;
    const fallback = [...root.childNodes];
    try {
      return mount(root);
    } catch (error) {
      // Something is missing or wrong: better the static picture than half a figure.
      root.replaceChildren(...fallback);
      console.error(error);
      return null;
    }
  });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
