// Puts the page together once its data is unpacked.
const PAPER = 680; // pixels of a chart on paper, about 18 cm
document.documentElement.setAttribute("data-scripts", "");

function theme(shared) {
  const button = byId("theme"), root = document.documentElement, asks = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : asks.matches);
  const name = () => { button.textContent = dark() ? "light" : "dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
    shared.tell("theme");
  });
  asks.addEventListener("change", () => { name(); shared.tell("theme"); });
  name();
}

// On paper charts are light and as wide as the page. Heard after the charts that were not yet made.
function paper(shared) {
  const root = document.documentElement;
  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    shared.printing = true;
    shared.tell("theme");
    for (const actions of undone.values()) for (const action of actions.values()) action();
    undone.clear();
    for (const one of Object.values(charts)) {
      one.resize({ width: PAPER });
      one.getZr().flush(); // there is no further frame before paper
    }
  });
  addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before;
    else delete root.dataset.theme;
    shared.printing = false;
    shared.tell("theme");
    for (const one of Object.values(charts)) one.resize({ width: "auto" });
  });
}

// Sections that are in sight are named in the navigation.
function sections() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  if (!links.size) return;
  const seen = new Map();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting);
    const first = [...links.keys()].find((id) => seen.get(id));
    for (const [id, link] of links) { if (id === first) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current"); }
  }, { rootMargin: "-15% 0px -60% 0px" });
  for (const section of document.querySelectorAll("section")) watcher.observe(section);
}

// Links to a row (#call=12) select it; links to a finding open it.
function links(store, shared) {
  const go = (hash, moved) => {
    const row = /^#call=(\d+)$/.exec(hash);
    if (row && store.rowOfId.has(Number(row[1]))) {
      shared.select(store.rowOfId.get(Number(row[1])), "link");
      if (moved && byId("waterfall")) byId("waterfall").scrollIntoView();
    }
    const finding = /^#finding-\d+$/.test(hash) ? byId(hash.slice(1)) : null;
    if (finding) finding.open = true;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) go(link.getAttribute("href"), true);
    const button = event.target.closest("button.copy[data-copy]");
    if (button) copy(button.dataset.copy);
  });
  addEventListener("hashchange", () => go(location.hash, true));
  go(location.hash, true);
  shared.on("row", (source) => { if (shared.row >= 0 && source !== "first") history.replaceState(null, "", `#call=${store.id[shared.row]}`); });
}

function buttons(waterfall, shared) {
  const heard = { "zoom-in": () => shared.zoom(0.5), "zoom-out": () => shared.zoom(2), "zoom-all": () => shared.show(0, shared.span), "zoom-row": () => waterfall.close() };
  for (const [id, action] of Object.entries(heard)) byId(id).addEventListener("click", action);
}

function pictures() {
  for (const button of document.querySelectorAll("button.picture")) button.addEventListener("click", () => {
    const link = make("a", { href: charts[button.dataset.chart].getDataURL({ pixelRatio: 2, backgroundColor: ink().surface }), download: `${button.dataset.chart}.png` });
    link.click();
  });
}

// Charts below the first screen are made when they come near it.
function when(id, action) {
  const section = byId(id);
  if (!section) return;
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    action();
  }, { rootMargin: "600px" });
  watcher.observe(section);
  addEventListener("beforeprint", () => { watcher.disconnect(); action(); }, { once: true });
}

async function main() {
  const store = new Store(await unpack());
  const shared = new Shared(facts.spanNs);
  theme(shared);
  sections();
  const made = new Set();
  const once = (name, action) => when(name, () => { if (!made.has(name)) { made.add(name); action(); } });
  if (byId("waterfall") && store.size) {
    const waterfall = new Waterfall(store, shared);
    new Detail(store, shared);
    new List(store, shared);
    buttons(waterfall, shared);
  } else if (byId("waterfall")) {
    for (const part of byId("waterfall").querySelectorAll(".script")) part.remove();
  }
  if (store.size) {
    once("latency", () => new Latency(store, shared));
    once("phases", () => new Profile(shared));
  } else for (const id of ["latency", "phases"]) if (byId(id)) byId(id).hidden = true;
  once("pool", () => new Pool(shared));
  paper(shared);
  links(store, shared);
  if (shared.row < 0 && store.size && byId("waterfall")) shared.select(store.id.reduce((best, _, row) => (store.total[row] > store.total[best] && !store.has(row, "dialogue") ? row : best), 0), "first");
  pictures();
  new ResizeObserver(() => { if (!shared.printing) for (const one of Object.values(charts)) one.resize(); }).observe(byId("main"));
  document.documentElement.dataset.ready = "yes";
}
main();
