// What all charts and the list share: the visible time, the selected row, the colours of the theme.
class Shared {
  constructor(span) {
    this.span = Math.max(span, 1000);
    this.from = Math.min(Math.max(0, facts.first.since || 0), this.span - 1000);
    this.to = Math.min(this.span, Math.max(this.from + 1000, facts.first.until || this.span));
    this.row = -1;
    this.heard = { window: [], row: [], theme: [] };
  }
  on(what, listener) { this.heard[what].push(listener); }
  tell(what, source) { for (const listener of this.heard[what]) listener(source); }

  show(from, to, source) {
    const least = 1000;
    const length = Math.min(this.span, Math.max(least, to - from));
    let start = from + (to - from - length) / 2;
    start = Math.min(Math.max(0, start), this.span - length);
    if (start === this.from && start + length === this.to) return;
    this.from = start;
    this.to = start + length;
    this.tell("window", source);
  }
  zoom(factor, around) {
    const middle = around === undefined ? (this.from + this.to) / 2 : around;
    this.show(middle - (middle - this.from) * factor, middle + (this.to - middle) * factor);
  }
  select(row, source) {
    if (row === this.row) return;
    this.row = row;
    this.tell("row", source);
  }
}

// Colours as the style sheet gives them now.
function ink() {
  const probe = make("i", { class: "probe" });
  document.body.append(probe);
  const colours = {};
  for (const name of ["text", "quiet", "line", "surface", "sunken", "accent", "error"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

const charts = {};
function chart(name, height) {
  const holder = byId(`${name}-chart`);
  if (height) holder.style.height = `${height}px`;
  charts[name] = echarts.init(holder, null, { renderer: "canvas" });
  watcher.observe(holder);
  return charts[name];
}

// What a chart has to do is done when it is in sight: with very many rows each costs a good part of a second.
const inSight = new Set();
const undone = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const name = entry.target.id.replace(/-chart$/, "");
    if (!entry.isIntersecting) { inSight.delete(name); continue; }
    inSight.add(name);
    for (const action of undone.get(name)?.values() || []) action();
    undone.delete(name);
  }
});
function inTime(name, what, action) {
  if (inSight.has(name)) { action(); return; }
  if (!undone.has(name)) undone.set(name, new Map());
  undone.get(name).set(what, action);
}

// Parts of options that all charts have in common.
function axisStyle(colours) {
  return {
    axisLine: { lineStyle: { color: colours.line } }, axisTick: { lineStyle: { color: colours.line } },
    axisLabel: { color: colours.quiet, fontSize: 12, hideOverlap: true }, splitLine: { lineStyle: { color: colours.line, opacity: 0.6 } },
    nameTextStyle: { color: colours.quiet },
  };
}
function tipStyle(colours) {
  return {
    appendToBody: false, confine: true, transitionDuration: 0, className: "tip", backgroundColor: colours.surface, borderColor: colours.line,
    textStyle: { color: colours.text, fontSize: 13 }, padding: [6, 10],
  };
}
function timeAxis(shared, colours) {
  return {
    type: "value", min: 0, max: shared.span, ...axisStyle(colours), splitNumber: 8,
    axisLabel: { ...axisStyle(colours).axisLabel, formatter: (ns) => place(ns, shared.to - shared.from) }, splitLine: { show: false },
  };
}
function timeZoom(shared, colours, bottom) {
  return [
    { id: "time", type: "slider", xAxisIndex: 0, filterMode: "none", bottom, height: 22, startValue: shared.from, endValue: shared.to, minValueSpan: 1000,
      borderColor: colours.line, fillerColor: "rgba(110,150,200,.18)", handleStyle: { color: colours.surface, borderColor: colours.quiet },
      moveHandleStyle: { color: colours.line }, dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } }, showDataShadow: false,
      textStyle: { color: colours.quiet }, labelFormatter: (ns) => place(ns, shared.to - shared.from), brushSelect: false, throttle: 30 },
    { id: "time-inside", type: "inside", xAxisIndex: 0, filterMode: "none", startValue: shared.from, endValue: shared.to, minValueSpan: 1000, zoomOnMouseWheel: "ctrl",
      moveOnMouseMove: true, moveOnMouseWheel: false, throttle: 30 },
  ];
}
// What a zoom event says of one of the chart's zooms, as shares of its axis; null where it says nothing.
function zoomed(event, id) {
  for (const one of event.batch || [event]) {
    if (String(one.dataZoomId || "").startsWith(id) && one.start !== undefined) return [one.start / 100, one.end / 100];
  }
  return null;
}
// Keep the chart's window and the shared one the same.
function follow(name, shared) {
  const made = charts[name];
  made.on("datazoom", (event) => {
    const found = zoomed(event, "time");
    if (found) shared.show(found[0] * shared.span, found[1] * shared.span, name);
  });
  shared.on("window", (source) => {
    if (source !== name) inTime(name, "window", () => made.dispatchAction({ type: "dataZoom", dataZoomId: "time", startValue: shared.from, endValue: shared.to }));
  });
}

// A tooltip: a heading, then pairs.
function tip(heading, pairs) {
  return make("div", {}, make("b", {}, heading), ...pairs.map(([name, value]) => make("div", {}, make("span", {}, name), make("span", {}, value))));
}
function rowTip(store, row, more) {
  const pairs = store.parts(row).slice(0, 14).map(([phase, , length]) => [PHASES[phase].name, duration(length)]);
  const answer = store.answerOf(row);
  return tip(`${facts.calls ? "call" : "request"} ${store.id[row]}  ${store.nameOf(row)} ${answer}`.trim(),
    [["took", duration(store.total[row])], ["at", `${seconds(store.start[row])} s`], ...(more || []), ...pairs]);
}
