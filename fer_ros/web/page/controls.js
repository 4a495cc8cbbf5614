// A control for each parameter that can change while its node runs.

import { byId, element, write } from "./dom.js";
import { node as nodeName } from "./words.js";

const PAUSE = 200; // milliseconds between two changes while a slider is drawn

function titled(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

function shown(spec, value) {
  if (spec.type === "bool") return value ? "on" : "off";
  const text = spec.type === "float" ? String(Math.round(1e6 * value) / 1e6) : String(value);
  return text + (spec.unit ? ` ${spec.unit}` : "");
}

// What stands in backticks is code.
const withCode = (text) => text.split("`").map((part, i) => (i % 2 ? element("code", { text: part }) : part));

// A slider where its steps are fine enough to be of use.
function step(spec) {
  if (spec.type === "int") return 1;
  const span = spec.range[1] - spec.range[0];
  return 10 ** Math.floor(Math.log10(span / 100));
}

export class Controls {
  constructor(link) {
    this.link = link;
    this.place = byId("controls");
    this.search = byId("search");
    this.search.addEventListener("input", () => this.filter());
    this.rows = [];
    this.known = "";
  }

  begin({ parameters, control }) {
    Object.assign(this, { parameters, control });
    byId("controls-said").hidden = control;
    this.known = "";
  }

  show(nodes) {
    if (!this.parameters) return;
    const known = Object.keys(nodes).filter((name) => Object.keys(nodes[name].values).length).join();
    if (known !== this.known) {
      this.known = known;
      this.build(nodes);
    }
    for (const row of this.rows) row.take(nodes[row.node]?.values[row.spec.name], nodes[row.node]?.given[row.spec.name]);
    this.count();
  }

  build(nodes) {
    const open = new Set([...this.place.querySelectorAll("details[open]")].map((one) => one.dataset.node));
    this.rows = [];
    const order = ["emotion_node", "face_detector_node", "camera_node", "replay_node", "overlay_node", "hri_node", "hri_faces_node", "web_node",
      "pipeline_node"];
    const names = Object.keys(nodes).sort((a, b) => order.indexOf(nodes[a].kind) - order.indexOf(nodes[b].kind));
    this.groups = names.filter((name) => Object.keys(nodes[name].values).length && this.parameters[nodes[name].kind]?.length).map((name) => {
      const kind = nodes[name].kind;
      const rows = this.parameters[kind].map((spec) => new Row(this, name, kind, spec));
      const several = new Set(rows.map((row) => row.spec.group)).size;
      this.rows.push(...rows);
      const count = element("span", { class: "small" });
      const group = element("details", { "data-node": name, open: open.has(name) || (open.size === 0 && kind === "emotion_node") },
        element("summary", {}, element("span", { class: "name", text: nodeName(kind) }), element("span", { class: "small", text: name }), count),
        ...rows.flatMap((row, i) => (row.spec.group === rows[i - 1]?.spec.group || several < 3 ? [row.element] : [element("h3", { text: row.spec.group }), row.element])));
      return { group, rows, count };
    });
    this.place.replaceChildren(...this.groups.map((one) => one.group));
    this.filter();
  }

  count() {
    for (const { rows, count } of this.groups ?? []) {
      const changed = rows.filter((row) => row.changed).length;
      write(count, changed ? `${changed} changed` : "");
    }
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let any = false;
    for (const { group, rows } of this.groups ?? []) {
      let some = false;
      for (const row of rows) {
        const found = words.every((word) => row.words.includes(word));
        row.element.hidden = !found;
        some ||= found;
      }
      group.hidden = !some;
      if (words.length && some) group.open = true;
      any ||= some;
    }
    byId("controls-empty").hidden = any || !this.groups?.length;
  }
}

class Row {
  constructor(controls, name, kind, spec) {
    Object.assign(this, { controls, node: name, spec });
    this.id = `p${name}-${spec.name}`.replaceAll("/", "-");
    this.words = `${spec.name} ${spec.name.replaceAll("_", " ")} ${spec.description} ${name} ${nodeName(kind)} ${spec.group}`.toLowerCase();
    this.changed = false;
    this.sent = 0;
    this.inputs = this.make();
    this.fault = element("p", { class: "fault", role: "alert" });
    this.reset = element("button", { type: "button", class: "quiet", text: "Reset", "aria-label": `Reset ${titled(spec.name)} to ${shown(spec, spec.default)}`,
      onclick: () => this.send(spec.default) });
    const limits = spec.choices ? "" : spec.range ? `${spec.range[0]} to ${spec.range[1]}${spec.unit ? ` ${spec.unit}` : ""}, ` : "";
    this.element = element("div", { class: "parameter", "data-parameter": `${name}.${spec.name}` },
      element("div", { class: "line" }, element("label", { for: this.id, text: titled(spec.name) }), this.reset),
      element("div", { class: "line inputs" }, ...this.inputs),
      element("p", { class: "small", id: `${this.id}-d` }, ...withCode(spec.description),
        ` ${limits[0]?.toUpperCase() ?? ""}${limits.slice(1)}${limits ? "default" : "Default"} ${shown(spec, spec.default) || "empty"}.`),
      this.fault);
    for (const input of this.inputs) if ("disabled" in input) input.disabled = !controls.control;
    this.reset.disabled = !controls.control;
  }

  make() {
    const { spec } = this, common = { id: this.id, "aria-describedby": `${this.id}-d` };
    if (spec.type === "bool") {
      this.input = element("input", { ...common, type: "checkbox", role: "switch", onchange: () => this.send(this.input.checked) });
      return [this.input];
    }
    if (spec.choices) {
      this.input = element("select", { ...common, onchange: () => this.send(this.input.value) }, ...spec.choices.map((one) => element("option", { value: one, text: one })));
      return [this.input];
    }
    if (spec.type === "str") {
      this.input = element("input", { ...common, type: "text", maxlength: 500, onchange: () => this.send(this.input.value) });
      return [this.input];
    }
    // Not held to its range here: the node knows best, and says why it refuses.
    this.input = element("input", { ...common, type: "number", step: "any", onchange: () => this.send(this.input.valueAsNumber) });
    const unit = element("span", { class: "unit", text: spec.unit });
    if (!spec.range || spec.range[1] - spec.range[0] > 1000 * step(spec)) return [this.input, unit];
    this.slider = element("input", { type: "range", min: spec.range[0], max: spec.range[1], step: step(spec), "aria-label": titled(spec.name),
      oninput: () => { this.input.value = this.slider.value; if (performance.now() - this.sent > PAUSE) this.send(this.slider.valueAsNumber); },
      onchange: () => this.send(this.slider.valueAsNumber) });
    return [this.slider, this.input, unit];
  }

  // The value that the node has.
  take(value, given = this.given) {
    if (value === undefined || value === null) return;
    this.value = value;
    this.given = given; // by whoever started the node, for its own sake
    this.changed = value !== this.spec.default && value !== given;
    this.element.classList.toggle("changed", this.changed);
    this.reset.hidden = value === this.spec.default;
    if (document.activeElement === this.input || document.activeElement === this.slider || this.fault.textContent) return;
    this.fill(value);
  }

  fill(value) {
    if (this.spec.type === "bool") this.input.checked = value;
    else this.input.value = this.spec.type === "float" ? Math.round(1e6 * value) / 1e6 : value;
    if (this.slider) this.slider.value = value;
  }

  // One at a time: while the node answers, only the newest value waits.
  async send(value) {
    this.sent = performance.now();
    if (typeof value === "number" && !Number.isFinite(value)) { this.refused("Type a number."); return; }
    this.next = value;
    if (this.busy) return;
    this.busy = true;
    let reason = "";
    while (this.next !== undefined) {
      value = this.next;
      this.next = undefined;
      reason = await this.controls.link.wish({ type: "set", node: this.node, name: this.spec.name, value });
    }
    this.busy = false;
    this.refused(reason);
    if (!reason) { this.take(value); this.fill(value); this.controls.count(); }
  }

  refused(reason) {
    write(this.fault, reason);
    this.element.classList.toggle("refused", Boolean(reason));
    this.input.setAttribute("aria-invalid", String(Boolean(reason)));
    // What was refused stays to be mended, while the node keeps what it had.
    if (reason && this.value !== undefined) this.fault.append(` It stays ${shown(this.spec, this.value)}.`);
    if (reason && this.spec.type === "bool") this.input.checked = this.value;
  }
}

const PATIENCE = 5000; // ms for a node to report that it was switched

// Camera, detector and emotion, each on or off.
export class Switches {
  constructor(link) {
    this.link = link;
    this.place = byId("switches");
    this.made = new Map();
    this.wanted = new Map(); // What was switched, until the node reports it: what it reported before is not true any more.
  }

  show(nodes, control) {
    for (const one of nodes) {
      if (!["camera_node", "replay_node", "face_detector_node", "emotion_node"].includes(one.kind)) continue;
      if (!this.made.has(one.name)) this.made.set(one.name, this.make(one));
      const { input, label } = this.made.get(one.name);
      const on = !["inactive", "unconfigured", "finalized", "disabled"].includes(one.message);
      const wanted = this.wanted.get(one.name);
      if (wanted && (wanted.on === on || performance.now() > wanted.until)) this.wanted.delete(one.name);
      input.disabled = !control || label.classList.contains("busy");
      if (!label.classList.contains("busy") && !this.wanted.has(one.name)) input.checked = on;
    }
  }

  make({ name, kind }) {
    const input = element("input", { type: "checkbox", role: "switch", onchange: () => this.change(name, input, label) });
    const label = element("label", { class: "switch", title: name }, input, element("span", { text: nodeName(kind) }));
    const order = ["Camera", "Replay", "Detector", "Emotion"];
    const after = [...this.place.querySelectorAll("label")].find((other) => order.indexOf(other.textContent) > order.indexOf(nodeName(kind)));
    this.place.insertBefore(label, after ?? null);
    return { input, label };
  }

  async change(name, input, label) {
    const on = input.checked;
    label.classList.add("busy");
    const reason = await this.link.wish({ type: "switch", node: name, on });
    label.classList.remove("busy");
    if (reason) input.checked = !on;
    else this.wanted.set(name, { on, until: performance.now() + PATIENCE });
    this.said?.(reason);
  }
}
