// The selected row: its ledger line by line, with packets, filters and the findings that name it.
class Detail {
  constructor(store, shared) {
    this.store = store;
    this.shared = shared;
    this.holder = byId("detail");
    shared.on("row", () => this.show());
  }

  show() {
    const { store, shared, holder } = this;
    const row = shared.row;
    if (row < 0) {
      holder.replaceChildren(make("p", { class: "quiet" }, "Select one to see where its time went."));
      return;
    }
    const told = store.details[store.id[row]];
    const word = facts.calls ? "call" : "request";
    const [title, ...head] = told ? told.head : [`${word} ${store.id[row]}: ${store.nameOf(row)} ${store.answerOf(row)}`.trim() + `, ${duration(store.total[row])}`, ...this.head(row)];
    const parts = [make("h3", { id: "detail-title" }, title[0].toUpperCase() + title.slice(1)), ...head.map((line) => make("p", { class: "quiet" }, line))];
    parts.push(this.table(row, told));
    if (told && told.more) parts.push(make("p", { class: "quiet" }, `and ${plural(told.more, "more line")} (analyzer explain shows them)`));
    parts.push(...this.named(row), ...this.copies(row));
    holder.replaceChildren(...parts);
  }

  head(row) {
    const { store } = this;
    const where = store.on[row] >= 0 ? `, stream ${store.on[row]} (${store.has(row, "opened") ? "opened for it" : "open before"})` : "";
    return [`${seconds(store.start[row])} s into the capture, ${plural(store.attempts[row], "attempt")}${where}.`];
  }

  table(row, told) {
    const { store } = this;
    const total = store.total[row];
    const lines = told ? told.steps.flatMap((step) => this.step(step, total)) : this.pieces(row);
    return make("table", { "aria-labelledby": "detail-title" },
      make("thead", {}, make("tr", {}, ...["phase", "when", "at ms", "took ms"].map((name, at) => make("th", { scope: "col", class: at < 2 ? "left" : null }, name)))),
      make("tbody", {}, ...lines,
        make("tr", { class: "sum" }, make("td", {}, "sum"), make("td", { colspan: 2 }, `= the duration to the nanosecond: ${count(total)} ns`), make("td", { class: "num" }, this.ms(total, total)))));
  }

  ms(value, total) { return rounded(value, MILLISECOND, total >= 10 * MILLISECOND ? 1 : 3); }

  // A phase takes two rows: its numbers, and below them what happened.
  line(kind, name, phase, at, took, total, ...words) {
    const shown = PHASE[phase] === undefined ? [] : [[PHASE[phase], at, took]];
    return [
      make("tr", { class: kind },
        make("td", {}, make("i", { class: `key k-${phase}` }), name),
        make("td", { class: "place" }, total ? bar(shown, total, `${name} from ${duration(at)}, ${duration(took)} long`) : ""),
        make("td", { class: "num" }, this.ms(at, total)), make("td", { class: "num" }, this.ms(took, total))),
      make("tr", { class: `${kind} words` }, make("td", { colspan: 4 }, ...words)),
    ];
  }

  shownBy(first, last, filter) {
    if (!filter) return null;
    const range = first && last ? (first === last ? `packet ${first}` : `packets ${first}-${last}`) : "filter";
    return make("span", { class: "sub" }, `${range}: `, make("code", {}, filter), " ", copyButton(filter, "display filter"));
  }

  step(step, total) {
    const name = step.attempt !== null && step.attempt > 1 ? `${step.phase} (attempt ${step.attempt})` : step.phase;
    const lines = [...this.line("step", name, step.phase, step.at, step.took, total, step.text, this.shownBy(step.first, step.last, step.filter))];
    let at = step.at;
    for (const part of step.parts) {
      lines.push(...this.line("part", part.name, part.name, at, part.took, total, part.text));
      at += part.took;
    }
    return lines;
  }

  // Rows that are not told in words: their pieces.
  pieces(row) {
    const { store } = this;
    return store.parts(row).flatMap(([phase, at, took, piece]) => {
      const [first, last] = store.packets(piece);
      const on = store.on[row] + store.piece_on[piece];
      const filter = first ? `frame.number >= ${first} && frame.number <= ${last}${on >= 0 ? ` && tcp.stream == ${on}` : ""}` : "";
      const inner = store.inner[piece] >= 0 ? ` (${PHASES[store.inner[piece]].name})` : "";
      return this.line("step", PHASES[phase].name + inner, PHASES[phase].name, at, took, store.total[row], PHASES[phase].words, this.shownBy(first, last, filter));
    });
  }

  named(row) {
    const number = this.store.id[row];
    const found = facts.findings.flatMap((finding, at) =>
      (finding.calls.some(([first, last]) => first <= number && number <= last) ? [make("a", { href: `#finding-${at}` }, finding.title)] : []));
    if (!found.length) return [];
    return [make("p", { class: "links" }, "Findings that name it: ", ...found.flatMap((link, at) => (at ? ["; ", link] : [link])))];
  }

  copies(row) {
    const { store } = this;
    const filter = store.filter(row);
    const out = [make("p", { class: "links" }, "all of it ", make("code", {}, filter), " ", copyButton(filter, "display filter"))];
    if (facts.calls) {
      const command = `analyzer explain ${store.id[row]} ${facts.captures}`;
      out.push(make("p", { class: "links" }, "in a terminal ", make("code", {}, command), " ", copyButton(command, "command")));
    }
    return out;
  }
}
