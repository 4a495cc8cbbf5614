// The live picture: a frame and the answers of this very frame are drawn together.

import { byId, write } from "./dom.js";
import { named, percent, shortened } from "./words.js";

const decoder = new TextDecoder();

export class Picture {
  constructor(seen) {
    this.seen = seen; // tells the node that a frame has been taken
    this.image = byId("image");
    this.canvas = this.image.getContext("bitmaprenderer");
    this.boxes = byId("boxes");
    this.frame = byId("picture");
    this.shown = null;
    this.waiting = null;
    this.told = 0;
    this.drawn = 0; // frames
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  palette(colors, inks) { this.colors = colors; this.inks = inks; }

  async take(data) {
    try {
      const length = new DataView(data).getUint32(0, true);
      const head = JSON.parse(decoder.decode(new Uint8Array(data, 4, length)));
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
      this.waiting?.bitmap.close();
      const first = this.waiting === null;
      this.waiting = { head, bitmap };
      if (first) requestAnimationFrame(() => this.show());
    } finally {
      this.seen();
    }
  }

  show() {
    const { head, bitmap } = this.waiting;
    this.waiting = null;
    this.frame.style.setProperty("--ratio", `${head.size[0]} / ${head.size[1]}`);
    if (this.image.width !== bitmap.width || this.image.height !== bitmap.height) Object.assign(this.image, { width: bitmap.width, height: bitmap.height });
    this.canvas.transferFromImageBitmap(bitmap); // no copy
    this.shown = head;
    this.drawn += 1;
    this.frame.dataset.frames = this.drawn;
    this.frame.dataset.stamp = head.stamp;
    this.frame.dataset.faces = JSON.stringify(head.faces ?? []);
    this.draw();
    this.describe();
  }

  // For those who do not see it, and not with every frame.
  describe() {
    const now = performance.now();
    if (now - this.told < 2000) return;
    this.told = now;
    const faces = this.shown.faces ?? [];
    const text = faces.map((one) => `${named(one.id).toLowerCase()} ${one.label}`).join(", ");
    this.image.setAttribute("aria-label", `Live picture: ${text || "nobody"}`);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = this.image.clientWidth, height = this.image.clientHeight;
    if (this.boxes.width !== Math.round(width * ratio) || this.boxes.height !== Math.round(height * ratio)) {
      this.boxes.width = Math.round(width * ratio);
      this.boxes.height = Math.round(height * ratio);
    }
    const pen = this.boxes.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.shown || !this.colors || !width) return;
    const scale = width / this.shown.size[0];
    const faces = [...(this.shown.faces ?? [])];
    for (const face of faces) this.box(pen, face, scale);
    const taken = [];
    for (const face of faces.sort((a, b) => b.box[3] - a.box[3])) this.tag(pen, face, scale, width, height, taken);
  }

  box(pen, face, scale) {
    const [left, top, right, bottom] = face.box.map((value) => value * scale);
    pen.lineJoin = "round";
    pen.setLineDash(face.label === "uncertain" ? [7, 5] : []);
    for (const [color, line] of [["rgba(0, 0, 0, .55)", 4.5], [this.colors[face.label], 2.5]]) {
      pen.strokeStyle = color;
      pen.lineWidth = line;
      pen.beginPath();
      pen.roundRect(left, top, right - left, bottom - top, 6);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  tag(pen, face, scale, width, height, taken) {
    const size = Math.max(11, Math.min(17, width / 42));
    const [left, top, right, bottom] = face.box.map((value) => value * scale);
    const label = `${face.label} ${percent(face.confidence)}`;
    pen.font = `600 ${size}px system-ui, sans-serif`;
    const wide = pen.measureText(label).width;
    pen.font = `400 ${size}px system-ui, sans-serif`;
    const id = face.id === "" ? "" : `#${shortened(face.id)}`;
    const more = id ? pen.measureText(id).width + 0.6 * size : 0;
    const box = { w: wide + more + size, h: 1.55 * size };
    box.x = Math.max(2, Math.min(width - box.w - 2, left - 1));
    const places = [top - box.h - 4, bottom + 4, top + 4];
    const free = (y) => y >= 2 && y + box.h <= height - 2 && !taken.some((other) => box.x < other.x + other.w
      && other.x < box.x + box.w && y < other.y + other.h && other.y < y + box.h);
    box.y = places.find(free) ?? Math.max(2, Math.min(height - box.h - 2, places[0]));
    taken.push(box);
    pen.fillStyle = this.colors[face.label];
    pen.beginPath();
    pen.roundRect(box.x, box.y, box.w, box.h, 5);
    pen.fill();
    pen.fillStyle = this.inks[face.label];
    pen.textBaseline = "middle";
    pen.font = `600 ${size}px system-ui, sans-serif`;
    pen.fillText(label, box.x + size / 2, box.y + box.h / 2 + 0.5);
    if (id) {
      pen.font = `400 ${size}px system-ui, sans-serif`;
      pen.fillText(id, box.x + size / 2 + wide + 0.6 * size, box.y + box.h / 2 + 0.5);
    }
  }
}

// What is said where the picture would be.
export class Notice {
  constructor(act) {
    this.node = byId("notice");
    this.text = byId("notice-text");
    this.button = byId("notice-action");
    this.button.addEventListener("click", () => act(this.content));
  }

  show(content, control) {
    this.content = content;
    this.node.hidden = !content.text;
    this.node.classList.toggle("over", content.over);
    write(this.text, content.text);
    this.button.hidden = !content.action || !control;
    write(this.button, content.action === "again" ? "Play it again" : "Switch on");
  }
}
