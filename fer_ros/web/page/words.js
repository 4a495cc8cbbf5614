// Numbers and labels in words.

const LOOKS = { disgust: "disgusted", fear: "afraid", surprise: "surprised", uncertain: "unclear" };

const BEGAN = {
  angry: "began to look angry", disgust: "began to look disgusted", fear: "began to look afraid", happy: "began to smile",
  sad: "began to look sad", surprise: "began to look surprised", neutral: "looks neutral again", uncertain: "cannot be read any more",
};

// A number and its unit stay on one line.
const united = (...words) => words.join("\u00a0");

export const percent = (share) => united(Math.round(100 * share), "%");

export const named = (face) => (face === "" ? "A face" : `Face ${face}`);

export const shortened = (id) => (id.length > 12 ? `${id.slice(0, 10)}…` : id);

export function seconds(value) {
  if (value < 9.95) return united(value.toFixed(1), "s");
  const whole = Math.round(value);
  if (whole < 90) return united(whole, "s");
  return united(Math.floor(whole / 60), "min", ...(whole % 60 ? [whole % 60, "s"] : []));
}

export const milliseconds = (value) => (value < 1000 ? united(Math.round(value), "ms") : seconds(value / 1000));

export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export function bytes(number) {
  return number < 1e6 ? `${Math.max(1, Math.round(number / 1e3))} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

const looks = (label) => LOOKS[label] ?? label;

export function told(event) {
  if (event.kind === "appeared") return `${named(event.face_id)} came`;
  if (event.kind === "left") return `${named(event.face_id)} left`;
  return `${named(event.face_id)} ${BEGAN[event.label] ?? `shows ${event.label}`}`;
}

// What was before, or is besides.
export function aside(event) {
  if (event.kind === "appeared") return looks(event.label);
  return `${looks(event.previous_label)} for ${seconds(event.lasted)} before`;
}

export const clock = (stamp) => new Date(1000 * stamp).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const node = (kind) => ({
  camera_node: "Camera", replay_node: "Replay", face_detector_node: "Detector", emotion_node: "Emotion", overlay_node: "Overlay",
  web_node: "This page", hri_node: "ROS4HRI", hri_faces_node: "ROS4HRI detector", pipeline_node: "Process",
}[kind] ?? kind);
