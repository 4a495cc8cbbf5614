// Who was there in the last minute, and what happened.

import { byId, colored, element } from "./dom.js";
import { aside, clock, counted, named, percent, seconds, told } from "./words.js";

const KEPT = 100;

const share = (one, label) => one.shares.find(([name]) => name === label)?.[1] ?? 0;

export class Summary {
  constructor() { this.place = byId("summary"); }

  begin({ colors }) { this.colors = colors; }

  show(people) {
    if (!this.colors) return;
    const here = people.filter((one) => one.here).length;
    const found = people.filter((one) => share(one, "happy")).sort((a, b) => b.here - a.here || share(b, "happy") - share(a, "happy"));
    const happy = found.slice(0, 4).map((one) => `${named(one.face).toLowerCase()} (${percent(share(one, "happy"))})`);
    if (found.length > 4) happy.push(`and ${found.length - 4} more`);
    const head = people.length === 0 ? "Nobody was seen." : `${counted(people.length, "person").replace("persons", "people")} seen, ${here || "nobody"} here now. `
      + (happy.length ? `Happy: ${happy.join(", ")}.` : "Nobody was happy.");
    this.place.replaceChildren(element("p", { class: "lead", text: head }), ...[...people].sort((a, b) => b.here - a.here).slice(0, 8).map((one) => this.person(one)));
  }

  person({ face, seconds: time, here, shares: parts, changes }) {
    const bar = element("div", { class: "share", "aria-hidden": "true" }, ...parts.map(([label, share]) => {
      const part = colored(element("i", { class: label }), this.colors[label]);
      part.style.setProperty("--share", share);
      return part;
    }));
    return element("div", { class: here ? "person" : "person gone" },
      element("p", {}, element("b", { text: named(face) }), ` ${seconds(time)}, ${counted(changes, "change")}${here ? "" : ", gone now"}`), bar,
      element("p", { class: "small", text: parts.slice(0, 4).map(([label, share]) => `${label} ${percent(share)}`).join(" · ") }));
  }
}

export class Events {
  constructor() {
    this.list = byId("events");
    this.empty = byId("events-empty");
    this.last = 0;
  }

  begin({ colors }) { this.colors = colors; }

  add(events) {
    for (const event of events) {
      if (event.n <= this.last) continue;
      this.last = event.n;
      this.list.prepend(element("li", { class: event.kind, "data-label": event.label },
        colored(element("span", { class: "mark", "aria-hidden": "true" }), event.kind === "left" ? "transparent" : this.colors[event.label]),
        element("span", {}, told(event), element("span", { class: "small", text: ` ${aside(event)}` })), element("time", { text: clock(event.stamp) })));
    }
    while (this.list.childElementCount > KEPT) this.list.lastElementChild.remove();
    this.empty.hidden = this.list.childElementCount > 0;
  }

  restart() { this.last = 0; this.list.replaceChildren(); this.empty.hidden = false; }
}
