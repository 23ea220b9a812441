// The rows, unpacked once: typed arrays, a column each.
const SIZES = { u8: [Uint8Array, 1], u16: [Uint16Array, 2], u32: [Uint32Array, 4], i32: [Int32Array, 4], f64: [Float64Array, 8] };
const FLAG = { opened: 1, cut: 2, dialogue: 4, bad: 8 };

function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) bytes[at] = raw.charCodeAt(at);
  return bytes;
}

function column(bytes, entry) {
  const { kind, length, offset } = entry;
  if (kind === "json") return JSON.parse(new TextDecoder().decode(bytes.subarray(offset, offset + length)));
  const [Kind, size] = SIZES[kind];
  const raw = new Uint8Array(length * size);
  for (let plane = 0; plane < size; plane++) {
    const from = offset + plane * length;
    for (let at = 0; at < length; at++) raw[at * size + plane] = bytes[from + at];
  }
  const values = new Kind(raw.buffer);
  if (!entry.steps) return values;
  const sums = new Float64Array(length);
  let sum = 0;
  for (let at = 0; at < length; at++) sums[at] = sum += values[at];
  return sums;
}

async function unpack() {
  const holder = byId("columns");
  const bytes = decoded(holder.textContent);
  holder.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  return Object.fromEntries(facts.columns.map((entry) => [entry.name, column(raw, entry)]));
}

class Store {
  constructor(columns) {
    Object.assign(this, columns);
    this.size = this.id.length;
    this.from = new Uint32Array(this.size + 1); // where the pieces of a row begin
    for (let row = 0; row < this.size; row++) this.from[row + 1] = this.from[row] + this.pieces[row];
    const all = this.from[this.size];
    const laneOf = new Map();
    for (let at = 0; at < this.connection.length; at++) laneOf.set(this.connection[at], this.lane[at]);
    this.laneOf = laneOf;
    this.begins = new Float64Array(all);
    this.pieceLane = new Int32Array(all);
    this.rowOf = new Uint32Array(all);
    this.most = new Uint8Array(this.size); // the phase that took most of a row
    this.seen = new Set();
    const sums = new Float64Array(PHASES.length);
    for (let row = 0; row < this.size; row++) {
      let at = this.start[row];
      sums.fill(0);
      for (let piece = this.from[row]; piece < this.from[row + 1]; piece++) {
        this.begins[piece] = at;
        at += this.took[piece];
        this.rowOf[piece] = row;
        const on = this.on[row] + this.piece_on[piece];
        this.pieceLane[piece] = laneOf.has(on) ? laneOf.get(on) : -1;
        sums[this.phase[piece]] += this.took[piece];
      }
      let best = 0;
      for (let phase = 0; phase < sums.length; phase++) {
        if (sums[phase] > 0) this.seen.add(phase);
        if (sums[phase] > sums[best]) best = phase;
      }
      this.most[row] = best;
    }
    this.byTime = Uint32Array.from(this.id.keys()).sort((a, b) => this.start[a] - this.start[b] || a - b);
    this.rank = new Uint32Array(this.size);
    this.byTime.forEach((row, rank) => { this.rank[row] = rank; });
    this.rowOfId = new Map();
    for (let row = 0; row < this.size; row++) this.rowOfId.set(this.id[row], row);
  }

  has(row, flag) { return (this.flags[row] & FLAG[flag]) !== 0; }
  end(row) { return this.start[row] + this.total[row]; }
  laneOfRow(row) { return this.laneOf.has(this.on[row]) ? this.laneOf.get(this.on[row]) : -1; }
  nameOf(row) { return facts.names[this.name[row]]; }
  answerOf(row) { return facts.answers[this.answer[row]]; }
  phases() { return [...this.seen].sort((a, b) => a - b); }

  // [phase, offset from the row's start, length, piece] of each piece.
  parts(row) {
    const out = [];
    for (let piece = this.from[row]; piece < this.from[row + 1]; piece++)
      out.push([this.phase[piece], this.begins[piece] - this.start[row], this.took[piece], piece]);
    return out;
  }

  // Time of each phase of a row.
  spent(row) {
    const sums = new Float64Array(PHASES.length);
    for (let piece = this.from[row]; piece < this.from[row + 1]; piece++) sums[this.phase[piece]] += this.took[piece];
    return sums;
  }

  packets(piece) {
    const row = this.rowOf[piece];
    const last = this.piece_last[piece];
    const first = this.piece_first[piece] + this.firstPacket[row];
    return [first, first + last];
  }

  // What of a capture shows the row, as a Wireshark display filter.
  filter(row) {
    const ends = `frame.number >= ${this.firstPacket[row]} && frame.number <= ${this.lastPacket[row]}`;
    const streams = new Set();
    for (let piece = this.from[row]; piece < this.from[row + 1]; piece++) streams.add(this.on[row] + this.piece_on[piece]);
    streams.add(this.on[row]);
    const known = [...streams].filter((number) => number >= 0).sort((a, b) => a - b);
    if (!known.length) return ends;
    return `${ends} && tcp.stream ${known.length === 1 ? `== ${known[0]}` : `in {${known.join(", ")}}`}`;
  }
}
