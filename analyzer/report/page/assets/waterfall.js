// Rows over connections over time. Only what is visible is drawn: single pieces where they are few, else what took most of each cell.
const MOST_PIECES = 5000;
const MOST_CELLS = 14000;
const MOST_LINES = 3000;
const FIRST_LANES = 120; // shown at first, the others by the slider beside them
const MOST_SHOWN = 400;
const TOP = 8, BOTTOM = 58;

class Waterfall {
  constructor(store, shared) {
    this.store = store;
    this.shared = shared;
    this.lanes = facts.lanes.length;
    this.firstLane = 0;
    this.lastLane = Math.min(this.lanes, FIRST_LANES) - 1;
    const height = Math.max(190, Math.min(640, 96 + this.lanes * 20));
    this.chart = chart("waterfall", height);
    this.marks = make("div", { class: "marks" });
    byId("waterfall-chart").append(this.marks);
    this.option();
    follow("waterfall", shared);
    this.chart.on("datazoom", (event) => this.zoomed(event));
    this.chart.on("click", (event) => { if (event.data && event.seriesId !== "lines") shared.select(event.data[4], "waterfall"); });
    this.chart.getZr().on("dblclick", () => shared.show(0, shared.span));
    shared.on("window", () => this.soon());
    shared.on("row", () => { this.reveal(); this.mark(); });
    this.chart.on("finished", () => this.mark());
    shared.on("theme", () => this.option());
    byId("waterfall-chart").addEventListener("keydown", (event) => this.key(event));
    legend(byId("waterfall-legend"), store.phases());
  }

  option() {
    const colours = ink();
    this.colours = colours;
    const tall = this.lanes > 26;
    const longest = facts.lanes.reduce((most, label) => Math.max(most, label.length), 4);
    const left = Math.min(longest * 6.9 + 14, this.chart.getWidth() * 0.24);
    const zooms = timeZoom(this.shared, colours, 6);
    if (tall) {
      zooms.push({ id: "lanes", type: "slider", yAxisIndex: 0, filterMode: "none", right: 4, width: 14, startValue: this.firstLane, endValue: this.lastLane, maxValueSpan: MOST_SHOWN, brushSelect: false,
        showDetail: false, showDataShadow: false, borderColor: colours.line, fillerColor: "rgba(110,150,200,.18)", handleStyle: { color: colours.surface, borderColor: colours.quiet } });
    }
    this.chart.setOption({
      animation: false, grid: { left, right: tall ? 34 : 18, top: TOP, bottom: BOTTOM },
      xAxis: timeAxis(this.shared, colours),
      yAxis: { type: "category", inverse: true, data: facts.lanes, ...axisStyle(colours), axisTick: { show: false }, splitLine: { show: false },
        axisLabel: { ...axisStyle(colours).axisLabel, width: left - 12, overflow: "truncate" } },
      tooltip: { ...tipStyle(colours), formatter: (event) => this.tip(event) },
      dataZoom: zooms,
      series: [
        { id: "lines", type: "custom", z: 1, renderItem: (params, api) => this.line(params, api), encode: { x: [0, 1], y: 2 }, data: [], progressive: 0 },
        { id: "bars", type: "custom", z: 3, renderItem: (params, api) => this.piece(params, api), encode: { x: [0, 1], y: 2 }, data: [], progressive: 0 },
      ],
    }, { notMerge: true });
    this.fill();
  }

  zoomed(event) {
    const found = zoomed(event, "lanes");
    if (!found) return;
    this.firstLane = Math.max(0, Math.floor(found[0] * (this.lanes - 1)));
    this.lastLane = Math.min(this.lanes - 1, Math.ceil(found[1] * (this.lanes - 1)));
    this.soon();
  }

  soon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; inTime("waterfall", "fill", () => this.fill()); });
  }

  fill() {
    const { store, shared } = this;
    const from = shared.from, to = shared.to;
    let found = this.pieces(from, to);
    this.exact = found !== null;
    if (!this.exact) found = this.cells(from, to);
    this.chart.setOption({ series: [{ id: "lines", data: this.lines(from, to) }, { id: "bars", data: found }] });
    this.mark();
    byId("density").textContent = this.exact ? facts.endpoint : "Zoomed out: each cell shows the phase that took most of it, fainter where less of its time was spent.";
  }

  // Single pieces in the window; null where they are too many.
  pieces(from, to) {
    const { begins, took, pieceLane, phase, rowOf } = this.store;
    const out = [];
    for (let piece = 0; piece < begins.length; piece++) {
      const begin = begins[piece], end = begin + took[piece], lane = pieceLane[piece];
      if (end < from || begin > to || lane < this.firstLane || lane > this.lastLane) continue;
      if (out.length >= MOST_PIECES) return null;
      out.push([begin, end, lane, phase[piece], rowOf[piece], piece, 1]);
    }
    return out;
  }

  // Cells of lane and time: the phase that took most of each, and how much of the cell was spent at all.
  cells(from, to) {
    const { begins, took, pieceLane, phase, rowOf } = this.store;
    const lanes = this.lastLane - this.firstLane + 1, kinds = PHASES.length;
    const wide = Math.max(80, Math.min(600, Math.floor(MOST_CELLS / lanes)));
    const length = (to - from) / wide;
    const sums = new Float32Array(lanes * wide * kinds);
    const longest = new Float32Array(lanes * wide), whose = new Int32Array(lanes * wide).fill(-1);
    for (let piece = 0; piece < begins.length; piece++) {
      const begin = Math.max(from, begins[piece]), end = Math.min(to, begins[piece] + took[piece]), lane = pieceLane[piece] - this.firstLane;
      if (end < begin || lane < 0 || lane >= lanes) continue;
      const last = Math.min(wide - 1, Math.floor((end - from) / length));
      for (let cell = Math.min(wide - 1, Math.floor((begin - from) / length)); cell <= last; cell++) {
        const inside = Math.min(end, from + (cell + 1) * length) - Math.max(begin, from + cell * length);
        const at = lane * wide + cell;
        sums[at * kinds + phase[piece]] += inside;
        if (inside > longest[at] || whose[at] < 0) { longest[at] = inside; whose[at] = piece; }
      }
    }
    const out = [];
    for (let at = 0; at < lanes * wide; at++) {
      if (whose[at] < 0) continue;
      let best = 0, all = 0;
      for (let kind = 0; kind < kinds; kind++) {
        const sum = sums[at * kinds + kind];
        all += sum;
        if (sum > sums[at * kinds + best]) best = kind;
      }
      if (!all) best = phase[whose[at]];
      const lane = Math.floor(at / wide), cell = at % wide;
      const fullness = Math.ceil(4 * Math.min(1, all / length)) / 4;
      const before = out[out.length - 1];
      const begin = from + cell * length;
      if (before && before[2] === lane + this.firstLane && before[3] === best && before[6] === 0.3 + 0.7 * fullness && Math.abs(before[1] - begin) < length / 2) before[1] = begin + length;
      else out.push([begin, begin + length, lane + this.firstLane, best, rowOf[whose[at]], whose[at], 0.3 + 0.7 * fullness]);
    }
    return out;
  }

  lines(from, to) {
    const { connection, opened, closed, lane } = this.store;
    const out = [];
    for (let at = 0; at < connection.length; at++) {
      if (closed[at] < from || opened[at] > to || lane[at] < this.firstLane || lane[at] > this.lastLane) continue;
      if (out.length >= MOST_LINES) return [];
      out.push([opened[at], closed[at], lane[at], at]);
    }
    return out;
  }

  box(params, api, share) {
    const [left, middle] = api.coord([api.value(0), api.value(2)]);
    const [right] = api.coord([api.value(1), api.value(2)]);
    const height = Math.max(2, Math.min(22, api.size([0, 1])[1] * share));
    const area = params.coordSys;
    const x = Math.max(left, area.x), end = Math.min(right, area.x + area.width);
    if (end < area.x || x > area.x + area.width) return null;
    return { x, y: middle - height / 2, width: end - x, height, whole: right - left };
  }

  piece(params, api) {
    const shape = this.box(params, api, 0.72);
    if (!shape || (this.exact && shape.whole < 0.25 && this.store.total[api.value(4)] > this.store.took[api.value(5)] * 4)) return null;
    const phase = PHASES[api.value(3)];
    const parted = this.exact && shape.width > 4;
    shape.width = Math.max(1.4, shape.width);
    const made = { type: "rect", shape, style: { fill: mixed(phase.colour, this.colours.surface, api.value(6)), stroke: parted ? this.colours.surface : "none", lineWidth: 0.75 } };
    if (this.exact && shape.height >= 13 && shape.width > 7 * phase.name.length + 8) {
      made.textContent = { type: "text", style: { text: phase.name, fill: readable(phase.colour), fontSize: 11 } };
      made.textConfig = { position: "inside" };
    }
    return made;
  }

  line(params, api) {
    const shape = this.box(params, api, 0.12);
    if (!shape) return null;
    shape.height = 3;
    shape.width = Math.max(1, shape.width);
    return { type: "rect", shape, style: { fill: this.colours.line } };
  }

  // Outline the selected row, beside the chart's own picture: drawing that again for each key would be slow where there is much of it.
  mark() {
    const { store, shared } = this;
    const lanes = new Map();
    for (let piece = shared.row < 0 ? 0 : store.from[shared.row]; piece < (shared.row < 0 ? 0 : store.from[shared.row + 1]); piece++) {
      const begin = store.begins[piece], end = begin + store.took[piece], known = lanes.get(store.pieceLane[piece]);
      lanes.set(store.pieceLane[piece], known ? [Math.min(known[0], begin), Math.max(known[1], end)] : [begin, end]);
    }
    const band = (this.chart.getHeight() - TOP - BOTTOM) / (this.lastLane - this.firstLane + 1);
    const height = Math.max(5, Math.min(28, band * 0.95));
    const boxes = [];
    for (const [lane, [begin, end]] of lanes) {
      if (lane < this.firstLane || lane > this.lastLane || end < shared.from || begin > shared.to) continue;
      const left = this.chart.convertToPixel({ xAxisIndex: 0 }, Math.max(begin, shared.from)) - 3;
      const right = this.chart.convertToPixel({ xAxisIndex: 0 }, Math.min(end, shared.to)) + 3;
      const box = make("div", {});
      Object.assign(box.style, { left: `${left}px`, width: `${Math.max(6, right - left)}px`, height: `${height}px`,
        top: `${this.chart.convertToPixel({ yAxisIndex: 0 }, lane) - height / 2}px` });
      boxes.push(box);
    }
    this.marks.replaceChildren(...boxes);
  }

  tip(event) {
    const { store } = this;
    if (event.seriesId === "lines") {
      const at = event.data[3];
      return tip(facts.lanes[store.lane[at]], [["stream", String(store.connection[at])], ["requests", count(store.exchanges[at])],
        ["first packet at", `${seconds(store.opened[at])} s`], ["closed or last packet", `${seconds(store.closed[at])} s`]]);
    }
    const [, , lane, , row, piece] = event.data;
    const [first, last] = store.packets(piece);
    const more = this.exact && first ? [[`${PHASES[store.phase[piece]].name} here`, duration(store.took[piece])], ["packets", first === last ? String(first) : `${first}-${last}`]] : [];
    return rowTip(store, row, [["on", facts.lanes[lane]], ...more]);
  }

  // Bring the selected row into view.
  reveal() {
    const { store, shared } = this;
    if (shared.row < 0) return;
    const begin = store.start[shared.row], end = store.end(shared.row), length = shared.to - shared.from;
    if (begin >= shared.from && end <= shared.to) return;
    if (end - begin > length) shared.show(begin - (end - begin) * 0.1, end + (end - begin) * 0.1);
    else shared.show((begin + end) / 2 - length / 2, (begin + end) / 2 + length / 2);
  }

  close() {
    const { store, shared } = this;
    if (shared.row < 0) return;
    const room = Math.max(1000, store.total[shared.row] * 0.15);
    shared.show(store.start[shared.row] - room, store.end(shared.row) + room);
  }

  neighbour(step) {
    const { store, shared } = this;
    if (!store.size) return;
    const now = shared.row < 0 ? -1 : store.rank[shared.row];
    shared.select(store.byTime[Math.min(store.size - 1, Math.max(0, now + step))], "waterfall");
  }

  // The row nearest in time on the next lane that has one.
  beside(step) {
    const { store, shared } = this;
    if (shared.row < 0) return this.neighbour(1);
    const lane = store.laneOfRow(shared.row), time = store.start[shared.row];
    let best = -1, bestLane = 0, bestAway = Infinity;
    for (let row = 0; row < store.size; row++) {
      const there = store.laneOfRow(row);
      if ((there - lane) * step <= 0) continue;
      const away = Math.abs(store.start[row] - time), nearer = Math.abs(there - lane) - Math.abs(bestLane - lane);
      if (best < 0 || nearer < 0 || (nearer === 0 && away < bestAway)) { best = row; bestLane = there; bestAway = away; }
    }
    if (best >= 0) shared.select(best, "waterfall");
  }

  key(event) {
    const { store, shared } = this;
    const around = shared.row >= 0 ? store.start[shared.row] + store.total[shared.row] / 2 : undefined;
    const keys = {
      ArrowRight: () => this.neighbour(1), ArrowLeft: () => this.neighbour(-1), ArrowDown: () => this.beside(1), ArrowUp: () => this.beside(-1),
      "+": () => shared.zoom(0.5, around), "=": () => shared.zoom(0.5, around), "-": () => shared.zoom(2, around), 0: () => shared.show(0, shared.span),
      Enter: () => this.close(), Escape: () => shared.select(-1),
    };
    if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}

// A colour laid thinly over the page, as one that hides what is behind it.
function mixed(colour, surface, share) {
  if (share >= 1) return colour;
  const below = surface.match(/[\d.]+/g).slice(0, 3).map(Number);
  const parts = [1, 3, 5].map((at, place) => Math.round(parseInt(colour.slice(at, at + 2), 16) * share + below[place] * (1 - share)));
  return `rgb(${parts.join(",")})`;
}

// Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance).
function readable(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
