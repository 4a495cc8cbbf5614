// How the nodes are doing, by their own reports.

import { byId, element, write } from "./dom.js";
import { milliseconds, node } from "./words.js";

const LEVELS = ["ok", "warning", "error", "stale"];
const WHOLE = ["latency", "detect", "draw", "encode"]; // the stage that stands for a node's work, the first one that it has

const number = (text) => Number.parseFloat(text);

const short = (text) => (number(text) < 9.95 ? number(text).toFixed(1) : String(Math.round(number(text))));

function rate(values) {
  const key = ["frames rate", "images rate", "pictures rate"].find((one) => one in values);
  return key ? values[key] : "";
}

function stage(values) {
  return WHOLE.find((one) => `${one} p50` in values) ?? Object.keys(values).find((key) => key.endsWith(" p50"))?.slice(0, -4);
}

function dropped(values) {
  const found = ["dropped", "skipped"].filter((key) => key in values).map((key) => number(values[key]) || 0);
  return found.length ? found.reduce((a, b) => a + b) : null;
}

export class Health {
  constructor() {
    this.place = byId("health");
    this.opened = new Set();
  }

  show(nodes) {
    this.figures(nodes);
    if (this.place.closest("[hidden]")) { this.late = nodes; return; }
    const body = nodes.map((one) => {
      const work = stage(one.values), lost = dropped(one.values);
      return element("tr", {},
        element("th", { scope: "row", title: one.name, text: node(one.kind) }),
        element("td", { class: `level ${one.lost ? "stale" : LEVELS[one.level]}` }, one.lost ? "does not report" : one.values.source === "playing" ? "playing" : one.message),
        element("td", { class: "n", text: rate(one.values).replace(" Hz", "") || "–" }),
        element("td", { class: "n", title: work ?? "", text: work ? short(one.values[`${work} p50`]) : "–" }),
        element("td", { class: "n", title: work ?? "", text: work ? short(one.values[`${work} p95`]) : "–" }),
        element("td", { class: "n", text: lost ?? "–" }));
    });
    const head = ["Node", "State", "Per s", "p50 ms", "p95 ms", "Dropped"].map((text, i) => element("th", { scope: "col", class: i > 1 ? "n" : null, text }));
    this.place.replaceChildren(
      element("div", { class: "scroll" }, element("table", { class: "nodes" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body))),
      ...nodes.map((one) => this.details(one)));
  }

  details(one) {
    const made = element("details", { open: this.opened.has(one.name) }, element("summary", { text: `All that ${one.name} reports` }),
      element("dl", {}, ...Object.entries(one.values).flatMap(([key, value]) => [element("dt", { text: key }), element("dd", { text: value })])));
    made.addEventListener("toggle", () => this.opened[made.open ? "add" : "delete"](one.name));
    return made;
  }

  figures(nodes) {
    const emotion = nodes.find((one) => one.kind === "emotion_node")?.values ?? {};
    const figure = (id, key, text) => write(byId(id), emotion[key] ? text(number(emotion[key])) : "–");
    figure("figure-fps", "images rate", (value) => String(Math.round(value)));
    figure("figure-latency", "latency p50", milliseconds);
    figure("figure-p95", "latency p95", milliseconds);
    const graph = nodes.filter((one) => ["face_detector_node", "emotion_node"].includes(one.kind));
    write(byId("figure-dropped"), graph.length ? String(graph.reduce((sum, one) => sum + (dropped(one.values) ?? 0), 0)) : "–");
  }

  opens() { if (this.late) this.show(this.late); }
}
