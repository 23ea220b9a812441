// Latency over time, phases by rank, connections over time.
const options = (select, names) => select.append(...names.map((name, at) => make("option", { value: at }, name)));
// Choose the operation that the page was asked to show first.
const firstOf = (names) => Math.max(0, names.indexOf(facts.first.operation));
const toggle = (id, changed) => byId(id).addEventListener("click", (event) => {
  const pressed = event.target.getAttribute("aria-pressed") !== "true";
  event.target.setAttribute("aria-pressed", pressed);
  changed(pressed);
});
const inMs = (ns) => (ns >= 10 * SECOND ? duration(ns) : `${milliseconds(ns)} ms`);
const MOST_NAMES = 60;
const MOST_POINTS = 2000; // from here on points are drawn in bulk

class Latency {
  constructor(store, shared) {
    this.store = store;
    this.shared = shared;
    this.log = true;
    this.only = -1;
    this.chart = chart("latency");
    const sums = new Map();
    for (let row = 0; row < store.size; row++) if (!store.has(row, "dialogue") || facts.noun !== "call") sums.set(store.name[row], (sums.get(store.name[row]) || 0) + 1);
    this.names = [...sums.keys()].sort((a, b) => sums.get(b) - sums.get(a));
    const all = [...sums.values()].reduce((a, b) => a + b, 0);
    this.names = this.names.slice(0, MOST_NAMES);
    options(byId("latency-name"), [`all (${count(all)})`, ...this.names.map((name) => `${facts.names[name]} (${count(sums.get(name))})`)]);
    this.only = this.names.findIndex((name) => facts.names[name] === facts.first.operation);
    byId("latency-name").value = this.only + 1;
    byId("latency-name").addEventListener("change", (event) => { this.only = Number(event.target.value) - 1; this.option(); });
    toggle("latency-log", (pressed) => { this.log = pressed; this.option(); });
    follow("latency", shared);
    this.chart.on("click", (event) => { if (event.data) shared.select(event.data[2], "latency"); });
    shared.on("theme", () => this.option());
    shared.on("row", () => inTime("latency", "row", () => this.mark()));
    this.option();
  }

  points() {
    const { store } = this;
    const groups = new Map();
    for (const row of store.byTime) {
      if (this.only >= 0 ? store.name[row] !== this.names[this.only] : store.has(row, "dialogue") && facts.noun === "call") continue;
      const kind = store.most[row] + (store.has(row, "bad") ? PHASES.length : 0);
      if (!groups.has(kind)) groups.set(kind, []);
      groups.get(kind).push([store.start[row], Math.max(store.total[row], this.log ? 1000 : 0), row]);
    }
    return [...groups].sort((a, b) => a[0] - b[0]);
  }

  option() {
    const colours = ink();
    const groups = this.points();
    const many = groups.reduce((sum, [, points]) => sum + points.length, 0) > MOST_POINTS;
    this.chart.setOption({
      animation: false, grid: { left: 80, right: 18, top: 12, bottom: 58 }, xAxis: timeAxis(this.shared, colours),
      yAxis: { type: this.log ? "log" : "value", ...axisStyle(colours), axisLabel: { ...axisStyle(colours).axisLabel, formatter: duration }, min: this.log ? (value) => value.min / 1.3 : 0, max: this.log ? (value) => value.max * 1.3 : undefined },
      tooltip: { ...tipStyle(colours), trigger: "item", formatter: (event) => rowTip(this.store, event.data[2]) },
      dataZoom: timeZoom(this.shared, colours, 6),
      series: [...groups.map(([kind, points]) => ({
        type: "scatter", data: points, symbolSize: kind >= PHASES.length ? 8 : many ? 4 : 6, symbol: kind >= PHASES.length ? "diamond" : "circle", large: many && points.length > MOST_POINTS,
        largeThreshold: MOST_POINTS, progressive: 0, itemStyle: { color: PHASES[kind % PHASES.length].colour, opacity: many ? 0.7 : 0.9, borderColor: colours.text, borderWidth: many ? 0 : 0.4 },
      })), { id: "chosen", type: "scatter", silent: true, data: this.chosen(), symbolSize: 14, itemStyle: { color: "transparent", borderColor: colours.text, borderWidth: 2 }, z: 5 }],
    }, { notMerge: true });
    legend(byId("latency-legend"), [...new Set(groups.map(([kind]) => kind % PHASES.length))].sort((a, b) => a - b));
    if (groups.some(([kind]) => kind >= PHASES.length)) byId("latency-legend").append(make("li", {}, "◆ did not end well"));
  }

  chosen() {
    const { row } = this.shared;
    return row < 0 ? [] : [[this.store.start[row], Math.max(this.store.total[row], 1000), row]];
  }
  mark() { this.chart.setOption({ series: [{ id: "chosen", data: this.chosen() }] }); }
}

class Profile {
  constructor(shared) {
    this.share = false;
    this.at = 0;
    this.chart = chart("phases");
    options(byId("phases-name"), facts.profiles.map((profile) => `${profile.name} (${count(profile.rows)})`));
    this.at = firstOf(facts.profiles.map((profile) => profile.name));
    byId("phases-name").value = this.at;
    byId("phases-name").addEventListener("change", (event) => { this.at = Number(event.target.value); this.option(); });
    toggle("phases-share", (pressed) => { this.share = pressed; this.option(); });
    shared.on("theme", () => this.option());
    this.option();
  }

  option() {
    const profile = facts.profiles[this.at];
    if (!profile) { byId("phases").hidden = true; return; }
    const colours = ink();
    const { slices, rows } = profile;
    const label = ([first, size]) => (size === 1 && rows <= 60 ? `${first + 1}` : `${Number((100 * (first + size) / rows).toFixed(3))} %`);
    const phases = PHASES.map((_, number) => number).filter((number) => slices.some((slice) => slice[3][number] > 0));
    byId("phases-hint").textContent = `From the fastest (left) to the slowest (right): the mean of each group of ${facts.noun}s; the slowest groups are ever smaller.`;
    this.chart.setOption({
      animation: false, grid: { left: 80, right: 18, top: 12, bottom: 30 },
      xAxis: { type: "category", data: slices.map(label), ...axisStyle(colours), axisTick: { show: false } },
      yAxis: { type: "value", max: this.share ? 1 : undefined, ...axisStyle(colours), axisLabel: { ...axisStyle(colours).axisLabel, formatter: this.share ? percent : inMs } },
      tooltip: { ...tipStyle(colours), trigger: "axis", axisPointer: { type: "shadow" }, formatter: (events) => this.tip(slices[events[0].dataIndex], rows) },
      series: phases.map((number) => ({
        type: "bar", stack: "all", name: PHASES[number].name, barCategoryGap: "12%", itemStyle: { color: PHASES[number].colour },
        data: slices.map((slice) => (this.share ? slice[3][number] / Math.max(1, slice[2]) : slice[3][number])),
      })),
    }, { notMerge: true });
    legend(byId("phases-legend"), phases);
  }

  tip([first, size, total, spent], rows) {
    const which = size === 1 ? `rank ${count(first + 1)} of ${count(rows)}` : `ranks ${count(first + 1)}-${count(first + size)} of ${count(rows)}`;
    const pairs = [...spent].map((took, number) => [PHASES[number].name, took]).filter(([, took]) => took > 0).sort((a, b) => b[1] - a[1]);
    return tip(which, [["mean", duration(total)], ...pairs.map(([name, took]) => [name, duration(Math.round(took))])]);
  }
}

class Pool {
  constructor(shared) {
    this.shared = shared;
    this.at = 0;
    this.chart = chart("pool", 240);
    options(byId("pool-name"), facts.pools.map((pool) => `${pool.name} (${plural(pool.connections, "connection")}, ${plural(pool.requests, "request")})`));
    byId("pool-name").addEventListener("change", (event) => { this.at = Number(event.target.value); this.option(); });
    follow("pool", shared);
    shared.on("theme", () => this.option());
    this.option();
  }

  option() {
    const pool = facts.pools[this.at];
    if (!pool || !pool.times.length) { byId("pool").hidden = !facts.pools.some((one) => one.times.length); return; }
    const colours = ink();
    const curve = (values) => [[0, 0], ...pool.times.map((time, at) => [time, values[at]]), [this.shared.span, values[values.length - 1]]];
    byId("pool-hint").textContent = pool.binned ? `Highest values of each ${duration(pool.binned)}.` : "";
    byId("pool-text").textContent = pool.text;
    const series = (name, values, colour, area) => ({
      type: "line", name, step: "end", showSymbol: false, data: curve(values), lineStyle: { color: colour, width: 1.5 }, itemStyle: { color: colour },
      areaStyle: area ? { color: colour, opacity: 0.45 } : undefined, sampling: undefined,
    });
    this.chart.setOption({
      animation: false, grid: { left: 80, right: 18, top: 34, bottom: 58 }, xAxis: timeAxis(this.shared, colours),
      yAxis: { type: "value", minInterval: 1, min: 0, ...axisStyle(colours) }, legend: { top: 0, left: 76, textStyle: { color: colours.text }, icon: "roundRect" },
      tooltip: { ...tipStyle(colours), trigger: "axis", axisPointer: { type: "line" }, formatter: (events) =>
        tip(`${seconds(events[0].axisValue)} s`, events.map((event) => [event.seriesName, count(event.data[1])])) },
      dataZoom: timeZoom(this.shared, colours, 6),
      series: [series("open", pool.open, PHASES[PHASE.connect].colour, false), series("busy: a request is outstanding", pool.busy, PHASES[PHASE.server].colour, true)],
    }, { notMerge: true });
  }
}
