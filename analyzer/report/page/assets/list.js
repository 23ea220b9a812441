// All rows as a list: sorted, filtered, and only those in sight exist as elements.
const ROW = 26;
const MOST_SHAPES = 200;
const TALLEST = 8e6; // browsers draw nothing below some 17 million pixels; beyond this the scroll bar is scaled

class List {
  constructor(store, shared) {
    this.store = store;
    this.shared = shared;
    this.holder = byId("list");
    this.space = this.holder.querySelector(".space");
    this.rows = new Map();
    this.only = -1;
    this.named = null;
    this.order = [];
    const sorts = [["total", "slowest first"], ["start", "in time"], ...store.phases().map((phase) => [`p${phase}`, `most ${PHASES[phase].name}`])];
    byId("sort").append(...sorts.map(([value, text]) => make("option", { value }, text)));
    for (const id of ["sort", "failed", "inview"]) byId(id).addEventListener("change", () => this.arrange());
    byId("find").addEventListener("input", () => this.arrange());
    byId("chip").addEventListener("click", () => this.keep(-1));
    this.holder.addEventListener("scroll", () => this.paint());
    this.holder.addEventListener("keydown", (event) => this.key(event));
    this.holder.addEventListener("click", (event) => {
      const found = event.target.closest(".row");
      if (found) shared.select(Number(found.dataset.row), "list");
    });
    for (const button of document.querySelectorAll("button.only")) button.addEventListener("click", () => {
      this.keep(Number(button.dataset.finding));
      byId("waterfall").scrollIntoView();
    });
    shared.on("row", (source) => { if (source !== "list") this.reveal(); this.paint(); });
    shared.on("window", () => { if (byId("inview").checked) this.later(); });
    new ResizeObserver(() => this.paint()).observe(this.holder);
    this.arrange();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.arrange(), 120);
  }

  // Only the rows that a finding names; -1 for all.
  keep(finding) {
    this.only = finding;
    this.named = null;
    if (finding >= 0) {
      this.named = new Set();
      for (const [first, last] of facts.findings[finding].calls) for (let id = first; id <= last; id++) this.named.add(id);
    }
    const chip = byId("chip");
    chip.hidden = finding < 0;
    chip.textContent = finding < 0 ? "" : `${facts.findings[finding].title} ×`;
    chip.setAttribute("aria-label", "Show all again");
    this.arrange();
  }

  arrange() {
    const { store, shared } = this;
    const words = byId("find").value.trim().toLowerCase();
    const failed = byId("failed").checked, inView = byId("inview").checked;
    const { named } = this;
    const names = facts.names.map((name) => name.toLowerCase().includes(words)), answers = facts.answers.map((text) => text.toLowerCase().includes(words));
    const kept = [];
    for (let row = 0; row < store.size; row++) {
      if (failed && !store.has(row, "bad")) continue;
      if (inView && (store.end(row) < shared.from || store.start[row] > shared.to)) continue;
      if (named && !named.has(store.id[row])) continue;
      if (words && !names[store.name[row]] && !(store.answer[row] && answers[store.answer[row]]) && String(store.id[row]) !== words) continue;
      kept.push(row);
    }
    const sort = byId("sort").value;
    if (sort === "start") kept.sort((a, b) => store.rank[a] - store.rank[b]);
    else if (sort === "total") kept.sort((a, b) => store.total[b] - store.total[a] || a - b);
    else {
      const phase = Number(sort.slice(1));
      const took = new Float64Array(store.size);
      for (let piece = 0; piece < store.phase.length; piece++) if (store.phase[piece] === phase) took[store.rowOf[piece]] += store.took[piece];
      kept.sort((a, b) => took[b] - took[a] || a - b);
    }
    this.order = kept;
    this.positions = null;
    this.longest = kept.reduce((most, row) => Math.max(most, store.total[row]), 1);
    byId("counted").textContent = kept.length === store.size ? this.all() : `${count(kept.length)} of ${count(store.size)}`;
    this.full = kept.length * ROW;
    this.space.style.height = `${Math.min(this.full, TALLEST)}px`;
    this.paint();
  }

  all() {
    const { size } = this.store;
    return size === facts.rows ? count(size) : `${count(size)} of ${count(facts.rows)}: half the slowest, half evenly taken from the rest`;
  }

  // Pixels of the list at the top of what is visible: with very many rows the scroll bar stands for more than its pixels.
  top() {
    const seen = this.holder.clientHeight;
    if (this.full <= TALLEST) return this.holder.scrollTop;
    return this.holder.scrollTop / (TALLEST - seen) * (this.full - seen);
  }

  paint() {
    const top = this.top();
    const first = Math.max(0, Math.floor(top / ROW) - 4), last = Math.min(this.order.length, Math.ceil((top + this.holder.clientHeight) / ROW) + 4);
    const wanted = new Set();
    for (let at = first; at < last; at++) {
      const row = this.order[at];
      wanted.add(row);
      let element = this.rows.get(row);
      if (!element) {
        element = this.make(row);
        this.rows.set(row, element);
        this.holder.append(element);
      }
      element.style.transform = `translateY(${at * ROW - top + this.holder.scrollTop}px)`;
      element.setAttribute("aria-posinset", at + 1);
      element.setAttribute("aria-setsize", this.order.length);
      element.setAttribute("aria-selected", row === this.shared.row ? "true" : "false");
    }
    for (const [row, element] of this.rows) if (!wanted.has(row)) { element.remove(); this.rows.delete(row); }
    if (wanted.has(this.shared.row)) this.holder.setAttribute("aria-activedescendant", `row-${this.shared.row}`);
    else this.holder.removeAttribute("aria-activedescendant");
  }

  make(row) {
    const { store } = this;
    const answer = store.answerOf(row);
    const parts = store.parts(row).slice(0, MOST_SHAPES);
    return make("div", { class: "row", role: "option", id: `row-${row}`, "data-row": row },
      make("span", {}, String(store.id[row])), make("span", {}, seconds(store.start[row])),
      make("span", { title: `${store.nameOf(row)} ${answer}` }, store.nameOf(row), answer ? make("span", { class: "bad" }, ` ${answer}`) : null),
      make("span", {}, duration(store.total[row])), bar(parts, Math.max(store.total[row], this.longest / 3), "phases"));
  }

  position(row) {
    if (!this.positions) this.positions = new Map(this.order.map((one, at) => [one, at]));
    return this.positions.has(row) ? this.positions.get(row) : -1;
  }

  reveal() {
    const at = this.position(this.shared.row);
    if (at < 0) return;
    const seen = this.holder.clientHeight, top = this.top(), y = at * ROW;
    if (y >= top && y + ROW <= top + seen) return;
    const goal = Math.max(0, Math.min(this.full - seen, y - seen / 2));
    this.holder.scrollTop = this.full <= TALLEST ? goal : goal / (this.full - seen) * (TALLEST - seen);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.holder.clientHeight / ROW) - 1);
    const now = this.position(this.shared.row);
    const goals = { ArrowDown: now + 1, ArrowUp: now < 0 ? 0 : now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: this.order.length - 1 };
    if (event.key === "Enter") { event.preventDefault(); byId("detail").focus(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey || goals[event.key] === undefined || !this.order.length) return;
    event.preventDefault();
    this.shared.select(this.order[Math.min(this.order.length - 1, Math.max(0, goals[event.key]))], "keys");
  }
}
