// Start and end a recording, and get it.

import { byId, element, write } from "./dom.js";
import { bytes } from "./words.js";

export class Recordings {
  constructor(link) {
    this.link = link;
    this.button = byId("record");
    this.said = byId("record-said");
    this.place = byId("files");
    this.button.addEventListener("click", () => this.press());
  }

  show(state, control) {
    this.on = state.on;
    this.button.setAttribute("aria-pressed", String(state.on));
    this.button.disabled = !control;
    write(byId("record-text"), state.on ? "Stop recording" : "Record");
    write(this.said, state.on ? `Recording, ${state.frames}` : state.said);
    const files = JSON.stringify([state.files, state.on, state.folder]);
    if (files === this.files) return;
    this.files = files;
    this.place.replaceChildren(
      element("p", { class: "lead", text: state.files.length ? `Videos with boxes and labels, in ${state.folder} on the robot.`
        : `Nothing has been recorded. Record, below the picture, writes a video with boxes and labels to ${state.folder} on the robot.` }),
      element("ul", { class: "files" }, ...state.files.map((one) => element("li", {},
        element("a", { href: `/recordings/${one.name}`, download: one.name, text: one.name }), element("span", { class: "small", text: bytes(one.bytes) })))));
  }

  async press() {
    this.button.disabled = true;
    const reason = await this.link.wish({ type: "record", on: !this.on });
    this.button.disabled = false;
    if (reason) write(this.said, reason);
  }
}
