// Elements and words. Texts from packets become text nodes, never markup.
const SVG = "http://www.w3.org/2000/svg";
const MICROSECOND = 1e3, MILLISECOND = 1e6, SECOND = 1e9;

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("facts").textContent);
const PHASES = facts.phases;
const PHASE = Object.fromEntries(PHASES.map((phase, number) => [phase.name, number]));

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "on") for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// The same words for the same numbers as analyzer/units.py.
function rounded(value, unit, digits) {
  const scale = 10 ** digits;
  const steps = Math.floor((Math.abs(value) * scale * 2 + unit) / (2 * unit));
  const whole = Math.floor(steps / scale);
  const text = digits ? `${whole}.${String(steps % scale).padStart(digits, "0")}` : String(whole);
  return value < 0 && steps ? `-${text}` : text;
}
const milliseconds = (value) => rounded(value, MILLISECOND, Math.abs(value) < 99950000 ? 1 : 0);
const seconds = (value) => rounded(value, SECOND, 3);
const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, " ");
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
function duration(value) {
  const size = Math.abs(value);
  if (size > 0 && size < MICROSECOND) return `${value} ns`;
  if (size < MILLISECOND / 10) return value ? `${rounded(value, MICROSECOND, 0)} µs` : "0 ms";
  if (size < 10 * SECOND) return `${milliseconds(value)} ms`;
  if (size < 120 * SECOND) return `${rounded(value, SECOND, 1)} s`;
  let minutes = Math.floor((size + SECOND / 2) / SECOND);
  const rest = String(minutes % 60).padStart(2, "0");
  minutes = Math.floor(minutes / 60);
  const hours = Math.floor(minutes / 60);
  const text = hours ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${minutes} min ${rest} s`;
  return value < 0 ? `-${text}` : text;
}
function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.5) return "<1 %";
  if (value >= 99.5 && value < 100) return ">99 %";
  // A half goes to the even number, as in Python.
  const whole = Math.floor(value);
  return `${value - whole === 0.5 ? whole + (whole % 2) : Math.round(value)} %`;
}

// A place on a time axis, with as many digits as the visible length asks for.
function place(ns, length) {
  const digits = Math.max(0, Math.min(9, 2 - Math.floor(Math.log10(Math.max(length, 1) / SECOND))));
  return `${(ns / SECOND).toFixed(digits)} s`;
}

function say(text) {
  byId("said").textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId("said").textContent = ""; }, 1800);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages opened from a file may not write to the clipboard everywhere; a selected field always can be copied.
    const field = make("textarea", { class: "probe" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  say(`copied: ${text}`);
}

const copyButton = (text, label) =>
  make("button", { type: "button", class: "copy", "aria-label": `copy ${label}`, on: { click: () => copy(text) } }, "copy");

// Phases as one bar: [phase, from, length] of `total`.
function bar(parts, total, label) {
  const shapes = parts.map(([phase, from, length]) => draw("rect", {
    class: `p-${PHASES[phase].name}`, x: (1000 * from / total).toFixed(1), y: 0, width: Math.max(4, 1000 * length / total).toFixed(1), height: 10,
  }));
  return draw("svg", { class: "bar", viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img", "aria-label": label }, ...shapes);
}

function legend(list, phases) {
  list.replaceChildren(...phases.map((number) => make("li", { title: PHASES[number].words },
    make("i", { class: `key k-${PHASES[number].name}` }), PHASES[number].name)));
}
