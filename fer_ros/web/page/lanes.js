// A lane for each person: the seven probabilities over the last two minutes, stacked, and the label as a band below.

import { byId, colored, element, write } from "./dom.js";
import { named, percent, seconds } from "./words.js";

const BAND = 10, GAP = 3, PLOT = 68, GONE = 34; // pixels
const MARK = 30; // seconds between two lines
const UNCERTAIN = 7;

export class Lanes {
  constructor() {
    this.place = byId("lanes");
    this.empty = byId("lanes-empty");
    this.axis = byId("axis");
    this.tip = byId("tip");
    this.samples = []; // [number, time, Map of face to [label, probabilities]]
    this.rows = new Map();
    this.at = null; // what the pointer or the keyboard is on: { face, time }
    new ResizeObserver(() => this.draw()).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  begin({ labels, colors, window: seen, step }) {
    Object.assign(this, { labels, colors, seen, step });
    // Neutral carries the others, and what is pleasant lies on top.
    this.order = ["neutral", "sad", "fear", "disgust", "angry", "surprise", "happy"].map((label) => labels.indexOf(label));
    const marks = [element("span", { text: `${seconds(seen)} ago` })];
    for (let ago = seen - MARK; ago > 0; ago -= MARK) marks.push(element("span", { text: `${ago} s` }));
    this.axis.replaceChildren(...marks, element("span", { text: "now" }));
    byId("legend").replaceChildren(...this.order.map((index) => colored(element("li", { text: labels[index] }), colors[labels[index]])));
  }

  clear() {
    this.samples = [];
    this.draw();
  }

  add(samples) {
    for (const [number, time, faces] of samples) {
      if (this.samples.length && number <= this.samples.at(-1)[0]) continue;
      this.samples.push([number, time, new Map(faces.map(([face, label, values]) => [face, [label, values]]))]);
    }
    const end = this.samples.at(-1)?.[1] ?? 0;
    while (this.samples.length && end - this.samples[0][1] > this.seen) this.samples.shift();
    this.draw();
  }

  get end() { return (this.samples.at(-1)?.[1] ?? 0) + this.step; }

  draw() {
    if (!this.labels) return;
    const faces = new Map(); // face to the time it was last seen
    for (const [, time, found] of this.samples) for (const face of found.keys()) faces.set(face, time);
    for (const [face, row] of this.rows) if (!faces.has(face)) { row.node.remove(); this.rows.delete(face); }
    for (const [face, last] of faces) {
      if (!this.rows.has(face)) this.rows.set(face, this.row(face));
      this.update(this.rows.get(face), face, last);
    }
    this.empty.hidden = faces.size > 0;
    this.axis.hidden = faces.size === 0;
  }

  row(face) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const chart = element("div", {
      class: "chart", tabindex: "0", role: "slider", "aria-label": `${named(face)}: the last two minutes`, "aria-valuemin": -this.seen,
      "aria-valuemax": 0, "aria-valuenow": 0, "aria-valuetext": "now",
    }, canvas);
    const chip = element("span", { class: "chip" });
    const when = element("span", { class: "when" });
    const node = element("div", { class: "lane" }, element("div", { class: "who" }, element("span", { class: "name", title: named(face), text: named(face) }), chip, when), chart);
    const time = (x) => this.end - this.seen * (1 - x / chart.clientWidth);
    chart.addEventListener("pointermove", (event) => this.point(face, time(event.offsetX), chart));
    chart.addEventListener("pointerdown", (event) => this.point(face, time(event.offsetX), chart));
    chart.addEventListener("pointerleave", () => this.leave());
    chart.addEventListener("focus", () => { if (chart.matches(":focus-visible")) this.point(face, this.end - this.step, chart); });
    chart.addEventListener("blur", () => this.leave());
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -this.seen, End: this.seen }[event.key];
      if (event.key === "Escape") this.leave();
      if (step === undefined) return;
      event.preventDefault();
      const from = this.at?.face === face ? this.at.time : this.end - this.step;
      this.point(face, Math.max(this.end - this.seen, Math.min(this.end - this.step, from + step)), chart);
    });
    this.place.append(node);
    return { node, chart, canvas, chip, when };
  }

  update(row, face, last) {
    const here = this.end - last < 1.5;
    row.node.classList.toggle("gone", !here);
    row.plot = here ? PLOT : GONE;
    row.chart.style.setProperty("--high", `${row.plot + GAP + BAND}px`);
    const shown = this.samples.findLast(([, , found]) => found.has(face))[2].get(face);
    const label = this.labels[shown[0]];
    write(row.chip, here ? label : `was ${label}`);
    colored(row.chip, this.colors[label]);
    const first = this.samples.find(([, , found]) => found.has(face))[1];
    write(row.when, here ? `here for ${seconds(Math.max(0, Math.round(this.end - first)))}` : `left ${seconds(Math.round(this.end - last))} ago`);
    this.paint(row, face);
  }

  paint({ chart, canvas, plot }, face) {
    const ratio = window.devicePixelRatio || 1, width = chart.clientWidth, height = plot + GAP + BAND;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const x = (time) => width * (1 - (this.end - time) / this.seen);
    pen.fillStyle = style.getPropertyValue("--well");
    pen.fillRect(0, 0, width, plot);
    pen.fillRect(0, plot + GAP, width, BAND);
    for (const run of this.runs(face)) {
      this.stack(pen, run, x, plot);
      this.band(pen, run, x, plot, style.getPropertyValue("--muted"));
    }
    pen.strokeStyle = style.getPropertyValue("--grid");
    pen.lineWidth = 1;
    for (let ago = MARK; ago < this.seen; ago += MARK) {
      const at = Math.round(x(this.end - ago)) + 0.5;
      pen.beginPath();
      pen.moveTo(at, 0);
      pen.lineTo(at, plot);
      pen.stroke();
    }
    if (this.at?.face === face) {
      pen.strokeStyle = style.getPropertyValue("--text");
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(x(this.at.time), 0);
      pen.lineTo(x(this.at.time), height);
      pen.stroke();
    }
  }

  // Stretches in which a face was there without a gap.
  runs(face) {
    const found = [];
    let run = null, before = -Infinity;
    for (const [, time, faces] of this.samples) {
      const one = faces.get(face);
      if (!one) continue;
      if (!run || time - before > 2.5 * this.step) found.push((run = []));
      run.push([time, ...one]);
      before = time;
    }
    return found;
  }

  stack(pen, run, x, plot) {
    const end = run.at(-1)[0] + this.step;
    const low = run.map(() => 0);
    for (const index of this.order) {
      const high = run.map(([, , values], i) => low[i] + values[index] / 1000);
      pen.fillStyle = this.colors[this.labels[index]];
      pen.beginPath();
      run.forEach(([time], i) => pen[i ? "lineTo" : "moveTo"](x(time), plot * (1 - Math.min(1, high[i]))));
      pen.lineTo(x(end), plot * (1 - Math.min(1, high.at(-1))));
      pen.lineTo(x(end), plot * (1 - low.at(-1)));
      for (let i = run.length - 1; i >= 0; i--) pen.lineTo(x(run[i][0]), plot * (1 - low[i]));
      pen.fill();
      high.forEach((value, i) => { low[i] = value; });
    }
  }

  // The label: a bar in its colour, a thin line where it is uncertain.
  band(pen, run, x, plot, plain) {
    for (const [time, label] of run) {
      pen.fillStyle = label === UNCERTAIN ? plain : this.colors[this.labels[label]];
      const left = Math.floor(x(time)), right = Math.ceil(x(time + this.step));
      if (label !== UNCERTAIN) pen.fillRect(left, plot + GAP, right - left, BAND);
      else pen.fillRect(left, plot + GAP + BAND / 2 - 1, right - left, 2);
    }
  }

  sample(face, time) {
    let best = null;
    for (const [, at, faces] of this.samples) {
      if (faces.has(face) && Math.abs(at - time) < 1.5 * this.step && (!best || Math.abs(at - time) < Math.abs(best[0] - time))) {
        best = [at, ...faces.get(face)];
      }
    }
    return best;
  }

  point(face, time, chart) {
    this.at = { face, time };
    const found = this.sample(face, time), ago = Math.max(0, this.end - time);
    const values = found ? this.labels.slice(0, 7).map((label, i) => [label, found[2][i] / 1000]).sort((a, b) => b[1] - a[1]) : [];
    const label = found ? this.labels[found[1]] : "not there";
    chart.setAttribute("aria-valuenow", Math.round(-ago));
    chart.setAttribute("aria-valuetext", `${seconds(ago)} ago: ${label}${values.slice(0, 3).map(([name, share]) => `, ${name} ${percent(share)}`).join("")}`);
    this.tip.replaceChildren(
      element("p", { text: `${seconds(ago)} ago` }),
      element("p", { class: "strong", text: found ? label : "Not in view" }),
      ...values.map(([name, share]) => {
        const bar = colored(element("i", { class: "meter" }), this.colors[name]);
        bar.style.setProperty("--share", share);
        return element("div", { class: "value" }, element("span", { text: name }), bar, element("b", { text: percent(share) }));
      }),
    );
    this.tip.hidden = false;
    const box = chart.getBoundingClientRect(), mark = box.left + chart.clientWidth * (1 - ago / this.seen);
    const wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
    const left = mark + 14 + wide < innerWidth ? mark + 14 : Math.max(4, mark - 14 - wide);
    const top = box.top - high - 8 > 4 ? box.top - high - 8 : box.bottom + 8;
    this.tip.style.translate = `${Math.round(left)}px ${Math.round(Math.min(innerHeight - high - 4, Math.max(4, top)))}px`;
    this.paint(this.rows.get(face), face);
  }

  leave() {
    const face = this.at?.face;
    this.at = null;
    this.tip.hidden = true;
    if (this.rows.has(face)) this.paint(this.rows.get(face), face);
  }
}
