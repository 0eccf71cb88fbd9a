// The page: its three tabs, of which each is set up when it is first opened.

import { element } from "./elements.js";

const TABS = ["write", "read", "hand"];
const set = new Map();

const setUps = {
  write: async () => (await import("./write_tab.js")).setUpWriteTab(open),
  read: async () => (await import("./read_tab.js")).setUpReadTab(),
  hand: async () => (await import("./hand_tab.js")).setUpHandTab(open),
};

/** Shows a tab; what is set up of it gets `request`. */
async function open(name, request) {
  for (const each of TABS) {
    const isOpen = each === name;
    const tab = element(`tab-${each}`);
    tab.setAttribute("aria-selected", String(isOpen));
    tab.tabIndex = isOpen ? 0 : -1;
    element(`panel-${each}`).hidden = !isOpen;
  }
  if (!set.has(name)) set.set(name, setUps[name]());
  const tab = await set.get(name);
  tab.opened?.(request);
}

TABS.forEach((name, at) => {
  const tab = element(`tab-${name}`);
  tab.addEventListener("click", () => {
    history.replaceState(null, "", name === "write" ? location.pathname : `#${name}`);
    open(name);
  });
  tab.addEventListener("keydown", ({ key }) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const to = key === "Home" ? 0 : key === "End" ? TABS.length - 1 : move ? (at + move + 3) % 3 : -1;
    if (to < 0) return;
    element(`tab-${TABS[to]}`).focus();
    element(`tab-${TABS[to]}`).click();
  });
});

const asked = location.hash.slice(1);
open(TABS.includes(asked) ? asked : "write");
