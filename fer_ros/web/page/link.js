// The one connection to the node: it tells what is new, and carries what the page asks for.

const SHORTEST = 500, LONGEST = 8000; // milliseconds between two attempts
const ANSWER = 15000;

export class Link {
  constructor(handlers) {
    this.handlers = handlers; // by message type; `picture`, `state` and `locked` beside those
    this.wishes = new Map();
    this.number = 0;
    this.wait = SHORTEST;
  }

  async open() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (token) {
      history.replaceState(null, "", location.pathname); // not to be seen over the shoulder, nor kept as a bookmark
      await this.login(token);
    }
    this.connect();
  }

  async login(token) {
    try {
      const answer = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) });
      return answer.ok ? "" : (await answer.text()).trim();
    } catch {
      return "The robot does not answer.";
    }
  }

  connect() {
    clearTimeout(this.later);
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.wait = SHORTEST;
      this.handlers.state("open");
      this.watch(!document.hidden);
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.hear(JSON.parse(data)) : this.handlers.picture(data));
    socket.onclose = () => {
      for (const [, done] of this.wishes) done({ ok: false, reason: "The connection was lost." });
      this.wishes.clear();
      this.handlers.state("lost");
      if (!opened) this.ask();
      this.later = setTimeout(() => { if (!this.locked) this.connect(); }, this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST);
    };
  }

  // A browser does not say why a websocket was refused: an ordinary request does.
  async ask() {
    try {
      const answer = await fetch("/live", { headers: { Accept: "text/plain" } });
      if (answer.status === 401 && !this.locked) {
        this.locked = true;
        this.handlers.locked();
      } else if (answer.status === 503) this.handlers.state("full");
    } catch { /* nobody answers: it is tried again */ }
  }

  unlock() {
    this.locked = false;
    this.connect();
  }

  hear(message) {
    if (message.type === "done") {
      this.wishes.get(message.id)?.(message);
      this.wishes.delete(message.id);
    } else this.handlers[message.type]?.(message.content ?? message);
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  seen() { this.say({ type: "seen" }); }

  watch(on) { this.say({ type: "watch", on }); }

  // Resolves to the reason why it was not done, empty where it was.
  wish(message) {
    const id = ++this.number;
    return new Promise((resolve) => {
      if (this.socket?.readyState !== WebSocket.OPEN) { resolve("There is no connection."); return; }
      const late = setTimeout(() => { this.wishes.delete(id); resolve("No answer came."); }, ANSWER);
      this.wishes.set(id, ({ ok, reason }) => { clearTimeout(late); resolve(ok ? "" : reason || "It was refused."); });
      this.say({ ...message, id });
    });
  }
}
