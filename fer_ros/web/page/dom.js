// Elements without markup in strings: nothing that comes from a node can become a part of the page.

export const byId = (id) => document.getElementById(id);

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A text is written only where it differs, so that a screen reader is not told the same again.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function colored(node, color, ink) {
  node.style.setProperty("--hue", color);
  if (ink) node.style.setProperty("--ink", ink);
  return node;
}
