// The page: what the node tells goes to the part that shows it.

import { Controls, Switches } from "./controls.js";
import { byId, element, write } from "./dom.js";
import { Health } from "./health.js";
import { Lanes } from "./lanes.js";
import { Link } from "./link.js";
import { Events, Summary } from "./people.js";
import { Notice, Picture } from "./picture.js";
import { Recordings } from "./recordings.js";

const STATES = { open: "Live", lost: "No connection, trying again", full: "Too many pages are open" };

let control = false, begun = "", name = "";
const picture = new Picture(() => link.seen());
const lanes = new Lanes(), events = new Events(), summary = new Summary(), health = new Health();
const link = new Link({
  hello(message) {
    control = message.control;
    name = message.name;
    document.title = name ? `${name} - fer_ros live` : "fer_ros live";
    if (begun !== message.begun) events.restart(); // another node than before
    begun = message.begun;
    picture.palette(message.colors, message.inks);
    lanes.clear();
    for (const part of [lanes, events, summary, controls]) part.begin(message);
  },
  picture: (data) => picture.take(data),
  clear: () => lanes.clear(),
  samples: (message) => lanes.add(message.samples),
  events: (message) => events.add(message.events),
  summary: (content) => summary.show(content),
  health(content) { health.show(content); switches.show(content, control); },
  nodes: (content) => controls.show(content),
  notice: (content) => notice.show(content, control),
  pages: (content) => pages(content),
  recording: (content) => recordings.show(content, control),
  state(name) {
    write(byId("status-text"), STATES[name]);
    document.body.dataset.link = name;
    if (name !== "open") notice.show({ text: "The page has lost its node. It comes back by itself as soon as the node answers.", over: false, action: "" }, false);
  },
  locked() { byId("wall").hidden = true; byId("door").hidden = false; byId("token").focus(); },
});
const controls = new Controls(link), switches = new Switches(link), recordings = new Recordings(link);
switches.said = (reason) => write(byId("record-said"), reason);

const notice = new Notice(async ({ action, node }) => {
  if (action === "again") await link.wish({ type: "switch", node, on: false });
  const reason = await link.wish({ type: "switch", node, on: true });
  if (reason) write(byId("notice-text"), reason);
});

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = await link.login(byId("token").value.trim());
  write(byId("login-fault"), fault);
  if (fault) return;
  byId("token").value = "";
  byId("wall").hidden = false;
  byId("door").hidden = true;
  link.unlock();
});

// The pages of the other cameras, on the same machine.
function pages(content) {
  byId("pages").hidden = !content.length;
  write(byId("brand"), content.length ? "fer_ros" : name || "fer_ros"); // its name stands among the others'
  byId("pages").replaceChildren(...content.map((one) => element("a", {
    href: `${location.protocol}//${location.hostname}:${one.port}/`, "aria-current": one.name === name && "page", text: one.name })));
}

document.addEventListener("visibilitychange", () => link.watch(!document.hidden));

// Tabs, as the ARIA practices describe them.
const tabs = [...document.querySelectorAll('[role="tab"]')];
function choose(tab) {
  for (const one of tabs) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = one !== tab;
  }
  health.opens();
}
for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}

// Dark or light: as the system has it, until somebody chooses.
const root = document.documentElement, button = byId("theme");
const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark")) === "dark";
function theme() {
  write(button, dark() ? "Light" : "Dark");
  button.setAttribute("aria-label", dark() ? "Use light colours" : "Use dark colours");
  lanes.draw();
}
const kept = localStorage.getItem("theme");
if (kept === "dark" || kept === "light") root.dataset.theme = kept;
button.addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  theme();
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", theme);
theme();

link.open();
